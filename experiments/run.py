"""Route one problem: load -> encode -> distances -> route, score -> evaluate -> report.

    python -m experiments.run dataset=local dataset.path=FOLDER encoder=minilm

`python -m experiments.run --help` lists the settings. Within a sweep (``-m``), models, texts,
vectors, distances and scores stay in memory from one job to the next.
"""

import json
import logging
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hydra
import numpy as np
import pandas as pd
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.config import build, one_sentence_errors, plain, typed
from experiments.sweep import collect_sweep
from experiments.write import write_results
from smoothie.cache import VectorCache
from smoothie.cleaning import clean_texts
from smoothie.encoders import ENCODERS, Encoder, StoredVectors
from smoothie.errors import SmoothieError
from smoothie.estimator import (
    require_three_candidates,
    resolve_errors,
    squared_distances,
    triplet_errors,
)
from smoothie.evaluation import Bootstrap, evaluate, fixed
from smoothie.files import replacing
from smoothie.loaders import SOURCES, Source
from smoothie.metrics import Scores, score
from smoothie.problem import Problem
from smoothie.report.tables import CANDIDATE
from smoothie.routers import ROUTERS
from smoothie.routers.base import HindsightRouter, Routing, Votes
from smoothie.routers.labelled import Labelled, LabelledRouter
from smoothie.routers.smoothie_local import neighbourhood_means

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Result:
    """What a run found.

    Attributes
    ----------
    problem : Problem
        What was routed.
    routings : dict of method -> Routing
        What each method chose.
    routed : str or None
        The method whose texts are written out, or None if it had no result.
    scores : Scores or None
        None if there was nothing to score with.
    table, by_task : DataFrame or None
        What `evaluation.evaluate` says of all methods and candidates.
    k_curve : DataFrame or None
        Smoothie-Local against k.
    names : dict
        Names of dataset, ensemble and encoder, and Smoothie-Local's k by method.
    signature : str
        What made the numbers, in one line.
    """

    problem: Problem
    routings: dict[str, Routing]
    routed: str | None
    scores: Scores | None
    table: pd.DataFrame | None
    by_task: pd.DataFrame | None
    k_curve: pd.DataFrame | None
    names: dict[str, Any]
    signature: str


class Memory:
    """What one process keeps between the jobs of a sweep, by the settings that made it."""

    def __init__(self, size: int = 16) -> None:
        self.size = size
        self.kept: dict[str, Any] = {}

    def get(self, make: Callable[[], Any], *settings: Any) -> Any:
        """The thing of these settings; made if it is not there, the oldest one dropped."""
        key = json.dumps(settings, sort_keys=True, default=str)
        if key not in self.kept:
            self.kept[key] = make()
            if len(self.kept) > self.size:
                del self.kept[next(iter(self.kept))]
        return self.kept[key]


memory = Memory()


def run(cfg: DictConfig) -> Result:
    """Route one problem, score it and evaluate it; writes nothing but caches.

    Raises
    ------
    SmoothieError
        If a setting or a file is wrong; the message is one sentence.
    """
    methods = methods_of(cfg)
    source, problem, train = load(cfg)
    require_three_candidates(len(problem.candidates))
    routers = {name: make_router(cfg, name) for name in methods}
    scores = score_problem(cfg, source, problem)
    train_scores = None if train is None else score_problem(cfg, source, train)
    votes, train_inputs, encoder_signature = encode(cfg, problem, train)
    routings = {}
    for name, router in routers.items():
        routing = route(name, router, votes, scores, train_scores, train_inputs)
        if routing is not None:
            routings[name] = routing
    if not routings:
        raise SmoothieError(f"none of the methods {', '.join(methods)} can be used here")
    routed = routed_method(cfg, routings, votes, scores, train_scores, train_inputs)

    table = by_task = k_curve = None
    bootstrap = Bootstrap(**typed(Bootstrap, plain(cfg.evaluation, "evaluation"), "evaluation"))
    if scores is not None:
        table = evaluate(with_candidates(routings, problem, methods), scores.values, bootstrap)
        by_task = evaluate_tasks(
            with_candidates(routings, problem, methods), problem, scores, bootstrap
        )
        k_curve = curve_over_k(cfg, votes, scores, bootstrap)
    k_of = {name: getattr(router, "k", None) for name, router in routers.items()}
    names = {
        "dataset": problem.name,
        "ensemble": ensemble_name(cfg),
        "encoder": str(cfg.encoder.name),
        "k": k_of,
    }
    left_out = 0 if scores is None else int((~scores.scored).sum())
    metric = "nothing scored" if scores is None else scores.metric
    signature = " | ".join(
        [
            f"data {problem.name}, {len(problem.inputs)} inputs ({left_out} unscored), "
            f"{len(problem.candidates)} candidates, cleaning {cfg.dataset.get('cleaning', 'none')}",
            f"encoder {encoder_signature}",
            f"metric {metric}",
            f"bootstrap {bootstrap.draws} draws, seed {bootstrap.seed}",
        ]
    )
    return Result(problem, routings, routed, scores, table, by_task, k_curve, names, signature)


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


def make_router(cfg: DictConfig, name: str) -> Any:
    """The router of a method."""
    where = f"method.{name}"
    return build(ROUTERS, "router", plain(cfg.method[name], where), where)


def ensemble_name(cfg: DictConfig) -> str:
    """Name of the ensemble; a list given on the command line is its own name."""
    if cfg.ensemble.name == "all" and cfg.ensemble.candidates is not None:
        return "+".join(cfg.ensemble.candidates)
    return str(cfg.ensemble.name)


def load(cfg: DictConfig) -> tuple[Source, Problem, Problem | None]:
    """Load the problem, and the training split if there is one."""
    asked = cfg.ensemble.candidates
    if asked is not None and isinstance(asked, str):
        raise SmoothieError(f"ensemble.candidates={asked}: expected a list such as [a,b,c]")
    candidates = None if asked is None else [str(name) for name in asked]
    settings = plain(cfg.dataset, "dataset")

    def read() -> tuple[Source, Problem, Problem | None]:
        source: Source = build(SOURCES, "source", settings, "dataset")
        problem = source.load(candidates)
        return source, problem, source.load_train(problem.candidates)

    loaded: tuple[Source, Problem, Problem | None] = memory.get(read, "load", settings, candidates)
    problem = loaded[1]
    log.info(
        "%s: %d inputs, %d candidates (%s)",
        problem.name,
        len(problem.inputs),
        len(problem.candidates),
        ", ".join(problem.candidates),
    )
    return loaded


def score_problem(cfg: DictConfig, source: Source, problem: Problem) -> Scores | None:
    """Score a problem, from the cache where the scores are known."""
    metric = plain(cfg.metric, "metric")

    def compute() -> Scores | None:
        cleaned = problem.with_texts(clean_texts(problem.texts, metric["cleaning"]))
        folder = Path(cfg.paths.cache).expanduser() / "scores" / problem.name
        return score(cleaned, metric["name"], source.metrics, VectorCache(folder, "<f8"))

    scores: Scores | None = memory.get(
        compute, "score", plain(cfg.dataset, "dataset"), problem.candidates, problem.ids, metric
    )
    if scores is None:
        log.warning("%s has neither labels nor references: nothing is scored", problem.name)
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
    return scores


def encode(
    cfg: DictConfig, problem: Problem, train: Problem | None
) -> tuple[Votes, NDArray[np.floating[Any]] | None, str]:
    """Embed texts and take distances; also the training inputs, and the encoder's signature."""
    settings = plain(cfg.encoder, "encoder")
    name = settings.pop("name")
    if name == "demo" and problem.name != "demo":
        raise SmoothieError(
            "encoder=demo holds the vectors of the demo alone: choose encoder=minilm or mpnet, "
            "another model with encoder=sentence_transformers encoder.model=NAME, "
            "or your own vectors with encoder=stored encoder.folder=FOLDER"
        )

    encoder = memory.get(
        lambda: build(ENCODERS, "encoder", settings, "encoder"), "encoder", settings
    )
    dataset = plain(cfg.dataset, "dataset")

    known: dict[tuple[str, ...], Votes] = memory.get(dict, "votes", dataset, problem.ids, settings)
    if problem.candidates not in known:
        known[problem.candidates] = take_votes(encoder, problem, known)
    if cfg.output.vectors is not None:
        export_vectors(encoder, problem, Path(cfg.output.vectors))
    train_inputs = None
    if train is not None and train.has_inputs:
        if isinstance(encoder, StoredVectors):
            raise SmoothieError("encoder=stored has no vectors for the training split's inputs")
        train_inputs = encoder.encode(train.input_texts)
    return known[problem.candidates], train_inputs, encoder.signature


def take_votes(encoder: Encoder, problem: Problem, known: dict[tuple[str, ...], Votes]) -> Votes:
    """Distances of a problem: a slice of those of a larger ensemble, where there is one."""
    for columns, votes in known.items():
        if set(problem.candidates) <= set(columns):
            return votes.select(np.array([columns.index(name) for name in problem.candidates]))
    generations, inputs = encoder.encode_problem(problem, problem.has_inputs)
    return Votes(squared_distances(generations), inputs)


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


def route(
    name: str,
    router: Any,
    votes: Votes,
    scores: Scores | None,
    train_scores: Scores | None,
    train_inputs: NDArray[np.floating[Any]] | None,
) -> Routing | None:
    """Let a method choose from what it may see; None, with a word, if it cannot be used here."""
    if isinstance(router, LabelledRouter | HindsightRouter) and scores is None:
        log.warning("%s is left out: it needs scores", name)
        return None
    needs_inputs = name == "labeled_knn" or getattr(router, "k", 1) > 1
    if needs_inputs and votes.inputs is None:
        log.warning("%s is left out: the inputs are empty, so that none has neighbours", name)
        return None
    if isinstance(router, HindsightRouter):
        assert scores is not None
        return router.route(scores.values)
    if isinstance(router, LabelledRouter):
        assert scores is not None
        train = None if train_scores is None else Labelled(train_scores.values, train_inputs)
        return router.route(Labelled(scores.values, votes.inputs), train)
    routing: Routing = router.route(votes)
    return routing


def routed_method(
    cfg: DictConfig, routings: dict[str, Routing], votes: Votes, *seen: Any
) -> str | None:
    """The method whose texts are written; it is run for that if it is not among the others."""
    name = str(cfg.output.method)
    if name not in cfg.method:
        raise SmoothieError(f"output.method={name}: there are {', '.join(cfg.method)}")
    if name not in routings:
        routing = route(name, make_router(cfg, name), votes, *seen)
        if routing is None:
            log.warning("routed.jsonl is not written: output.method=%s cannot be used here", name)
            return None
        routings[name] = routing
    return name


def with_candidates(
    routings: Mapping[str, Routing], problem: Problem, methods: list[str]
) -> dict[str, Routing]:
    """The methods that were asked for, and each candidate alone."""
    chosen = {name: routing for name, routing in routings.items() if name in methods}
    alone = {
        f"{CANDIDATE}{name}": fixed(j, len(problem.inputs))
        for j, name in enumerate(problem.candidates)
    }
    return chosen | alone


def evaluate_tasks(
    routings: Mapping[str, Routing], problem: Problem, scores: Scores, bootstrap: Bootstrap
) -> pd.DataFrame:
    """Evaluate the inputs of each task by themselves."""
    tasks = np.array(problem.tasks, dtype=object)
    tables = []
    for task in dict.fromkeys(problem.tasks):
        rows = tasks == task
        if not scores.scored[rows].any():
            log.warning("task %s: no input is scored", task or "(unnamed)")
            continue
        part = {}
        for name, routing in routings.items():
            weights = routing.weights
            if weights is not None and weights.ndim == 2:
                weights = weights[rows]
            part[name] = Routing(
                routing.choices[:, rows], routing.probabilities, weights, routing.labels_used
            )
        table = evaluate(part, scores.values[rows], bootstrap)
        table.insert(0, "task", task)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def curve_over_k(
    cfg: DictConfig, votes: Votes, scores: Scores, bootstrap: Bootstrap
) -> pd.DataFrame | None:
    """Score of Smoothie-Local for several k."""
    rows = votes.shape[0]
    sizes = sorted({int(k) for k in cfg.output.k_curve or [] if 1 <= int(k) <= rows})
    if votes.inputs is None or not sizes:
        return None
    means = neighbourhood_means(votes.distances, votes.neighbours(sizes[-1]), sizes)
    routings = {
        str(k): Routing(resolve_errors(triplet_errors(mean)).argmin(axis=1)[None, :])
        for k, mean in zip(sizes, means, strict=True)
    }
    table = evaluate(routings, scores.values, bootstrap)
    table.insert(0, "k", sizes)
    return table[["k", "score", "ci_low", "ci_high", "n"]]


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def main(cfg: DictConfig) -> None:
    """Command line."""
    settings = HydraConfig.get()
    sweep = settings.mode == RunMode.MULTIRUN
    with one_sentence_errors(sweep):
        result = run(cfg)
        folder = Path(settings.runtime.output_dir)
        sys.stdout.write(write_results(result, folder, plots=bool(cfg.output.plots)))
        if sweep:
            collect_sweep(Path(settings.sweep.dir))


def flags_first(arguments: list[str]) -> list[str]:
    """The flag for sweeps before all settings: Hydra's parser takes no settings on both sides."""
    flags = [argument for argument in arguments if argument in ("-m", "--multirun")]
    return flags[:1] + [argument for argument in arguments if argument not in flags]


if __name__ == "__main__":
    sys.argv[1:] = flags_first(sys.argv[1:])
    main()
