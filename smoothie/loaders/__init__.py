"""Sources of cached generations, one module for each layout."""

from smoothie.loaders.alpaca_eval import AlpacaEval
from smoothie.loaders.base import SOURCES, Source, register_source
from smoothie.loaders.files import AnswerFiles
from smoothie.loaders.hub import SmoothieData
from smoothie.loaders.huggingface import HuggingFaceDataset
from smoothie.loaders.local import LocalFolder
from smoothie.loaders.mix_instruct import MixInstruct

__all__ = [
    "SOURCES",
    "AlpacaEval",
    "AnswerFiles",
    "HuggingFaceDataset",
    "LocalFolder",
    "MixInstruct",
    "SmoothieData",
    "Source",
    "register_source",
]
