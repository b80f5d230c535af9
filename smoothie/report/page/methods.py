"""What kind of method chose, and its color: the same in all charts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from smoothie.evidence import HINDSIGHT, OF_LABELS, declared
from smoothie.routers.base import Router

# Okabe and Ito's palette, which color-blind readers can tell apart.
COLORS = {
    "consensus": "#0072B2",
    "smoothie_local": "#E69F00",
    "smoothie_global": "#D55E00",
    "labeled_knn": "#CC79A7",
    "best_on_val": "#009E73",
    "few_labels": "#009E73",
    "random": "#8A8A8A",
    "best_single": "#6B6B6B",
    "oracle": "#6B6B6B",
}
OTHERS = ("#56B4E9", "#009E73", "#CC79A7", "#B8A800", "#8F5FBF", "#A05A2C")
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


def colors_of(names: Iterable[str], known: Mapping[str, str] = COLORS) -> dict[str, str]:
    """A color for each method; those without one of their own take the others in turn."""
    found, others = {}, 0
    for name in names:
        if name in known:
            found[name] = known[name]
            continue
        found[name] = OTHERS[others % len(OTHERS)]
        others += 1
    return found
