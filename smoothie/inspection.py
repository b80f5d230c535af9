"""Warnings about texts that can be routed, but with results of little meaning."""

import logging
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smoothie.problem import Problem

log = logging.getLogger(__name__)

FEWEST = 10  # inputs: with that many, equal answers to all of them are no coincidence
EXAMPLES = 3  # listed in a message


def warn_about_texts(problem: Problem) -> None:
    """Warn where texts are blank, or candidates wrote the same texts.

    Checks the texts that are scored and returned: of several generations, the first.

    Notes
    -----
    O(N K): texts are hashed, not compared with one another.
    """
    texts = problem.texts
    blank = np.fromiter(map(is_blank, texts.ravel()), bool, texts.size).reshape(texts.shape)
    if blank.all():
        log.warning(
            "%s: all texts are blank: there is nothing to choose from, and results are meaningless",
            problem.name,
        )
        return
    warn_about_blanks(problem, blank)
    groups = same_texts(problem)
    if groups and len(groups[0]) == len(problem.candidates):
        log.warning(
            "%s: all candidates wrote the same texts: every choice gives the same result, "
            "and ties go to the first candidate, %s",
            problem.name,
            problem.candidates[0],
        )
        return
    if len(problem.inputs) < FEWEST:
        return
    for names in groups:
        log.warning(
            "%s: %s wrote the same texts on all %d inputs: they count as %d voters that agree, "
            "which favors them; leave out all but one of them",
            problem.name,
            listed(names),
            len(problem.inputs),
            len(names),
        )


def is_blank(text: str) -> bool:
    """Whether there is nothing but white space."""
    return not text or text.isspace()


def warn_about_blanks(problem: Problem, blank: NDArray[np.bool_]) -> None:
    """Warn about candidates with blank texts, with their numbers."""
    counts = blank.sum(axis=0)
    rows = len(blank)
    most_first = [int(j) for j in np.argsort(-counts, kind="stable") if counts[j]]
    if not most_first:
        return
    parts = [
        f"{problem.candidates[j]} on {'all' if counts[j] == rows else f'{counts[j]} of'} "
        f"{rows} inputs"
        for j in most_first
    ]
    log.warning(
        "%s: blank texts: %s; a blank text votes like any other, and a method may choose it",
        problem.name,
        listed(parts),
    )


def same_texts(problem: Problem) -> list[list[str]]:
    """Groups of two or more candidates that wrote the same texts on all inputs."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, column in zip(problem.candidates, problem.texts.T, strict=True):
        groups.setdefault(tuple(column), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def listed(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - EXAMPLES
    return ", ".join(names[:EXAMPLES]) + (f" and {more} more" if more > 0 else "")
