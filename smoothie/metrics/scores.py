"""The quality of every text."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smoothie.problem import common_rows, scored_columns


@dataclass(frozen=True, eq=False)
class Scores:
    """The quality of every text.

    Attributes
    ----------
    values : ndarray of shape (N, K)
        In the unit that is reported; NaN where a text has no score.
    metric : str
        What was measured; one name for each kind, joined by "+" where tasks differ.
    percent : bool
        Whether the unit is 0 to 100.
    by_task : dict of task -> metric
        What was measured in each task, where tasks differ.
    lower_is_better : bool
        Whether a lower value is a better text, as with ranks.
    per_candidate : bool
        Whether values only repeat one number for each candidate (a leaderboard): then methods that
        choose different candidates for different inputs have no score.
    candidates : ndarray of shape (K,), bool
        Candidates with at least one score.
    known : ndarray of shape (N,), bool
        Inputs with a score for at least one candidate: a method is scored on those of them where
        what it chose has one.
    scored : ndarray of shape (N,), bool
        Inputs with a score for every candidate that has any: random choice, the best single
        candidate and the oracle are known on these alone.
    quality : ndarray of shape (N, K)
        The values, negated where lower is better: what routers that see scores use.
    """

    values: NDArray[np.float64]
    metric: str
    percent: bool
    by_task: Mapping[str, str] = field(default_factory=dict)
    lower_is_better: bool = False
    per_candidate: bool = False

    @property
    def quality(self) -> NDArray[np.float64]:
        """Values for which higher is better."""
        return -self.values if self.lower_is_better else self.values

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Inputs with a score for every candidate that has any."""
        return common_rows(self.values)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Inputs with a score for at least one candidate."""
        return np.asarray(np.isfinite(self.values).any(axis=1))

    @property
    def candidates(self) -> NDArray[np.bool_]:
        """Candidates with at least one score."""
        return scored_columns(self.values)
