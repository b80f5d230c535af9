"""The page of what the front door chose, with scores where there is something to score with."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from smoothie.errors import NotAvailableError, SmoothieError
from smoothie.evaluation import Bootstrap
from smoothie.evidence import Evidence, Votes
from smoothie.metrics.scores import Scores
from smoothie.metrics.scoring import score
from smoothie.problem import Problem, places
from smoothie.report.diagnosis import STANDARD, diagnose_run
from smoothie.report.page.of_run import page_of_run
from smoothie.report.scores import evaluate_tasks
from smoothie.routers.base import ROUTERS, Router, Routing
from smoothie.run import Result, choose, compare, gather

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


def page_of_texts(
    problem: Problem,
    evidence: Evidence,
    chosen: tuple[str, Router | None, Routing],
    encoder: str | None = None,
    sample: int | None = None,
) -> str:
    """The page of one method's choices, beside the methods of the report.

    Parameters
    ----------
    problem : Problem
    evidence : Evidence
        What was chosen by.
    chosen : tuple of name, router and routing
        The router is None where a fitted one chose.
    encoder : str, optional
        What made the vectors.
    sample : int, optional
        So many inputs in the browser of inputs.

    Returns
    -------
    str
        HTML. Random choice and, with scores, the bounds are on it, too.
    """
    scores = scores_of(problem)
    method, router, routing = chosen
    routers: dict[str, Router] = {"random": ROUTERS["random"]()}
    routers |= {} if router is None else {method: router}
    routers |= {name: kind() for name, kind in STANDARD.items() if name != method}
    routings = {"random": choose(routers["random"], evidence), method: routing}
    for name, other in routers.items():
        if name not in routings:
            with suppress(NotAvailableError):
                routings[name] = choose(other, evidence)
    if scores is not None:
        nothing = np.broadcast_to(0.0, (*problem.texts.shape, problem.texts.shape[1]))
        known = gather(problem, Votes(nothing), scores)
        for name in ("best_single", "oracle"):
            with suppress(NotAvailableError):
                routers[name] = ROUTERS[name]()
                routings[name] = choose(routers[name], known)
    result = Result(
        problem,
        Votes(np.empty((0, 0, 0))),
        evidence,
        routers,
        routings,
        Bootstrap(),
        scores,
        routed=routing,
        names={"encoder": encoder or "none"},
        signature=f"method {method} | encoder {encoder or 'none'}",
    )
    if scores is not None:
        result = replace(result, table=table_of(result, scores))
    found = {"diagnosis": diagnose_run(result), "by_task": evaluate_tasks(result)}
    return page_of_run(result, found, sample)


def scores_of(problem: Problem) -> Scores | None:
    """The scores that the data allows; None, with a warning, where scoring fails."""
    try:
        scores = score(problem)
    except SmoothieError as error:
        log.warning("nothing is scored: %s", error)
        return None
    return scores if scores is not None and scores.known.any() else None


def table_of(result: Result, scores: Scores) -> pd.DataFrame:
    """The results as `smoothie evaluate` has them: resampled in the order of the ids."""
    rows = places(result.problem, result.problem.by_id())
    ordered = {name: routing.take(rows) for name, routing in result.compared.items()}
    return compare(ordered, replace(scores, values=scores.values[rows]), result.bootstrap)
