"""Route one problem: load -> score, encode -> distances -> route -> evaluate."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.config import named
from experiments.memory import Memory
from experiments.settings import Settings, read_settings
from experiments.steps import (
    encode,
    export_vectors,
    judge,
    load,
    make_encoder,
    make_scorer,
    score_problem,
    stored_selections,
    train_evidence,
)
from smoothie.clock import Clock
from smoothie.encoders.base import Encoder
from smoothie.errors import SmoothieError
from smoothie.evidence import Evidence, Need
from smoothie.problem import Problem
from smoothie.report.k_curve import sizes_of_curve
from smoothie.routers.base import Routing
from smoothie.routers.loading import SAVED
from smoothie.run import Result, check_routers, describe, gather, require_scored, route
from smoothie.run import run as run_problem
from smoothie.storage.files import user_path

log = logging.getLogger(__name__)


def run(cfg: DictConfig, clock: Clock | None = None, memory: Memory | None = None) -> Result:
    """Route one problem, score it and evaluate it; only writes caches and exports.

    Parameters
    ----------
    cfg : DictConfig
        The composed configuration.
    clock : Clock, optional
        Takes the time of the steps.
    memory : Memory, optional
        In-memory cache of earlier jobs in the same process.

    Raises
    ------
    SmoothieError
        If a setting or a file is wrong; the message is one sentence.
    """
    return run_settings(read_settings(cfg), clock or Clock(), memory or Memory())


def run_settings(settings: Settings, clock: Clock, memory: Memory) -> Result:
    """Route one problem as `run` does, with typed settings."""
    output = settings.output
    with clock.step("load"):
        source, problem, train = load(settings, memory)
    check(settings, problem)
    with clock.step("score"):
        scores = score_problem(settings, source, problem, memory, clock)
        require_scored(problem, scores)
    encoder = make_encoder(settings, memory)
    votes = encode(settings, encoder, problem, memory, clock)
    if output.vectors is not None:
        export_vectors(encoder, problem, user_path(output.vectors))
    scorer = verdicts = None
    if Need.VERDICTS in settings.needs:
        scorer = make_scorer(settings, memory)
        verdicts = judge(settings, scorer, problem, memory, clock)
    train_votes, labels = train_evidence(settings, source, train, encoder, scores, memory, clock)
    selections, missing = stored_selections(source, problem)
    evidence = gather(
        problem,
        votes,
        scores,
        train=train_votes,
        train_labels=labels,
        verdicts=verdicts,
        selections=selections,
        missing=missing,
    )
    sizes = [] if scores is None or scores.per_candidate else sizes_of_curve(output.k_curve, votes)
    if sizes:
        with clock.step("route"):
            votes.index.search(sizes[-1])  # once; smaller neighborhoods are prefixes
    result = run_problem(
        problem,
        settings.routers,
        votes=votes,
        metric=None,
        scores=scores,
        evidence=evidence,
        bootstrap=settings.bootstrap,
        clock=clock,
    )
    if votes.index.from_cache:
        clock.note("route", "neighbors cached")
    with clock.step("route"):
        routed = return_texts(settings, result, evidence, encoder)
    names = {
        "dataset": problem.name,
        "ensemble": settings.ensemble.name,
        "encoder": encoder_name(settings.encoder),
    }
    cleaning = settings.dataset.get("cleaning", "none")
    signature = describe(result, encoder, cleaning, None if scorer is None else scorer.signature)
    return replace(result, routed=routed, names=names, signature=signature)


def encoder_name(described: Mapping[str, Any]) -> str:
    """The encoder in tables: its name, or that of its model or files if it takes any of them."""
    name = str(described["name"])
    if name == described["encoder"]:
        places = (described.get(key) for key in ("model", "folder", "file"))
        name = next((Path(place).name for place in places if place), "") or name
    return name


def check(settings: Settings, problem: Problem) -> None:
    """Refuse settings that do not fit the problem, before anything is scored or encoded."""
    with named("method"):
        check_routers(settings.routers, problem)


def return_texts(
    settings: Settings, result: Result, evidence: Evidence, encoder: Encoder
) -> Routing | None:
    """Choices of the method whose texts are written out, which need not be among those compared."""
    name, router = settings.output.method, settings.returned
    routed = result.routings.get(name)
    if routed is None and name not in settings.routers:
        try:
            router.check(evidence.shape)
            routed = route(name, router, evidence)
        except SmoothieError as error:
            log.warning("%s: %s", name, error)
    if routed is None:
        log.warning("routed.jsonl is not written: output.method=%s cannot be used here", name)
    if settings.output.router is not None and isinstance(router, SAVED):
        if routed is None:
            raise SmoothieError(f"output.router: {name} cannot be fitted here")
        router.save(user_path(settings.output.router), result.problem.candidates, encoder)
    return routed
