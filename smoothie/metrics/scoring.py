"""Score texts against references, each distinct pair once."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.metrics.base import METRICS, Metric, version_of
from smoothie.metrics.scores import Scores
from smoothie.parallel.cluster import RayCluster
from smoothie.parallel.local import over_chunks
from smoothie.problem import Problem
from smoothie.storage.cache import VectorCache, digest, framed
from smoothie.storage.work import complete

log = logging.getLogger(__name__)

Pair = tuple[str, str, tuple[str, ...]]  # metric, text, references

ROUNDING = 1e-9  # tolerance of the range from 0 to 1
CHUNK = 500  # pairs that are scored as a whole
WORTH_A_PROCESS = 1 << 25  # characters below which starting processes takes longer than scoring


def label_scores(problem: Problem) -> Scores:
    """The given labels: 0 to 100 if all of the source are in 0 to 1, else in their own unit."""
    if problem.labels is None:
        raise SmoothieError(f"metric=labels: {problem.name} has no labels")
    low, high = problem.label_range or (0.0, 1.0)
    percent = low >= 0 and high <= 1
    return Scores(
        problem.labels * (100.0 if percent else 1.0),
        "labels",
        percent,
        lower_is_better=problem.lower_is_better,
    )


def leaderboard_scores(problem: Problem) -> Scores:
    """The leaderboard's value of each candidate, in its own unit."""
    if problem.leaderboard is None:
        raise SmoothieError(f"metric=leaderboard: {problem.name} has no leaderboard")
    return Scores(
        np.tile(problem.leaderboard, (len(problem.inputs), 1)),
        "leaderboard",
        percent=False,
        lower_is_better=problem.lower_is_better,
        per_candidate=True,
    )


def reference_scores(
    problem: Problem,
    metric_of_task: Mapping[str, str],
    cache: VectorCache | None = None,
    workers: int = 1,
    cluster: RayCluster | None = None,
) -> Scores:
    """Score every text against the references of its input.

    Parameters
    ----------
    problem : Problem
    metric_of_task : mapping of task -> metric
        The metric for each task of the problem.
    cache : VectorCache, optional
        Cache of scores, by metric, text and references.
    workers : int
        Processes to score in, where there is enough to score; the values do not depend on it.
    cluster : RayCluster, optional
        Machines to score on instead, where there is enough to score.

    Returns
    -------
    Scores
        From 0 to 100; inputs without references have none.

    Notes
    -----
    Each distinct (metric, text, references) is scored once.
    """
    for metric in metric_of_task.values():
        if metric not in METRICS:
            raise SmoothieError(f"metric={metric}: expected labels or one of {', '.join(METRICS)}")
    if not problem.has_references:
        raise SmoothieError(f"{problem.name} has no references to score against")
    cache = cache or VectorCache(None, "<f8")
    versions = {metric: version_of(METRICS[metric]) for metric in set(metric_of_task.values())}
    numbers: dict[bytes, int] = {}  # of each distinct pair
    pairs: list[Pair] = []
    asked = np.full(problem.texts.shape, -1)
    for i, item in enumerate(problem.inputs):
        if not item.references:
            continue
        metric = metric_of_task[item.task]
        before = framed(versions[metric]) + framed(metric)
        after = b"".join(map(framed, item.references))
        for j, text in enumerate(problem.texts[i]):
            key = digest(before + framed(text) + after)
            number = numbers.setdefault(key, len(pairs))
            if number == len(pairs):
                pairs.append((metric, text, item.references))
            asked[i, j] = number

    characters = 0

    def split(missing: list[int]) -> list[list[int]]:
        nonlocal characters
        characters = sum(characters_of(pairs[place]) for place in missing)
        return [missing[start : start + CHUNK] for start in range(0, len(missing), CHUNK)]

    def compute(units: Iterator[list[int]]) -> Iterator[NDArray[np.float64]]:
        parts = ([pairs[place] for place in unit] for unit in units)
        if characters < WORTH_A_PROCESS:
            return score_units(parts, versions, 1, None)
        return score_units(parts, versions, workers, cluster)

    known = complete(cache, list(numbers), split, compute, "scores")
    values = np.full(problem.texts.shape, np.nan)
    values[asked >= 0] = 100.0 * known[asked[asked >= 0], 0]
    names = dict.fromkeys(metric_of_task[task] for task in problem.tasks)
    return Scores(values, "+".join(names), percent=True, by_task=dict(metric_of_task))


def characters_of(pair: Pair) -> int:
    """How much there is to compare."""
    _, text, references = pair
    return len(text) + sum(map(len, references))


def score_units(
    units: Iterator[list[Pair]],
    metrics: Iterable[str],
    workers: int,
    cluster: RayCluster | None,
) -> Iterator[NDArray[np.float64]]:
    """Scores of the pairs of each unit, computed in several processes or by the cluster."""
    # The functions are sent along: other processes have not registered what a script has.
    function = partial(score_pairs, metrics={metric: METRICS[metric] for metric in metrics})
    if cluster is None:
        return over_chunks(function, units, workers)
    return cluster.map(function, units)


def score_pairs(
    pairs: Sequence[Pair], metrics: Mapping[str, Metric] = METRICS
) -> NDArray[np.float64]:
    """Scores of shape (pairs, 1), each by its own metric."""
    scores = np.empty((len(pairs), 1))
    for row, (metric, text, references) in enumerate(pairs):
        scores[row] = metrics[metric](text, references)
        if not -ROUNDING <= scores[row, 0] <= 1 + ROUNDING:  # NaN, too
            raise SmoothieError(
                f"metric={metric}: a score of {scores[row, 0]:g} for the text {text[:80]!r}; "
                f"expected a number from 0 to 1"
            )
    return scores


def warn_about_labels(problem: Problem, metrics: Sequence[str]) -> None:
    """Say whose labels are missing where none can be compared, and what scores instead."""
    assert problem.labels is not None
    given = np.isfinite(problem.labels).sum(axis=0).tolist()
    counts = ", ".join(f"{n} of {name}" for name, n in zip(problem.candidates, given, strict=True))
    if problem.has_references:
        instead = f"{'+'.join(metrics)} of the references"
    else:
        instead = "those of the leaderboard"
    log.warning(
        "%s: no input has labels of all labeled candidates, of two at least (labels: %s); "
        "scores are %s; metric=labels takes the labels all the same",
        problem.name,
        counts,
        instead,
    )


def score(
    problem: Problem,
    metric: str = "auto",
    by_task: Mapping[str, str] | None = None,
    cache: VectorCache | None = None,
    workers: int = 1,
    cluster: RayCluster | None = None,
) -> Scores | None:
    """Score a problem.

    Parameters
    ----------
    problem : Problem
    metric : str
        "labels", "leaderboard", the name of a metric, or "auto": the labels if they compare
        candidates (`Problem.has_labels`), else the references if there are any, else the
        leaderboard, else whatever labels there are. A warning says so where there are labels and
        something else is taken.
    by_task : mapping of task -> metric, optional
        What "auto" uses for the references of a task, instead of ROUGE-2.
    cache : VectorCache, optional
        Cache of scores.
    workers : int
        Processes to score in.
    cluster : RayCluster, optional
        Machines to score on instead.

    Returns
    -------
    Scores or None
        None if `metric` is "auto" and there is nothing to score with.
    """
    if metric == "labels" or (metric == "auto" and problem.has_labels):
        return label_scores(problem)
    if metric == "leaderboard":
        return leaderboard_scores(problem)
    chosen = {
        task: (by_task or {}).get(task, "rouge2") if metric == "auto" else metric
        for task in problem.tasks
    }
    if metric == "auto" and problem.labels is not None and np.isfinite(problem.labels).any():
        if not problem.has_references and problem.leaderboard is None:
            return label_scores(problem)
        warn_about_labels(problem, sorted(set(chosen.values())))
    if metric == "auto" and not problem.has_references:
        return None if problem.leaderboard is None else leaderboard_scores(problem)
    return reference_scores(problem, chosen, cache, workers, cluster)
