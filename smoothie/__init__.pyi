from .errors import NotFittedError, SmoothieError
from .problem import Input, Problem, assemble
from .routers.loading import load_router
from .routers.smoothie_generations import SmoothieGenerations
from .routers.smoothie_global import SmoothieGlobal
from .routers.smoothie_local import SmoothieLocal

__version__: str
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
