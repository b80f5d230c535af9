"""What a run finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from smoothie.metrics.scores import Scores
from smoothie.problem import Problem
from smoothie.routers.base import Routing

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Result:
    """What a run found.

    Attributes
    ----------
    problem : Problem
        What was routed.
    routings : dict of method -> Routing
        What each method chose.
    routed : Routing or None
        Whose texts are written out; None if that method could not be used.
    scores : Scores or None
        None if there was nothing to score with.
    table, by_task : DataFrame or None
        What `evaluation.evaluate` says of all methods and candidates.
    k_curve : DataFrame or None
        Smoothie-Local against k.
    names : dict of str -> str
        Names of dataset, ensemble and encoder.
    k_of : dict of method -> int or None
        Inputs in a neighborhood, for methods that have such.
    signature : str
        What made the numbers, in one line.
    budget_curve : DataFrame or None
        Labelled methods against the number of labels.
    costs : DataFrame or None
        Cost, latency and length of what each method returns.
    """

    problem: Problem
    routings: dict[str, Routing]
    routed: Routing | None
    scores: Scores | None
    table: pd.DataFrame | None
    by_task: pd.DataFrame | None
    k_curve: pd.DataFrame | None
    names: dict[str, str]
    k_of: dict[str, int | None]
    signature: str
    budget_curve: pd.DataFrame | None = None
    costs: pd.DataFrame | None = None
