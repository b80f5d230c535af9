"""The byte n-grams of texts, compared within each input."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LENGTH = 4  # bytes of an n-gram: one uint32
STOP = b"  \0  "  # between texts; the blanks let one letter fill an n-gram
FOLD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\t\n\r", b"abcdefghijklmnopqrstuvwxyz   ")
MULTIPLIER = np.uint32(2654435769)  # of Fibonacci hashing: 2^32 over the golden ratio, odd
BLANK = (np.frombuffer(b" " * LENGTH, dtype="<u4") * MULTIPLIER)[0]  # the hash of white space
TABLE_BITS = 20  # n-grams of all inputs are counted in a table of this size; few share an entry


@dataclass(frozen=True, eq=False)
class Ngrams:
    """The n-grams of some texts, each once for a text that contains it.

    Equal ones of an input lie side by side, in the order of their columns.

    Attributes
    ----------
    shape : (int, int)
        Inputs and candidates of the texts, (R, K).
    text : ndarray of shape (M,), uint32
        The text of each n-gram: its row times K, rounded up to a power of two, plus its column.
    entry : ndarray of shape (M,), uint32
        Each n-gram, as an entry of a table of 2^TABLE_BITS.
    again : ndarray of shape (M + 1,), bool
        Whether it is the n-gram before it, of another text for the same input; False at the end.
    of_inputs : ndarray of shape (G,), uint32
        The entries again, each n-gram once for an input.
    """

    shape: tuple[int, int]
    text: NDArray[np.uint32]
    entry: NDArray[np.uint32]
    again: NDArray[np.bool_]
    of_inputs: NDArray[np.uint32]

    def shared(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum of the values (M,) over the n-grams that two texts share: shape (R, K, K).

        A text shares all its n-grams with itself. O(p) for p pairs of texts that share an n-gram.
        """
        rows, candidates = self.shape
        width = 1 << (candidates - 1).bit_length()
        start, column = self.text.astype(np.intp) * width, self.text & np.uint32(width - 1)
        sums = np.zeros(rows * width**2)
        np.add.at(sums, start + column, values)
        step, first = 1, np.flatnonzero(self.again[1:])
        while first.size:
            np.add.at(sums, start.take(first) + column.take(first + step), values.take(first))
            step += 1
            first = first.compress(self.again.take(first + step))
        half = sums.reshape(rows, width, width)[:, :candidates, :candidates]
        return np.asarray(half + np.triu(half, 1).transpose(0, 2, 1), dtype=np.float64)


def distinct_ngrams(texts: NDArray[np.object_], kept: float) -> Ngrams:
    """Find the n-grams of the texts (R, K) of some inputs.

    Parameters
    ----------
    texts : ndarray of shape (R, K), object
    kept : float
        Share of all n-grams that is used: those whose hash is small.

    Notes
    -----
    O(b log b) for b bytes: one sort of whole numbers, each made of an n-gram's input, its hash
    and its candidate.
    """
    rows, candidates = texts.shape
    bits = (candidates - 1).bit_length()  # of a candidate's number
    row, column = np.divmod(np.arange(rows * candidates, dtype=np.uint64), np.uint64(candidates))
    numbers = row << np.uint64(bits + 32) | column
    hashes, keys = hashed_ngrams(texts.ravel().tolist(), numbers, kept)
    keys |= hashes.astype(np.uint64) << np.uint64(bits)
    keys.sort()
    keys = keys.compress(starts(keys))  # an n-gram that a text contains twice counts once
    of_input = keys >> np.uint64(bits)
    new = starts(of_input)
    low = np.uint32((1 << bits) - 1)
    padded_row = (keys >> np.uint64(32)).astype(np.uint32) & ~low
    entry = of_input.astype(np.uint32) >> np.uint32(32 - TABLE_BITS)
    return Ngrams(
        (rows, candidates),
        padded_row | (keys.astype(np.uint32) & low),
        entry,
        np.append(~new, np.False_),
        entry.compress(new),
    )


def starts(ordered: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Which of some numbers, in order, differ from the one before."""
    changes = np.ones(len(ordered), dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=changes[1:])
    return changes


def hashed_ngrams(
    texts: list[str], numbers: NDArray[np.uint64], kept: float
) -> tuple[NDArray[np.uint32], NDArray[np.uint64]]:
    """The hashes of the n-grams of some texts, and for each the number (T,) of its text.

    They come text by text. Different n-grams have different hashes, as multiplication by an odd
    number is invertible.
    """
    encoded = [text.encode("utf-8", "replace") for text in texts]
    joined = STOP.join([b"  ", *encoded, b"  "]).translate(FOLD)
    stops = np.flatnonzero(np.frombuffer(joined, dtype=np.uint8) == 0)
    if len(stops) > len(texts) + 1:  # there is one inside a text
        return hashed_ngrams([text.replace("\0", " ") for text in texts], numbers, kept)
    unaligned = np.ndarray(len(joined) - LENGTH + 1, "<u4", joined, strides=(1,))
    hashes = unaligned * MULTIPLIER
    # NumPy finds places three times as fast if more than a tenth are set: so some more are
    used = np.ones(len(hashes) * 9 // 8, dtype=np.bool_)
    whole = used[: len(hashes)]
    np.not_equal(hashes, BLANK, out=whole)
    if kept < 1:
        whole &= hashes <= np.uint32(kept * 0xFFFFFFFF)
    whole[stops[:, None] - np.arange(LENGTH)] = False  # no n-gram reaches over a stop
    places = np.flatnonzero(used)
    edges = np.searchsorted(places, stops)
    return hashes.take(places[: edges[-1]]), np.repeat(numbers, np.diff(edges))
