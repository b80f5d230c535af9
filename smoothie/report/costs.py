"""Costs of the answers returned, and of all that had to be generated: costs.csv."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from smoothie.evidence import OF_ANSWERS, declared
from smoothie.report.artifacts import Artifact
from smoothie.report.output import OutputFolder
from smoothie.report.scores import unit_of
from smoothie.report.tables import markdown
from smoothie.routers.base import Routing
from smoothie.run import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def compare_costs(result: Result) -> pd.DataFrame:
    """Mean cost, latency and length of what each method returns, beside each single candidate.

    Parameters
    ----------
    result : Result
        Means are over the inputs that have a score; over all where nothing is scored.

    Returns
    -------
    DataFrame
        One row for each method: method, cost and latency of the returned answer, cost_asked and
        latency_asked of all answers that had to be generated, with their units, length of the
        returned answer in characters, n. Only known attributes have columns.

    Notes
    -----
    A method that votes at test time has to ask every candidate: their costs add up, and the slowest
    determines how long it takes if they are asked at the same time. Methods that choose by the
    input alone (from labels, from a training split, at random) ask one. What labels or the answers
    to a training split cost, once and for all, is not in these numbers.
    """
    import pandas as pd

    problem, routers, scores = result.problem, result.routers, result.scores
    rows = np.ones(len(problem.inputs), dtype=bool) if scores is None else scores.known
    flat = (len(text) for text in problem.texts.ravel().tolist())
    lengths = np.fromiter(flat, np.float64).reshape(problem.texts.shape)
    table = []
    for method, routing in result.compared.items():
        chosen = Routing(routing.choices[:, rows], routing.probabilities)
        asks_one = method not in routers or not declared(routers[method]) & OF_ANSWERS
        row: dict[str, Any] = {"method": method}
        for name, values in problem.attributes.items():
            total = values.sum(axis=1) if name == "cost" else values.max(axis=1)
            row[name] = chosen.scores(values[rows]).mean()
            row[f"{name}_asked"] = row[name] if asks_one else total[rows].mean()
            row[f"{name}_unit"] = problem.units.get(name, "")
        row["length"] = chosen.scores(lengths[rows]).mean()
        row["n"] = int(rows.sum())
        table.append(row)
    return pd.DataFrame(table)


def costs_markdown(costs: pd.DataFrame) -> str:
    """The costs as a Markdown section."""
    names = [name for name in ("cost", "latency") if name in costs]
    header = ["Method"]
    for name in names:
        unit = costs[f"{name}_unit"].iloc[0]
        header += [f"{name.capitalize()}{f' ({unit})' if unit else ''}", "of all asked"]
    rows = []
    for row in costs.to_dict("records"):
        values = [f"{row[key]:.4g}" for name in names for key in (name, f"{name}_asked")]
        rows.append([row["method"], *values, f"{row['length']:.0f}"])
    return (
        f"### Means over {costs['n'].iloc[0]} inputs\n\n"
        f"{markdown([*header, 'Length (characters)'], rows)}\n"
        "Of the returned answer, and of all that had to be generated: a method that votes asks "
        "every candidate;\ncosts add up, and the slowest decides if all are asked at the same "
        "time.\n"
    )


def write_costs(result: Result, costs: pd.DataFrame, output: OutputFolder) -> None:
    """A row for each method; a page where more than lengths is known."""
    output.table("costs.csv", costs)
    points = cost_points(result, costs)
    if points is not None:
        output.table("quality_against_cost.csv", points)
    if result.problem.attributes:
        output.text("costs.md", costs_markdown(costs))


def show_costs(result: Result, costs: pd.DataFrame) -> str:
    """The page, where there is one."""
    return costs_markdown(costs) if result.problem.attributes else ""


def draw_costs(result: Result, costs: pd.DataFrame) -> Figure | None:
    """Score against cost and latency, where they are known."""
    from smoothie.report.trade_offs import plot_costs

    points = cost_points(result, costs)
    if points is None or result.scores is None:
        return None
    return plot_costs(points, result.problem.name, unit_of(result.scores))


def cost_points(result: Result, costs: pd.DataFrame) -> pd.DataFrame | None:
    """Scores beside costs and latencies; None where either is not known."""
    if result.table is None or not result.problem.attributes:
        return None
    columns = ["length", "n"]
    return result.table[["method", "score"]].merge(costs.drop(columns=columns), on="method")


COSTS = Artifact(compare_costs, write_costs, show_costs, draw_costs, figure="quality_against_cost")
