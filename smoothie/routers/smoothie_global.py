"""Smoothie-Global: one error for each candidate, from all inputs."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from smoothie.estimator import squared_distances
from smoothie.routers.base import Routing, SmoothieEstimator, Votes


@dataclass(eq=False)
class SmoothieGlobal(SmoothieEstimator):
    """Route every input to the candidate with the lowest estimated error over all inputs.

    Attributes
    ----------
    errors_ : ndarray of shape (K,)
        Estimated mean squared distance of each candidate's answers from the true ones, positive.
    weights_ : ndarray of shape (K,)
        Proportional to 1/errors_, summing to one.
    choices_ : ndarray of shape (V,)
        The chosen candidate for each fitted row: the same one for all.

    Notes
    -----
    Guha et al. (NeurIPS 2024), section 4.1, "Smoothie-Global". Cost: the distances, O(V K^2 d).
    """

    def fit(self, generations: NDArray[np.floating[Any]], y: None = None) -> Self:
        """Estimate the errors.

        Parameters
        ----------
        generations : ndarray of shape (V, K, d)
            Embedded answers.
        y : None
            Not used; there are no labels.

        Raises
        ------
        ValueError
            If K < 3, there are no rows, or a value is not finite.
        """
        return self.fit_distances(squared_distances(generations))

    def fit_distances(self, distances: NDArray[np.floating[Any]]) -> Self:
        """Estimate the errors from squared distances of shape (V, K, K)."""
        self.errors_, self.weights_, best = self._solve(distances.mean(axis=0, dtype=np.float64))
        self.choices_ = np.full(len(distances), best)
        return self

    def predict(self, inputs: NDArray[np.floating[Any]] | None = None) -> NDArray[np.intp]:
        """Choices for new inputs of shape (M, e), or, without any, for the fitted rows."""
        self._require_fitted()
        if inputs is None:
            return self.choices_
        return np.full(len(inputs), self.choices_[0])

    def route(self, votes: Votes) -> Routing:
        """Choose from precomputed distances."""
        self.fit_distances(votes.distances)
        return Routing(self.choices_[None, :], weights=self.weights_)
