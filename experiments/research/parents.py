"""Few labels beside what they join: whether they are worse than either by more than noise."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smoothie.report.tables import markdown, number

Floats = NDArray[np.float64]

ROUTED = "few_labels, random"
PARENTS = ("consensus", "best_on_val", "labeled_knn")  # the first needs no labels
NOISE = 1.96  # standard errors


def compared(
    name: str, trials: Sequence[tuple[NDArray[np.intp], Mapping[tuple[str, int], Floats]]]
) -> pd.DataFrame:
    """Differences of few labels to their parents on one set.

    Parameters
    ----------
    name : str
        Of the set.
    trials : sequence of (asked, closed)
        The inputs that methods chose for, (n,), and for each method and number of labels the share
        of the gap that each of these inputs closes, (n,).

    Returns
    -------
    DataFrame
        A row for each parent and number of labels: the mean difference over trials, and its
        standard error. That is made of two parts: inputs are a sample (variance of an input's mean
        difference over the number of inputs), and so are labels (variance of a trial's mean over
        the number of trials).
    """
    asked = np.concatenate([rows for rows, _ in trials])
    budgets = [budget for method, budget in trials[0][1] if method == ROUTED]
    rows = []
    for parent in PARENTS:
        for budget in budgets:
            key = parent, 0 if parent == PARENTS[0] else budget
            if key not in trials[0][1]:
                continue
            differences = [closed[ROUTED, budget] - closed[key] for _, closed in trials]
            of_trials = np.array([values.mean() for values in differences])
            of_inputs = pd.Series(np.concatenate(differences)).groupby(asked).mean().to_numpy()
            error = np.hypot(standard_error(of_inputs), standard_error(of_trials))
            rows.append((name, parent, budget, of_trials.mean(), error))
    return pd.DataFrame(rows, columns=["dataset", "parent", "labels", "difference", "error"])


def standard_error(values: NDArray[np.floating]) -> float:
    """Of the mean of some values; NaN for one."""
    count = len(values)
    return float(values.std(ddof=1) / np.sqrt(count)) if count > 1 else np.nan


def parents_table(parents: pd.DataFrame) -> str:
    """A row for each parent, a column for each number of labels, and the sets beyond noise."""
    budgets = sorted(parents["labels"].unique())
    parents = parents.assign(beyond=parents["difference"] < -NOISE * parents["error"])
    rows = []
    for parent, table in parents.groupby("parent", sort=False):
        cells = []
        for budget in budgets:
            some = table[table["labels"] == budget]
            worse = f"{(some['difference'] < 0).sum()}, {some['beyond'].sum()}"
            cells.append(f"{number(float(some['difference'].mean()), 1)} ({worse})")
        rows.append([str(parent), *cells])
    beyond = [
        f"{name}, {budget} labels, {parent}: {number(lead, 1)} (standard error {number(error, 1)})"
        for name, parent, budget, lead, error in parents[parents["beyond"]]
        .drop(columns="beyond")
        .itertuples(index=False, name=None)
    ]
    listed = "\n".join(f"- {line}" for line in beyond) or "- none"
    header = ["few_labels less", *(str(budget) for budget in budgets)]
    return f"{markdown(header, rows)}\nBeyond noise, of {len(parents)} comparisons:\n\n{listed}\n"
