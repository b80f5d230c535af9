"""The steps of a run: load, score, encode, judge; each a function of settings and earlier steps.

Results of a step are cached in memory for jobs of the same process that need the same.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.config import build, named
from experiments.memory import Memory
from experiments.settings import Settings
from smoothie.cleaning import clean_texts
from smoothie.clock import Clock
from smoothie.encoders import ENCODERS
from smoothie.encoders.base import Encoder
from smoothie.errors import SmoothieError
from smoothie.evidence import OF_LABELS, Labelled, Need, Selections, Votes
from smoothie.loaders import SOURCES, Source
from smoothie.metrics.models import MODEL_METRICS, model_scores
from smoothie.metrics.scores import Scores
from smoothie.metrics.scoring import score
from smoothie.problem import Problem
from smoothie.routers.base import seeded
from smoothie.run import take_votes
from smoothie.scorers import SCORERS, Scorer
from smoothie.storage.cache import VectorCache
from smoothie.storage.files import child, replacing

log = logging.getLogger(__name__)


def load(settings: Settings, memory: Memory) -> tuple[Source, Problem, Problem | None]:
    """Load the problem, and the training split if there is one."""
    ensemble = settings.ensemble

    def read() -> tuple[Source, Problem, Problem | None]:
        source: Source = build(SOURCES, "source", settings.dataset, "dataset")
        with named("dataset"):
            problem = source.load(ensemble.candidates)
        if ensemble.size is not None:
            with named("ensemble"):
                drawn = draw_candidates(problem.candidates, ensemble.size, ensemble.seed)
            problem = problem.select(drawn)
        with named("dataset"):
            train = source.load_train(problem.candidates)
        # Results do not depend on the order in which files list their rows.
        return source, problem.by_id(), None if train is None else train.by_id()

    described = (settings.dataset, ensemble.candidates, ensemble.size, ensemble.seed)
    source, problem, train = memory.get(read, "load", *described)
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
    return source, problem, train


def draw_candidates(candidates: Sequence[str], size: int, seed: int) -> list[str]:
    """A random ensemble: `size` of the candidates, in their own order."""
    if not 3 <= size <= len(candidates):
        raise SmoothieError(
            f"size={size}: expected between 3 and the number of candidates, {len(candidates)}"
        )
    drawn = seeded(seed).choice(len(candidates), size, replace=False)
    return [candidates[i] for i in sorted(drawn)]


def score_problem(
    settings: Settings,
    source: Source,
    problem: Problem,
    memory: Memory,
    clock: Clock | None = None,
    part: str = "test",
) -> Scores | None:
    """Score a problem; known scores come from the cache."""
    clock = clock or Clock()
    metric = settings.metric
    clock.note("score", "cached by an earlier job")

    def compute() -> Scores | None:
        cleaned = problem.with_texts(clean_texts(problem.texts, metric["cleaning"]))
        cache = VectorCache(cache_folder(settings, "scores"), "<f8")
        if metric["name"] in MODEL_METRICS:
            of_model = {key: value for key, value in metric.items() if key != "cleaning"}
            model = build(MODEL_METRICS, "name", of_model, "metric")
            with named("metric"):
                made: Scores | None = model_scores(cleaned, model, cache)
        else:
            machines = settings.workers, settings.cluster
            made = score(cleaned, metric["name"], source.metrics, cache, *machines)
        words = f"scored {cache.computed:,}, cached {cache.requested - cache.computed:,}"
        clock.note("score", words)
        return made

    return memory.get(compute, "score", part, settings.dataset, problem.candidates, metric)


def cache_folder(settings: Settings, kind: str) -> Path | None:
    """Folder in which one kind of data is cached between runs."""
    return None if settings.cache is None else settings.cache / kind


def score_train(
    settings: Settings, source: Source, train: Problem, scores: Scores | None, memory: Memory
) -> Scores | None:
    """Score the training split in the same way as the inputs to route."""
    if scores is None or scores.per_candidate:
        return None
    if scores.metric != "labels":
        train = replace(train, labels=None)  # so that "auto" uses references here, too
    elif not train.has_labels:
        raise SmoothieError(f"{train.name}: the training split has no labels to learn from")
    train_scores = score_problem(settings, source, train, memory, part="train")
    if train_scores is None:
        raise SmoothieError(f"{train.name}: the training split has no references to learn from")
    return train_scores


def make_encoder(settings: Settings, memory: Memory) -> Encoder:
    """The encoder, with the model and cache of an earlier job if possible."""
    described = dict(settings.encoder)
    name = described.pop("name")
    demo = str(Path(str(described.get("folder"))).parent) if name == "demo" else None
    if demo is not None and str(settings.dataset.get("path")) != demo:
        raise SmoothieError(
            "encoder=demo holds the vectors of the demo alone: choose encoder=minilm or mpnet, "
            "another model with encoder=sentence_transformers encoder.model=NAME, "
            "or your own vectors with encoder=stored encoder.folder=FOLDER"
        )
    of_model = described["encoder"] == "sentence_transformers"
    given = {"cluster": settings.cluster} if of_model else {}

    def make() -> Encoder:
        encoder: Encoder = build(ENCODERS, "encoder", described, "encoder", given)
        return encoder

    return memory.get(make, "encoder", described, settings.cluster)


def encode(
    settings: Settings,
    encoder: Encoder,
    problem: Problem,
    memory: Memory,
    clock: Clock | None = None,
    part: str = "test",
) -> Votes:
    """Embed the texts of a problem and compute distances."""
    clock = clock or Clock()
    several = (
        part == "test" and problem.more_texts is not None and Need.GENERATIONS in settings.needs
    )
    described = (settings.dataset, settings.encoder, several, settings.approximate)
    taken: dict[tuple[str, ...], Votes] = memory.get(dict, "votes", part, problem.ids, *described)
    if problem.candidates in taken:
        clock.note("distances", "cached by an earlier job")
        return taken[problem.candidates]
    votes = part_of_larger(taken, problem.candidates)
    if votes is None:
        with named("encoder"):
            votes = take_votes(problem, encoder, several, clock)
    else:
        clock.note("distances", "a slice of a larger ensemble's")
    votes.index.approximate = settings.approximate
    votes.index.cache = cache_folder(settings, "neighbors")
    taken[problem.candidates] = votes
    return votes


def part_of_larger(
    taken: Mapping[tuple[str, ...], Votes], candidates: Sequence[str]
) -> Votes | None:
    """The votes of some candidates, as a slice of those of a larger ensemble, if there is one."""
    for columns, votes in taken.items():
        if set(candidates) <= set(columns):
            return votes.select(np.array([columns.index(name) for name in candidates]))
    return None


def encode_inputs(
    encoder: Encoder, train: Problem, clock: Clock
) -> NDArray[np.floating[Any]] | None:
    """Embed the inputs of the training split; None where they are empty or have no vectors."""
    if not train.has_inputs:
        return None
    with clock.step("encode"), named("encoder"):
        return encoder.encode_inputs(train.input_texts)


def train_evidence(
    settings: Settings,
    source: Source,
    train: Problem | None,
    encoder: Encoder,
    scores: Scores | None,
    memory: Memory,
    clock: Clock,
) -> tuple[Votes | None, Labelled | None]:
    """The evidence of the training split that methods need: votes and labels."""
    if train is None:
        return None, None
    train_scores = votes = None
    if settings.needs & OF_LABELS:
        with clock.step("score"):
            train_scores = score_train(settings, source, train, scores, memory)
    inputs = encode_inputs(encoder, train, clock)
    if inputs is not None and Need.TRAIN in settings.needs:
        votes = encode(settings, encoder, train, memory, clock, "train")
    labels = None if train_scores is None else Labelled(train_scores.quality, inputs)
    return votes, labels


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
            np.save(temporary, vectors[problem.source_order], allow_pickle=False)


def make_scorer(settings: Settings, memory: Memory) -> Scorer:
    """The scorer, reused from an earlier job if possible."""
    # How ties are broken is a setting of the method that uses it.
    described = {key: value for key, value in settings.scorer.items() if key != "ties"}

    def make() -> Scorer:
        scorer: Scorer = build(SCORERS, "scorer", described, "scorer")
        return scorer

    return memory.get(make, "scorer", described)


def judge(
    settings: Settings, scorer: Scorer, problem: Problem, memory: Memory, clock: Clock
) -> NDArray[np.float64]:
    """The scorer's verdict on every text of a problem."""
    described = (settings.scorer, settings.dataset, problem.ids, problem.candidates)
    before = scorer.judged
    with clock.step("judge"), named("scorer"):
        verdicts = memory.get(lambda: scorer.score(problem), "verdicts", *described)
    clock.note("judge", f"{scorer.judged - before} items judged")
    return verdicts


def stored_selections(
    source: Source, problem: Problem
) -> tuple[Selections | None, dict[Need, str]]:
    """Choices that were stored with the generations, or why they do not apply to this problem."""
    selections = getattr(source, "selections", None)
    if selections is None:
        return None, {}
    if getattr(source, "pooled", False):
        reason = "selections were stored for the set as generated (dataset.pooled=false)"
        return None, {Need.SELECTIONS: reason}
    return partial(selections, problem=problem), {}
