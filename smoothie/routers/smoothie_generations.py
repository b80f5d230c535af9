"""Smoothie over several generations of each candidate: each input is estimated by itself."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.estimator import squared_distances
from smoothie.evidence import Evidence, Need, Votes
from smoothie.routers.base import register_router
from smoothie.routers.estimators import SmoothieEstimator, ignore_labels


@register_router("smoothie_generations")
@dataclass(eq=False, repr=False)
class SmoothieGenerations(SmoothieEstimator):
    """Route each input by several generations of each candidate, instead of by its neighbors.

    Where candidates sample, they can answer an input G times. The g-th generations of all
    candidates are one vote row, and an input's error estimate is taken over its own G rows: no
    similar inputs are needed. The text that is returned is the first generation.

    Attributes
    ----------
    errors_ : ndarray of shape (V, K)
        Estimated mean squared distance of each candidate's generations from the true answer.
    weights_ : ndarray of shape (V, K)
        Proportional to ``1 / errors_``, each row summing to one.
    choices_ : ndarray of shape (V,)
        The chosen candidate for each input.

    Notes
    -----
    Guha et al. (NeurIPS 2024), section 4: the estimator with an expectation over the generations of
    one input in place of one over inputs. Cost: the distances, O(V G K^2 d), and G times the texts
    to generate and to embed.

    Examples
    --------
    Ten generations of each candidate to one input; the second candidate scatters least:

    >>> import numpy as np
    >>> from smoothie import SmoothieGenerations
    >>> noise = np.random.default_rng(0).normal(size=(1, 3, 10, 8)) * [[[1.0]], [[0.1]], [[1.0]]]
    >>> SmoothieGenerations().fit(noise).choices_
    array([1])
    """

    needs = frozenset({Need.GENERATIONS})

    def fit(self, generations: NDArray[np.floating[Any]], y: object = None) -> Self:
        """Estimate the errors.

        Parameters
        ----------
        generations : ndarray of shape (V, K, G, d)
            Embedded answers: G of each candidate to each input.
        y : ignored
            There are no labels to fit. An array of shape (V,) is ignored, as scikit-learn's tools
            may pass one on; any other is refused.

        Raises
        ------
        ValueError
            If the shape is wrong, K < 3, there are no rows, or a value is not finite.
        """
        ignore_labels(y)
        array = np.asanyarray(generations)
        if array.ndim != 4 or 0 in array.shape[:3]:
            raise SmoothieError(
                "generations: expected an array of shape (inputs, candidates, generations, "
                f"dimensions), found shape {array.shape}"
            )
        count = array.shape[2]
        mean = sum(squared_distances(array[:, :, g]) / count for g in range(count))
        return self.fit_evidence(Evidence(Votes(np.asarray(mean), mean_distances=np.asarray(mean))))

    def __sklearn_tags__(self) -> Any:
        """Arrays of four dimensions, for which scikit-learn has no tag."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = False
        return tags

    def fit_evidence(self, evidence: Evidence) -> Self:
        """Estimate the errors from distances averaged over generations."""
        self.__post_init__()
        self.errors_, self.weights_, self.choices_ = self._solve(evidence.mean_distances)
        return self
