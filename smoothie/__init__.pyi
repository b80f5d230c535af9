from .errors import NotFittedError, SmoothieError
from .front import RoutedTexts, evaluate, route
from .problem import Input, Problem, assemble
from .routers.loading import load_router
from .routers.smoothie_generations import SmoothieGenerations
from .routers.smoothie_global import SmoothieGlobal
from .routers.smoothie_local import SmoothieLocal
from .sharing import load_from_hub, push_to_hub

__version__: str
__all__ = [
    "Input",
    "NotFittedError",
    "Problem",
    "RoutedTexts",
    "SmoothieError",
    "SmoothieGenerations",
    "SmoothieGlobal",
    "SmoothieLocal",
    "assemble",
    "evaluate",
    "load_from_hub",
    "load_router",
    "push_to_hub",
    "route",
]
