"""The files of a run, each written whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.budgets import OVERTAKEN, overtaken, overtaking
from experiments.costs import costs_markdown
from experiments.result import Result
from smoothie import __version__
from smoothie.errors import SmoothieError
from smoothie.metrics.scores import Scores
from smoothie.problem import Problem
from smoothie.report.tables import latex, markdown, summary_rows
from smoothie.routers.base import Routing
from smoothie.storage.files import (
    read_json,
    replacing,
    write_csv,
    write_json,
    write_jsonl,
    write_text,
)

if TYPE_CHECKING:
    import pandas as pd

METRICS = ["dataset", "ensemble", "method", "encoder", "k", "metric", "score", "ci_low", "ci_high"]
METRICS += ["n", "candidates", "labels_used"]
COMPARISONS = ["dataset", "ensemble", "method", "encoder", "k", "metric", "difference"]
COMPARISONS += ["difference_low", "difference_high", "gap_closed", "gap_low", "gap_high"]
COMPARISONS += ["rank_correlation"]
MANIFEST = "manifest.json"  # the files of a folder's last run


def write_results(result: Result, folder: Path, plots: bool = True) -> str:
    """Write all files of a run.

    Returns
    -------
    str
        What to show to the user: the table, and the paths of what was written.
    """
    written: list[Path] = []

    def path(name: str) -> Path:
        written.append(folder / name)
        return folder / name

    write_choices(result, path("choices.csv"))
    if any(routing.weights is not None for routing in result.routings.values()):
        write_weights(result, path("weights.csv"))
    if result.routed is not None:
        write_routed(result.problem, result.routed, path("routed.jsonl"))
    write_json(path("signature.json"), signature(result))
    costs = result.costs
    if costs is not None:
        write_table(costs, list(costs.columns), path("costs.csv"))
    shown = "Nothing was scored: there are no complete labels and no references.\n"
    if result.scores is not None and result.table is not None:
        table = described(result, result.table)
        write_table(table, METRICS, path("metrics.csv"))
        write_table(table, COMPARISONS, path("comparisons.csv"))
        if result.by_task is not None:
            by_task = described(result, result.by_task)
            write_table(by_task, [METRICS[0], "task", *METRICS[1:]], path("metrics_by_task.csv"))
        shown = summary(result, result.table)
        header, rows = summary_rows(result.table, digits_of(result.scores))
        caption = f"{result.problem.name}: {result.scores.metric}. {result.signature}"
        write_text(path("table.md"), shown)
        write_text(path("table.tex"), latex(header, rows, caption))
        if result.k_curve is not None:
            write_table(result.k_curve, list(result.k_curve.columns), path("score_against_k.csv"))
        if result.budget_curve is not None:
            columns = list(result.budget_curve.columns)
            write_table(result.budget_curve, columns, path("score_against_labels.csv"))
            labels = overtaken(result.budget_curve, result.scores).assign(**result.names)
            write_table(labels, [*result.names, *OVERTAKEN], path("labels_to_overtake.csv"))
            shown += "\n" + "\n".join(overtaking(labels)) + "\n"
        if plots:
            written += draw(result, result.table, folder)
    if costs is not None and result.problem.attributes:
        write_text(path("costs.md"), costs_markdown(costs))
        shown += "\n" + costs_markdown(costs)
    replace_manifest(folder, written)
    listed = "\n".join(f"  {entry}" for entry in sorted(written))
    return f"\n{shown}\nWritten:\n{listed}\n"


def digits_of(scores: Scores) -> int:
    """Decimals to show: one of 0 to 100, more of labels in their own unit."""
    return 1 if scores.percent else 2


def summary(result: Result, table: pd.DataFrame) -> str:
    """The results as a Markdown section."""
    assert result.scores is not None
    unit = f"{result.scores.metric}, {'0 to 100' if result.scores.percent else 'in its own unit'}"
    header, rows = summary_rows(table, digits_of(result.scores))
    return (
        f"### {result.problem.name}: {unit}, {int(result.scores.scored.sum())} inputs, "
        f"{len(result.problem.candidates)} candidates\n\n{markdown(header, rows)}\n"
        f"best_single and oracle know all labels: they are bounds, not methods.\n\n"
        f"`{result.signature}`\n"
    )


def signature(result: Result) -> dict[str, Any]:
    """What made the numbers, for programs to read."""
    from importlib.metadata import version

    packages = ("numpy", "sentence-transformers", "transformers", "torch")
    return {
        **result.names,
        "signature": result.signature,
        "candidates": list(result.problem.candidates),
        "versions": {"smoothie": __version__} | {name: version(name) for name in packages},
    }


def described(result: Result, table: pd.DataFrame) -> pd.DataFrame:
    """A table of results with the columns that say what it is about."""
    assert result.scores is not None
    full = table.copy()
    for column in ("dataset", "ensemble", "encoder"):
        full[column] = result.names[column]
    full["k"] = [result.k_of.get(method) for method in table["method"]]
    full["k"] = full["k"].astype("Int64")
    if "metric" not in full:  # by task, metrics may differ
        full["metric"] = result.scores.metric
    full["candidates"] = len(result.problem.candidates)
    return full


def write_table(table: pd.DataFrame, columns: list[str], path: Path) -> None:
    """Write a CSV file with these columns."""
    with replacing(path) as temporary:
        table.to_csv(temporary, columns=columns, index=False, lineterminator="\n")


def write_choices(result: Result, path: Path) -> None:
    """Id and each method's chosen candidate, of its first trial."""
    names = result.problem.candidates
    chosen = [[names[j] for j in routing.choices[0]] for routing in result.routings.values()]
    rows = zip(result.problem.ids, *chosen, strict=True)
    write_csv(path, ["id", *result.routings], rows)


def write_weights(result: Result, path: Path) -> None:
    """Weights by method; the id is empty where they hold for all inputs."""
    names = result.problem.candidates

    def rows() -> Iterator[list[Any]]:
        for method, routing in result.routings.items():
            if routing.weights is None:
                continue
            keys = [""] if routing.weights.ndim == 1 else result.problem.ids
            for key, weights in zip(keys, np.atleast_2d(routing.weights).tolist(), strict=True):
                yield [method, key, *weights]

    write_csv(path, ["method", "id", *names], rows())


def write_routed(problem: Problem, routing: Routing, path: Path) -> None:
    """Id, chosen candidate and its text."""
    chosen = routing.choices[0]
    rows = (
        {"id": key, "candidate": problem.candidates[j], "text": problem.texts[i, j]}
        for i, (key, j) in enumerate(zip(problem.ids, chosen, strict=True))
    )
    write_jsonl(path, rows)


def draw(result: Result, table: pd.DataFrame, folder: Path) -> list[Path]:
    """The plots of a run."""
    from smoothie.report.plots import plot_k, plot_methods, plot_weights
    from smoothie.report.trade_offs import plot_budgets, plot_costs

    assert result.scores is not None
    unit = result.scores.metric + (" (0 to 100)" if result.scores.percent else "")
    title = f"{result.problem.name}: {len(result.problem.candidates)} candidates, 95% intervals"
    written = plot_methods(table, title, unit, folder)
    score_of = dict(zip(table["method"], table["score"], strict=True))
    if result.k_curve is not None:
        names = ("best_single", "smoothie_global", "random")
        lines = {name: score_of[name] for name in names if name in score_of}
        written += plot_k(result.k_curve, lines, result.problem.name, unit, folder)
    if result.budget_curve is not None:
        written += plot_budgets(result.budget_curve, result.problem.name, unit, folder)
    if result.costs is not None and result.problem.attributes:
        written += plot_costs(table, result.costs, result.problem.name, unit, folder)
    weights = {
        method: routing.weights.reshape(-1, len(result.problem.candidates)).mean(axis=0)
        for method, routing in result.routings.items()
        if routing.weights is not None and method in score_of
    }
    if weights:
        quality = result.scores.values[result.scores.scored].mean(axis=0)
        correlations = dict(zip(table["method"], table["rank_correlation"], strict=True))
        candidates = result.problem.candidates
        written += plot_weights(weights, quality, candidates, correlations, unit, folder)
    return written


def replace_manifest(folder: Path, written: list[Path]) -> None:
    """Name the files of this run in manifest.json; remove those of an earlier one beside them.

    Only plain names of files are taken from an earlier manifest, so that nothing outside of the
    folder is ever removed.
    """
    names = sorted(path.name for path in written)
    for name in earlier_files(folder):
        if name not in names and Path(name).name == name:
            (folder / name).unlink(missing_ok=True)
    write_json(folder / MANIFEST, {"files": names})


def earlier_files(folder: Path) -> list[str]:
    """Files that an earlier run left; without a manifest, what such runs may have written."""
    path = folder / MANIFEST
    if path.is_file():
        manifest = read_json(path)
        files = manifest.get("files") if isinstance(manifest, dict) else None
        if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
            raise SmoothieError(f"{path}: expected the names of files under 'files'; remove it")
        return files
    names = ["weights.csv", "routed.jsonl", "metrics.csv", "comparisons.csv", "metrics_by_task.csv"]
    names += ["table.md", "table.tex", "score_against_k.csv", "score_against_labels.csv"]
    names += ["labels_to_overtake.csv", "costs.csv", "costs.md"]
    figures = ["methods", "score_against_k", "weights_against_scores", "score_against_labels"]
    figures += ["quality_against_cost"]
    return [*names, *(f"{figure}.{suffix}" for figure in figures for suffix in ("png", "pdf"))]
