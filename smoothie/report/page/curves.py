"""The charts of a run: score against k and against labels, weights against true quality."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from smoothie.report.k_curve import LINES
from smoothie.report.page.methods import tones_of
from smoothie.report.scores import unit_of
from smoothie.run import Result

if TYPE_CHECKING:
    import pandas as pd

LOCAL = "smoothie_local"


def charts_of(result: Result, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All charts that there are.

    Returns
    -------
    list of dict
        Each with section, title, names of the axes, whether x is on a log scale, and `lines`: name,
        color, x, y, low and high; level ones have one y and no x. Points have names in `points`.
    """
    charts = weights_against_quality(result)
    curve, budgets = found.get("k_curve"), found.get("budgets")
    if curve is not None:
        charts.append(score_against_k(result, curve))
    if budgets is not None:
        charts.append(score_against_labels(result, budgets))
    return charts


def score_against_k(result: Result, curve: pd.DataFrame) -> dict[str, Any]:
    """Score of Smoothie-Local, beside methods that do not depend on k."""
    assert result.scores is not None
    assert result.table is not None
    table = result.table[result.table["n"] == curve["n"].iloc[0]]  # on the inputs of the curve
    score_of = dict(zip(table["method"], table["score"], strict=True))
    lines = [line_of(LOCAL, tones_of(LOCAL), curve, "k")]
    lines += [level(name, score_of[name]) for name in LINES if name in score_of]
    return {
        "section": "curves",
        "title": "Score against k",
        "x": "k, inputs in a neighborhood of smoothie_local",
        "y": unit_of(result.scores),
        "log": True,
        "lines": lines,
    }


def score_against_labels(result: Result, budgets: pd.DataFrame) -> dict[str, Any]:
    """Score of the methods that learn from labels, beside those that need none."""
    assert result.scores is not None
    lines = []
    for name, part in budgets.groupby("method", sort=False):
        if (part["budget"] == 0).all():
            lines.append(level(str(name), float(part["score"].iloc[0])))
        else:
            lines.append(line_of(str(name), tones_of(str(name)), part, "budget"))
    return {
        "section": "curves",
        "title": "Score against labels",
        "x": "labeled inputs",
        "y": unit_of(result.scores),
        "log": True,
        "lines": lines,
    }


def line_of(name: str, drawn: Mapping[str, str], table: pd.DataFrame, x: str) -> dict[str, Any]:
    """A curve with its interval."""
    return {
        "name": name,
        **drawn,
        "x": table[x].to_numpy(),
        "y": table["score"].to_numpy(),
        "low": table["ci_low"].to_numpy(),
        "high": table["ci_high"].to_numpy(),
    }


def level(name: str, score: float) -> dict[str, Any]:
    """A score of a method that does not depend on x."""
    return {"name": name, **tones_of(name), "x": None, "y": [score]}


def weights_against_quality(result: Result) -> list[dict[str, Any]]:
    """For each method with weights: mean weight of each candidate against its true mean score."""
    scores, table, problem = result.scores, result.table, result.problem
    if scores is None or table is None or not scores.scored.any():
        return []
    kept = np.flatnonzero(scores.candidates)
    quality = scores.values[scores.scored].mean(axis=0)[kept]
    order = np.argsort(quality, kind="stable")
    correlation = dict(zip(table["method"], table["rank_correlation"], strict=True))
    charts = []
    for name, routing in result.routings.items():
        if routing.weights is None or name not in correlation:
            continue
        weights = routing.weights.reshape(-1, len(problem.candidates)).mean(axis=0)[kept]
        rho = correlation[name]
        charts.append(
            {
                "section": "weights",
                "title": name if np.isnan(rho) else f"{name}: rank correlation {rho:.2f}",
                "x": f"true {unit_of(scores)}",
                "y": "mean weight",
                "log": False,
                "points": [problem.candidates[kept[j]] for j in order],
                "lines": [
                    {
                        "name": name,
                        **tones_of(name),
                        "x": quality[order],
                        "y": weights[order],
                    }
                ],
            }
        )
    return charts
