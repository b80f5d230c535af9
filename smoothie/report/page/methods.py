"""What kind of method chose, and its color: the same in all charts, light or dark."""

from __future__ import annotations

from smoothie.evidence import HINDSIGHT, OF_LABELS, declared
from smoothie.report.colors import tones
from smoothie.report.style import GRAY, OTHERS, look_of
from smoothie.routers.base import Router

CANDIDATE_COLOR = GRAY
LABEL_FREE, LABELED, BOUND, RANDOM = "label-free", "with labels", "bound", "random"


def kind_of(router: Router | None, labels_used: int = 0) -> str:
    """Whether a method chooses without labels, with some, in hindsight, or at random.

    A fitted method may have no router any more.

    Examples
    --------
    >>> from smoothie.report.page.methods import kind_of
    >>> from smoothie.routers import Consensus, Oracle
    >>> kind_of(Consensus()), kind_of(Oracle())
    ('label-free', 'bound')
    """
    if router is None:
        return LABELED if labels_used else LABEL_FREE
    seen = declared(router)
    if seen & HINDSIGHT:
        return BOUND
    if seen & OF_LABELS:
        return LABELED
    return LABEL_FREE if seen else RANDOM


def tones_of(method: str) -> dict[str, str]:
    """The colors of a method, as in all figures."""
    return tones(look_of(method).color)


def tones_of_other(number: int) -> dict[str, str]:
    """The colors of one of several lines that are not methods, such as encoders."""
    return tones(OTHERS[number % len(OTHERS)].color)
