r"""How much of the others' wording a text contains.

A text is the set of its n-grams of bytes: no tokenizer, no language. N-grams that other candidates
also wrote for the same input are taken to be true, as independent errors seldom coincide letter for
letter. With the weight w of n-gram g, a text i is compared with each other one,

.. math:: o_{ij} = \sum_{g \in i \cap j} w_g, \quad
    s_i = \frac{1}{K - 1} \sum_{j \ne i} \frac{(1 + \beta^2)\, o_{ij}}{o_{ii} + \beta^2 o_{jj}} .

Each term is the F-measure of text i against text j, in which recall weighs beta times as much as
precision (van Rijsbergen, Information Retrieval, 1979, chapter 7): 0 if they share nothing, 1 if
they share all. Its mean over j is the expected F-measure against the truth, if each other text is
as likely to be it: minimum Bayes risk decoding (Kumar and Byrne, 2004), by a measure close to chrF
(Popovic, 2015), whose beta is 2. With beta 1, what a text adds to another counts as much against it
as what it lacks, as it does in squared distances between vectors of n-grams. But answers differ in
length more than in truth, and the symmetric measure favors short and average ones. With beta above
1, the answer wins that covers what the others agree on, as in pyramid scores of summaries (Nenkova
and Passonneau, 2004). Every other text has one vote, however long it is.

Weights are log(1 + N/f), for n-grams that occur in the answers to f of the N inputs: what occurs
everywhere says little.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from smoothie.ngrams import TABLE_BITS, Ngrams, distinct_ngrams
from smoothie.parallel.local import cores

SAMPLE = 128  # n-grams of a text that are used, on average, where texts are longer
BLOCK_CHARACTERS = 1 << 18  # of texts at a time; n-grams that are not used cost half
PRECISION = 2.0**-20  # of weights: sums of whole numbers are the same in any order
COUNTED_BLOCKS = 128  # of inputs that n-grams are counted in, where there are more


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
    O(N K (l + K)) for texts of l bytes, of which at most 128 n-grams are compared on average: those
    whose hash is small, the same ones in all texts, so that overlaps stay comparable. N-grams are
    counted in up to 128 blocks of inputs, evenly spread, of 2^18 characters each; memory is that of
    these blocks, about half a GiB at most, and the result.
    """
    return measured(texts, partial(f_measures, beta=beta))


def measured(
    texts: NDArray[np.object_], measure: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """A measure of what texts share, block by block.

    Parameters
    ----------
    texts : ndarray of shape (N, K), object
    measure : callable
        From the weights of the n-grams that two texts of an input share, o of shape (R, K, K), to
        a number for each text, (R, K).
    """
    characters = np.array([sum(map(len, row)) for row in texts])
    kept = min(1.0, SAMPLE * texts.size / max(1, characters.sum()))
    blocks = [texts[block] for block in blocks_of((1 + kept) / 2 * characters)]
    counted = blocks[:: -(-len(blocks) // COUNTED_BLOCKS)]
    find = partial(distinct_ngrams, kept=kept)
    with ThreadPoolExecutor(cores()) as pool:  # NumPy releases the GIL
        found = list(pool.map(find, counted))
        entries = np.concatenate([ngrams.of_inputs for ngrams in found])
        inputs_with = np.bincount(entries, minlength=1 << TABLE_BITS)
        counts = np.maximum(np.arange(inputs_with.max() + 1), 1)
        rarity = np.log1p(sum(map(len, counted)) / counts)
        weights = np.rint(rarity / PRECISION).take(inputs_with)

        def measure_block(ngrams: Ngrams) -> NDArray[np.float64]:
            return measure(ngrams.shared(weights.take(ngrams.entry)))

        if len(counted) == len(blocks):
            return np.concatenate(list(pool.map(measure_block, found)))
        del found, entries  # too many to hold those of all blocks: they are recomputed
        return np.concatenate(list(pool.map(lambda block: measure_block(find(block)), blocks)))


def f_measures(shared: NDArray[np.float64], beta: float) -> NDArray[np.float64]:
    """The formula of the module docstring: o of shape (R, K, K) -> s of shape (R, K)."""
    own = np.diagonal(shared, axis1=1, axis2=2)
    both = own[:, :, None] + beta**2 * own[:, None, :]
    measures = np.zeros(shared.shape)
    np.divide((1 + beta**2) * shared, both, out=measures, where=shared > 0)
    of_others = measures.sum(axis=2) - np.diagonal(measures, axis1=1, axis2=2)
    means: NDArray[np.float64] = of_others / (shared.shape[1] - 1)
    return means


def blocks_of(characters: NDArray[np.float64]) -> Iterator[slice]:
    """Inputs whose texts are taken together."""
    block = np.cumsum(characters + 1) // BLOCK_CHARACTERS  # inputs without any text count, too
    edges = [0, *(np.flatnonzero(np.diff(block)) + 1), len(block)]
    for start, stop in pairwise(edges):
        yield slice(start, stop)
