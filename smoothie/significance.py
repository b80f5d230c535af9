"""Whether two methods differ by more than chance: paired tests, by scipy and statsmodels."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError, meant, shown
from smoothie.evaluation import Bootstrap
from smoothie.optional import require

if TYPE_CHECKING:
    import pandas as pd

ALPHA, POWER = 0.05, 0.8
BLOCK = 1 << 20  # values drawn at a time
MOST_RESAMPLES = 1_000_000


def compare_pairs(
    values: pd.DataFrame,
    pairs: Sequence[tuple[str, str]] | None = None,
    *,
    bootstrap: Bootstrap | None = None,
    resamples: int = 9999,
) -> pd.DataFrame:
    """Compare methods in pairs, on the inputs where both have a score.

    Parameters
    ----------
    values : DataFrame
        A row for each input and a column for each method: its score there, NaN where there is none.
    pairs : sequence of (method, method), optional
        All of them unless given.
    bootstrap : Bootstrap, optional
        Resamples of the inputs, for the intervals; the seed is also that of the permutations.
    resamples : int
        Permutations. Where there are no more than that in all, all are taken and p is exact.

    Returns
    -------
    DataFrame
        A row for each pair: first, second, n; difference of the means, the first less the second,
        in the unit of the scores; low, high, its 95% bootstrap interval (percentiles); p of the
        two-sided paired permutation test; p_holm, adjusted for all pairs of the table; smallest,
        the difference that n inputs show with power 0.8 at the level 0.05.

    Raises
    ------
    SmoothieError
        If scipy or statsmodels is not installed, a method is unknown, or resamples are not between
        1 and a million.

    Notes
    -----
    The permutation test is of Fisher: under the null hypothesis the scores of an input may be
    swapped, so the sign of each difference is arbitrary. Holm's adjustment (1979) holds under any
    dependence. `smallest` is the paired t-test's, and depends on how the differences of this pair
    scatter. Candidates chosen by the same scores, as best_single is, are not tested fairly.
    O(resamples * n) for each pair.

    Examples
    --------
    >>> import pandas as pd
    >>> from smoothie.significance import compare_pairs
    >>> values = pd.DataFrame({"a": [1, 1, 1, 1, 1, 1, 0], "b": [0, 0, 0, 0, 0, 0, 0]})
    >>> compare_pairs(values)[["difference", "p"]].round(5)
       difference        p
    0     0.85714  0.03125
    """
    import pandas as pd

    for package in ("scipy", "statsmodels"):
        require(package, "a comparison of methods")
    from statsmodels.stats.multitest import multipletests

    if not 1 <= resamples <= MOST_RESAMPLES:
        raise SmoothieError(f"resamples={shown(resamples)}: expected 1 to {MOST_RESAMPLES:,}")
    bootstrap = bootstrap or Bootstrap()
    names = [str(name) for name in values.columns]
    rows = []
    for first, second in combinations(names, 2) if pairs is None else pairs:
        for name in (first, second):
            if name not in names:
                raise SmoothieError(f"no method {name!r}: {meant(name, names)}")
        apart = (values[first] - values[second]).to_numpy(dtype=np.float64)
        apart = apart[np.isfinite(apart)]
        low, high = paired_interval(apart, bootstrap)
        mean = float(apart.mean()) if len(apart) else np.nan
        p = permutation_p(apart, resamples, bootstrap.seed)
        rows.append([first, second, len(apart), mean, low, high, p, smallest_difference(apart)])
    columns = ["first", "second", "n", "difference", "low", "high", "p", "smallest"]
    table = pd.DataFrame(rows, columns=columns)
    known = table["p"].notna()
    table.insert(7, "p_holm", np.nan)
    if known.any():
        table.loc[known, "p_holm"] = multipletests(table.loc[known, "p"], method="holm")[1]
    return table


def paired_interval(apart: NDArray[np.float64], bootstrap: Bootstrap) -> tuple[float, float]:
    """The bootstrap interval of the mean of differences, (n,); NaN of fewer than two.

    The resamples are those of the run's tables: `Bootstrap.means` draws the same ones.
    """
    from scipy.stats import bootstrap as resample

    if len(apart) < 2:
        return np.nan, np.nan
    if np.ptp(apart) == 0:
        return float(apart[0]), float(apart[0])
    interval = resample(
        (apart,),
        np.mean,
        n_resamples=bootstrap.draws,
        batch=max(1, BLOCK // len(apart)),
        method="percentile",
        rng=np.random.default_rng(bootstrap.seed),
    ).confidence_interval
    return float(interval.low), float(interval.high)


def permutation_p(apart: NDArray[np.float64], resamples: int, seed: int) -> float:
    """Two-sided p of the mean of paired differences, (n,), under all or random changes of signs.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.significance import permutation_p
    >>> permutation_p(np.array([1.0, 2.0, 3.0]), resamples=100, seed=0)  # 2 of 8
    0.25
    """
    from scipy.stats import permutation_test

    if not len(apart):
        return np.nan
    different = apart[apart != 0]  # the sign of a zero changes nothing
    if len(different) < 2:  # one as well as none: both signs are as extreme
        return 1.0
    found = permutation_test(
        (different,),
        lambda values, axis: values.sum(axis=axis),
        permutation_type="samples",  # of one sample: changes of signs
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, BLOCK // len(different)),
        rng=np.random.default_rng(seed),
    )
    return float(found.pvalue)


def smallest_difference(apart: NDArray[np.float64]) -> float:
    """The mean difference that as many inputs show with power 0.8 at the level 0.05.

    Of the two-sided paired t-test, where differences scatter as these, (n,), do. NaN of fewer than
    three.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.significance import smallest_difference
    >>> round(smallest_difference(np.tile([1.0, -1.0], 50)), 3)
    0.284
    """
    from statsmodels.stats.power import TTestPower

    if len(apart) < 3:
        return np.nan
    effect = TTestPower().solve_power(nobs=len(apart), alpha=ALPHA, power=POWER)
    return float(np.squeeze(effect) * apart.std(ddof=1))
