"""Candidates whose texts seem to answer other inputs than those they stand beside.

Texts for the same input share rare n-grams: with one another and with the input. A text has a clear
home where it shares far more with one input's other texts than with those of any other input. The
texts of an aligned candidate are at home where they stand, or nowhere; those of a candidate whose
rows were shifted or permuted have homes elsewhere. Bad answers have no home and accuse nobody.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smoothie.inspection.findings import Finding
from smoothie.ngrams import TABLE_BITS, hashed_ngrams, starts
from smoothie.problem import Problem

Floats = NDArray[np.float32]
Rows = NDArray[np.intp]

DIMENSIONS = 1024  # into which n-grams are hashed, with signs
NGRAMS = 128  # of a text that are compared, on average
TESTED = 200  # texts of each candidate
COMPARED = 2048  # inputs that they are compared with, the first ones
RUN, GLANCE = 8, 256  # inputs of a first look: runs of so many in a row, and so many in all
MARGIN = 0.15  # a home is clear if all others are this share farther away
ALIGNED = 0.8  # share of the others' texts that fit their own input better than another one
TYPICAL = 0.5  # and if it is at least this share of how near other candidates are to their inputs
# Shuffled: from this share elsewhere on; at home, at most this share of those, and one by chance;
# and their homes differ, as those of bad answers, which resemble a few inputs, do not.
ELSEWHERE, HERE, DIFFERENT = 0.3, 0.05, 0.75
# Shifted: from this share of texts on that are at home at the same distance, or nearer to it.
SHIFTED, MOSTLY_SHIFTED = 0.1, 0.4
# Where inputs resemble one another, few texts have a clear home. Those that are nearer to many
# rows, and to one of them as near as others to their own, are lost; from this share on, shuffled.
CLOSE, MANY, FITS, LOST = 0.02, 0.05, 0.8, 0.6
FEWEST = 5  # texts that have to be at home elsewhere


@dataclass(frozen=True, eq=False)
class Homes:
    """Where the tested texts of one column are at home.

    Attributes
    ----------
    rows, best : ndarray of shape (T,)
        The tested rows, and the other row that each text is nearest to.
    here, elsewhere : ndarray of shape (T,), bool
        Whether its own row is its clear home, or that other row.
    nearer : ndarray of shape (T,), bool
        Whether it is nearer to that other row, clearly or not.
    lost : ndarray of shape (T,), bool
        Whether it is, and to many rows, and as near to that one as texts are that fit.
    """

    rows: Rows
    best: Rows
    here: NDArray[np.bool_]
    elsewhere: NDArray[np.bool_]
    nearer: NDArray[np.bool_]
    lost: NDArray[np.bool_]

    @property
    def shift(self) -> tuple[int, float]:
        """The distance from the rows to nearer ones that many texts share, and their share.

        Both are 0 where there is none.
        """
        for mask, least in ((self.elsewhere, SHIFTED), (self.nearer, MOSTLY_SHIFTED)):
            distances = (self.best - self.rows)[mask]
            if len(distances) >= FEWEST:
                values, counts = np.unique(distances, return_counts=True)
                distance, count = int(values[counts.argmax()]), int(counts.max())
                back = int((distances == -distance).sum())  # as often, where inputs are repeated
                if FEWEST <= count >= least * len(self.rows) and back <= count / 4:
                    return distance, count / len(self.rows)
        return 0, 0.0

    @property
    def shuffled(self) -> bool:
        """Whether so many texts are at home elsewhere that the rows do not fit."""
        count, here = int(self.elsewhere.sum()), int(self.here.sum())
        if self.shift[0]:
            return True
        if FEWEST <= self.lost.sum() >= LOST * len(self.rows):
            return True
        many = FEWEST <= count >= ELSEWHERE * len(self.rows) and here <= 1 + HERE * count
        return many and len(np.unique(self.best[self.elsewhere])) >= DIFFERENT * count


def shuffled(problem: Problem) -> list[Finding]:
    """Candidates, or the inputs, whose rows do not fit those of the others."""
    found = []
    for j, homes in find_shuffled(problem).items():
        is_input = j == len(problem.candidates)
        name = "the inputs" if is_input else problem.candidates[j]
        verb, whose = ("seem", "their texts") if is_input else ("seems", "its texts")
        distance, share = homes.shift
        if distance:
            rows = f"{abs(distance)} row{'s' if abs(distance) > 1 else ''}"
            way = "below" if distance > 0 else "above"
            how = f"{verb} shifted: {100 * share:.0f}% of {whose} fit the input {rows} {way}"
        else:
            share = float((homes.elsewhere | homes.lost).mean())
            how = f"{verb} shuffled: {100 * share:.0f}% of {whose} fit another input than their own"
        follows = (
            "the answers stand beside wrong inputs, and methods that compare inputs are misled"
            if is_input
            else "its texts vote on wrong inputs, and count as bad answers whatever they are worth"
        )
        wrong = np.flatnonzero(homes.elsewhere | homes.lost)
        ids = tuple(
            f"{problem.ids[homes.rows[t]]} (fits {problem.ids[homes.best[t]]})" for t in wrong[:2]
        )
        found.append(Finding("shuffled", f"{name} {how}", f"{follows}; check the order", ids))
    return found


def find_shuffled(problem: Problem) -> dict[int, Homes]:
    """The candidates whose rows do not fit those of the others.

    Parameters
    ----------
    problem : Problem
        Where it has input texts, they count as one more column, K.

    Returns
    -------
    dict of column -> Homes
        Empty with fewer than three columns: nobody could tell which one is wrong.

    Notes
    -----
    A first look takes 256 inputs, in runs of 8. Only if a candidate seems to be wrong there, the
    first 2,048 inputs are compared. O(K b + T K d) numbers for b bytes of text, T tested texts and
    d dimensions.
    """
    columns = [problem.texts[:, j].tolist() for j in range(len(problem.candidates))]
    if problem.has_inputs:
        columns.append(problem.input_texts)
    rows = len(problem.inputs)
    if len(columns) < 3 or rows < 2 * FEWEST:
        return {}
    if rows > GLANCE:
        starts = np.linspace(0, rows - RUN, GLANCE // RUN).astype(np.intp)
        some = np.unique(starts[:, None] + np.arange(RUN))
        looks = homes_of(columns, some, np.arange(len(columns)))
        columns_to_test = suspects(looks)
        if not len(columns_to_test):
            return {}
    else:
        columns_to_test = np.arange(len(columns))
    found = homes_of(columns, np.arange(min(rows, COMPARED)), columns_to_test)
    return {j: homes for j, homes in found.items() if homes.shuffled}


def suspects(looks: dict[int, Homes]) -> Rows:
    """Columns that are worth a closer look."""
    if not looks:
        return np.empty(0, dtype=np.intp)
    here = np.array([homes.here.mean() for homes in looks.values()])
    lost = np.array([homes.lost.mean() for homes in looks.values()])
    shifted = np.array([homes.shift[0] != 0 for homes in looks.values()])
    odd = (here < 0.5 * np.median(here)) | (lost >= LOST / 2) | shifted
    return np.array([j for j, is_odd in zip(looks, odd, strict=True) if is_odd], dtype=np.intp)


def homes_of(columns: Sequence[Sequence[str]], rows: Rows, tested: Rows) -> dict[int, Homes]:
    """Where texts of the tested columns are at home, among some rows.

    Columns are left out where the others do not fit together.
    """
    parts = [[column[i] for i in rows] for column in columns]
    kept, weights = rare_first(parts)
    together = np.zeros((len(rows), DIMENSIONS), dtype=np.float32)
    for part in parts:
        together += vectors(part, kept, weights)
    places = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), TESTED)).astype(np.intp))
    fits, aligned, found = [], [], {}
    for part in parts:
        mine = vectors([part[place] for place in places], kept, weights)
        others = unit(together[places] - mine)
        fits.append(np.einsum("td,td->t", mine, others))
        elsewhere = np.einsum("td,td->t", mine, np.roll(others, len(places) // 2, axis=0))
        aligned.append(float((fits[-1] > elsewhere).mean()))
    medians = np.median(fits, axis=1)
    for j in tested.tolist():
        if np.median(np.delete(aligned, j)) < ALIGNED:
            continue  # the others have so little in common that they cannot tell
        mine = vectors(parts[j], kept, weights)
        near = mine[places] @ unit(together - mine).T
        level = float(np.median(np.delete(medians, j)))
        found[j] = homes_by(near, places, rows, level)
    return found


def homes_by(near: Floats, places: Rows, rows: Rows, level: float) -> Homes:
    """Homes by the nearness (T, R) of the tested texts to all rows.

    `level` is how near the texts of the other columns are to their own rows, in the middle.
    """
    own = near[np.arange(len(places)), places]
    others = near.copy()
    others[np.arange(len(places)), places] = -1
    best = others.argmax(axis=1)
    first = others.max(axis=1)
    second = np.partition(others, -2, axis=1)[:, -2]
    here = (own > 0) & (first <= (1 - MARGIN) * own)
    runner_up = np.maximum(second, own)
    elsewhere = (first >= TYPICAL * level) & (first > 0) & (runner_up <= (1 - MARGIN) * first)
    nearer = own < (1 - CLOSE) * first
    lost = ((others > own[:, None]).mean(axis=1) > MANY) & (first >= FITS * level)
    return Homes(rows[places], rows[best], here, elsewhere, nearer, lost & nearer)


def rare_first(parts: Sequence[Sequence[str]]) -> tuple[float, Floats]:
    """The share of n-grams to compare, and their weights.

    The weight is log(R/f) for an n-gram in f of R rows: nothing if all rows have it.
    """
    rows = len(parts[0])
    length = sum(len(text) for part in parts for text in part)
    kept = min(1.0, NGRAMS * len(parts) * rows / max(1, length))
    texts = [" ".join(row) for row in zip(*parts, strict=True)]
    found = np.zeros(1 << TABLE_BITS, dtype=np.float32)
    for start in range(0, rows, GLANCE):
        _, entries = distinct(texts[start : start + GLANCE], kept)
        found += np.bincount(entries, minlength=len(found))
    np.maximum(found, 1, out=found)
    np.divide(rows, found, out=found)
    return kept, np.log(found, out=found)


def vectors(texts: Sequence[str], kept: float, weights: Floats) -> Floats:
    """Unit vectors of texts, (R, d): their n-grams, hashed with signs."""
    rows, entries = distinct(texts, kept)
    signs = 1 - 2 * ((entries // DIMENSIONS) & 1)
    places = rows * DIMENSIONS + entries % DIMENSIONS
    sums = np.bincount(places, weights[entries] * signs, minlength=len(texts) * DIMENSIONS)
    return unit(sums.astype(np.float32).reshape(-1, DIMENSIONS))


def distinct(texts: Sequence[str], kept: float) -> tuple[Rows, Rows]:
    """The n-grams of texts, each once for a text: its row, and its entry of the table."""
    hashes, rows = hashed_ngrams(list(texts), np.arange(len(texts), dtype=np.uint64), kept)
    entries = (hashes >> np.uint32(32 - TABLE_BITS)).astype(np.uint64)
    keys = rows << np.uint64(TABLE_BITS) | entries
    keys.sort()
    keys = keys.compress(starts(keys))
    low = np.uint64((1 << TABLE_BITS) - 1)
    return (keys >> np.uint64(TABLE_BITS)).astype(np.intp), (keys & low).astype(np.intp)


def unit(values: Floats) -> Floats:
    """Rows of length one; those of zeros stay."""
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(lengths, np.float32(1e-9)), dtype=np.float32)
