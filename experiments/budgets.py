"""Score against the number of labels: at how many learning from labels overtakes voting."""

from __future__ import annotations

import copy
import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from smoothie.errors import SmoothieError
from smoothie.evaluation import Bootstrap, evaluate
from smoothie.evidence import HINDSIGHT, OF_LABELS, Evidence, what_lacks
from smoothie.metrics.scores import Scores
from smoothie.routers.base import Router, Routing

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

OVERTAKEN = ["label_free", "labelled", "labels", "looked_at"]
COLUMNS = ["method", "budget", "score", "ci_low", "ci_high", "n", "labels_used"]


def curve_over_budgets(
    budgets: Sequence[int],
    routers: Mapping[str, Router],
    routings: Mapping[str, Routing],
    seen: Evidence,
    scores: Scores,
    bootstrap: Bootstrap,
) -> pd.DataFrame | None:
    """Score of every labelled method at several budgets, and of the label-free ones.

    Parameters
    ----------
    budgets : sequence of int
        Labelled inputs that a choice may be learnt from.
    routers, routings : mapping of method -> router, Routing
        The methods of the run, and what they chose.
    seen : Evidence
        Labels and inputs; labelled methods get the same as in the run.
    scores : Scores
        Quality of every text.
    bootstrap : Bootstrap
        How intervals are made: the same resamples at every budget.

    Returns
    -------
    DataFrame or None
        Columns method, budget, score, ci_low, ci_high, n, labels_used; label-free methods have one
        row each, with a budget of 0. None without budgets, labelled methods, or scores of single
        inputs.

    Notes
    -----
    At one budget, all methods learn from the same draws and folds. A budget that is larger than the
    labels there are to learn from is left out, with a word.
    """
    learners = {
        name: router
        for name, router in routers.items()
        if router.needs & OF_LABELS and what_lacks(router, seen) is None
    }
    if not budgets or not learners or scores.per_candidate:
        return None
    if min(budgets) < 1:
        raise SmoothieError(f"output.budgets={list(budgets)}: expected numbers of at least 1")
    at: dict[tuple[str, int], Routing] = {
        (name, 0): routing
        for name, routing in routings.items()
        if not routers[name].needs & (OF_LABELS | HINDSIGHT)
    }
    for budget in sorted(set(budgets)):
        for name, router in learners.items():
            learner = copy.copy(router)
            vars(learner)["budget"] = budget
            routing = learner.route(seen.limited_to(learner))
            if routing.labels_used < budget:
                log.warning("output.budgets: %d is left out, there are fewer labels", budget)
                break
            at[name, budget] = routing
    named = {str(place): routing for place, routing in enumerate(at.values())}
    table = evaluate(named, scores.values, bootstrap, scores.lower_is_better)
    table["method"] = [name for name, _ in at]
    table.insert(1, "budget", [budget for _, budget in at])
    return table[COLUMNS]


def overtaken(curve: pd.DataFrame, scores: Scores) -> pd.DataFrame:
    """For each label-free method, the number of labels at which each labelled method overtakes it.

    A method overtakes another at a budget if it has the better score there and at every larger
    budget that was looked at.

    Returns
    -------
    DataFrame
        Columns label_free, labelled, labels (NA where it does not), looked_at: the largest budget.
    """
    import pandas as pd

    sign = -1 if scores.lower_is_better else 1
    free, learnt = curve[curve["budget"] == 0], curve[curve["budget"] > 0]
    rows = []
    for base in free.to_dict("records"):
        for name, points in learnt.groupby("method", sort=False):
            better = (sign * (points["score"] - base["score"]) > 0).to_numpy()
            lasting = np.logical_and.accumulate(better[::-1])[::-1]
            at = points["budget"].to_numpy()[lasting.argmax()] if lasting.any() else None
            rows.append([base["method"], name, at, learnt["budget"].max()])
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
