"""Best-on-Val: the candidate with the best mean score on a small labeled sample."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smoothie.evidence import Inputs, Labelled
from smoothie.routers.base import register_router
from smoothie.routers.labelled import LabelledRouter


@register_router("best_on_val")
@dataclass(eq=False, repr=False)
class BestOnVal(LabelledRouter):
    """Choose one candidate for all inputs: the best on the sample (ties: the first).

    Notes
    -----
    The paper's "Best-on-Val" (in its code "labeled oracle") with 50 labels and 10 draws.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import BestOnVal
    >>> scores = np.tile([0.2, 0.9, 0.5], (10, 1))
    >>> routing = BestOnVal(budget=4, trials=1).route(Evidence(Votes(np.zeros((10, 3, 3))), scores))
    >>> routing.choices
    array([[1, 1, 1, 1, 1, 1, 1, 1, 1, 1]])
    >>> routing.labels_used
    4
    """

    def choose(self, sample: Labelled, inputs: Inputs | None, rows: int) -> NDArray[np.intp]:
        """Choose the best of the sample."""
        return np.full(rows, sample.scores.mean(axis=0).argmax())
