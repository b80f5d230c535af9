"""Scores of the methods: metrics.csv, comparisons.csv, table.md, table.tex.

metrics_by_task.csv has those of each task, scores_by_input.csv those of each input.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import printable
from smoothie.evaluation import evaluate, values_by_method
from smoothie.metrics.scores import Scores
from smoothie.report.artifacts import Artifact
from smoothie.report.output import OutputFolder
from smoothie.report.tables import is_partial, latex, markdown, markdown_escaped, summary_rows
from smoothie.run import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

METRICS = ["dataset", "ensemble", "method", "encoder", "k", "metric", "score", "ci_low", "ci_high"]
METRICS += ["n", "candidates", "labels_used"]
COMPARISONS = ["dataset", "ensemble", "method", "encoder", "k", "metric", "difference"]
COMPARISONS += ["difference_low", "difference_high", "gap_closed", "gap_low", "gap_high"]
COMPARISONS += ["rank_correlation", "rank_low", "rank_high", "difference_n"]
NOT_SCORED = "Nothing was scored: there are no labels and no references.\n"
PARTIAL = """\
Scores are incomplete: a method counts on the n inputs where what it chose has a score, and is
compared with random on those where every candidate with any score has one, too (n common).
"""


def write_scores(result: Result, table: pd.DataFrame, output: OutputFolder) -> None:
    """The table of all inputs, for programs and for pages."""
    assert result.scores is not None
    described = describe_rows(result, table)
    output.table("metrics.csv", described, METRICS)
    output.table("comparisons.csv", described, COMPARISONS)
    output.text("table.md", summary(result, table))
    header, rows = summary_rows(table, digits_of(result.scores))
    caption = f"{result.problem.name}: {result.scores.metric}. {result.signature}"
    output.text("table.tex", latex(header, rows, caption))


def draw_scores(result: Result, table: pd.DataFrame) -> Figure:
    """Scores of methods and candidates with their intervals."""
    from smoothie.report.plots import plot_methods

    assert result.scores is not None
    title = f"{result.problem.name}: {int(result.scores.known.sum())} inputs, 95% intervals"
    return plot_methods(table, title, unit_of(result.scores))


def describe_rows(result: Result, table: pd.DataFrame) -> pd.DataFrame:
    """A table of results with columns that describe the run."""
    assert result.scores is not None
    full = table.copy()
    for column in ("dataset", "ensemble", "encoder"):
        full[column] = result.names.get(column, "")
    full["k"] = [getattr(result.routers.get(method), "k", None) for method in table["method"]]
    full["k"] = full["k"].astype("Int64")
    if "metric" not in full:  # by task, metrics may differ
        full["metric"] = result.scores.metric
    full["candidates"] = len(result.problem.candidates)
    return full


def digits_of(scores: Scores) -> int:
    """Decimals to show: one of 0 to 100, more of labels in their own unit."""
    return 1 if scores.percent else 2


def unit_of(scores: Scores) -> str:
    """What the scores are, after "mean" on an axis."""
    name = "label" if scores.metric == "labels" else scores.metric
    return name + (" (0 to 100)" if scores.percent else "")


def summary(result: Result, table: pd.DataFrame) -> str:
    """The results as a Markdown section."""
    assert result.scores is not None
    unit = f"{result.scores.metric}, {'0 to 100' if result.scores.percent else 'in its own unit'}"
    header, rows = summary_rows(table, digits_of(result.scores))
    title = markdown_escaped(f"{result.problem.name}: {unit}")
    signature = printable(result.signature).replace("`", "'")
    partial = PARTIAL if is_partial(table) else ""
    return (
        f"### {title}, {int(result.scores.known.sum())} inputs, "
        f"{len(result.problem.candidates)} candidates\n\n{markdown(header, rows)}\n"
        f"{partial}best_single and oracle know all labels: they are bounds, not methods.\n\n"
        f"`{signature}`\n"
    )


def evaluate_tasks(result: Result) -> pd.DataFrame | None:
    """Evaluate the inputs of each task by themselves; None without scores of single texts."""
    import pandas as pd

    scores = result.scores_of_inputs
    if scores is None or result.table is None:
        return None
    tasks = np.array(result.problem.tasks, dtype=object)
    tables = []
    for task in dict.fromkeys(result.problem.tasks):
        rows = tasks == task
        if not scores.known[rows].any():
            log.warning("task %s: no input is scored", task or "(unnamed)")
            continue
        table = result.table.copy()
        if not rows.all():
            part = {name: routing.take(rows) for name, routing in result.compared.items()}
            table = evaluate(part, scores.values[rows], result.bootstrap, scores.lower_is_better)
        table.insert(0, "task", task)
        table["metric"] = scores.by_task.get(task, scores.metric)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def write_tasks(result: Result, table: pd.DataFrame, output: OutputFolder) -> None:
    """A row for each task and method."""
    columns = [METRICS[0], "task", *METRICS[1:]]
    output.table("metrics_by_task.csv", describe_rows(result, table), columns)


def score_inputs(result: Result) -> NDArray[np.float64] | None:
    """Scores of each method and candidate, (N, methods), or None; NaN where it has none."""
    scores = result.scores_of_inputs
    if scores is None or result.table is None:
        return None
    return values_by_method(list(result.compared.values()), scores.values)[:, 2:]


def write_inputs(result: Result, values: NDArray[np.float64], output: OutputFolder) -> None:
    """A row for each input and a column for each method and candidate, empty where unknown."""
    ids, order = result.problem.ids, result.problem.source_order
    cells = values.astype(object)
    cells[np.isnan(values)] = None
    rows = ([ids[i], *cells[i]] for i in order.tolist())
    output.rows("scores_by_input.csv", ["id", *result.compared], rows)


SCORES = Artifact(lambda result: result.table, write_scores, summary, draw_scores, figure="methods")
UNSCORED = Artifact(  # only a message in the terminal
    lambda result: True if result.table is None else None,
    lambda result, value, output: None,
    lambda result, value: NOT_SCORED,
)
BY_TASK = Artifact(evaluate_tasks, write_tasks, part="by_task")
BY_INPUT = Artifact(score_inputs, write_inputs)
