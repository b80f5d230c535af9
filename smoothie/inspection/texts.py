"""Texts that say little, or that differ in kind from what others wrote for the same inputs."""

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from smoothie.inspection.findings import Finding, examples, listed
from smoothie.inspection.languages import languages_of
from smoothie.problem import Problem

FEWEST = 5  # texts, and
SHARE = 0.02  # share of a candidate's texts, that are worth a line
FAR = 4.0  # times as long as another: the lengths are far apart
REFUSAL = re.compile(
    r"\W*(?:(?:i(?:'m| am) (?:\w+ )?|we(?:'re| are) )?(?:sorry|afraid|unfortunately)"
    r"[,.]?(?: but)?,? (?:i|we|as an?|there|this|that)\b(?! (?:hear|to hear))"
    r"|i (?:apologi[sz]e|regret)\b.{0,10} but\b"
    r"|i (?:can ?no|can')t (?!wait|help but|stop|believe|imagine|say enough)"
    r"|i(?:'m| am) (?:unable|not able|not comfortable)\b|i(?: wo|')n't be able\b"
    r"|i (?:must|have to) decline\b"
    r"|as an? (?:ai|artificial intelligence|(?:large )?language model)\b)",
    re.IGNORECASE,
)


def is_blank(text: str) -> bool:
    """Whether there is nothing but white space."""
    return not text or text.isspace()


def blanks(problem: Problem) -> list[Finding]:
    """Blank texts, with their numbers."""
    texts = problem.texts
    blank = np.fromiter(map(is_blank, texts.ravel()), bool, texts.size).reshape(texts.shape)
    if blank.all():
        follows = "there is nothing to choose from, and results are meaningless"
        return [Finding("blank", "all texts are blank", follows)]
    return counted(
        problem,
        blank,
        "blank",
        "blank texts",
        "a blank text votes like any other, and a method may choose it; generate them again, or "
        "give null for them and leave those inputs out",
    )


def refusals(problem: Problem) -> list[Finding]:
    """Texts that open like a refusal, of candidates with more than a few of them."""
    found = [
        REFUSAL.match(text[:200].replace("\u2019", "'")) is not None
        for text in problem.texts.ravel()
    ]
    refused = np.array(found).reshape(problem.texts.shape)
    return counted(
        problem,
        refused & common(refused),
        "refusals",
        "texts that open like a refusal",
        "refusals resemble one another, so that where several candidates refuse, a refusal is "
        "likely to be chosen; look at a few of them",
        serious=False,
    )


def lengths(problem: Problem) -> list[Finding]:
    """Candidates whose texts are far longer or shorter than those of others."""
    sizes = np.array([[len(text) for text in row] for row in problem.texts])
    medians = np.median(sizes, axis=0)
    middle = float(np.median(medians))
    far = [j for j, size in enumerate(medians) if size > FAR * middle or FAR * size < middle]
    if not far or len(problem.candidates) < 3:
        return []
    named = [f"{problem.candidates[j]} {medians[j]:.0f}" for j in far]
    return [
        Finding(
            "lengths",
            f"lengths far apart: the median text has {middle:.0f} characters, that of "
            f"{listed(named)}",
            "methods then tell length from length: consensus favors texts that cover what the "
            "others say, which short ones seldom do; see that all were asked for the same thing",
            serious=False,
        )
    ]


def languages(problem: Problem) -> list[Finding]:
    """Candidates that write in another language than most others do for the same input."""
    rows, spoken = languages_of(problem.texts)
    other = np.zeros(spoken.shape, dtype=bool)
    of_most: dict[int, str] = {}
    for i, row in enumerate(spoken):
        names, counts = np.unique(row, return_counts=True)
        if names[counts.argmax()] and counts.max() > len(row) / 2:
            of_most[i] = str(names[counts.argmax()])
            other[i] = (row != "") & (row != of_most[i])
    other &= common(other)
    found = []
    for j in np.flatnonzero(other.any(axis=0)):
        where = np.flatnonzero(other[:, j])
        pairs = sorted({f"{spoken[i, j]} instead of {of_most[int(i)]}" for i in where})
        looked = f"{len(where)} of {len(rows)} inputs"
        looked += " that were looked at" if len(rows) < len(problem.inputs) else ""
        found.append(
            Finding(
                "languages",
                f"{problem.candidates[j]} wrote on {looked} in another language than most of the "
                f"others ({listed(pairs)})",
                "such a text lies far from all others in wording, and in meaning unless the "
                "encoder reads both languages; see whether it was asked for",
                examples(problem.ids, rows[where]),
            )
        )
    return found


def common(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Candidates with more than a few of something, (K,)."""
    counts = found.sum(axis=0)
    return np.asarray((counts >= FEWEST) & (counts >= SHARE * len(found)))


def counted(
    problem: Problem,
    found: NDArray[np.bool_],
    kind: str,
    what: str,
    follows: str,
    serious: bool = True,
) -> list[Finding]:
    """One finding about some texts (N, K), those with most of them first; none without any."""
    counts, rows = found.sum(axis=0), len(found)
    most_first = [int(j) for j in np.argsort(-counts, kind="stable") if counts[j]]
    if not most_first:
        return []
    parts: Sequence[str] = [
        f"{problem.candidates[j]} on {'all' if counts[j] == rows else f'{counts[j]} of'} "
        f"{rows} inputs"
        for j in most_first
    ]
    ids = examples(problem.ids, np.flatnonzero(found[:, most_first[0]]))
    return [Finding(kind, f"{what}: {listed(parts)}", follows, ids, serious)]
