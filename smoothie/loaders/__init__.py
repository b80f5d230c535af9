"""Sources of cached generations, one module for each layout."""

from smoothie.loaders.alpaca_eval import AlpacaEval
from smoothie.loaders.base import Source
from smoothie.loaders.hub import SmoothieData
from smoothie.loaders.huggingface import HuggingFaceDataset
from smoothie.loaders.local import LocalFolder
from smoothie.loaders.mix_instruct import MixInstruct

SOURCES: dict[str, type[Source]] = {
    "local": LocalFolder,
    "smoothie_data": SmoothieData,
    "alpaca_eval": AlpacaEval,
    "mix_instruct": MixInstruct,
    "huggingface": HuggingFaceDataset,
}

__all__ = [
    "SOURCES",
    "AlpacaEval",
    "HuggingFaceDataset",
    "LocalFolder",
    "MixInstruct",
    "SmoothieData",
    "Source",
]
