"""The n-grams of bytes of which texts consist, compared within each input without a sort."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LENGTH = 4  # bytes of an n-gram: one uint32
BLANK = int.from_bytes(b" " * LENGTH, "little")
STOP = "  \0  "  # between texts; the blanks let one letter fill an n-gram
FOLD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\t\n\r", b"abcdefghijklmnopqrstuvwxyz   ")
MULTIPLIER = np.uint32(2654435769)  # of Fibonacci hashing: 2^32 over the golden ratio, odd
WIDE_MULTIPLIER = 0x9E3779B97F4A7C15  # the same for 2^64
TABLE_BITS = 20  # n-grams of all inputs are counted in a table of this size; few share an entry


@dataclass(frozen=True, eq=False)
class Ngrams:
    """The n-grams of some texts, text after text: each once for a text that holds it.

    Attributes
    ----------
    counts : ndarray of shape (R, K)
        How many are of each text.
    entry : ndarray of shape (M,), uint32
        Each n-gram, as an entry of a table of 2^TABLE_BITS.
    others : ndarray of shape (M,), float64
        Other texts for the same input that hold it.
    of_inputs : ndarray of shape (G,), uint32
        The entries again, each n-gram once for an input.
    """

    counts: NDArray[np.intp]
    entry: NDArray[np.uint32]
    others: NDArray[np.float64]
    of_inputs: NDArray[np.uint32]

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of the values (M,) over the n-grams of each text: shape (R, K)."""
        result = np.zeros(self.counts.shape)
        filled = self.counts > 0
        if filled.any():
            first = np.cumsum(self.counts) - self.counts.ravel()
            result[filled] = np.add.reduceat(values, first[filled.ravel()])
        return result


def distinct_ngrams(texts: NDArray[np.object_], kept: float) -> Ngrams:
    """Find the n-grams of the texts (R, K) of some inputs.

    Parameters
    ----------
    texts : ndarray of shape (R, K), object
    kept : float
        Share of all n-grams that is looked at: those whose hash is small.

    Notes
    -----
    O(bytes). N-grams are told apart without a sort: their numbers are written to a table, and
    where several were written to one place, the last one stays and is read back.
    """
    rows, candidates = texts.shape
    hashes, counts = hashed_ngrams([text.replace("\0", " ") for text in texts.ravel()], kept)
    row = np.repeat(np.arange(rows, dtype=np.uint64), counts.reshape(rows, -1).sum(axis=1))
    group = equal_places(row << np.uint64(32) | hashes)
    place = np.arange(len(hashes), dtype=np.int32)
    # An n-gram that a text holds twice counts once.
    column = np.repeat(np.tile(np.arange(candidates, dtype=np.int32), rows), counts)
    cell = group * np.int32(candidates) + column
    last = np.empty(len(hashes) * candidates, dtype=np.int32)
    last[cell] = place
    once = np.flatnonzero(last.take(cell) == place)
    entry = hashes >> np.uint32(32 - TABLE_BITS)
    held = group.take(once)
    others = (np.bincount(held, minlength=len(hashes)) - 1).astype(np.float64)
    ends = np.searchsorted(once, np.cumsum(counts))
    return Ngrams(
        np.diff(ends, prepend=0).reshape(rows, candidates),
        entry.take(once),
        others.take(held),
        entry.compress(group == place),
    )


def equal_places(keys: NDArray[np.uint64]) -> NDArray[np.int32]:
    """For each key the place of a key that is equal to it, one place for all equal ones."""
    bits = len(keys).bit_length() + 1
    table = np.empty(1 << bits, dtype=np.int32)
    multiplier = WIDE_MULTIPLIER

    def meet(keys: NDArray[np.uint64], places: NDArray[np.int32]) -> NDArray[np.int32]:
        slots = ((keys * np.uint64(multiplier)) >> np.uint64(64 - bits)).view(np.int64)
        table[slots] = places
        return table.take(slots)

    places = meet(keys, np.arange(len(keys), dtype=np.int32))
    left = np.flatnonzero(keys.take(places) != keys).astype(np.int32)
    while len(left):  # those that met another key try again elsewhere
        multiplier = multiplier * WIDE_MULTIPLIER % 2**64
        mine = keys.take(left)
        found = meet(mine, left)
        same = keys.take(found) == mine
        places[left[same]] = found[same]
        left = left[~same]
    return places


def hashed_ngrams(texts: list[str], kept: float) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
    """The hashes of the n-grams of some texts, one after another, and how many are of each text.

    Each n-gram has a hash of its own, as an odd multiplier can be undone.
    """
    joined = f"  {STOP.join(texts)}{STOP} ".encode("utf-8", "replace").translate(FOLD)
    letters = np.frombuffer(joined, dtype=np.uint8)
    last = len(letters) - LENGTH + 1
    codes = np.zeros(last, dtype=np.uint32)
    for place in range(LENGTH):
        codes |= letters[place : last + place].astype(np.uint32) << np.uint32(8 * place)
    hashes = codes * MULTIPLIER
    whole = codes != BLANK
    if kept < 1:
        whole &= hashes <= np.uint32(kept * 0xFFFFFFFF)
    stops = np.flatnonzero(letters == 0)
    whole[stops[:, None] - np.arange(LENGTH)] = False  # no n-gram reaches over a stop
    places = np.flatnonzero(whole)
    counts = np.diff(np.searchsorted(places, stops), prepend=0)
    return hashes.take(places), counts
