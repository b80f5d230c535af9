"""Smoothie: label-free routing of inputs to language models."""

from smoothie.errors import NotFittedError, SmoothieError
from smoothie.problem import Input, Problem, assemble
from smoothie.routers import load_router
from smoothie.routers.smoothie_generations import SmoothieGenerations
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.routers.smoothie_local import SmoothieLocal

__version__ = "0.1.0"
__all__ = [
    "Input",
    "NotFittedError",
    "Problem",
    "SmoothieError",
    "SmoothieGenerations",
    "SmoothieGlobal",
    "SmoothieLocal",
    "assemble",
    "load_router",
]
