"""What kind of method chose, and its color: the same in all charts, light or dark."""

from __future__ import annotations

from smoothie.evidence import HINDSIGHT, OF_LABELS, declared
from smoothie.report.style import GRAY, OTHERS, look_of
from smoothie.routers.base import Router

CANDIDATE_COLOR = GRAY
BRIGHTEST, DARKEST = 0.183, 0.25  # luminance of texts on white, and of all that is drawn on black
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


def tones(color: str) -> dict[str, str]:
    """A color for lines, darker for texts on white (`ink`), lighter on black (`dark`).

    Examples
    --------
    >>> from smoothie.report.page.methods import tones
    >>> tones("#000000")
    {'color': '#000000', 'ink': '#000000', 'dark': '#898989'}
    """
    linear = [decoded(int(color[i : i + 2], 16) / 255) for i in (1, 3, 5)]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    less = min(1.0, BRIGHTEST / max(luminance, 1e-9))
    more = max(0.0, (DARKEST - luminance) / max(1 - luminance, 1e-9))
    return {
        "color": color,
        "ink": encoded([part * less for part in linear]),
        "dark": encoded([part + more * (1 - part) for part in linear]),
    }


def decoded(part: float) -> float:
    """A part of sRGB as linear light (IEC 61966-2-1)."""
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)


def encoded(linear: list[float]) -> str:
    """Linear light as a color of sRGB."""
    parts = [x * 12.92 if x <= 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055 for x in linear]
    return "#" + "".join(f"{round(255 * part):02X}" for part in parts)
