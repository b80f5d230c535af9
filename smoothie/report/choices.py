"""What each method chose, and its weights: choices.csv, weights.csv, routed.jsonl."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from smoothie import __version__
from smoothie.problem import Problem
from smoothie.report.artifacts import Artifact
from smoothie.report.output import OutputFolder
from smoothie.report.scores import unit_of
from smoothie.routers.base import Routing
from smoothie.run import Result
from smoothie.storage.cache import framed

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def write_choices(result: Result, routings: Mapping[str, Routing], output: OutputFolder) -> None:
    """Id and each method's chosen candidate, of its first trial."""
    ids, names, order = result.problem.ids, result.problem.candidates, result.problem.source_order
    chosen = [[names[j] for j in routing.choices[0][order]] for routing in routings.values()]
    rows = zip((ids[i] for i in order), *chosen, strict=True)
    output.rows("choices.csv", ["id", *routings], rows)


def weighted(result: Result) -> dict[str, Routing] | None:
    """The routings that have a weight for each candidate."""
    return {
        method: routing
        for method, routing in result.routings.items()
        if routing.weights is not None
    } or None


def write_weights(result: Result, routings: Mapping[str, Routing], output: OutputFolder) -> None:
    """Weights by method; the id is empty where they hold for all inputs."""
    ids, order = result.problem.ids, result.problem.source_order

    def rows() -> Iterator[list[Any]]:
        for method, routing in routings.items():
            assert routing.weights is not None
            if routing.weights.ndim == 1:
                yield [method, "", *routing.weights.tolist()]
                continue
            for i, weights in zip(order, routing.weights[order].tolist(), strict=True):
                yield [method, ids[i], *weights]

    output.rows("weights.csv", ["method", "id", *result.problem.candidates], rows())


def mean_weights(result: Result) -> pd.DataFrame | None:
    """Mean weight of each candidate beside its mean score; None if either is not known.

    Returns
    -------
    DataFrame or None
        Columns method, candidate, score, weight, and rank_correlation, rank_low, rank_high of the
        method, for each method with weights and each candidate that has scores.
    """
    import pandas as pd

    routings, scores, table = weighted(result), result.scores, result.table
    if routings is None or scores is None or table is None or not scores.scored.any():
        return None
    names, quality = result.problem.candidates, scores.values[scores.scored].mean(axis=0)
    ranks = ["rank_correlation", "rank_low", "rank_high"]
    correlations = dict(zip(table["method"], table[ranks].to_numpy(), strict=True))
    rows = [
        [method, names[j], quality[j], weights[j], *correlations[method]]
        for method, weights in (
            (name, routing.weights.reshape(-1, len(names)).mean(axis=0))
            for name, routing in routings.items()
            if routing.weights is not None and name in correlations
        )
        for j in scores.candidates.nonzero()[0]
    ]
    columns = ["method", "candidate", "score", "weight", *ranks]
    return pd.DataFrame(rows, columns=columns) if rows else None


def write_mean_weights(result: Result, points: pd.DataFrame, output: OutputFolder) -> None:
    """The points of the plot."""
    output.table("weights_against_scores.csv", points)


def draw_weights(result: Result, points: pd.DataFrame) -> Figure:
    """Mean weight of each candidate against its mean score."""
    from smoothie.report.plots import plot_weights

    assert result.scores is not None
    return plot_weights(points, unit_of(result.scores))


def write_routed(result: Result, routing: Routing, output: OutputFolder) -> None:
    """Id, chosen candidate and its text."""
    problem, ids, choices = result.problem, result.problem.ids, routing.choices[0].tolist()
    rows = (
        {"id": ids[i], "candidate": problem.candidates[j], "text": problem.texts[i, j]}
        for i, j in ((i, choices[i]) for i in problem.source_order.tolist())
    )
    output.jsonl("routed.jsonl", rows)


def signature(result: Result) -> dict[str, Any]:
    """How the numbers were computed, for programs to read."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {"smoothie": __version__}
    for package in ("numpy", "sentence-transformers", "transformers", "torch"):
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {
        **result.names,
        "signature": result.signature,
        "candidates": list(result.problem.candidates),
        "data": fingerprint(result.problem),
        "command": dict(result.command),
        "versions": versions,
    }


def fingerprint(problem: Problem) -> str:
    """A digest of all that a problem holds; the same for any order of its inputs."""
    problem, total = problem.by_id(), blake2b(digest_size=16)
    for name in problem.candidates:
        total.update(framed(name))
    for i, item in enumerate(problem.inputs):
        parts = [item.id, item.task, item.text, str(len(item.references)), *item.references]
        total.update(b"".join(map(framed, [*parts, *problem.texts[i]])))
        if problem.more_texts is not None:
            total.update(b"".join(map(framed, problem.more_texts[i].ravel())))
        if problem.labels is not None:
            total.update(problem.labels[i].astype("<f8").tobytes())
    return total.hexdigest()


def write_signature(result: Result, described: dict[str, Any], output: OutputFolder) -> None:
    """A JSON object."""
    output.json("signature.json", described)


CHOICES = Artifact(lambda result: result.routings, write_choices)
WEIGHTS = Artifact(weighted, write_weights)
MEAN_WEIGHTS = Artifact(
    mean_weights, write_mean_weights, plot=draw_weights, figure="weights_against_scores"
)
ROUTED = Artifact(lambda result: result.routed, write_routed)
SIGNATURE = Artifact(signature, write_signature)
