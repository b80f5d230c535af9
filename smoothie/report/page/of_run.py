"""What the page of a run shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smoothie import __version__
from smoothie.evaluation import CANDIDATE
from smoothie.evidence import Need
from smoothie.report.colors import tones
from smoothie.report.diagnosis import remarks, verdict
from smoothie.report.page.clusters import average_linkage
from smoothie.report.page.curves import charts_of
from smoothie.report.page.html import number, render
from smoothie.report.page.inputs import blocks_of, shown_inputs
from smoothie.report.page.methods import (
    BOUND,
    CANDIDATE_COLOR,
    RANDOM,
    kind_of,
    tones_of,
)
from smoothie.report.scores import digits_of, unit_of
from smoothie.report.tables import is_partial
from smoothie.run import Result

if TYPE_CHECKING:
    import pandas as pd

    from smoothie.diagnosis import Diagnosis

PAGE = "report.html"
MOST_TASKS = 60  # rows of a table by task: the tasks with the most inputs


def page_of_run(result: Result, found: Mapping[str, Any], sample: int | None = None) -> str:
    """The page of a run.

    Parameters
    ----------
    result : Result
    found : mapping of str -> value
        What the artifacts of the run computed, by `Artifact.part`: "diagnosis", "by_task",
        "k_curve", "budgets", as far as there are any.
    sample : int, optional
        So many inputs in the browser of inputs; see `shown_inputs`.

    Returns
    -------
    str
        HTML: the same for the same result.
    """
    shown = shown_inputs(result.problem, sample)
    content = {
        **overview(result, found["diagnosis"]),
        "by_task": by_task(result, found.get("by_task")),
        "charts": charts_of(result, found),
        "shown": len(shown.rows),
        "note": shown.note,
    }
    return render("run.html", content, blocks_of(result, shown))


def overview(result: Result, diagnosis: Diagnosis) -> dict[str, Any]:
    """All but the curves and the inputs themselves."""
    problem, scores = result.problem, result.scores
    methods = methods_of(result)
    return {
        "title": problem.name,
        "version": __version__,
        "facts": facts(result),
        "signature": result.signature,
        "candidates": list(problem.candidates),
        "methods": methods,
        "tones": [*methods, tones(CANDIDATE_COLOR)],
        "main": main_method(result),
        "inputs": len(problem.inputs),
        "tasks": list(dict.fromkeys(problem.tasks)),
        "unit": None if scores is None else unit_of(scores),
        "digits": 1 if scores is None else digits_of(scores),
        "lower_is_better": scores is not None and scores.lower_is_better,
        "headline": headline(result),
        "verdict": verdict(diagnosis),
        "remarks": remarks(diagnosis),
        "to_label": list(diagnosis.to_label),
        "diagnosis": diagnosis_rows(diagnosis),
        "table": table_rows(result),
        "partial": result.table is not None and is_partial(result.table),
        "sent": sent(result),
        "agreement": agreement(result, diagnosis),
    }


def facts(result: Result) -> list[str]:
    """Size, ensemble and encoder, each in a few words."""
    inputs, candidates = result.problem.texts.shape
    said = [f"{inputs:,} inputs", f"{candidates} candidates"]
    if result.scores is not None:
        said.append(f"scored by {result.scores.metric}")
    said += [f"{key} {result.names[key]}" for key in ("ensemble", "encoder") if key in result.names]
    return said


def methods_of(result: Result) -> list[dict[str, str]]:
    """Name, kind and color of each method, in the order of the run."""
    return [
        {
            "name": name,
            "kind": kind_of(result.routers.get(name), routing.labels_used),
            **tones_of(name),
        }
        for name, routing in result.routings.items()
    ]


def main_method(result: Result) -> str:
    """The method whose texts are returned; else the first that chooses."""
    for name, routing in result.routings.items():
        if routing is result.routed:
            return name
    choosing = [m["name"] for m in methods_of(result) if m["kind"] not in (RANDOM, BOUND)]
    return next(iter(choosing or result.routings))


def headline(result: Result) -> str:
    """How the main method compares with random choice, in a sentence; nothing without scores."""
    if result.table is None or result.scores is None:
        return ""
    rows = {row["method"]: row for row in result.table.to_dict("records")}
    method = main_method(result)
    row, digits = rows.get(method), digits_of(result.scores)
    if row is None or not np.isfinite(row["difference"]):
        return ""
    said = f"{method} scores {number(row['score'], digits)}"
    low, high = row["difference_low"], row["difference_high"]
    if not np.isfinite(low):  # of a leaderboard
        return f"{said}, {number(row['difference'], digits, signed=True)} against random choice."
    worse, better = ("better", "worse") if result.scores.lower_is_better else ("worse", "better")
    than = f"{better} than" if low > 0 else f"{worse} than" if high < 0 else "not told apart from"
    change = number(row["difference"], digits, signed=True)
    between = f"{number(low, digits, signed=True)} to {number(high, digits, signed=True)}"
    said += f": {than} random choice ({change}, 95% interval {between})"
    gap = row["gap_closed"]
    return said + (f", {number(gap, 0)}% of the way to the oracle." if np.isfinite(gap) else ".")


def table_rows(result: Result) -> list[dict[str, Any]]:
    """The rows of the results, methods before candidates."""
    if result.table is None:
        return []
    known = {method["name"]: method for method in methods_of(result)}
    rows = []
    for record in result.table.to_dict("records"):
        row = {str(key): value for key, value in record.items()}
        name = str(row["method"])
        alone = name not in known
        drawn = {"kind": "candidate", **tones(CANDIDATE_COLOR)} if alone else known[name]
        shown = name.removeprefix(CANDIDATE) if alone else name
        rows.append({**row, **drawn, "name": shown})
    return rows


def by_task(result: Result, table: pd.DataFrame | None) -> dict[str, Any] | None:
    """Scores of the methods by task, where there are several tasks."""
    if table is None or table["task"].nunique() < 2 or result.scores is None:
        return None
    names = list(result.routings)
    rows: list[dict[str, Any]] = []
    for task, part in table.groupby("task", sort=False):
        cells = part.set_index("method").reindex(names)
        rows.append(
            {
                "task": task,
                "n": int(part["n"].max()),
                "metric": str(part["metric"].iloc[0]),
                "scores": cells[["score", "ci_low", "ci_high"]].to_numpy(),
            }
        )
    rows.sort(key=lambda row: -row["n"])
    return {"methods": names, "rows": rows[:MOST_TASKS], "left_out": len(rows[MOST_TASKS:])}


def sent(result: Result) -> dict[str, Any]:
    """How many inputs of each task each method sends to each candidate, (methods, tasks, K)."""
    problem = result.problem
    tasks = {task: i for i, task in enumerate(dict.fromkeys(problem.tasks))}
    names = [m["name"] for m in methods_of(result) if m["kind"] != RANDOM]
    code = np.array([tasks[task] for task in problem.tasks])
    sizes = np.bincount(code, minlength=len(tasks))
    kept = np.argsort(-sizes, kind="stable")[:MOST_TASKS]
    width = len(problem.candidates)
    counts = [
        (
            np.bincount((code * width + choices).ravel(), minlength=len(tasks) * width)
            / len(choices)
        ).reshape(-1, width)[kept]
        for choices in (result.routings[name].choices for name in names)
    ]
    totals = [
        np.bincount(choices.ravel(), minlength=width) / len(choices)
        for choices in (result.routings[name].choices for name in names)
    ]
    return {
        "methods": names,
        "tasks": [list(tasks)[i] for i in kept],
        "sizes": sizes[kept],
        "counts": counts,
        "totals": totals,
        "left_out": len(tasks) - len(kept),
    }


def agreement(result: Result, diagnosis: Diagnosis) -> dict[str, Any]:
    """How much candidates, and methods, agree; candidates in the order of their clusters."""
    same = diagnosis.same
    found: dict[str, Any] = {"same": same, "distances": None}
    distances: NDArray[np.float64] = 1 - same
    if result.evidence.has(Need.DISTANCES):
        found["distances"] = distances = result.evidence.distances.mean(axis=0)
    merges = average_linkage(distances)
    found["order"] = merges[-1].left + merges[-1].right if merges else (0,)
    found["merges"] = [(merge.left, merge.right, merge.height) for merge in merges]
    found["methods"] = [method.name for method in diagnosis.methods]
    found["choices"] = diagnosis.agreement
    return found


def diagnosis_rows(diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """What is said of each method without labels."""
    return [
        {
            "name": method.name,
            "top": None if method.top is None else diagnosis.candidates[method.top],
            "on_top": method.top_probability,
            "wording": method.wording,
            "meaning": method.meaning,
            "stability": method.stability,
            "length": method.length,
            "ties": method.ties,
        }
        for method in diagnosis.methods
    ]
