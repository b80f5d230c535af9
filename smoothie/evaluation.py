"""Evaluate choices: mean scores with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError, shown
from smoothie.parallel.local import limit_blas_threads
from smoothie.problem import complete_rows
from smoothie.routers.base import Routing, require_seed, seeded

if TYPE_CHECKING:
    import pandas as pd

CANDIDATE = "candidate:"  # prefix of a candidate that is evaluated as a method
INTERVAL = (2.5, 97.5)  # percentiles of the bootstrap: a 95% interval
MOST_DRAWS = 1_000_000  # resamples: past them, memory ends before intervals change
BLOCK_COUNTS = 1 << 18  # bootstrap counts held at a time (2 MiB: they stay in the CPU cache)


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are computed.

    Parameters
    ----------
    draws : int
        Resamples of the inputs.
    seed : int
        Seed of the resamples; all methods are evaluated on the same ones, so differences are
        paired.
    """

    draws: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        if not 1 <= self.draws <= MOST_DRAWS:
            raise SmoothieError(f"draws={shown(self.draws)}: expected 1 to {MOST_DRAWS:,}")
        require_seed(self.seed)

    def means(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean of each column over each resample of the rows: (n, M) -> (draws, M)."""
        generator = seeded(self.seed)
        rows = len(values)
        result = np.empty((self.draws, values.shape[1]))
        step = max(1, BLOCK_COUNTS // rows)
        # In one thread: with several, the last bits of a product depend on their number.
        with limit_blas_threads(1):
            for start in range(0, self.draws, step):
                block = min(step, self.draws - start)
                drawn = generator.integers(rows, size=(block, rows))
                drawn += np.arange(block)[:, None] * rows
                counts = np.bincount(drawn.ravel(), minlength=block * rows).reshape(block, rows)
                result[start : start + block] = counts @ values / rows
        return result


def evaluate(
    routings: Mapping[str, Routing],
    scores: NDArray[np.float64],
    bootstrap: Bootstrap,
    lower_is_better: bool = False,
) -> pd.DataFrame:
    """Score methods on the same inputs.

    Parameters
    ----------
    routings : mapping of method -> Routing
        Choices for all N inputs.
    scores : ndarray of shape (N, K)
        Rows with NaN are left out, the same ones for every method.
    bootstrap : Bootstrap
        How intervals are computed.
    lower_is_better : bool
        Whether lower scores are better. Scores and differences are then still reported in their own
        unit; a rank correlation above zero still means that better candidates have higher weights.

    Returns
    -------
    pandas.DataFrame
        One row for each method: method, score, ci_low, ci_high, n, labels_used; difference (to the
        exact expectation of random choice) with its paired interval; gap_closed, the share of the
        way from random to the oracle in percent, with its interval; rank_correlation, Spearman's
        between the method's weights (means over inputs) and the candidates' mean scores.

    Raises
    ------
    SmoothieError
        If no input has a score for every candidate.

    Notes
    -----
    O(draws * n * methods).

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evaluation import Bootstrap, evaluate, fixed
    >>> scores = np.array([[1.0, 0.0, 0.5], [1.0, 0.5, 0.0]])
    >>> routings = {"first": fixed(0, 2), "second": fixed(1, 2)}
    >>> table = evaluate(routings, scores, Bootstrap(draws=100))
    >>> table[["method", "score", "difference", "gap_closed"]]
       method  score  difference  gap_closed
    0   first   1.00        0.50       100.0
    1  second   0.25       -0.25       -50.0
    """
    import pandas as pd

    scored = complete_rows(scores)
    if not scored.any():
        raise SmoothieError("no input has a score for every candidate, so nothing can be compared")
    sign = -1.0 if lower_is_better else 1.0
    values = sign * scores[scored]
    columns = [values.mean(axis=1), values.max(axis=1)]
    for routing in routings.values():
        kept = Routing(routing.choices[:, scored], routing.probabilities)
        columns.append(kept.scores(values))
    per_input = np.stack(columns, axis=1)
    means = per_input.mean(axis=0)
    draws = bootstrap.means(per_input)
    random, oracle = means[0], means[1]

    rows = []
    for i, (method, routing) in enumerate(routings.items(), start=2):
        low, high = np.percentile(draws[:, i], INTERVAL)
        difference_low, difference_high = np.percentile(draws[:, i] - draws[:, 0], INTERVAL)
        gap, gap_low, gap_high = np.nan, np.nan, np.nan
        gaps = draws[:, 1] - draws[:, 0]
        if oracle > random:
            gap = 100 * (means[i] - random) / (oracle - random)
            some = gaps > 0
            if some.any():  # a few draws may all miss the inputs on which candidates differ
                shares = 100 * (draws[some, i] - draws[some, 0]) / gaps[some]
                gap_low, gap_high = np.percentile(shares, INTERVAL)
        rows.append(
            {
                "method": method,
                "score": sign * means[i],
                "ci_low": min(sign * low, sign * high),
                "ci_high": max(sign * low, sign * high),
                "n": len(values),
                "labels_used": routing.labels_used,
                "difference": sign * (means[i] - random),
                "difference_low": min(sign * difference_low, sign * difference_high),
                "difference_high": max(sign * difference_low, sign * difference_high),
                "gap_closed": gap,
                "gap_low": gap_low,
                "gap_high": gap_high,
                "rank_correlation": weight_correlation(routing, values.mean(axis=0)),
            }
        )
    return pd.DataFrame(rows)


def evaluate_candidates(
    routings: Mapping[str, Routing], leaderboard: NDArray[np.float64], rows: int, lower: bool
) -> pd.DataFrame:
    """Score methods where only one number for each candidate is known.

    Parameters
    ----------
    routings : mapping of method -> Routing
        Those that choose different candidates for different inputs have no row: what their mixture
        would score is not known.
    leaderboard : ndarray of shape (K,)
        The number of each candidate.
    rows : int
        Number of inputs that the numbers are means over.
    lower : bool
        Whether lower numbers are better.

    Returns
    -------
    pandas.DataFrame
        As from `evaluate`, without intervals: there is nothing to resample.
    """
    import pandas as pd

    sign = -1.0 if lower else 1.0
    random = leaderboard.mean()
    best = sign * (sign * leaderboard).max()
    table = []
    for method, routing in routings.items():
        if routing.probabilities is not None:
            score = float(leaderboard @ routing.probabilities)
        elif (routing.choices == routing.choices[:, :1]).all():
            score = float(leaderboard[routing.choices[:, 0]].mean())
        else:
            continue
        gap = 100 * (score - random) / (best - random) if best != random else np.nan
        table.append(
            {
                "method": method,
                "score": score,
                "n": rows,
                "labels_used": routing.labels_used,
                "difference": score - random,
                "gap_closed": gap,
                "rank_correlation": weight_correlation(routing, sign * leaderboard),
            }
        )
    columns = ["method", "score", "ci_low", "ci_high", "n", "labels_used", "difference"]
    columns += ["difference_low", "difference_high", "gap_closed", "gap_low", "gap_high"]
    return pd.DataFrame(table).reindex(columns=[*columns, "rank_correlation"])


def weight_correlation(routing: Routing, quality: NDArray[np.float64]) -> float:
    """Spearman's correlation of a routing's weights with the candidates' quality, or NaN."""
    if routing.weights is None:
        return float("nan")
    return spearman(routing.weights.reshape(-1, len(quality)).mean(axis=0), quality)


def spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's rank correlation, ties at their mean rank; NaN if either side is constant."""
    import pandas as pd

    ranks = [pd.Series(values).rank().to_numpy() for values in (first, second)]
    if any(np.ptp(rank) == 0 for rank in ranks):
        return float("nan")
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def fixed(candidate: int, rows: int) -> Routing:
    """Always the same candidate."""
    return Routing(np.full((1, rows), candidate, dtype=np.intp))
