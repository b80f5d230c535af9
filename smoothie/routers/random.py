"""Random: every candidate with equal probability."""

from dataclasses import dataclass

import numpy as np

from smoothie.evidence import Evidence
from smoothie.routers.base import (
    Router,
    Routing,
    register_router,
    require_seed,
    require_trials,
    seeded,
)


@register_router("random")
@dataclass(eq=False, repr=False)
class Random(Router):
    """Pick a candidate at random for each input.

    Parameters
    ----------
    expectation : bool
        True: the score is the exact expectation, the mean over the candidates.
        False: the mean of seeded trials, as in the paper's Table 2.
    trials : int
        Number of trials (the paper: 10).
    seed : int
        Seed of the trials (the paper: 42).

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import Random
    >>> evidence = Evidence(Votes(np.zeros((2, 4, 4))))
    >>> Random().route(evidence).probabilities
    array([0.25, 0.25, 0.25, 0.25])
    >>> Random(expectation=False, trials=3).route(evidence).choices.shape
    (3, 2)
    """

    expectation: bool = True
    trials: int = 10
    seed: int = 42

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        require_trials(self.trials)
        require_seed(self.seed)

    def route(self, evidence: Evidence) -> Routing:
        """Draw the trials."""
        rows, candidates = evidence.shape
        choices = seeded(self.seed).integers(candidates, size=(self.trials, rows))
        uniform = np.full(candidates, 1 / candidates)
        return Routing(choices, probabilities=uniform if self.expectation else None)
