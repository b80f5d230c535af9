r"""Minimum Bayes risk by overlap: the text that shares the most with the others, as ROUGE or chrF.

The expected utility of text i is the mean of utility(text i, text j as reference) over the other
candidates j. Both utilities are F-measures of n-grams. For all K texts of an input at once, the
n-grams of one length are numbered, counted into one table, and the clipped overlaps of all pairs
are sums of minima of its rows; a text's own row against itself gives its total.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.estimator import require_three_candidates
from smoothie.evidence import Evidence, Need
from smoothie.optional import require
from smoothie.routers.base import Router, Routing, register_router
from smoothie.routers.voting import choose, shares, tie_break_costs

CHRF_ORDER, CHRF_BETA = 6, 2  # sacrebleu's defaults: characters, no words
Numbers = NDArray[np.intp]


@register_router("mbr_overlap")
@dataclass(eq=False, repr=False)
class MBROverlap(Router):
    """Route each input to the text with the highest expected overlap with the others.

    Parameters
    ----------
    utility : {"rouge2", "chrf"}
        ROUGE-2 F-measure, with the tokenizer of rouge-score and no stemming; or chrF as sacrebleu
        computes it for sentences.

    Notes
    -----
    Kumar and Byrne (NAACL 2004); Eikema and Aziz, "Sampling-Based Approximations to Minimum Bayes
    Risk Decoding for Neural Machine Translation" (EMNLP 2022); ROUGE: Lin (2004); chrF: Popović
    (2015). Of texts with equal utility, the one with the lowest mean distance to the others wins.
    Cost: for texts of l symbols O(N K l (K + log(K l))), once for each distinct text of an input.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import MBROverlap
    >>> texts = np.array([["a red fox", "a red fox ran", "it was a red fox"]], dtype=object)
    >>> evidence = Evidence(Votes(np.zeros((1, 3, 3)), texts=texts))
    >>> MBROverlap(utility="rouge2").route(evidence).choices
    array([[0]])
    """

    utility: str = "chrf"

    fewest: ClassVar[int] = 3
    needs = frozenset({Need.TEXTS})
    uses = frozenset({Need.DISTANCES})

    def __post_init__(self) -> None:
        """Check the utility, before anything is computed."""
        if self.utility not in UTILITIES:
            raise SmoothieError(f"utility={self.utility}: expected one of {', '.join(UTILITIES)}")

    def route(self, evidence: Evidence) -> Routing:
        """Choose the text with the highest expected utility."""
        require_three_candidates(evidence.shape[1])
        texts = evidence.texts
        expected = np.empty(texts.shape)
        for row, written in enumerate(texts):
            distinct, place = np.unique(written, return_inverse=True)
            values = UTILITIES[self.utility](distinct.tolist())[place[:, None], place]
            expected[row] = (values.sum(axis=1) - values.diagonal()) / (len(written) - 1)
        chosen = choose(expected, tie_break_costs(evidence))
        return Routing(chosen[None, :], weights=shares(expected))


def rouge2_utilities(texts: Sequence[str]) -> NDArray[np.float64]:
    """ROUGE-2 F-measure of each pair of texts, (K, K), from 0 to 1; symmetric."""
    require("rouge_score", "utility=rouge2")
    from rouge_score.tokenize import tokenize

    words: dict[str, int] = {}
    numbered = [
        np.array([words.setdefault(word, len(words)) for word in tokenize(text, None)], dtype=int)
        for text in texts
    ]
    *_, shared = shared_ngrams(numbered, 2)
    totals = shared.diagonal()
    return divided(2.0 * shared, totals[:, None] + totals)


def chrf_utilities(texts: Sequence[str]) -> NDArray[np.float64]:
    """ChrF of each text (row) against each as reference (column), (K, K), from 0 to 1."""
    joined = ["".join(text.split()) for text in texts]
    numbered = [np.array(list(map(ord, text)), dtype=int) for text in joined]
    precision, recall, orders = (np.zeros((len(texts), len(texts))) for _ in range(3))
    for shared in shared_ngrams(numbered, CHRF_ORDER):
        totals = shared.diagonal()
        both = (totals[:, None] > 0) & (totals > 0)  # orders that either lacks do not count
        precision += both * divided(shared, totals[:, None])
        recall += both * divided(shared, totals)
        orders += both
    precision, recall = divided(precision, orders), divided(recall, orders)
    weight = CHRF_BETA**2
    return divided((1 + weight) * precision * recall, weight * precision + recall)


def shared_ngrams(texts: Sequence[Numbers], highest: int) -> Iterator[Numbers]:
    """N-grams that each pair of texts shares, each as often as it occurs in both.

    Parameters
    ----------
    texts : sequence of ndarray of int, length K
        Each text as the numbers of its symbols, at least zero.
    highest : int
        The longest n-grams.

    Yields
    ------
    ndarray of shape (K, K), int
        For n = 1, 2, ..., `highest`; the diagonal holds the number of n-grams of each text.
    """
    lengths = np.array([len(text) for text in texts])
    symbols = np.unique(np.concatenate(texts), return_inverse=True)[1]
    base = symbols.max(initial=0) + 1
    owner = np.repeat(np.arange(len(texts)), lengths)
    last = np.repeat(lengths.cumsum(), lengths)
    start, ngram = np.arange(len(symbols)), symbols
    for length in range(1, highest + 1):
        if length > 1:
            longer = start + length <= last[start]
            start, ngram = start[longer], ngram[longer] * base
            ngram += symbols[start + length - 1]
            ngram = np.unique(ngram, return_inverse=True)[1]  # renumbered: no overflow
        size = ngram.max(initial=0) + 1
        counts = np.bincount(owner[start] * size + ngram, minlength=len(texts) * size)
        rows = counts.reshape(len(texts), size)
        shared = np.empty((len(texts), len(texts)), dtype=np.intp)
        for i, row in enumerate(rows):
            shared[i, i:] = shared[i:, i] = np.minimum(row, rows[i:]).sum(axis=1)
        yield shared


def divided(above: NDArray[Any], below: NDArray[Any]) -> NDArray[np.float64]:
    """A quotient of arrays of shape (K, K) and (K, K) or (K,); zero where the divisor is zero."""
    result = np.zeros(above.shape)
    np.divide(above, below, out=result, where=below > 0)
    return result


UTILITIES = {"rouge2": rouge2_utilities, "chrf": chrf_utilities}
