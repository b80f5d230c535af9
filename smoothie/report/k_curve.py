"""Score of Smoothie-Local against the number of neighbors: score_against_k.csv."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from smoothie.estimator import resolve_errors, triplet_errors
from smoothie.evaluation import evaluate, on_common_inputs
from smoothie.evidence import Votes
from smoothie.report.artifacts import Artifact
from smoothie.report.output import OutputFolder
from smoothie.report.scores import unit_of
from smoothie.routers.base import Routing
from smoothie.routers.smoothie_local import SmoothieLocal, neighborhood_means
from smoothie.run import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

LARGEST_CURVE = 20_000  # inputs up to which the curve is computed: it takes N^2 distances
LINES = ("best_single", "smoothie_global", "random")  # that do not depend on k


def sizes_of_curve(sizes: Sequence[int], votes: Votes) -> list[int]:
    """The values of k that can be plotted, ascending; none without neighbors."""
    rows = votes.shape[0]
    if votes.inputs is None or rows > LARGEST_CURVE:
        return []
    return sorted({k for k in sizes if 1 <= k <= rows})


def curve_over_k(result: Result, sizes: Sequence[int]) -> pd.DataFrame | None:
    """Score of Smoothie-Local for several k, ascending; None if it cannot be computed.

    Returns
    -------
    DataFrame or None
        Columns k, score, ci_low, ci_high, n; all on the same inputs, on which the choice of every k
        has a score.

    Notes
    -----
    Neighbors are searched once, for the largest k; the errors of each k take O(N K^3) more.
    """
    scores = result.scores_of_inputs
    if result.votes.shape[1] < SmoothieLocal.fewest:
        return None
    votes, rows = result.votes, result.votes.shape[0]
    if scores is not None and sizes and votes.inputs is not None and rows > LARGEST_CURVE:
        log.info("score against k is skipped: it takes the time of %d^2 distances", rows)
    sizes = sizes_of_curve(sizes, votes)
    if scores is None or not sizes:
        return None
    means = neighborhood_means(votes.distances, votes.index.search(sizes[-1]), sizes)
    routings = {
        str(k): Routing(resolve_errors(triplet_errors(mean)).argmin(axis=1)[None, :])
        for k, mean in zip(sizes, means, strict=True)
    }
    values = on_common_inputs(routings, scores.values)
    if not np.isfinite(values).any():
        log.warning("score against k is skipped: no input has a score of what each k chooses")
        return None
    table = evaluate(routings, values, result.bootstrap, scores.lower_is_better)
    table.insert(0, "k", sizes)
    return table[["k", "score", "ci_low", "ci_high", "n"]]


def write_curve(result: Result, curve: pd.DataFrame, output: OutputFolder) -> None:
    """A row for each k."""
    output.table("score_against_k.csv", curve)


def draw_curve(result: Result, curve: pd.DataFrame) -> Figure:
    """The curve, beside methods that do not depend on k."""
    from smoothie.report.plots import plot_k

    assert result.scores is not None
    assert result.table is not None
    table = result.table[result.table["n"] == curve["n"].iloc[0]]  # on the inputs of the curve
    score_of = dict(zip(table["method"], table["score"], strict=True))
    lines = {name: score_of[name] for name in LINES if name in score_of}
    return plot_k(curve, lines, result.problem.name, unit_of(result.scores))


def k_curve(sizes: Sequence[int]) -> Artifact:
    """The artifact for some values of k."""
    return Artifact(
        lambda result: curve_over_k(result, sizes),
        write_curve,
        plot=draw_curve,
        figure="score_against_k",
        part="k_curve",
    )
