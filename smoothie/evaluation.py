"""Evaluate choices: mean scores with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError, shown
from smoothie.parallel.local import limit_blas_threads
from smoothie.problem import common_rows, scored_columns
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
        """Mean of each column over each resample of the rows: (n, M) -> (draws, M).

        Of NaN, the known values alone are counted; NaN where a resample has none of them.
        """
        generator = seeded(self.seed)
        rows = len(values)
        result = np.empty((self.draws, values.shape[1]))
        known = np.isfinite(values)
        partly, filled = not known.all(), np.where(known, values, 0.0)
        weight = known.astype(np.float64)
        step = max(1, BLOCK_COUNTS // rows)
        # In one thread: with several, the last bits of a product depend on their number.
        with limit_blas_threads(1):
            for start in range(0, self.draws, step):
                block = min(step, self.draws - start)
                drawn = generator.integers(rows, size=(block, rows))
                drawn += np.arange(block)[:, None] * rows
                counts = np.bincount(drawn.ravel(), minlength=block * rows).reshape(block, rows)
                number = counts @ weight if partly else np.float64(rows)
                result[start : start + block] = ratio(counts @ filled, number)
        return result


def evaluate(
    routings: Mapping[str, Routing],
    scores: NDArray[np.float64],
    bootstrap: Bootstrap,
    lower_is_better: bool = False,
) -> pd.DataFrame:
    """Score methods, each on the inputs where what it chose has a score.

    Parameters
    ----------
    routings : mapping of method -> Routing
        Choices for all N inputs.
    scores : ndarray of shape (N, K)
        NaN where a text has no score.
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
        between the method's weights (means over inputs) and the candidates' mean scores, with its
        interval, rank_low and rank_high: in each resample, both means are taken over its inputs;
        difference_n, the inputs of the difference and of the gap.

    Raises
    ------
    SmoothieError
        If no text has a score.

    Notes
    -----
    Where every candidate has a score, or none, all methods are scored on the same inputs. Otherwise

    - a method counts on its n inputs where the choice has a score; of several trials, the choices
      of all of them; of a method that draws, all that it draws from;
    - random draws from the candidates with any score (`scored_columns`), and is known, as is the
      oracle, on the inputs that have a score for each of these (`common_rows`). Means over only
      the known scores of an input would move random towards whatever was scored;
    - differences and gaps are of the inputs where method and random are both known, and NaN where
      there are none.

    All are estimated on the inputs that were scored, so that they hold for the others as far as
    these were not chosen by how good the answers are. O(draws * n * methods).

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

    rows = np.asarray(np.isfinite(scores).any(axis=1))
    if not rows.any():
        raise SmoothieError("nothing has a score, so nothing can be compared")
    sign = -1.0 if lower_is_better else 1.0
    values = sign * scores[rows]
    taken = [routing.take(rows) for routing in routings.values()]
    counted, compared = paired_columns(values_by_method(taken, values))
    common = np.where(common_rows(values)[:, None], values, np.nan)
    means, quality = column_means(counted), column_means(common)
    weights = [routing.weights for routing in taken if routing.weights is not None]
    inputs = [common, *(array for array in weights if array.ndim == 2)] if weights else []
    every = bootstrap.means(np.column_stack([counted, *inputs]))
    draws, others = every[:, : counted.shape[1]], every[:, counted.shape[1] :]
    ranks = rank_intervals(taken, others)
    sizes = np.isfinite(counted).sum(axis=0)
    table = []
    for i, (method, routing) in enumerate(routings.items(), start=2):
        low, high = interval(draws[:, i])
        three = compared[i - 2]
        row = {
            "method": method,
            "score": sign * means[i],
            "ci_low": min(sign * low, sign * high),
            "ci_high": max(sign * low, sign * high),
            "n": int(sizes[i]),
            "labels_used": routing.labels_used,
            **comparison(means[three], draws[:, three], sign),
            "rank_correlation": weight_correlation(routing, quality),
            "rank_low": ranks[i - 2][0],
            "rank_high": ranks[i - 2][1],
            "difference_n": int(sizes[three[0]]),
        }
        table.append(row)
    return pd.DataFrame(table)


def values_by_method(
    routings: Sequence[Routing], values: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Scores of random choice, of the oracle and of each method: (n, K) -> (n, 2 + methods).

    NaN where they are not known; see `evaluate`.
    """
    labeled = scored_columns(values)
    among = values if labeled.all() else values[:, labeled]
    columns = [among.mean(axis=1), among.max(axis=1)]
    for routing in routings:
        drawn = routing.probabilities
        if drawn is None or labeled.all():
            column = routing.scores(values)
        else:  # from the candidates that have scores, in the same proportions
            column = among @ (drawn[labeled] / drawn[labeled].sum())
        if routing.known is not None:
            column = np.where(routing.known, column, np.nan)
        columns.append(column)
    return np.stack(columns, axis=1)


def paired_columns(
    per_input: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """What means are taken of, and which columns compare each method with random and the oracle.

    Parameters
    ----------
    per_input : ndarray of shape (n, 2 + methods)
        As from `values_by_method`.

    Returns
    -------
    values : ndarray of shape (n, columns)
        The same columns; where something is not known, three more for each method, known on the
        inputs that it has in common with random.
    compared : ndarray of shape (methods, 3)
        Columns of the method, of random and of the oracle.
    """
    methods = range(2, per_input.shape[1])
    known = np.isfinite(per_input)
    if known.all():
        return per_input, np.array([(i, 0, 1) for i in methods])
    common = known & known[:, :1]
    more = [np.where(common[:, i], per_input[:, j], np.nan) for i in methods for j in (i, 0, 1)]
    compared = np.arange(3 * len(methods)).reshape(-1, 3) + per_input.shape[1]
    return np.column_stack([per_input, *more]), compared


def column_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each column over its known values; NaN where there are none."""
    known = np.isfinite(values)
    return ratio(np.where(known, values, 0.0).sum(axis=0), known.sum(axis=0))


def ratio(sums: NDArray[Any], counts: Any) -> NDArray[np.float64]:
    """Sums over counts; NaN where nothing was counted."""
    nothing = np.full(sums.shape, np.nan)
    return np.asarray(np.divide(sums, counts, out=nothing, where=counts > 0))


def interval(draws: NDArray[np.float64]) -> tuple[float, float]:
    """The 95% interval of some draws, without those that are not known; NaN if none is."""
    some = draws[np.isfinite(draws)]
    if not len(some):
        return np.nan, np.nan
    low, high = np.percentile(some, INTERVAL)
    return float(low), float(high)


def comparison(
    means: NDArray[np.float64], draws: NDArray[np.float64], sign: float
) -> dict[str, float]:
    """Difference to random and share of the gap, from means and draws of method, random, oracle."""
    score, random, oracle = means
    low, high = interval(draws[:, 0] - draws[:, 1])
    gap, gap_low, gap_high = np.nan, np.nan, np.nan
    if oracle > random:
        gap = 100 * (score - random) / (oracle - random)
        gaps = draws[:, 2] - draws[:, 1]
        some = gaps > 0  # a few draws may all miss the inputs on which candidates differ
        gap_low, gap_high = interval(100 * (draws[some, 0] - draws[some, 1]) / gaps[some])
    return {
        "difference": sign * (score - random),
        "difference_low": min(sign * low, sign * high),
        "difference_high": max(sign * low, sign * high),
        "gap_closed": gap,
        "gap_low": gap_low,
        "gap_high": gap_high,
    }


def on_common_inputs(
    routings: Mapping[str, Routing], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The scores of the inputs on which every method is known; NaN on the others.

    For curves and rankings, whose points would otherwise be of different inputs.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evaluation import fixed, on_common_inputs
    >>> scores = np.array([[1.0, 0.0], [1.0, np.nan]])
    >>> on_common_inputs({"first": fixed(0, 2), "second": fixed(1, 2)}, scores)
    array([[ 1.,  0.],
           [nan, nan]])
    """
    known = np.isfinite(values_by_method(list(routings.values()), scores)[:, 2:])
    return np.where(known.all(axis=1, keepdims=True), scores, np.nan)


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
                "difference_n": rows,
            }
        )
    columns = ["method", "score", "ci_low", "ci_high", "n", "labels_used", "difference"]
    columns += ["difference_low", "difference_high", "gap_closed", "gap_low", "gap_high"]
    columns += ["rank_correlation", "rank_low", "rank_high", "difference_n"]
    return pd.DataFrame(table).reindex(columns=columns)


def weight_correlation(routing: Routing, quality: NDArray[np.float64]) -> float:
    """Spearman's correlation of a routing's weights with the candidates' quality, or NaN.

    Candidates whose quality is NaN, as nobody scored them, are left out.
    """
    if routing.weights is None:
        return float("nan")
    weights = routing.weights.reshape(-1, len(quality)).mean(axis=0)
    known = np.isfinite(quality)
    return spearman(weights[known], quality[known])


def spearman(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Spearman's rank correlation, ties at their mean rank; NaN if either side is constant."""
    import pandas as pd  # scipy.stats would take longer to import than a run takes to evaluate

    ranked = pd.DataFrame({0: first, 1: second}).corr("spearman").to_numpy()
    return float(ranked[0, 1])


def rank_intervals(
    routings: Sequence[Routing], means: NDArray[np.float64]
) -> list[tuple[float, float]]:
    """Intervals of the rank correlations of weights and quality; NaN of methods without weights.

    Parameters
    ----------
    routings : sequence of Routing
    means : ndarray of shape (draws, (1 + W) * K)
        Means over resamples of the candidates' scores, and then of the weights of each of the W
        routings that have some for each input.
    """
    place, found = 0, []
    for routing in routings:
        if routing.weights is None:
            found.append((np.nan, np.nan))
            continue
        size = routing.weights.shape[-1]
        if routing.weights.ndim == 1:
            weights = np.broadcast_to(routing.weights, (len(means), size))
        else:
            place += size
            weights = means[:, place : place + size]
        found.append(interval(spearman_rows(weights, means[:, :size])))
    return found


def spearman_rows(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Spearman's correlation of each row, as `spearman`: two arrays of shape (n, K) -> (n,).

    Columns of which nothing is known on either side are left out.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evaluation import spearman_rows
    >>> spearman_rows(np.array([[1.0, 2.0, 3.0]]), np.array([[0.1, 0.3, 0.2]]))
    array([0.5])
    """
    import pandas as pd

    kept = np.isfinite(first).any(axis=0) & np.isfinite(second).any(axis=0)
    if not kept.any():
        return np.full(len(first), np.nan)
    a, b = (pd.DataFrame(side[:, kept]).rank(axis=1).to_numpy() for side in (first, second))
    a, b = (ranks - ranks.mean(axis=1, keepdims=True) for ranks in (a, b))
    spread = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return ratio((a * b).sum(axis=1), spread)


def fixed(candidate: int, rows: int) -> Routing:
    """Always the same candidate."""
    return Routing(np.full((1, rows), candidate, dtype=np.intp))
