"""The steps of a run: load, score, encode, route; each a function of the ones before.

Within a sweep, what a step made is kept for the jobs that ask for the same.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.config import build, plain, typed
from smoothie.cleaning import clean_texts
from smoothie.clock import Clock
from smoothie.encoders import ENCODERS
from smoothie.encoders.base import Encoder
from smoothie.errors import NotAvailableError, SmoothieError
from smoothie.evidence import Evidence, Labelled, Need, Votes, what_lacks
from smoothie.loaders import SOURCES, Source
from smoothie.metrics.models import MODEL_METRICS, model_scores
from smoothie.metrics.scores import Scores
from smoothie.metrics.scoring import score
from smoothie.parallel.cluster import RayCluster
from smoothie.parallel.local import cores
from smoothie.problem import Problem
from smoothie.routers.base import ROUTERS, Router, Routing, seeded
from smoothie.scorers import SCORERS, Scorer
from smoothie.storage.cache import VectorCache
from smoothie.storage.files import child, replacing

log = logging.getLogger(__name__)

ENGINES = ("local", "ray")


class Memory:
    """What one process keeps between the jobs of a sweep, by the settings that made it."""

    def __init__(self, size: int = 8) -> None:
        self.size = size  # of each kind
        self.kept: dict[str, dict[str, Any]] = {}

    def get(self, make: Callable[[], Any], kind: str, *settings: Any) -> Any:
        """The thing of these settings; made if it is not there, the least recent one dropped."""
        of_kind = self.kept.setdefault(kind, {})
        key = json.dumps(settings, sort_keys=True, default=str)
        of_kind[key] = of_kind.pop(key) if key in of_kind else make()
        if len(of_kind) > self.size:
            del of_kind[next(iter(of_kind))]
        return of_kind[key]


memory = Memory()


def load(cfg: DictConfig) -> tuple[Source, Problem, Problem | None]:
    """Load the problem, and the training split if there is one."""
    asked = cfg.ensemble.candidates
    if asked is not None and isinstance(asked, str):
        raise SmoothieError(f"ensemble.candidates={asked}: expected a list such as [a,b,c]")
    candidates = None if asked is None else [str(name) for name in asked]
    settings = plain(cfg.dataset, "dataset")
    size, seed = cfg.ensemble.get("size"), cfg.ensemble.get("seed", 0)

    def read() -> tuple[Source, Problem, Problem | None]:
        source: Source = build(SOURCES, "source", settings, "dataset")
        problem = source.load(candidates)
        if size is not None:
            problem = problem.select(draw_candidates(problem.candidates, size, seed))
        return source, problem, source.load_train(problem.candidates)

    loaded: tuple[Source, Problem, Problem | None] = memory.get(
        read, "load", settings, candidates, size, seed
    )
    problem = loaded[1]
    log.info(
        "%s: %d inputs, %d candidates (%s)",
        problem.name,
        len(problem.inputs),
        len(problem.candidates),
        ", ".join(problem.candidates),
    )
    empty = sum(not text.strip() for text in problem.input_texts)
    if 0 < empty < len(problem.inputs):
        log.warning(
            "%s: %d inputs are empty; they count as similar to one another", problem.name, empty
        )
    return loaded


def draw_candidates(candidates: Sequence[str], size: int, seed: int) -> list[str]:
    """A random ensemble: so many of the candidates, in their own order."""
    if not 3 <= size <= len(candidates):
        raise SmoothieError(
            f"ensemble.size={size}: expected between 3 and the number of candidates, "
            f"{len(candidates)}"
        )
    drawn = seeded(seed).choice(len(candidates), size, replace=False)
    return [candidates[i] for i in sorted(drawn)]


def score_problem(
    cfg: DictConfig, source: Source, problem: Problem, clock: Clock, part: str = "test"
) -> Scores | None:
    """Score a problem, from the cache where the scores are known."""
    metric = plain(cfg.metric, "metric")
    clock.note("score", "cached by an earlier job")

    def compute() -> Scores | None:
        cleaned = problem.with_texts(clean_texts(problem.texts, metric["cleaning"]))
        known = VectorCache(cache_folder(cfg, "scores"), "<f8")
        if metric["name"] in MODEL_METRICS:
            settings = {key: value for key, value in metric.items() if key != "cleaning"}
            model = build(MODEL_METRICS, "name", settings, "metric")
            made: Scores | None = model_scores(cleaned, model, known)
        else:
            machines = workers_of(cfg), cluster_of(cfg)
            made = score(cleaned, metric["name"], source.metrics, known, *machines)
        words = f"{known.made} texts scored" if known.asked else "nothing to compute"
        clock.note("score", words)
        return made

    scores: Scores | None = memory.get(
        compute, "score", part, plain(cfg.dataset, "dataset"), problem.candidates, metric
    )
    return scores


def cache_folder(cfg: DictConfig, kind: str) -> Path | None:
    """Where things of a kind are kept between runs; None where nothing is."""
    return None if cfg.paths.cache is None else Path(cfg.paths.cache).expanduser() / kind


def workers_of(cfg: DictConfig) -> int:
    """Processes to score in: as many as cores, unless the configuration says otherwise."""
    asked = cfg.get("workers")
    if asked is not None and (not isinstance(asked, int) or asked < 1):
        raise SmoothieError(f"workers={asked}: expected a number from 1, or null for all cores")
    return int(asked or cores())


def cluster_of(cfg: DictConfig) -> RayCluster | None:
    """The machines that encode and score in the place of this one, where there are any."""
    settings = plain(cfg.engine, "engine")
    name = settings.pop("name")
    if name not in ENGINES:
        raise SmoothieError(f"engine.name={name}: expected one of {', '.join(ENGINES)}")
    return RayCluster(**typed(RayCluster, settings, "engine")) if name == "ray" else None


def say_what_is_scored(problem: Problem, scores: Scores | None) -> None:
    """Refuse problems without any scored input; count the unscored ones of others."""
    if scores is None:
        log.warning("%s: nothing to score with, so nothing is scored", problem.name)
    elif not scores.scored.any():
        raise SmoothieError(
            f"{problem.name}: no input has a score ({scores.metric}) for every candidate"
        )
    elif not scores.scored.all():
        log.warning(
            "%s: %d of %d inputs lack a score (%s) for some candidate; they vote, "
            "but no result counts them",
            problem.name,
            int((~scores.scored).sum()),
            len(problem.inputs),
            scores.metric,
        )


def score_train(
    cfg: DictConfig, source: Source, train: Problem, scores: Scores | None
) -> Scores | None:
    """Score the training split in the same way as the inputs to route."""
    if scores is None or scores.per_candidate:
        return None
    if scores.metric != "labels":
        train = replace(train, labels=None)  # so that "auto" looks at references here, too
    elif not train.has_labels:
        raise SmoothieError(f"{train.name}: the training split has no labels to learn from")
    train_scores = score_problem(cfg, source, train, Clock(), "train")
    if train_scores is None:
        raise SmoothieError(f"{train.name}: the training split has no references to learn from")
    return train_scores


def make_encoder(cfg: DictConfig) -> Encoder:
    """The encoder, with its model and cache as an earlier job left them."""
    settings = plain(cfg.encoder, "encoder")
    name = settings.pop("name")
    if name == "demo" and str(cfg.dataset.get("path")) != str(Path(settings["folder"]).parent):
        raise SmoothieError(
            "encoder=demo holds the vectors of the demo alone: choose encoder=minilm or mpnet, "
            "another model with encoder=sentence_transformers encoder.model=NAME, "
            "or your own vectors with encoder=stored encoder.folder=FOLDER"
        )
    engine = plain(cfg.engine, "engine")
    given = {"cluster": cluster_of(cfg)} if settings["encoder"] == "sentence_transformers" else {}
    encoder: Encoder = memory.get(
        lambda: build(ENCODERS, "encoder", settings, "encoder", given), "encoder", settings, engine
    )
    return encoder


def encode(
    cfg: DictConfig, encoder: Encoder, problem: Problem, clock: Clock, part: str = "test"
) -> Votes:
    """Embed the texts of a problem and take distances."""
    several = part == "test" and problem.more_texts is not None and asks_for_several(cfg)
    approximate = is_approximate(cfg)
    described = plain(cfg.dataset, "dataset"), plain(cfg.encoder, "encoder")
    settings = (part, problem.ids, *described, several, approximate)
    known: dict[tuple[str, ...], Votes] = memory.get(dict, "votes", *settings)
    if problem.candidates not in known:
        votes = take_votes(encoder, problem, known, clock, several)
        votes.index.approximate = approximate
        votes.index.cache = cache_folder(cfg, "neighbors")
        known[problem.candidates] = votes
    else:
        clock.note("distances", "cached by an earlier job")
    return known[problem.candidates]


def asks_for_several(cfg: DictConfig) -> bool:
    """Whether a method looks at more than the first generation; to embed more costs time."""
    return any(
        Need.GENERATIONS in make_router(cfg, name).needs
        for name in (*cfg.methods, cfg.output.method)
    )


def is_approximate(cfg: DictConfig) -> bool:
    """Whether neighbors are looked up in an approximate index."""
    asked = cfg.get("neighbors", "exact")
    if asked not in ("exact", "approximate"):
        raise SmoothieError(f"neighbors={asked}: expected exact or approximate")
    return bool(asked == "approximate")


def encode_inputs(
    encoder: Encoder, train: Problem, clock: Clock
) -> NDArray[np.floating[Any]] | None:
    """Embed the inputs of the training split; None where they are empty or have no vectors."""
    if not train.has_inputs:
        return None
    with clock.step("encode"):
        return encoder.encode_inputs(train.input_texts)


def take_votes(
    encoder: Encoder,
    problem: Problem,
    known: dict[tuple[str, ...], Votes],
    clock: Clock,
    several: bool = False,
) -> Votes:
    """Distances of a problem: a slice of those of a larger ensemble, where there is one."""
    for columns, votes in known.items():
        if set(problem.candidates) <= set(columns):
            clock.note("distances", "a slice of a larger ensemble's")
            return votes.select(np.array([columns.index(name) for name in problem.candidates]))
    measured = encoder.measure(problem, several, clock)
    tasks = np.array(problem.tasks)
    return Votes(measured.distances, measured.inputs, problem.texts, tasks, measured.mean_distances)


def export_vectors(encoder: Encoder, problem: Problem, folder: Path) -> None:
    """Write the vectors of a problem as `encoder=stored` reads them."""
    if len(problem.ids) != problem.source_rows:
        raise SmoothieError(
            "output.vectors needs all inputs: unset dataset.limit and dataset.missing"
        )
    generations, inputs = encoder.encode_problem(problem, problem.has_inputs)
    columns = dict(zip(problem.candidates, np.swapaxes(generations, 0, 1), strict=True))
    for name, vectors in (columns | ({} if inputs is None else {"inputs": inputs})).items():
        with replacing(child(folder, f"{name}.npy")) as temporary:
            np.save(temporary, vectors, allow_pickle=False)


def make_router(cfg: DictConfig, name: str) -> Router:
    """The router of a method."""
    where = f"method.{name}"
    router: Router = build(ROUTERS, "router", plain(cfg.method[name], where), where)
    return router


def make_scorer(cfg: DictConfig) -> Scorer:
    """The scorer, as an earlier job left it."""
    settings = plain(cfg.scorer, "scorer")
    del settings["ties"]  # of the method that routes by it
    scorer: Scorer = memory.get(
        lambda: build(SCORERS, "scorer", settings, "scorer"), "scorer", settings
    )
    return scorer


def judge(cfg: DictConfig, scorer: Scorer, problem: Problem, clock: Clock) -> NDArray[np.float64]:
    """What the scorer says of every text of a problem."""
    settings = (plain(cfg.dataset, "dataset"), problem.ids, problem.candidates)
    before = getattr(scorer, "judged", 0)
    verdicts: NDArray[np.float64] = memory.get(
        lambda: scorer.score(problem), "verdicts", plain(cfg.scorer, "scorer"), *settings
    )
    clock.note("judge", f"{getattr(scorer, 'judged', 0) - before} items judged")
    return verdicts


def gather(
    source: Source,
    problem: Problem,
    votes: Votes,
    scores: Scores | None,
    train: Votes | None = None,
    train_labels: Labelled | None = None,
    verdicts: NDArray[np.float64] | None = None,
) -> Evidence:
    """All that there is to route by in a run, with the reasons for what is missing."""
    missing = {Need.TRAIN: "there is no training split with vectors (dataset.train_split)"}
    if not problem.has_inputs:
        missing[Need.INPUTS] = "the inputs are empty, so that there is nothing to compare them by"
    selections = getattr(source, "selections", None)
    if selections is not None and getattr(source, "pooled", False):
        missing[Need.SELECTIONS] = (
            "selections were stored for the set as generated (dataset.pooled=false)"
        )
        selections = None
    return Evidence(
        votes,
        None if scores is None else scores.quality,
        scores is not None and scores.per_candidate,
        train,
        train_labels,
        verdicts,
        None if selections is None else partial(selections, problem=problem),
        missing,
    )


def route(name: str, router: Router, evidence: Evidence) -> Routing | None:
    """Let a method choose from what it declared; None, with a warning, if something is missing."""
    lack = what_lacks(router, evidence)
    if lack is None:
        try:
            return router.route(evidence.limited_to(router))
        except NotAvailableError as error:
            lack = str(error)
    log.warning("%s is left out: %s", name, lack)
    return None
