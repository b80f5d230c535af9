"""Oracle: the best candidate of each input in hindsight. An upper bound, not a method."""

from dataclasses import dataclass

import numpy as np

from smoothie.evidence import Evidence, Need
from smoothie.problem import common_rows
from smoothie.routers.base import Router, Routing, register_router


@register_router("oracle")
@dataclass(eq=False, repr=False)
class Oracle(Router):
    """The candidate with the highest score on each input (ties: the first).

    Where scores are incomplete, it is scored on the inputs that have one for every candidate with
    any: the best of only a few would be no bound.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import Oracle
    >>> scores = np.array([[0.0, 1.0, 0.5], [3.0, 1.0, 0.0]])
    >>> Oracle().route(Evidence(Votes(np.zeros((2, 3, 3))), scores)).choices
    array([[1, 0]])
    """

    needs = frozenset({Need.ALL_SCORES})

    def route(self, evidence: Evidence) -> Routing:
        """Choose by the scores that an input has; without any, the first."""
        scores = evidence.all_scores
        choices = np.where(np.isfinite(scores), scores, -np.inf).argmax(axis=1)
        known = common_rows(scores)
        return Routing(choices[None, :], labels_used=int(known.sum()), known=known)
