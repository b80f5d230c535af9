r"""How much of what the others wrote a text holds.

A text is the set of its n-grams of bytes: no tokenizer, no language. The n-grams of a text that
other candidates wrote for the same input, too, are taken for true, as independent errors seldom
coincide letter for letter. For candidate i, with the weight w of n-gram g,

.. math:: n_i = \sum_{g \in i} w_g, \quad o_{ij} = \sum_{g \in i \cap j} w_g, \quad
    s_i = \frac{\sum_{j \ne i} (1 + \beta^2)\, o_{ij}}
        {\sum_{j \ne i} \left( n_i + \beta^2 n_j \right)} .

This is the F-measure of a text against the bag of what the others say (van Rijsbergen, Information
Retrieval, 1979, chapter 7), in which recall weighs beta times as much as precision. It is 0 if they
share nothing and 1 if all are equal. With beta 1, what a text has beyond the others counts as much
against it as what it lacks; so it does in squared distances between vectors of n-grams. But answers
differ in length more than in truth, and the symmetric measure favours short and average ones. With
beta above 1, the answer wins that covers what the others agree on, as in pyramid scores of
summaries (Nenkova and Passonneau, 2004).

Weights are log(1 + N/f), for n-grams that occur in the answers to f of the N inputs: what is said
everywhere tells little.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

LENGTH = 4  # bytes of an n-gram: one uint32
BLANK = int.from_bytes(b" " * LENGTH, "little")
STOPS = "  \0  "  # between texts; the blanks let one letter fill an n-gram
FOLD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ\t\n\r", b"abcdefghijklmnopqrstuvwxyz   ")
MULTIPLIER = np.uint32(2654435769)  # of Fibonacci hashing: 2^32 over the golden ratio, odd
TABLE_BITS = 20  # n-grams are counted in a table of this size; few share an entry
SAMPLE = 128  # n-grams of a text that are looked at, on average, where texts are longer
BLOCK_CHARACTERS = 1 << 16  # texts at a time: their n-grams stay in the cache

Ngrams = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint32]]  # as distinct_ngrams says


def shared_wording(texts: NDArray[np.object_], beta: float) -> NDArray[np.float64]:
    """Share of the others' wording that each text holds.

    Parameters
    ----------
    texts : ndarray of shape (N, K), object
        What K candidates wrote for N inputs; case and kinds of white space do not matter.
    beta : float
        How much more recall weighs than precision; positive.

    Returns
    -------
    ndarray of shape (N, K)
        Between 0 and 1; 0 for an empty text. Equal texts have equal values, to the last bit.

    Notes
    -----
    O(N K (l + n log n)) for texts of l bytes, of which at most n = 128 n-grams are looked at on
    average: those whose hash is small, the same ones in all texts, so that overlaps stay
    comparable. 20 bytes of memory for each of these.
    """
    characters = np.array([sum(map(len, row)) for row in texts])
    kept = min(1.0, SAMPLE * texts.size / max(1, characters.sum()))
    parts = [texts[block] for block in blocks_of(characters)]
    found = [distinct_ngrams(part, kept) for part in parts]
    entries = np.concatenate([entry for _, _, entry in found])
    inputs_with = np.bincount(entries, minlength=1 << TABLE_BITS)
    weights = np.log1p(len(texts) / np.maximum(inputs_with, 1))
    return np.concatenate(
        [
            f_measures(part.shape, ngrams, weights, beta)
            for part, ngrams in zip(parts, found, strict=True)
        ]
    )


def f_measures(
    shape: tuple[int, ...], ngrams: Ngrams, weights: NDArray[np.float64], beta: float
) -> NDArray[np.float64]:
    """The formula of the module docstring, for R inputs and K candidates: shape (R, K)."""
    text, size, entry = ngrams
    cells, others_count = shape[0] * shape[1], shape[1] - 1
    weight = weights[entry]
    own = np.bincount(text, np.repeat(weight, size), cells).reshape(shape)
    shared = np.bincount(text, np.repeat(weight * (size - 1), size), cells).reshape(shape)
    others = own.sum(axis=1, keepdims=True) - own
    whole = others_count * own + beta**2 * others
    result = np.zeros(shape)
    np.divide((1 + beta**2) * shared, whole, out=result, where=shared > 0)
    return result


def blocks_of(characters: NDArray[np.int_]) -> Iterator[slice]:
    """Inputs whose texts are taken together."""
    block = np.cumsum(characters) // BLOCK_CHARACTERS
    edges = [0, *(np.flatnonzero(np.diff(block)) + 1), len(block)]
    for start, stop in pairwise(edges):
        yield slice(start, stop)


def distinct_ngrams(texts: NDArray[np.object_], kept: float) -> Ngrams:
    """The n-grams of the texts of some inputs.

    Parameters
    ----------
    texts : ndarray of shape (R, K), object
    kept : float
        Share of all n-grams that are looked at.

    Returns
    -------
    text : ndarray of shape (M,)
        Number of the text, from 0 to R K - 1, of each n-gram that occurs in one; grouped by input
        and n-gram.
    size : ndarray of shape (G,)
        Texts in each group.
    entry : ndarray of shape (G,), uint32
        Each group's n-gram, as an entry of a table of 2^TABLE_BITS.
    """
    candidates = texts.shape[1]
    owners, hashes = hashed_ngrams([text.replace("\0", " ") for text in texts.ravel()], kept)
    # One sort groups them: the input in the highest bits, the candidate in the lowest.
    bits = np.uint64((candidates - 1).bit_length())
    row, column = np.divmod(np.arange(texts.size, dtype=np.uint64), np.uint64(candidates))
    keys = (row << (bits + np.uint64(32)) | column)[owners]
    keys |= hashes.astype(np.uint64) << bits
    keys.sort()
    keys = keys[differs_from_last(keys)]
    groups = keys >> bits
    first = np.flatnonzero(differs_from_last(groups))
    size = np.diff(first, append=len(keys))
    column = (keys ^ (groups << bits)).astype(np.intp)
    text = np.repeat((groups[first] >> np.uint64(32)).astype(np.intp) * candidates, size) + column
    entry = groups[first].astype(np.uint32) >> np.uint32(32 - TABLE_BITS)
    return text, size, entry


def differs_from_last(values: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Whether each value differs from the one before it; the first one does."""
    result = np.ones(len(values), dtype=bool)
    np.not_equal(values[1:], values[:-1], out=result[1:])
    return result


def hashed_ngrams(texts: list[str], kept: float) -> tuple[NDArray[np.int32], NDArray[np.uint32]]:
    """The number of the text that each n-gram is from, and its hash; each n-gram has its own."""
    joined = f"  {STOPS.join(texts)}  ".encode("utf-8", "replace").translate(FOLD)
    letters = np.frombuffer(joined, dtype=np.uint8)
    windows = np.lib.stride_tricks.sliding_window_view(letters, LENGTH)
    codes = np.ascontiguousarray(windows).view("<u4").ravel()
    hashes = codes * MULTIPLIER
    if kept < 1:
        places = np.flatnonzero(hashes <= np.uint32(kept * 0xFFFFFFFF))
        codes, hashes = codes[places], hashes[places]
    else:
        places = np.arange(len(codes))
    owners = np.cumsum(letters == 0, dtype=np.int32)[places]
    # A byte that is zero borrows from its highest bit: the n-gram reaches over a stop.
    whole = ((codes - np.uint32(0x01010101)) & ~codes & np.uint32(0x80808080)) == 0
    whole &= codes != BLANK
    return owners[whole], hashes[whole]
