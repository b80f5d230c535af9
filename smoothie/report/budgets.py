"""Score against the number of labels, and where learning from labels overtakes voting.

score_against_labels.csv has the curve, labels_to_overtake.csv where its lines cross.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from smoothie.errors import SmoothieError
from smoothie.evaluation import evaluate, on_common_inputs
from smoothie.evidence import HINDSIGHT, OF_LABELS
from smoothie.metrics.scores import Scores
from smoothie.report.artifacts import Artifact
from smoothie.report.output import OutputFolder
from smoothie.report.scores import unit_of
from smoothie.routers.base import Routing
from smoothie.run import Result

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)

OVERTAKEN = ["label_free", "labelled", "labels", "looked_at"]
COLUMNS = ["method", "budget", "score", "ci_low", "ci_high", "n", "labels_used"]


def curve_over_budgets(result: Result, budgets: Sequence[int]) -> pd.DataFrame | None:
    """Score of every labeled method at several budgets, and of the label-free ones.

    Parameters
    ----------
    result : Result
        Labeled methods get the same labels and inputs as in the run, and intervals come from the
        same resamples at every budget.
    budgets : sequence of int
        Numbers of labeled inputs that a choice may be learned from.

    Returns
    -------
    DataFrame or None
        Columns method, budget, score, ci_low, ci_high, n, labels_used; label-free methods have one
        row each, with a budget of 0. None without budgets, labeled methods, or scores of single
        inputs.

    Raises
    ------
    SmoothieError
        If a budget is below 1.

    Notes
    -----
    At one budget, all methods learn from the same draws and folds. All are scored on the same
    inputs, on which every choice of every method has a score. A budget that is larger than the
    labels there are to learn from is left out, with a warning.
    """
    scores, seen = result.scores_of_inputs, result.evidence
    learners = {
        name: router
        for name, router in result.routers.items()
        if router.needs & OF_LABELS and name in result.routings
    }
    if scores is None or not budgets or not learners:
        return None
    if min(budgets) < 1:
        raise SmoothieError(f"budgets={list(budgets)}: expected numbers of at least 1")
    at: dict[tuple[str, int], Routing] = {
        (name, 0): routing
        for name, routing in result.routings.items()
        if not result.routers[name].needs & (OF_LABELS | HINDSIGHT)
    }
    for budget in sorted(set(budgets)):
        for name, router in learners.items():
            learner = copy.copy(router)
            vars(learner)["budget"] = budget
            routing = learner.route(seen.limited_to(learner))
            if routing.labels_used < budget:
                log.warning("budgets: %d is skipped, there are fewer labels", budget)
                break
            at[name, budget] = routing
    named = {str(place): routing for place, routing in enumerate(at.values())}
    values = on_common_inputs(named, scores.values)
    if not np.isfinite(values).any():
        log.warning("budgets are skipped: no input has a score of what each method chooses")
        return None
    table = evaluate(named, values, result.bootstrap, scores.lower_is_better)
    table["method"] = [name for name, _ in at]
    table.insert(1, "budget", [budget for _, budget in at])
    return table[COLUMNS]


def overtaken(curve: pd.DataFrame, scores: Scores) -> pd.DataFrame:
    """For each label-free method, the number of labels at which each labeled method overtakes it.

    A method overtakes another at a budget if it has the better score there and at every larger
    budget that was evaluated.

    Returns
    -------
    DataFrame
        Columns label_free, labelled, labels (NA where it does not), looked_at (the largest budget).
    """
    import pandas as pd

    sign = -1 if scores.lower_is_better else 1
    free, learned = curve[curve["budget"] == 0], curve[curve["budget"] > 0]
    rows = []
    for base in free.to_dict("records"):
        for name, points in learned.groupby("method", sort=False):
            better = (sign * (points["score"] - base["score"]) > 0).to_numpy()
            lasting = np.logical_and.accumulate(better[::-1])[::-1]
            at = points["budget"].to_numpy()[lasting.argmax()] if lasting.any() else None
            rows.append([base["method"], name, at, learned["budget"].max()])
    table = pd.DataFrame(rows, columns=OVERTAKEN)
    return table.astype({"labels": "Int64"})


def overtaking(table: pd.DataFrame) -> list[str]:
    """What `overtaken` found, a sentence for each label-free method."""
    sentences = []
    for base, rows in table.groupby("label_free", sort=False):
        done = rows["labels"].notna()
        passed = [f"by {row.labelled} at {row.labels} labels" for row in rows[done].itertuples()]
        behind = [f"by {name}" for name in rows.loc[~done, "labelled"]]
        parts = [f"overtaken {', '.join(passed)}"] if passed else []
        if behind:
            up_to = rows["looked_at"].max()
            parts.append(f"not overtaken {', '.join(behind)} up to {up_to} labels")
        sentences.append(f"{base}: {'; '.join(parts)}.")
    return sentences


def labels_needed(result: Result, curve: pd.DataFrame) -> pd.DataFrame:
    """What `overtaken` finds, with the names of the run."""
    assert result.scores is not None
    return overtaken(curve, result.scores).assign(**result.names)


def write_budgets(result: Result, curve: pd.DataFrame, output: OutputFolder) -> None:
    """The curve, and the labels that are needed to overtake each label-free method."""
    output.table("score_against_labels.csv", curve)
    labels = labels_needed(result, curve)
    output.table("labels_to_overtake.csv", labels, [*result.names, *OVERTAKEN])


def show_budgets(result: Result, curve: pd.DataFrame) -> str:
    """A sentence for each label-free method."""
    return "\n".join(overtaking(labels_needed(result, curve))) + "\n"


def draw_budgets(result: Result, curve: pd.DataFrame) -> Figure:
    """The curve."""
    from smoothie.report.trade_offs import plot_budgets

    assert result.scores is not None
    return plot_budgets(curve, result.problem.name, unit_of(result.scores))


def budget_curve(budgets: Sequence[int]) -> Artifact:
    """The artifact for some numbers of labels."""
    return Artifact(
        lambda result: curve_over_budgets(result, budgets),
        write_budgets,
        show_budgets,
        draw_budgets,
        figure="score_against_labels",
        part="budgets",
    )
