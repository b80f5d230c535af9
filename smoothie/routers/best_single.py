"""Best single: the one candidate that is best in hindsight. An oracle, not a method."""

from dataclasses import dataclass

import numpy as np

from smoothie.evidence import Evidence, Need
from smoothie.problem import common_rows, scored_columns
from smoothie.routers.base import Router, Routing, register_router


@register_router("best_single")
@dataclass(eq=False, repr=False)
class BestSingle(Router):
    """The candidate with the highest mean over all scored inputs (ties: the first).

    Where scores are incomplete, candidates are compared on the inputs that have a score for every
    candidate with any; a candidate without scores is never chosen.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import BestSingle
    >>> scores = np.array([[0.0, 1.0, 0.5], [3.0, 1.0, 0.0]])
    >>> BestSingle().route(Evidence(Votes(np.zeros((2, 3, 3))), scores)).choices
    array([[0, 0]])
    """

    needs = frozenset({Need.CANDIDATE_SCORES})

    def route(self, evidence: Evidence) -> Routing:
        """Choose, seeing all scores."""
        scores = evidence.candidate_scores
        scored = common_rows(scores)
        means = scores[scored].mean(axis=0)
        best = np.where(scored_columns(scores), means, -np.inf).argmax()
        choices = np.full((1, len(scores)), best, dtype=np.intp)
        return Routing(choices, labels_used=int(scored.sum()))
