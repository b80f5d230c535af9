"""Route one problem: load -> encode -> distances -> route, score -> evaluate."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.budgets import curve_over_budgets
from experiments.config import named, plain, typed
from experiments.costs import compare_costs
from experiments.result import Result
from experiments.steps import (
    encode,
    encode_inputs,
    export_vectors,
    gather,
    judge,
    load,
    make_encoder,
    make_router,
    make_scorer,
    route,
    say_what_is_scored,
    score_problem,
    score_train,
)
from smoothie.clock import Clock
from smoothie.encoders.base import Encoder
from smoothie.errors import SmoothieError
from smoothie.estimator import require_three_candidates, resolve_errors, triplet_errors
from smoothie.evaluation import Bootstrap, evaluate, evaluate_candidates, fixed
from smoothie.evidence import OF_LABELS, Evidence, Labelled, Need, Votes
from smoothie.loaders import Source
from smoothie.metrics.scores import Scores
from smoothie.problem import Problem
from smoothie.report.tables import CANDIDATE
from smoothie.routers.base import Router, Routing
from smoothie.routers.loading import SAVED
from smoothie.routers.smoothie_local import neighborhood_means

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

LARGEST_CURVE = 20_000  # inputs up to which score is plotted against k without being asked


def run(cfg: DictConfig, clock: Clock | None = None) -> Result:
    """Route one problem, score it and evaluate it; writes nothing but caches.

    Parameters
    ----------
    cfg : DictConfig
        The composed configuration.
    clock : Clock, optional
        Takes the time of the steps.

    Raises
    ------
    SmoothieError
        If a setting or a file is wrong; the message is one sentence.
    """
    clock = clock or Clock()
    if cfg.get("experiment"):
        name = next(iter(cfg.experiment))
        raise SmoothieError(
            f"experiment={name} is many runs: python -m experiments.reproduce experiment={name}"
        )
    methods = methods_of(cfg)
    routers = {name: make_router(cfg, name) for name in methods}
    bootstrap = Bootstrap(**typed(Bootstrap, plain(cfg.evaluation, "evaluation"), "evaluation"))
    output = Output(**typed(Output, plain(cfg.output, "output"), "output"))
    if output.method not in cfg.method:
        raise SmoothieError(f"output.method={output.method}: there are {', '.join(cfg.method)}")
    output_router = routers.get(output.method) or make_router(cfg, output.method)
    if output.router is not None and not isinstance(output_router, SAVED):
        raise SmoothieError(
            f"output.router: a fitted {output.method} cannot be saved; "
            f"set output.method=smoothie_local or smoothie_global"
        )
    with clock.step("load"):
        source, problem, train = load(cfg)
    require_three_candidates(len(problem.candidates))
    for name, router in routers.items():  # before anything is encoded
        with named(f"method.{name}"):
            router.check(problem.texts.shape)
    with clock.step("score"):
        scores = score_problem(cfg, source, problem, clock)
        say_what_is_scored(problem, scores)
    encoder = make_encoder(cfg)
    votes = encode(cfg, encoder, problem, clock)
    if output.vectors is not None:
        export_vectors(encoder, problem, Path(output.vectors))
    needs = frozenset().union(*(router.needs for router in [*routers.values(), output_router]))
    scorer = verdicts = None
    if Need.VERDICTS in needs:
        scorer = make_scorer(cfg)
        with clock.step("judge"):
            verdicts = judge(cfg, scorer, problem, clock)
    train_votes, train_labels = see_train(cfg, source, train, encoder, needs, scores, clock)
    seen = gather(source, problem, votes, scores, train_votes, train_labels, verdicts)
    whole = scores is not None and not scores.per_candidate
    sizes = sizes_of_curve(output.k_curve, votes) if whole else []
    routings = {}
    with clock.step("route"):
        if sizes:
            votes.index.search(sizes[-1])  # once for all; smaller neighborhoods are prefixes
        for name, router in routers.items():
            routing = route(name, router, seen)
            if routing is not None:
                routings[name] = routing
        if not routings:
            raise SmoothieError(f"none of the methods {', '.join(methods)} can be used here")
        routed = routings.get(output.method) or route_texts(output.method, output_router, seen)
        if votes.index.from_cache:
            clock.note("route", "neighbors from the cache")
    if output.router is not None and isinstance(output_router, SAVED):
        if routed is None:
            raise SmoothieError(f"output.router: {output.method} cannot be fitted here")
        output_router.save(Path(output.router).expanduser(), problem.candidates)

    table = by_task = k_curve = budget_curve = None
    if scores is not None:
        with clock.step("evaluate"):
            compared = routings | candidates_alone(problem)
            if scores.per_candidate:
                rows, lower = len(problem.inputs), scores.lower_is_better
                table = evaluate_candidates(compared, scores.values[0], rows, lower)
            else:
                table = evaluate(compared, scores.values, bootstrap, scores.lower_is_better)
                by_task = evaluate_tasks(compared, problem, scores, bootstrap, table)
                k_curve = curve_over_k(sizes, votes, scores, bootstrap)
                budget_curve = curve_over_budgets(
                    output.budgets, routers, routings, seen, scores, bootstrap
                )
    scored = None if scores is None else scores.scored
    costs = compare_costs(problem, routings | candidates_alone(problem), routers, scored)
    k_of = {name: getattr(router, "k", None) for name, router in routers.items()}
    names = {
        "dataset": problem.name,
        "ensemble": ensemble_name(cfg),
        "encoder": str(cfg.encoder.name),
    }
    left_out = 0 if scores is None else int((~scores.scored).sum())
    metric = "nothing scored" if scores is None else scores.metric
    recall = votes.index.recall
    signature = " | ".join(
        [
            f"data {problem.name}, {len(problem.inputs)} inputs ({left_out} unscored), "
            f"{len(problem.candidates)} candidates, cleaning {cfg.dataset.get('cleaning', 'none')}",
            f"encoder {encoder.signature}",
            f"metric {metric}",
            *([] if scorer is None else [f"scorer {scorer.signature}"]),
            *([] if recall is None else [f"neighbors with recall {recall:.3f}"]),
            f"bootstrap {bootstrap.draws} draws, seed {bootstrap.seed}",
        ]
    )
    return Result(
        problem,
        routings,
        routed,
        scores,
        table,
        by_task,
        k_curve,
        names,
        k_of,
        signature,
        budget_curve=budget_curve,
        costs=costs,
    )


@dataclass
class Output:
    """Settings of what is written.

    Attributes
    ----------
    method : str
        Whose texts go to routed.jsonl.
    plots : bool
        Whether plots are drawn.
    vectors : str or None
        A folder to write the vectors to.
    router : str or None
        A file to write the fitted router of `method` to.
    k_curve : list of int
        Values of k in the plot of score against k.
    budgets : list of int
        Numbers of labels in the plot of score against labels; without any it is not made.
    """

    method: str = "smoothie_local"
    plots: bool = True
    vectors: str | None = None
    router: str | None = None
    k_curve: list[int] = field(default_factory=list)
    budgets: list[int] = field(default_factory=list)


def methods_of(cfg: DictConfig) -> list[str]:
    """Names of the methods to run."""
    if cfg.methods is None or isinstance(cfg.methods, str):
        raise SmoothieError(
            f"methods={cfg.methods}: expected a list such as [smoothie_local,random]"
        )
    methods = [str(name) for name in cfg.methods]
    if not methods:
        raise SmoothieError(f"methods is empty; there are {', '.join(cfg.method)}")
    for i, name in enumerate(methods):
        if name not in cfg.method:
            raise SmoothieError(f"methods: no method {name!r}; there are {', '.join(cfg.method)}")
        if name in methods[:i]:
            raise SmoothieError(f"methods names {name!r} twice")
    return methods


def ensemble_name(cfg: DictConfig) -> str:
    """Name of the ensemble; a list given on the command line is its own name."""
    if cfg.dataset.get("model") is not None and cfg.ensemble.name == "all":
        return f"prompts of {cfg.dataset.model}"
    if cfg.ensemble.name == "all" and cfg.ensemble.candidates is not None:
        return "+".join(str(name) for name in cfg.ensemble.candidates)
    return str(cfg.ensemble.name)


def see_train(
    cfg: DictConfig,
    source: Source,
    train: Problem | None,
    encoder: Encoder,
    needs: frozenset[Need],
    scores: Scores | None,
    clock: Clock,
) -> tuple[Votes | None, Labelled | None]:
    """What the methods need of the training split: votes and labels."""
    if train is None:
        return None, None
    train_scores = votes = None
    if needs & OF_LABELS:
        with clock.step("score"):
            train_scores = score_train(cfg, source, train, scores)
    inputs = encode_inputs(encoder, train, clock)
    if inputs is not None and Need.TRAIN in needs:
        votes = encode(cfg, encoder, train, clock, "train")
    labels = None if train_scores is None else Labelled(train_scores.quality, inputs)
    return votes, labels


def route_texts(name: str, router: Router, seen: Evidence) -> Routing | None:
    """Choices of a method that is not among those compared, for routed.jsonl alone."""
    routing = None
    try:
        router.check(seen.shape)
        routing = route(name, router, seen)
    except SmoothieError as error:
        log.warning("%s: %s", name, error)
    if routing is None:
        log.warning("routed.jsonl is not written: output.method=%s cannot be used here", name)
    return routing


def candidates_alone(problem: Problem) -> dict[str, Routing]:
    """Each candidate as if it were always chosen."""
    return {
        f"{CANDIDATE}{name}": fixed(j, len(problem.inputs))
        for j, name in enumerate(problem.candidates)
    }


def evaluate_tasks(
    routings: Mapping[str, Routing],
    problem: Problem,
    scores: Scores,
    bootstrap: Bootstrap,
    whole: pd.DataFrame,
) -> pd.DataFrame:
    """Evaluate the inputs of each task by themselves; `whole` is the table of all of them."""
    import pandas as pd

    tasks = np.array(problem.tasks, dtype=object)
    tables = []
    for task in dict.fromkeys(problem.tasks):
        rows = tasks == task
        if not scores.scored[rows].any():
            log.warning("task %s: no input is scored", task or "(unnamed)")
            continue
        table = whole.copy()
        if not rows.all():
            part = {name: of_rows(routing, rows) for name, routing in routings.items()}
            table = evaluate(part, scores.values[rows], bootstrap, scores.lower_is_better)
        table.insert(0, "task", task)
        table["metric"] = scores.by_task.get(task, scores.metric)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def of_rows(routing: Routing, rows: NDArray[np.bool_]) -> Routing:
    """What a method chose for some of the inputs."""
    weights = routing.weights
    if weights is not None and weights.ndim == 2:
        weights = weights[rows]
    return replace(routing, choices=routing.choices[:, rows], weights=weights)


def sizes_of_curve(asked: list[int], votes: Votes) -> list[int]:
    """The values of k that can be plotted, in ascending order; none without neighbors."""
    rows = votes.shape[0]
    if votes.inputs is None or not asked:
        return []
    if rows > LARGEST_CURVE:
        log.info("score against k is left out: it takes the time of %d^2 distances", rows)
        return []
    return sorted({k for k in asked if 1 <= k <= rows})


def curve_over_k(
    sizes: list[int], votes: Votes, scores: Scores, bootstrap: Bootstrap
) -> pd.DataFrame | None:
    """Score of Smoothie-Local for several k, in ascending order."""
    if not sizes:
        return None
    means = neighborhood_means(votes.distances, votes.index.search(sizes[-1]), sizes)
    routings = {
        str(k): Routing(resolve_errors(triplet_errors(mean)).argmin(axis=1)[None, :])
        for k, mean in zip(sizes, means, strict=True)
    }
    table = evaluate(routings, scores.values, bootstrap, scores.lower_is_better)
    table.insert(0, "k", sizes)
    return table[["k", "score", "ci_low", "ci_high", "n"]]
