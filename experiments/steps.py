"""The steps of a run: load, score, encode, route; each a function of the ones before.

Within a sweep, what a step made is kept for the jobs that ask for the same.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.clock import Clock
from experiments.config import build, plain, typed
from smoothie.cache import VectorCache
from smoothie.cleaning import clean_texts
from smoothie.cluster import RayCluster
from smoothie.encoders import ENCODERS, Encoder, SentenceEncoder, StoredVectors
from smoothie.errors import SmoothieError
from smoothie.estimator import squared_distances
from smoothie.files import replacing
from smoothie.loaders import SOURCES, SmoothieData, Source
from smoothie.metrics import Scores, score
from smoothie.model_metrics import MODEL_METRICS, model_scores
from smoothie.parallel import cores
from smoothie.problem import Problem, complete_rows
from smoothie.routers import ROUTERS, BestSingle, SmoothieGenerations, StoredSelections
from smoothie.routers.base import HindsightRouter, Routing, Votes, seeded
from smoothie.routers.labelled import Labelled, LabelledRouter
from smoothie.routers.scorer import ScoredRouter
from smoothie.routers.train_time import SmoothieLocalTrain, TrainTimeRouter
from smoothie.scorers import SCORERS, Scorer
from smoothie.stored_distances import StoredDistances

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
    clock.note("score", "kept from an earlier job")

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
        words = f"{known.made} texts scored anew" if known.asked else "nothing to compute"
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
    encoder: Encoder = memory.get(
        lambda: build(ENCODERS, "encoder", settings, "encoder"), "encoder", settings
    )
    if isinstance(encoder, SentenceEncoder):
        encoder.cluster = cluster_of(cfg)
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
        votes.approximate = approximate
        votes.kept = cache_folder(cfg, "neighbours")
        known[problem.candidates] = votes
    else:
        clock.note("distances", "kept from an earlier job")
    return known[problem.candidates]


def asks_for_several(cfg: DictConfig) -> bool:
    """Whether a method looks at more than the first generation; to embed more costs time."""
    return any(
        cfg.method[name].router == "smoothie_generations"
        for name in (*cfg.methods, cfg.output.method)
    )


def is_approximate(cfg: DictConfig) -> bool:
    """Whether neighbours are looked up in an approximate index."""
    asked = cfg.get("neighbours", "exact")
    if asked not in ("exact", "approximate"):
        raise SmoothieError(f"neighbours={asked}: expected exact or approximate")
    return bool(asked == "approximate")


def encode_inputs(
    encoder: Encoder, train: Problem, clock: Clock
) -> NDArray[np.floating[Any]] | None:
    """Embed the inputs of the training split; None where they are empty or have no vectors."""
    if not isinstance(encoder, SentenceEncoder) or not train.has_inputs:
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
    tasks = np.array(problem.tasks)
    if isinstance(encoder, StoredDistances | StoredVectors):
        clock.note("encode", "nothing to encode")
        with clock.step("distances"):
            distances, inputs = encoder.measure(problem)
            return Votes(distances, inputs, problem.texts, tasks)
    with clock.step("encode"):
        before = getattr(encoder, "encoded", 0)
        generations, inputs = encoder.encode_problem(problem, problem.has_inputs)
        more = []
        if several and problem.more_texts is not None and isinstance(encoder, SentenceEncoder):
            for texts in np.moveaxis(problem.more_texts, -1, 0):
                more.append(encoder.encode_problem(problem.with_texts(texts), inputs=False)[0])
        clock.note("encode", f"{getattr(encoder, 'encoded', 0) - before} texts encoded anew")
    with clock.step("distances"):
        distances = squared_distances(generations)
        means = None
        if more:
            means = (distances + sum(squared_distances(part) for part in more)) / (1 + len(more))
        return Votes(distances, inputs, problem.texts, tasks, means)


def export_vectors(encoder: Encoder, problem: Problem, folder: Path) -> None:
    """Write the vectors of a problem as `encoder=stored` reads them."""
    if len(problem.ids) != problem.source_rows:
        raise SmoothieError(
            "output.vectors needs all inputs: unset dataset.limit and dataset.missing"
        )
    generations, inputs = encoder.encode_problem(problem, problem.has_inputs)
    columns = dict(zip(problem.candidates, np.swapaxes(generations, 0, 1), strict=True))
    for name, vectors in (columns | ({} if inputs is None else {"inputs": inputs})).items():
        with replacing(folder / f"{name}.npy") as temporary:
            np.save(temporary, vectors, allow_pickle=False)


def make_router(cfg: DictConfig, name: str) -> Any:
    """The router of a method."""
    where = f"method.{name}"
    return build(ROUTERS, "router", plain(cfg.method[name], where), where)


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
    clock.note("judge", f"{getattr(scorer, 'judged', 0) - before} items judged anew")
    return verdicts


@dataclass(frozen=True, eq=False)
class Seen:
    """All that there is to look at in a run; `route` hands each kind of method its part.

    Attributes
    ----------
    source, problem : Source, Problem
        Where the texts come from, and the texts.
    votes : Votes
        Distances and inputs.
    scores : Scores or None
        Quality of every text.
    train_inputs : ndarray of shape (M, e) or None
        Inputs of the training split.
    train_scores : Scores or None
        Quality of the training split's texts.
    train_votes : Votes or None
        Distances and inputs of the training split.
    verdicts : ndarray of shape (N, K) or None
        What the scorer says of every text, where a method asks for it.
    """

    source: Source
    problem: Problem
    votes: Votes
    scores: Scores | None = None
    train_inputs: NDArray[np.floating[Any]] | None = None
    train_scores: Scores | None = None
    train_votes: Votes | None = None
    verdicts: NDArray[np.float64] | None = None

    @property
    def own(self) -> Labelled | None:
        """The inputs to route, for methods that learn from labels of other folds."""
        return None if self.scores is None else Labelled(self.scores.quality, self.votes.inputs)

    @property
    def train(self) -> Labelled | None:
        """The labelled training split."""
        if self.train_scores is None:
            return None
        return Labelled(self.train_scores.quality, self.train_inputs)


def route(name: str, router: Any, seen: Seen) -> Routing | None:
    """Let a method choose from what it may see; None, with a word, if it cannot be used here."""
    lack = what_lacks(router, seen)
    if lack is not None:
        log.warning("%s is left out: %s", name, lack)
        return None
    if isinstance(router, HindsightRouter):
        assert seen.scores is not None
        return router.route(seen.scores.quality)
    if isinstance(router, LabelledRouter):
        assert seen.own is not None
        return router.route(seen.own, seen.train)
    if isinstance(router, TrainTimeRouter):
        assert seen.train_votes is not None
        return router.route_new(seen.train_votes, seen.votes.inputs, seen.votes.shape[0])
    if isinstance(router, ScoredRouter):
        assert seen.verdicts is not None
        return router.route_scored(seen.votes, seen.verdicts)
    if isinstance(router, StoredSelections):
        assert isinstance(seen.source, SmoothieData)
        return Routing(seen.source.selections(router.path, seen.problem))
    routing: Routing = router.route(seen.votes)
    return routing


def what_lacks(router: Any, seen: Seen) -> str | None:
    """What a method would need that is not here, or None if it can be used."""
    trained = isinstance(router, TrainTimeRouter)
    asks_inputs = isinstance(router, SmoothieLocalTrain) or looks_at_inputs(router)
    asks_inputs |= not trained and (getattr(router, "k", None) or 1) > 1
    if asks_inputs and seen.votes.inputs is None:
        if seen.problem.has_inputs:
            return "there are no vectors of the inputs to compare them by"
        return "the inputs are empty, so that there is nothing to compare them by"
    if isinstance(router, LabelledRouter | HindsightRouter):
        return what_scores_lack(router, seen)
    if trained and seen.train_votes is None:
        return "there is no training split with vectors (dataset.train_split)"
    if isinstance(router, SmoothieGenerations) and seen.votes.mean_distances is None:
        return "it needs several generations of each candidate, embedded by a model"
    if isinstance(router, StoredSelections):
        if not isinstance(seen.source, SmoothieData) or router.folder is None:
            return "no selections are stored for this dataset and ensemble"
        if seen.source.pooled:
            return "selections were stored for the set as generated (dataset.pooled=false)"
    return None


def looks_at_inputs(router: Any) -> bool:
    """Whether a method that learns from labels learns by the embedded inputs."""
    return isinstance(router, LabelledRouter) and router.looks_at_inputs


def what_scores_lack(router: Any, seen: Seen) -> str | None:
    """What a method that looks at scores would need that is not here."""
    if seen.scores is None:
        return "it needs scores"
    if seen.scores.per_candidate and not isinstance(router, BestSingle):
        return "it needs scores of single inputs, and only one of each candidate is known"
    if not isinstance(router, LabelledRouter):
        return None
    if seen.train is None and seen.scores.scored.sum() < 2:
        return "it needs labels of other inputs, and fewer than two inputs have any"
    if seen.train is not None and not complete_rows(seen.train.scores).any():
        return "no input of the training split has a score for every candidate"
    if looks_at_inputs(router) and seen.train is not None and seen.train.inputs is None:
        return "there are no vectors of the training split's inputs"
    return None
