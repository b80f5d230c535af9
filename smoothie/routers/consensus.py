r"""Consensus: the text that the other candidates' texts support best."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import NotAvailableError, SmoothieError
from smoothie.estimator import Floats, require_three_candidates
from smoothie.evidence import Evidence, Need
from smoothie.routers.base import Router, Routing, register_router
from smoothie.routers.voting import agreement, shares

COARSER = 0.1  # weight of a kind of support relative to the finer one before it


@register_router("consensus")
@dataclass(eq=False, repr=False)
class Consensus(Router):
    r"""Route each input to the text that the other texts support best.

    Smoothie treats candidates as voters on a latent true answer, and routes by the error that it
    estimates for each *voter*. Here the votes are counted for each *text*: the support of text i is
    the expected share of the truth that it contains, given what the others wrote. There are three
    kinds of agreement, each between 0 and 1:

    - **answer**, on inputs whose texts end in one (`smoothie.metrics.views.final_answers`): the
      share of the other candidates that give the same one. Each candidate is weighted by its own
      mean support over all inputs: if wrong answers seldom coincide, that is proportional to its
      accuracy (the one-coin model of Dawid and Skene, 1979). A text's own vote does not count:
      three answers that all differ have no support, and the next kind decides.
    - **wording**: the expected F-measure of the text's n-grams against those of another text, with
      more weight on recall (`smoothie.wording`).
    - **meaning**: the mean of exp(-D/h) over the others, with D the squared distance of the
      embeddings and h its median. Smoothie's errors sum D itself, so that one far-off
      voter outweighs several near ones; this kernel is bounded.

    Finer kinds decide, coarser ones break near ties: support is wording + meaning / 10, and where
    texts end in answers, answer + (wording + meaning / 10) / 10.

    The support of one text comes from K-1 others and is noisy. The quality of its candidate on
    other inputs is known better, and counts as much as candidates differ consistently:

    .. math:: (1 - \rho)\, s_{ni} + \rho\, \bar s_i, \qquad \bar s_i = \frac1N \sum_n s_{ni},
        \qquad \rho = \frac{\sigma_c^2}{\sigma_c^2 + \sigma_e^2},

    with the variance of support between candidates and the one within them, over inputs
    (`consistency`). Where all candidates are alike, each text counts for itself, as in
    Smoothie-Local; where one is better on every input, it is chosen for all, as in Smoothie-Global.

    Parameters
    ----------
    beta : float
        Weight of what a text lacks of the others' wording, relative to what it adds; positive, 1
        treats both alike.
    prior : float
        How much the candidates' means count, relative to that estimate; zero leaves them out.
    answered : float
        Inputs where hardly any text says what its answer is are compared by answers only if this
        share of their texts ends in one.

    Notes
    -----
    Without texts, meaning alone decides; without distances, wording and answers do. Cost: O(N K^2)
    after the distances, and for texts of l bytes O(N K l); memory O(N K^2), and 128 n-grams for
    each text.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import Consensus
    >>> texts = np.array([["The sum is 4.", "4", "I take it for 5."]], dtype=object)
    >>> distances = np.array([[[0.0, 1.0, 2.0], [1.0, 0.0, 3.0], [2.0, 3.0, 0.0]]])
    >>> Consensus().route(Evidence(Votes(distances, texts=texts))).choices  # by the answer, 4
    array([[0]])
    >>> Consensus().route(Evidence(Votes(distances))).choices  # by meaning alone
    array([[0]])
    """

    beta: float = 2.0
    prior: float = 1.0
    answered: float = 2 / 3

    fewest: ClassVar[int] = 3
    uses = frozenset({Need.DISTANCES, Need.TEXTS})

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        if not 0 < self.beta < np.inf:
            raise SmoothieError(f"beta={self.beta}: expected a positive number")
        if not 0 <= self.prior < np.inf:
            raise SmoothieError(f"prior={self.prior}: expected zero or more")
        if not 0 <= self.answered <= 1:
            raise SmoothieError(f"answered={self.answered}: expected between 0 and 1")

    def route(self, evidence: Evidence) -> Routing:
        """Choose the text with the most support (ties: the first)."""
        support = self.support(evidence)
        return Routing(support.argmax(axis=1)[None, :], weights=shares(support))

    def support(self, evidence: Evidence) -> NDArray[np.float64]:
        """The support of each text, (N, K).

        Raises
        ------
        NotAvailableError
            If there are neither texts nor distances.
        """
        require_three_candidates(evidence.shape[1])
        if not evidence.has(Need.DISTANCES) and not evidence.has(Need.TEXTS):
            raise NotAvailableError("it needs texts, or distances between them")
        support = np.zeros(evidence.shape)
        if evidence.has(Need.DISTANCES):
            support = shared_meaning(evidence.distances)
        if evidence.has(Need.TEXTS):
            support = evidence.wording(self.beta) + COARSER * support
            support = with_answers(evidence.answers(self.answered), support)
        return with_candidates(support, self.prior)


def shared_meaning(distances: Floats) -> NDArray[np.float64]:
    """Mean of exp(-D/h) over the other candidates, h the median of D: (N, K, K) -> (N, K)."""
    candidates = distances.shape[1]
    pairs = distances[:, *np.triu_indices(candidates, k=1)]
    scale = float(np.median(pairs)) or float(pairs.mean()) or 1.0
    kernel = np.exp(-distances / scale)
    means: NDArray[np.float64] = (kernel.sum(axis=2) - 1) / (candidates - 1)
    return means


def with_candidates(support: NDArray[np.float64], prior: float = 1.0) -> NDArray[np.float64]:
    """Support (N, K) of texts, joined with their candidates' means as far as these differ."""
    share = consistency(support, prior)
    joined: NDArray[np.float64] = (1 - share) * support + share * support.mean(axis=0)
    return joined


def consistency(support: NDArray[np.float64], prior: float = 1.0) -> float:
    """Share of the variance of support, within inputs, that is between candidates.

    This is the intraclass correlation ICC(3,1) of Shrout and Fleiss (1979), with inputs as the
    judges of candidates: 0 if candidates differ by chance alone, 1 if in the same way on each
    input.

    Parameters
    ----------
    support : ndarray of shape (N, K)
    prior : float
        Factor of the variance between candidates.
    """
    inputs, candidates = support.shape
    if inputs < 2:
        return 0.0
    relative = support - support.mean(axis=1, keepdims=True)
    mean = relative.mean(axis=0)
    within = np.square(relative - mean).sum() / ((inputs - 1) * (candidates - 1))
    between = prior * max(0.0, np.square(mean).sum() / (candidates - 1) - within / inputs)
    return float(between / (between + within)) if between else 0.0


def with_answers(answers: NDArray[np.intp], support: NDArray[np.float64]) -> NDArray[np.float64]:
    """Support (N, K) by answers first, on inputs where any text has one; both as they come."""
    compared = (answers >= 0).any(axis=1, keepdims=True)
    return np.where(compared, shared_answers(answers) + COARSER * support, support)


def shared_answers(answers: NDArray[np.intp]) -> NDArray[np.float64]:
    """Weighted share of the other candidates that give the same answer.

    Parameters
    ----------
    answers : ndarray of shape (N, K)
        As `smoothie.metrics.views.view_answers` numbers them.

    Returns
    -------
    ndarray of shape (N, K)
    """
    same = agreement(answers)
    weights = same.mean(axis=(0, 2))
    if not weights.any():
        return np.zeros(answers.shape)
    others = weights.sum() - weights
    shares: NDArray[np.float64] = (same @ weights) / np.where(others > 0, others, 1)
    return shares
