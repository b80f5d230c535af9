"""Candidates that wrote the same as another, or nearly so: they count as voters that agree."""

import itertools

import numpy as np
from numpy.typing import NDArray

from smoothie.inspection.findings import Finding, examples, listed
from smoothie.inspection.shuffled import rare_first, vectors
from smoothie.problem import Problem

FEWEST = 10  # inputs: with that many, equal answers to all of them are no coincidence
# From this share of inputs on, a pair counts as one voter. Of all pairs in 16 real sets, prompts of
# one model among them, the most alike wrote the same on 0.23 of the inputs (summaries that copy
# sentences), and nearly the same on 0.49 (descriptions of a restaurant).
MOST, NEARLY_MOST = 0.5, 0.8
SHORT, MOST_SHORT = (
    20,
    0.98,
)  # characters: good models agree on short answers because they are right
NEAR = 0.95  # cosine of texts that are nearly equal, in rare n-grams
SAMPLE = 100  # inputs on which texts are compared for that, evenly spread


def copies(problem: Problem) -> list[Finding]:
    """Groups of candidates that wrote the same texts on most inputs, up to case and white space.

    Notes
    -----
    O(N K^2) comparisons of numbers, and the n-grams of 100 inputs.
    """
    coded = codes(problem.texts)
    if (coded == coded[:, :1]).all():
        return [
            Finding(
                "copies",
                "all candidates wrote the same texts",
                "every choice gives the same result, and ties go to the first candidate, "
                f"{problem.candidates[0]}",
            )
        ]
    rows = len(coded)
    if rows < FEWEST:
        return []
    near = nearly_equal(problem)
    linked: dict[int, list[int]] = {}
    taken: set[int] = set()
    for i, j in itertools.combinations(range(coded.shape[1]), 2):
        if j not in taken and i not in taken and alike(problem, coded, near, i, j):
            linked.setdefault(i, [i]).append(j)
            taken.add(j)
    return [finding(problem, coded, group) for group in linked.values()]


def codes(texts: NDArray[np.object_]) -> NDArray[np.intp]:
    """A number for each text, the same for texts that are equal up to case and white space."""
    numbers: dict[str, int] = {}
    folded = (" ".join(text.lower().split()) for text in texts.ravel())
    found = [numbers.setdefault(text, len(numbers)) for text in folded]
    return np.array(found, dtype=np.intp).reshape(texts.shape)


def nearly_equal(problem: Problem) -> NDArray[np.float64]:
    """Share of a sample of the inputs on which two candidates share nearly all n-grams, (K, K)."""
    rows = np.unique(np.linspace(0, len(problem.inputs) - 1, SAMPLE).astype(np.intp))
    columns = [problem.texts[rows, j].tolist() for j in range(len(problem.candidates))]
    kept, weights = rare_first(columns)
    every = np.array([vectors(column, kept, weights) for column in columns])
    cosines = np.einsum("ind,jnd->ijn", every, every, optimize=True)
    return np.asarray((cosines >= NEAR).mean(axis=2), dtype=np.float64)


def alike(
    problem: Problem, coded: NDArray[np.intp], near: NDArray[np.float64], i: int, j: int
) -> bool:
    """Whether two candidates count as one voter."""
    same = coded[:, i] == coded[:, j]
    if not same.any():
        return bool(near[i, j] >= NEARLY_MOST)
    long = np.median([len(text) for text in problem.texts[same, i]]) >= SHORT
    if not long:
        return bool(same.mean() >= MOST_SHORT)
    return bool(same.mean() >= MOST or near[i, j] >= NEARLY_MOST)


def finding(problem: Problem, coded: NDArray[np.intp], group: list[int]) -> Finding:
    """What is said of candidates that wrote the same."""
    rows = len(coded)
    same = (coded[:, group] == coded[:, group[:1]]).all(axis=1)
    if same.all():
        where = f"the same texts on all {rows} inputs"
    elif same.mean() >= MOST:
        where = f"the same texts on {same.sum()} of {rows} inputs"
    else:
        where = "nearly the same texts on most inputs"
    return Finding(
        "copies",
        f"{listed([problem.candidates[j] for j in group])} wrote {where}",
        f"they count as {len(group)} voters that agree, which favors them; leave out all but one "
        "of them",
        examples(problem.ids, np.flatnonzero(same)) if not same.all() else (),
    )
