r"""How much of the others' wording a text contains.

A text is the set of its n-grams of bytes: no tokenizer, no language. N-grams that other candidates
also wrote for the same input are taken to be true, as independent errors seldom coincide letter for
letter. For candidate i, with the weight w of n-gram g,

.. math:: n_i = \sum_{g \in i} w_g, \quad o_{ij} = \sum_{g \in i \cap j} w_g, \quad
    s_i = \frac{\sum_{j \ne i} (1 + \beta^2)\, o_{ij}}
        {\sum_{j \ne i} \left( n_i + \beta^2 n_j \right)} .

This is the F-measure of a text against the bag of the others' n-grams (van Rijsbergen, Information
Retrieval, 1979, chapter 7), in which recall weighs beta times as much as precision. It is 0 if they
share nothing and 1 if all are equal. With beta 1, what a text adds to the others counts as much
against it as what it lacks, as it does in squared distances between vectors of n-grams. But answers
differ in length more than in truth, and the symmetric measure favors short and average ones. With
beta above 1, the answer wins that covers what the others agree on, as in pyramid scores of
summaries (Nenkova and Passonneau, 2004).

Weights are log(1 + N/f), for n-grams that occur in the answers to f of the N inputs: what occurs
everywhere says little.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from smoothie.ngrams import TABLE_BITS, Ngrams, distinct_ngrams
from smoothie.parallel.local import cores

SAMPLE = 128  # n-grams of a text that are used, on average, where texts are longer
BLOCK_CHARACTERS = 1 << 19  # of texts at a time
COUNTED_BLOCKS = 64  # of inputs that n-grams are counted in, where there are more


def shared_wording(texts: NDArray[np.object_], beta: float) -> NDArray[np.float64]:
    """Share of the others' wording that each text contains.

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
    O(N K l) for texts of l bytes, of which at most 128 n-grams are compared on
    average: those whose hash is small, the same ones in all texts, so that overlaps stay
    comparable. N-grams are counted in up to 64 blocks of inputs, evenly spread, of 2^19 characters
    each; memory is that of these blocks, about half a GiB at most, and the result.
    """
    characters = np.array([sum(map(len, row)) for row in texts])
    kept = min(1.0, SAMPLE * texts.size / max(1, characters.sum()))
    blocks = [texts[block] for block in blocks_of(characters)]
    counted = blocks[:: -(-len(blocks) // COUNTED_BLOCKS)]
    find = partial(distinct_ngrams, kept=kept)
    with ThreadPoolExecutor(cores()) as pool:  # NumPy releases the GIL
        found = list(pool.map(find, counted))
        entries = np.concatenate([ngrams.of_inputs for ngrams in found])
        inputs_with = np.bincount(entries, minlength=1 << TABLE_BITS)
        counts = np.maximum(np.arange(inputs_with.max() + 1), 1)
        weights = np.log1p(sum(map(len, counted)) / counts).take(inputs_with)
        measure = partial(f_measures, weights=weights, beta=beta)
        if len(counted) == len(blocks):
            return np.concatenate(list(pool.map(measure, found)))
        del found, entries  # too many to hold those of all blocks: they are recomputed
        return np.concatenate(list(pool.map(lambda block: measure(find(block)), blocks)))


def f_measures(ngrams: Ngrams, weights: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """The formula of the module docstring, for R inputs and K candidates: shape (R, K)."""
    weight = weights.take(ngrams.entry)
    own, shared = ngrams.sums(weight), ngrams.sums(weight * ngrams.others)
    others_count = own.shape[1] - 1
    others = own.sum(axis=1, keepdims=True) - own
    whole = others_count * own + beta**2 * others
    result = np.zeros(own.shape)
    np.divide((1 + beta**2) * shared, whole, out=result, where=shared > 0)
    return result


def blocks_of(characters: NDArray[np.int_]) -> Iterator[slice]:
    """Inputs whose texts are taken together."""
    block = np.cumsum(characters + 1) // BLOCK_CHARACTERS  # inputs without any text count, too
    edges = [0, *(np.flatnonzero(np.diff(block)) + 1), len(block)]
    for start, stop in pairwise(edges):
        yield slice(start, stop)
