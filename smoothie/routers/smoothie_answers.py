"""Smoothie on answers: distances between texts are 0 where their answers agree, else 1."""

from dataclasses import dataclass

import numpy as np

from smoothie.errors import SmoothieError
from smoothie.estimator import inverse_error_weights, resolve_errors, triplet_errors
from smoothie.evidence import Evidence, Need
from smoothie.routers.base import Routing, register_router
from smoothie.routers.smoothie_local import neighborhood_means
from smoothie.routers.voting import AnswerRouter, agreement, choose, tie_break_costs


@register_router("smoothie_answers")
@dataclass(eq=False, repr=False)
class SmoothieAnswers(AnswerRouter):
    r"""Route each input to the candidate with the lowest error, by the answers alone.

    Smoothie (`smoothie.estimator`) with another distance: :math:`D_{ij}` is 0 if texts i and j give
    the same answer, and 1 if they do not or if either has none. Written as one-hot vectors over the
    answers, scaled by :math:`1/\sqrt 2`, this is the squared distance of the paper's model. It is a
    metric, so that no triplet, and no error, is negative.

    Parameters
    ----------
    k : int or None
        Inputs that an estimate is averaged over, the row itself and its k-1 nearest
        (Smoothie-Local); None takes all inputs (Smoothie-Global).

    Notes
    -----
    Guha et al. (NeurIPS 2024), section 4, for the estimate; the distance is ours. With k = 1, it is
    the majority vote. Where an input's chosen candidate has no answer, the best one that has any is
    taken. Of equal errors, the text with the lowest mean squared distance of embeddings to the
    others wins. Cost: one pass over each distinct text, the neighbors, and O(N k K^2).

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import SmoothieAnswers
    >>> texts = np.array([["so it is 4", "4", "the answer is 5"]], dtype=object)
    >>> evidence = Evidence(Votes(np.ones((1, 3, 3)) - np.eye(3), texts=texts))
    >>> SmoothieAnswers(k=1).route(evidence).weights.round(3)
    array([[0.5, 0.5, 0. ]])
    """

    k: int | None = None

    @property
    def needs(self) -> frozenset[Need]:
        """Texts, and inputs where neighbors are needed."""
        neighbors = {Need.INPUTS} if (self.k or 1) > 1 else set()
        return frozenset({Need.TEXTS} | neighbors)

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        super().__post_init__()
        if self.k is not None and self.k < 1:
            raise SmoothieError(f"k={self.k}: expected at least 1, or null for all inputs")

    def route(self, evidence: Evidence) -> Routing:
        """Estimate the errors and choose the lowest."""
        answers = self.answers(evidence)
        distances = (~agreement(answers) & ~np.eye(evidence.shape[1], dtype=bool)).astype(float)
        if self.k is None:
            means = distances.mean(axis=0, keepdims=True)
        else:
            means = next(neighborhood_means(distances, evidence.neighbors(self.k), [self.k]))
        errors = resolve_errors(triplet_errors(means))
        weights = inverse_error_weights(errors)
        errors = np.broadcast_to(errors, answers.shape)
        chosen = choose(-errors, tie_break_costs(evidence), answers >= 0)
        return Routing(chosen[None, :], weights=weights[0] if self.k is None else weights)
