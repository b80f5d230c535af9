"""Routing by a scorer alone: the text with the highest score."""

from dataclasses import dataclass

import numpy as np

from smoothie.errors import SmoothieError
from smoothie.evidence import Evidence, Need
from smoothie.routers.base import Router, Routing, register_router, require_seed, seeded

TIES = ("first", "random")


@register_router("scorer")
@dataclass(eq=False, repr=False)
class ScorerRouter(Router):
    """Route each input to the text with the highest score.

    Parameters
    ----------
    ties : {"first", "random"}
        How ties are broken: by the order of the candidates, or by a seeded draw, as in the paper's
        use of PairRM.
    seed : int
        Seed of the draws.

    Notes
    -----
    A text without a verdict is not chosen where another one has a verdict. An input without any
    verdict goes to the candidate that is best on the other inputs: by the mean of its scores, each
    less the mean of its input, so that a candidate gains nothing by being judged on easy inputs
    alone. Cost: that of the scorer; every candidate has to be asked.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import ScorerRouter
    >>> verdicts = np.array([[0.1, 0.7, np.nan], [0.9, np.nan, 0.3]])
    >>> ScorerRouter().route(Evidence(Votes(np.zeros((2, 3, 3))), verdicts=verdicts)).choices
    array([[1, 0]])
    """

    ties: str = "first"
    seed: int = 42

    needs = frozenset({Need.VERDICTS})

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        if self.ties not in TIES:
            raise SmoothieError(f"ties={self.ties}: expected one of {', '.join(TIES)}")
        require_seed(self.seed)

    def route(self, evidence: Evidence) -> Routing:
        """Choose the highest score."""
        scores = evidence.verdicts
        judged = ~np.isnan(scores)
        if not judged.any():
            raise SmoothieError("the scorer has no verdict about any text")
        values = np.where(judged, scores, -np.inf)
        silent = ~judged.any(axis=1)
        if silent.any():
            heard = scores[~silent]
            centered = heard - np.nanmean(heard, axis=1, keepdims=True)
            counts = judged.sum(axis=0)
            never = np.full(len(counts), -np.inf)
            means = np.divide(np.nansum(centered, axis=0), counts, out=never, where=counts > 0)
            values[silent] = means
        best = values == values.max(axis=1, keepdims=True)
        if self.ties == "random":
            best = seeded(self.seed).random(best.shape) * best
        return Routing(best.argmax(axis=1)[None, :])
