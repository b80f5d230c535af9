"""Votes about answers: who agrees with whom, and which text is chosen among equals."""

import logging
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.estimator import Floats, require_three_candidates
from smoothie.evidence import Evidence, Need
from smoothie.metrics.mathematics import view_mathematics
from smoothie.metrics.views import MATH, make_view, view_answers
from smoothie.optional import require
from smoothie.routers.base import Router

log = logging.getLogger(__name__)

FEW = 0.5  # share of texts with an answer, below which a warning is logged
TIE = 1e-9  # of the largest support: differences below it count as rounding errors


@dataclass(eq=False, repr=False)
class AnswerRouter(Router):
    """A router that compares the answers of texts, not the texts.

    Parameters
    ----------
    view : str
        How the answer is taken from a text: one of `smoothie.metrics.views.VIEWS`, "regex",
        or "math" (`smoothie.metrics.mathematics`).
    pattern : str or None
        The regular expression of view "regex".
    """

    fewest: ClassVar[int] = 3
    view: str = "final_answer"
    pattern: str | None = None

    @property
    def needs(self) -> frozenset[Need]:
        """The texts."""
        return frozenset({Need.TEXTS})

    @property
    def uses(self) -> frozenset[Need]:
        """Distances, to choose among texts with equal answers; the first one without them."""
        return frozenset({Need.DISTANCES})

    def __post_init__(self) -> None:
        """Check the view, before anything is computed."""
        if self.view == MATH and self.pattern is None:
            require("math_verify", "view=math")
        else:
            make_view(self.view, self.pattern)

    def answers(self, evidence: Evidence) -> NDArray[np.intp]:
        """The answers of all texts as integers (N, K); negative where there is none."""
        require_three_candidates(evidence.shape[1])
        if self.view == MATH:
            answers = view_mathematics(evidence.texts)
        else:
            answers = view_answers(evidence.texts, make_view(self.view, self.pattern))
        share = (answers >= 0).mean()
        if share < FEW:
            log.warning(
                "%s: %.0f%% of the texts have an answer (view=%s); the others do not vote",
                type(self).__name__,
                100 * share,
                self.view,
            )
        return answers


def agreement(answers: NDArray[np.intp]) -> NDArray[np.bool_]:
    """Which texts give the same answer: (N, K) -> (N, K, K), without a text's own vote."""
    same: NDArray[np.bool_] = answers[:, :, None] == answers[:, None, :]
    return same & ~np.eye(answers.shape[1], dtype=bool)


def choose(
    support: Floats, cost: Floats, answered: NDArray[np.bool_] | None = None
) -> NDArray[np.intp]:
    """The text with the most support, for each input.

    Parameters
    ----------
    support : ndarray of shape (N, K)
    cost : ndarray of shape (N, K) or (K,)
        Of texts with equal support, the one with the lowest cost wins, then the first.
    answered : ndarray of shape (N, K), bool, optional
        Texts that have an answer; where any has, no other text is chosen.

    Returns
    -------
    ndarray of shape (N,), int
    """
    if answered is not None:
        support = np.where(answered | ~answered.any(axis=1, keepdims=True), support, -np.inf)
    best = support.max(axis=1, keepdims=True)
    tied = support >= best - TIE * np.abs(best)
    return np.asarray(np.where(tied, cost, np.inf).argmin(axis=1))


def tie_break_costs(evidence: Evidence) -> NDArray[np.float64]:
    """Mean squared distance of each text to the others, (N, K); zero without distances."""
    if not evidence.has(Need.DISTANCES):
        return np.zeros(evidence.shape)
    return distance_to_others(evidence.distances)


def distance_to_others(distances: Floats) -> NDArray[np.float64]:
    """Mean squared distance of each text to the others: (N, K, K) -> (N, K)."""
    means: NDArray[np.float64] = distances.sum(axis=2) / (distances.shape[1] - 1)
    return means


def shares(support: Floats) -> NDArray[np.float64]:
    """Non-negative support as weights that sum to one over the last axis; equal where all is 0."""
    total = support.sum(axis=-1, keepdims=True)
    even = np.full(support.shape, 1 / support.shape[-1])
    weights: NDArray[np.float64] = np.divide(support, total, out=even, where=total > 0)
    return weights
