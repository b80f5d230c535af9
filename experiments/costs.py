"""What routing costs: of the answers returned, and of all that had to be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smoothie.evidence import OF_ANSWERS
from smoothie.problem import Problem
from smoothie.report.tables import markdown
from smoothie.routers.base import Router, Routing

if TYPE_CHECKING:
    import pandas as pd


def compare_costs(
    problem: Problem,
    routings: Mapping[str, Routing],
    routers: Mapping[str, Router],
    rows: NDArray[np.bool_] | None = None,
) -> pd.DataFrame:
    """Mean cost, latency and length of what each method returns, beside each single candidate.

    Parameters
    ----------
    problem : Problem
        Texts, and the attributes cost and latency where they are known.
    routings : mapping of method -> Routing
        Methods, and single candidates.
    routers : mapping of method -> router
        Those of the methods; a single candidate has none.
    rows : ndarray of shape (N,), bool, optional
        Inputs to take means over, as a rule those that scores are means over.

    Returns
    -------
    DataFrame
        One row for each method: method, cost and latency of the returned answer, cost_asked and
        latency_asked of all answers that had to be asked for, with their units, length of the
        returned answer in characters, n. Only attributes that are known have columns.

    Notes
    -----
    A method that votes at test time has to ask every candidate: their costs add up, and the
    slowest decides how long it takes if they are asked at the same time. Methods that choose by the
    input alone (from labels, from a training split, at random) ask one. What labels or the answers
    to a training split cost, once and for all, is not in these numbers.
    """
    import pandas as pd

    kept = np.ones(len(problem.inputs), dtype=bool) if rows is None else rows
    flat = (len(text) for text in problem.texts.ravel().tolist())
    lengths = np.fromiter(flat, np.float64).reshape(problem.texts.shape)
    table = []
    for method, routing in routings.items():
        chosen = Routing(routing.choices[:, kept], routing.probabilities)
        asks_one = method not in routers or not routers[method].needs & OF_ANSWERS
        row: dict[str, Any] = {"method": method}
        for name, values in problem.attributes.items():
            total = values.sum(axis=1) if name == "cost" else values.max(axis=1)
            row[name] = chosen.scores(values[kept]).mean()
            row[f"{name}_asked"] = row[name] if asks_one else total[kept].mean()
            row[f"{name}_unit"] = problem.units.get(name, "")
        row["length"] = chosen.scores(lengths[kept]).mean()
        row["n"] = int(kept.sum())
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
        "Of the returned answer, and of all that had to be asked for it: a method that votes asks "
        "every candidate;\ncosts add up, and the slowest decides if all are asked at the same "
        "time.\n"
    )
