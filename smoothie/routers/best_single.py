"""Best single: the one candidate that is best in hindsight. An oracle, not a method."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smoothie.problem import complete_rows
from smoothie.routers.base import HindsightRouter, Routing


@dataclass(eq=False)
class BestSingle(HindsightRouter):
    """The candidate with the highest mean over all scored inputs (ties: the first)."""

    def route(self, scores: NDArray[np.float64]) -> Routing:
        """Choose, seeing all scores (N, K); at least one input has all of its scores."""
        scored = complete_rows(scores)
        best = scores[scored].mean(axis=0).argmax()
        choices = np.full((1, len(scores)), best, dtype=np.intp)
        return Routing(choices, labels_used=int(scored.sum()))
