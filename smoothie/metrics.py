"""Texts x references -> scores, each distinct pair once."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from smoothie.cache import VectorCache, digest, framed
from smoothie.cluster import RayCluster
from smoothie.errors import SmoothieError
from smoothie.metrics_qa import exact_match, f1
from smoothie.parallel import in_chunks
from smoothie.problem import Problem, complete_rows
from smoothie.rouge import rouge2

log = logging.getLogger(__name__)

Metric = Callable[[str, Sequence[str]], float]
Pair = tuple[str, str, tuple[str, ...]]  # metric, text, references

CHUNK = 2000  # pairs scored between two writes to the cache: what an interruption may cost
WORTH_A_PROCESS = 1 << 25  # characters below which starting processes takes longer than scoring


@dataclass(frozen=True, eq=False)
class Scores:
    """The quality of every text.

    Attributes
    ----------
    values : ndarray of shape (N, K)
        In the unit that is reported; NaN where a text has no score.
    metric : str
        What was measured; one name for each kind, joined by "+" where tasks differ.
    percent : bool
        Whether the unit is 0 to 100.
    by_task : dict of task -> metric
        What was measured in each task, where tasks differ.
    lower_is_better : bool
        Whether a lower value is a better text, as with ranks.
    per_candidate : bool
        Whether values only repeat one number for each candidate (a leaderboard): then methods that
        choose different candidates for different inputs have no score.
    scored : ndarray of shape (N,), bool
        Inputs with a score for every candidate: the ones that results are about.
    quality : ndarray of shape (N, K)
        The values, negated where lower is better: what routers that see scores look at.
    """

    values: NDArray[np.float64]
    metric: str
    percent: bool
    by_task: Mapping[str, str] = field(default_factory=dict)
    lower_is_better: bool = False
    per_candidate: bool = False

    @property
    def quality(self) -> NDArray[np.float64]:
        """Values for which higher is better."""
        return -self.values if self.lower_is_better else self.values

    @property
    def scored(self) -> NDArray[np.bool_]:
        """Inputs that count."""
        return complete_rows(self.values)


def substring(text: str, references: Sequence[str]) -> float:
    """1 if any reference occurs in the text, ignoring case: the paper's accuracy.

    It over-counts, as "19" contains "1"; see `contains_answer`.
    """
    lower = text.lower()
    return float(any(reference.lower() in lower for reference in references))


def contains_answer(text: str, references: Sequence[str]) -> float:
    """1 if any reference occurs in the text as whole words, ignoring case.

    Both are also compared without punctuation and articles: TriviaQA's aliases come without them.
    """
    lower, plain = text.lower(), without_punctuation(text)
    return float(
        any(
            has_words(lower, reference.lower().strip())
            or has_words(plain, without_punctuation(reference))
            for reference in references
        )
    )


def has_words(text: str, words: str) -> bool:
    """Whether words that are not empty stand in a text, not inside of longer words."""
    return bool(words) and bool(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text))


ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def without_punctuation(text: str) -> str:
    """Words alone, in lower case and without articles, as TriviaQA's aliases are written."""
    words = re.sub(r"[^\w\s]|_", " ", text.lower())
    return " ".join(ARTICLES.sub(" ", words).split())


def gsm8k_paper(text: str, references: Sequence[str]) -> float:
    """The paper's rule for GSM8K.

    Of the text split at full stops, the first part that holds "the answer is" (in lower case) must
    contain a reference, commas removed. So a decimal is cut at its point, and other phrases fail.
    """
    for sentence in text.split("."):
        if "the answer is" in sentence:
            found = sentence.lower().replace(",", "")
            return float(any(r.lower().replace(",", "") in found for r in references))
    return 0.0


NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?|-?\.\d+")
BOXED = re.compile(r"\\boxed\{(?:\\text\{)?([^{}]*)")
MARKED = re.compile(
    r"(?:####|^\s*A:|answer(?: \(arabic numerals\))?(?: is|:))([^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)


def final_number(text: str) -> float | None:
    r"""The number that a solution ends in.

    In order: the last ``\boxed{x}``; the last "#### x", "A: x" or "answer is x"; the last number.
    """
    for pattern in (BOXED, MARKED):
        marked = pattern.findall(text)
        numbers = NUMBER.findall(marked[-1]) if marked else []
        if numbers:
            return float(numbers[0].replace(",", ""))
    numbers = NUMBER.findall(text)
    return float(numbers[-1].replace(",", "")) if numbers else None


def gsm8k(text: str, references: Sequence[str]) -> float:
    """1 if the final number of the text equals that of a reference."""
    number = final_number(text)
    return float(number is not None and any(number == final_number(r) for r in references))


def chrf(text: str, references: Sequence[str]) -> float:
    """ChrF, the F-measure of n-grams of characters with its defaults (Popović, 2015; sacrebleu).

    The best over the references.
    """
    from sacrebleu import sentence_chrf

    return sentence_chrf(text, list(references)).score / 100


METRICS: dict[str, Metric] = {
    "rouge2": rouge2,
    "substring": substring,
    "contains_answer": contains_answer,
    "gsm8k": gsm8k,
    "gsm8k_paper": gsm8k_paper,
    "chrf": chrf,
    "exact_match": exact_match,
    "f1": f1,
}
VERSION = "2"  # part of every cache key: change it when a metric above changes


def label_scores(problem: Problem) -> Scores:
    """The given labels: 0 to 100 if all of the source lie in 0 to 1, else in their own unit."""
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
    """The one number that is known of each candidate, in its own unit."""
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
        Scores that are known already, by metric, text and references.
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
    numbers: dict[bytes, int] = {}  # of each distinct pair
    pairs: list[Pair] = []
    asked = np.full(problem.texts.shape, -1)
    for i, item in enumerate(problem.inputs):
        if not item.references:
            continue
        metric = metric_of_task[item.task]
        before, after = framed(VERSION) + framed(metric), b"".join(map(framed, item.references))
        for j, text in enumerate(problem.texts[i]):
            key = digest(before + framed(text) + after)
            number = numbers.setdefault(key, len(pairs))
            if number == len(pairs):
                pairs.append((metric, text, item.references))
            asked[i, j] = number

    def compute(places: list[int]) -> Iterator[tuple[list[int], NDArray[np.float64]]]:
        todo = [pairs[place] for place in places]
        parts = score_anew(todo, workers, cluster)
        for start, part in zip(range(0, len(todo), CHUNK), parts, strict=True):
            yield places[start : start + CHUNK], part

    known = cache.complete(list(numbers), compute)
    values = np.full(problem.texts.shape, np.nan)
    values[asked >= 0] = 100.0 * known[asked[asked >= 0], 0]
    names = dict.fromkeys(metric_of_task[task] for task in problem.tasks)
    return Scores(values, "+".join(names), percent=True, by_task=dict(metric_of_task))


def score_anew(
    pairs: list[Pair], workers: int, cluster: RayCluster | None
) -> Iterator[NDArray[np.float64]]:
    """Scores of chunks of pairs, made in so many processes or by the cluster."""
    characters = sum(len(text) + sum(map(len, references)) for _, text, references in pairs)
    if characters < WORTH_A_PROCESS:
        workers, cluster = 1, None
    if cluster is None:
        return in_chunks(score_pairs, pairs, CHUNK, workers)
    return cluster.in_chunks(score_pairs, pairs, CHUNK)


def score_pairs(pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """Scores of shape (pairs, 1), each by its own metric."""
    return np.array([[METRICS[metric](text, references)] for metric, text, references in pairs])


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
        "labels", "leaderboard", the name of a metric, or "auto": the labels if at least one input
        has them for every candidate, else the references if there are any, else the leaderboard.
    by_task : mapping of task -> metric, optional
        What "auto" uses for the references of a task, instead of ROUGE-2.
    cache : VectorCache, optional
        Scores that are known already.
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
    if metric == "auto" and problem.labels is not None and np.isfinite(problem.labels).any():
        log.warning("%s: no input has a label for every candidate: not used", problem.name)
    if metric == "auto" and not problem.has_references:
        return None if problem.leaderboard is None else leaderboard_scores(problem)
    chosen = {
        task: (by_task or {}).get(task, "rouge2") if metric == "auto" else metric
        for task in problem.tasks
    }
    return reference_scores(problem, chosen, cache, workers, cluster)
