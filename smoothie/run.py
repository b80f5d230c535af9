"""One run: route a problem by several routers and evaluate their choices."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smoothie.clock import Clock
from smoothie.encoders.base import Encoder
from smoothie.errors import NotAvailableError, SmoothieError
from smoothie.evaluation import CANDIDATE, Bootstrap, evaluate, evaluate_candidates, fixed
from smoothie.evidence import NUMBERS, Evidence, Labelled, Need, Selections, Votes, missing_evidence
from smoothie.metrics.scores import Scores
from smoothie.metrics.scoring import score
from smoothie.problem import Problem
from smoothie.routers.base import Router, Routing

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Result:
    """The result of a run.

    Attributes
    ----------
    problem : Problem
        What was routed.
    votes : Votes
        Distances, inputs and texts used for routing.
    evidence : Evidence
        All that the routers may declare to need.
    routers : dict of method -> Router
        The methods that were compared, including those that could not be used.
    routings : dict of method -> Routing
        What each method chose.
    bootstrap : Bootstrap
        How intervals are computed.
    scores : Scores or None
        None if there was nothing to score with.
    table : DataFrame or None
        What `evaluation.evaluate` returns for all methods and candidates.
    routed : Routing or None
        The choices whose texts are written out; None if that method could not be used.
    names : dict of str -> str
        Names of dataset, ensemble and encoder.
    signature : str
        How the numbers were computed, in one line.
    command : mapping, optional
        What makes this result again: name of the configuration and its settings, as typed.
    """

    problem: Problem
    votes: Votes
    evidence: Evidence
    routers: Mapping[str, Router]
    routings: Mapping[str, Routing]
    bootstrap: Bootstrap
    scores: Scores | None = None
    table: pd.DataFrame | None = None
    routed: Routing | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    signature: str = ""
    command: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def compared(self) -> dict[str, Routing]:
        """What each method chose, and each candidate as if it were always chosen."""
        return {**self.routings, **candidates_alone(self.problem)}

    @property
    def scores_of_inputs(self) -> Scores | None:
        """The scores, if there is one for each text and not only one for each candidate."""
        return None if self.scores is None or self.scores.per_candidate else self.scores


def run(
    problem: Problem,
    routers: Mapping[str, Router],
    *,
    encoder: Encoder | None = None,
    votes: Votes | None = None,
    metric: str | None = "auto",
    scores: Scores | None = None,
    evidence: Evidence | None = None,
    bootstrap: Bootstrap | None = None,
    clock: Clock | None = None,
) -> Result:
    """Route a problem by several methods, and evaluate them where there is something to score with.

    Parameters
    ----------
    problem : Problem
    routers : mapping of method -> Router
        The methods to compare.
    encoder : Encoder, optional
        Computes the votes if they are not given.
    votes : Votes, optional
        Distances between the texts, and embedded inputs.
    metric : str or None
        As for `smoothie.metrics.scoring.score`, if scores are not given; None scores nothing.
    scores : Scores, optional
        The quality of every text.
    evidence : Evidence, optional
        As returned by `gather`, if there is more evidence than votes and scores: a training split,
        verdicts of a scorer, stored selections.
    bootstrap : Bootstrap, optional
        How intervals are computed.
    clock : Clock, optional
        Takes the time of the steps.

    Returns
    -------
    Result

    Raises
    ------
    SmoothieError
        If there are too few candidates for every method, a setting of a router does not fit the
        problem, nothing has a score, or no method can be used. Settings are checked before anything
        is encoded.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Votes
    >>> from smoothie.problem import Input, assemble
    >>> from smoothie.routers import Consensus, Random
    >>> from smoothie.run import run
    >>> inputs = [Input(id="q", text="Capital of France?")]
    >>> answers = {"a": {"q": "Paris"}, "b": {"q": "paris"}, "c": {"q": "Rome"}}
    >>> problem = assemble("capitals", inputs, answers)
    >>> distances = np.array([[[0.0, 0.1, 1.0], [0.1, 0.0, 1.0], [1.0, 1.0, 0.0]]])
    >>> methods = {"consensus": Consensus(), "random": Random()}
    >>> result = run(problem, methods, votes=Votes(distances, texts=problem.texts))
    >>> problem.candidates[result.routings["consensus"].choices[0, 0]]
    'a'
    """
    clock = clock or Clock()
    bootstrap = bootstrap or Bootstrap()
    check_routers(routers, problem)
    if scores is None and metric is not None:
        with clock.step("score"):
            scores = score(problem, metric)
            require_scored(problem, scores)  # whoever passes scores has looked at them
    if votes is None:
        if encoder is None:
            raise SmoothieError("expected an encoder, or the votes that one computed")
        several = any(Need.GENERATIONS in router.needs for router in routers.values())
        votes = take_votes(problem, encoder, several, clock)
    evidence = evidence or gather(problem, votes, scores)
    with clock.step("route"):
        routings = route_all(routers, evidence)
    result = Result(problem, votes, evidence, routers, routings, bootstrap, scores)
    if scores is None:
        return result
    with clock.step("evaluate"):
        return replace(result, table=compare(result.compared, scores, bootstrap))


def check_routers(routers: Mapping[str, Router], problem: Problem) -> None:
    """Refuse settings that do not fit a problem, before anything is done."""
    fewest = min((router.fewest for router in routers.values()), default=0)
    if len(problem.candidates) < fewest:
        raise SmoothieError(
            f"{problem.name}: at least {NUMBERS[fewest]} candidates are needed by "
            f"{', '.join(routers)}, found {len(problem.candidates)}"
        )
    for name, router in routers.items():
        try:
            router.check(problem.texts.shape)
        except SmoothieError as error:
            raise SmoothieError(f"{name}.{error}") from error


def require_scored(problem: Problem, scores: Scores | None) -> None:
    """Refuse problems without any score; say in one warning what is not scored."""
    if scores is None:
        log.warning("%s: nothing to score with, so nothing is scored", problem.name)
        return
    name, metric, inputs = problem.name, scores.metric, len(problem.inputs)
    if not scores.known.any():
        raise SmoothieError(f"{name}: no input has a score ({metric})")
    silent = [
        c for c, given in zip(problem.candidates, scores.candidates, strict=True) if not given
    ]
    lacking, without = inputs - int(scores.scored.sum()), inputs - int(scores.known.sum())
    parts = [f"no score ({metric}) of {', '.join(silent)}"] if silent else []
    if lacking:
        parts.append(f"{lacking} of {inputs} inputs lack a score ({metric}) for some candidate")
    if silent or lacking > without:
        parts.append(
            f"a method is scored on the inputs where what it chose has a score, and compared with "
            f"random, best_single and oracle on those of the {inputs - lacking} inputs that have a "
            f"score for every candidate{' with any' if silent else ''}"
        )
    elif lacking:
        parts[-1] += "; they vote, but no result counts them"
    if parts:
        log.warning("%s: %s", name, "; ".join(parts))


def take_votes(
    problem: Problem, encoder: Encoder, several: bool = False, clock: Clock | None = None
) -> Votes:
    """Embed the texts of a problem and compute distances.

    Parameters
    ----------
    problem : Problem
    encoder : Encoder
    several : bool
        Whether to embed all generations of each candidate, where there are several.
    clock : Clock, optional
        Takes the time of the steps "encode" and "distances".
    """
    measured = encoder.measure(problem, several, clock)
    tasks = np.array(problem.tasks)
    return Votes(measured.distances, measured.inputs, problem.texts, tasks, measured.mean_distances)


def gather(
    problem: Problem,
    votes: Votes,
    scores: Scores | None = None,
    *,
    train: Votes | None = None,
    train_labels: Labelled | None = None,
    verdicts: NDArray[np.float64] | None = None,
    selections: Selections | None = None,
    missing: Mapping[Need, str] | None = None,
) -> Evidence:
    """All evidence of a run, with the reasons for what is missing.

    Parameters
    ----------
    problem : Problem
    votes : Votes
    scores : Scores, optional
    train, train_labels, verdicts, selections, missing
        As of `Evidence`.
    """
    reasons = {Need.TRAIN: "there is no training split with vectors"}
    if not problem.has_inputs:
        reasons[Need.INPUTS] = "the inputs are empty, so they cannot be compared"
    return Evidence(
        votes,
        None if scores is None else scores.quality,
        scores is not None and scores.per_candidate,
        train,
        train_labels,
        verdicts,
        selections,
        {**reasons, **(missing or {})},
    )


def route_all(routers: Mapping[str, Router], evidence: Evidence) -> dict[str, Routing]:
    """The choices of each method; one whose evidence is missing is skipped, with a warning."""
    routings = {}
    for name, router in routers.items():
        routing = route(name, router, evidence)
        if routing is not None:
            routings[name] = routing
    if not routings:
        raise SmoothieError(f"none of the methods {', '.join(routers)} can be used here")
    return routings


def route(name: str, router: Router, evidence: Evidence) -> Routing | None:
    """Let a method choose from what it declared; None, with a warning, if something is missing."""
    try:
        return choose(router, evidence)
    except NotAvailableError as error:
        log.warning("%s is skipped: %s", name, error)
        return None


def choose(router: Router, evidence: Evidence) -> Routing:
    """Let a method choose from what it declared.

    Raises
    ------
    NotAvailableError
        If something that it needs is missing.
    """
    lack = missing_evidence(router, evidence)
    if lack is not None:
        raise NotAvailableError(lack)
    return router.route(evidence.limited_to(router))


def candidates_alone(problem: Problem) -> dict[str, Routing]:
    """Each candidate as if it were always chosen."""
    return {
        f"{CANDIDATE}{name}": fixed(j, len(problem.inputs))
        for j, name in enumerate(problem.candidates)
    }


def compare(routings: Mapping[str, Routing], scores: Scores, bootstrap: Bootstrap) -> pd.DataFrame:
    """Evaluate methods and candidates, also where there is only one number for each candidate."""
    if scores.per_candidate:
        rows, lower = len(scores.values), scores.lower_is_better
        return evaluate_candidates(routings, scores.values[0], rows, lower)
    return evaluate(routings, scores.values, bootstrap, scores.lower_is_better)


def describe(
    result: Result, encoder: Encoder, cleaning: str = "none", scorer: str | None = None
) -> str:
    """How the numbers of a run were computed, in one line.

    Parameters
    ----------
    result : Result
    encoder : Encoder
        The encoder of the votes.
    cleaning : str
        Rule by which texts were cleaned.
    scorer : str, optional
        Signature of the scorer, if one gave verdicts.
    """
    problem, scores, recall = result.problem, result.scores, result.votes.index.recall
    unscored = 0 if scores is None else int((~scores.known).sum())
    parts = [
        f"data {problem.name}, {len(problem.inputs)} inputs ({unscored} unscored), "
        f"{len(problem.candidates)} candidates, cleaning {cleaning}",
        f"encoder {encoder.signature}",
        f"metric {'nothing scored' if scores is None else scores.metric}",
        *([] if scorer is None else [f"scorer {scorer}"]),
        *([] if recall is None else [f"neighbors with recall {recall:.3f}"]),
        f"bootstrap {result.bootstrap.draws} draws, seed {result.bootstrap.seed}",
    ]
    return " | ".join(parts)
