"""The quality of every text."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smoothie.problem import complete_rows


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
    scored : ndarray of shape (N,), bool
        Inputs with a score for every candidate: the ones that results are computed from.
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
        """Inputs with a score for every candidate."""
        return complete_rows(self.values)
