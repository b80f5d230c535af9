"""Minimum Bayes risk by embedding: the text with the lowest mean squared distance to the others."""

from dataclasses import dataclass
from typing import ClassVar

from smoothie.estimator import inverse_error_weights, require_three_candidates, resolve_errors
from smoothie.evidence import Evidence, Need
from smoothie.routers.base import Router, Routing, register_router
from smoothie.routers.voting import distance_to_others


@register_router("mbr")
@dataclass(eq=False, repr=False)
class MBR(Router):
    r"""Route each input to the medoid of its texts.

    Minimum Bayes risk takes the text with the lowest expected loss, with the other candidates'
    texts as equally likely truths: here :math:`R_i / (K-1)`, with :math:`R_i = \sum_j D_{ij}` the
    sum of squared distances of the embeddings. Smoothie-Local with k = 1 has the error
    :math:`((K-1) R_i - T) / ((K-1)(K-2))`, which increases with :math:`R_i` alone: both choose
    alike unless an error is at or below zero, where Smoothie-Local has ties.

    Notes
    -----
    Kumar and Byrne, "Minimum Bayes-Risk Decoding for Statistical Machine Translation" (NAACL 2004).
    Ties go to the first candidate. Cost: O(N K^2) after the distances.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import MBR
    >>> points = np.array([[0.0, 1.0, 5.0]])  # the text in the middle is nearest to the others
    >>> MBR().route(Evidence(Votes((points[:, :, None] - points[:, None, :]) ** 2))).choices
    array([[1]])
    """

    fewest: ClassVar[int] = 3
    needs = frozenset({Need.DISTANCES})

    def route(self, evidence: Evidence) -> Routing:
        """Choose the medoid."""
        require_three_candidates(evidence.shape[1])
        risk = distance_to_others(evidence.distances)
        weights = inverse_error_weights(resolve_errors(risk))
        return Routing(risk.argmin(axis=1)[None, :], weights=weights)
