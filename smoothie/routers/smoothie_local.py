"""Smoothie-Local: one error for each candidate and input, from the inputs nearest to it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.estimator import (
    distance_blocks,
    require_distances,
    require_generations,
    squared_distances,
)
from smoothie.evidence import Evidence, Need, Votes
from smoothie.neighbors.exact import Nearest, require_vectors
from smoothie.routers.base import register_router
from smoothie.routers.estimators import ignore_labels
from smoothie.routers.saved import SavedEstimator, Stored


@register_router("smoothie_local")
@dataclass(eq=False, repr=False)
class SmoothieLocal(SavedEstimator):
    """Route each input to the candidate with the lowest estimated error around it.

    Parameters
    ----------
    k : int
        Inputs that an estimate is averaged over: the row itself and its k-1 nearest.

    Attributes
    ----------
    errors_ : ndarray of shape (V, K)
        Estimated mean squared distance from the true answers around each row, positive.
    weights_ : ndarray of shape (V, K)
        Proportional to ``1 / errors_``, each row summing to one.
    choices_ : ndarray of shape (V,)
        The chosen candidate for each fitted row.

    Notes
    -----
    Guha et al. (NeurIPS 2024), section 4.2, "Smoothie-Local". Cost: the distances, O(V K^2 d); the
    neighbors, O(V^2 e); and O(V k K^2) for the averages. Distances are retained, to choose for new
    inputs; without inputs, one block of them is in memory at a time.

    Examples
    --------
    Two kinds of inputs, and two candidates that are good at one kind each:

    >>> import numpy as np
    >>> from smoothie import SmoothieLocal
    >>> draw = np.random.default_rng(0)
    >>> inputs = np.repeat([[0.0, 1.0], [5.0, 0.0]], 50, axis=0) + draw.normal(size=(100, 2)) / 10
    >>> noise = draw.normal(size=(100, 3, 8))
    >>> noise[:50, 0] /= 10
    >>> noise[50:, 2] /= 10
    >>> model = SmoothieLocal(k=10).fit(draw.normal(size=(100, 1, 8)) + noise, inputs=inputs)
    >>> model.choices_[[0, 1, 2, 97, 98, 99]]
    array([0, 0, 0, 2, 2, 2])
    >>> model.predict([[0.1, 0.9], [4.9, 0.2]])  # new inputs, before any answers exist
    array([0, 2])
    """

    k: int = 1
    _distances: NDArray[np.floating[Any]] | None = field(default=None, init=False)
    _inputs: NDArray[np.floating[Any]] | None = field(default=None, init=False)
    _nearest: Nearest | None = field(default=None, init=False)

    uses = frozenset({Need.INPUTS})  # to choose for new inputs, later

    _layout: ClassVar[Mapping[str, Stored]] = {
        "errors_": Stored("f", ("VK",)),
        "weights_": Stored("f", ("VK",)),
        "choices_": Stored("i", ("V",)),
        "_distances": Stored("f", ("VKK",), optional=True),
        "_inputs": Stored("f", ("Ve",), optional=True),
    }

    @property
    def needs(self) -> frozenset[Need]:
        """Distances, and inputs where neighbors are needed."""
        return frozenset({Need.DISTANCES} | ({Need.INPUTS} if self.k > 1 else set()))

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        super().__post_init__()
        if isinstance(self.k, bool) or not isinstance(self.k, int | np.integer):
            raise SmoothieError(f"k={self.k!r}: expected a whole number")
        if self.k < 1:
            raise SmoothieError(f"k={self.k}: expected at least 1")

    def check(self, shape: tuple[int, int]) -> None:
        """Refuse more neighbors than there are inputs."""
        self.require_k(shape[0])

    def fit(
        self,
        generations: NDArray[np.floating[Any]],
        y: object = None,
        *,
        inputs: NDArray[np.floating[Any]] | None = None,
    ) -> Self:
        """Estimate the errors.

        Parameters
        ----------
        generations : ndarray of shape (V, K, d)
            Embedded answers; may be memory-mapped.
        y : ignored
            There are no labels to fit. An array of shape (V,) is ignored, as scikit-learn's tools
            may pass one on; any other is refused.
        inputs : ndarray of shape (V, e), optional
            Embedded inputs; may be left out when k = 1.

        Raises
        ------
        ValueError
            If K < 3, k is not between 1 and V, shapes disagree, inputs are needed and missing, or
            a value is not finite.
        """
        ignore_labels(y)
        generations = require_generations(generations)
        if inputs is not None or self.k != 1:
            return self._fit(squared_distances(generations), inputs)
        self.require_k(len(generations))
        blocks = distance_blocks(generations)
        solved = self._solve_each(blocks, generations.shape[:2])
        self.errors_, self.weights_, self.choices_ = solved
        self._distances = self._inputs = self._nearest = self.candidates = self.encoder = None
        return self

    def fit_distances(
        self,
        distances: NDArray[np.floating[Any]],
        inputs: NDArray[np.floating[Any]] | None = None,
    ) -> Self:
        """Estimate the errors from any distances between the answers.

        Parameters
        ----------
        distances : ndarray of shape (V, K, K)
            Squared distances, or others to be used as such; see
            `smoothie.estimator.require_distances`.
        inputs : ndarray of shape (V, e), optional
            Embedded inputs; may be left out when k = 1.

        Raises
        ------
        ValueError
            As `fit`, and if the matrices are not finite, non-negative and symmetric with a zero
            diagonal.
        """
        return self._fit(require_distances(distances), inputs)

    def _fit(
        self, distances: NDArray[np.float64], inputs: NDArray[np.floating[Any]] | None
    ) -> Self:
        if inputs is not None:
            inputs = require_vectors("inputs", inputs)
            if len(inputs) != len(distances):
                raise SmoothieError(f"answers have {len(distances)} rows, inputs {len(inputs)}")
        return self.fit_evidence(Evidence(Votes(distances, inputs)))

    def fit_evidence(self, evidence: Evidence) -> Self:
        """Estimate the errors from precomputed distances."""
        self.require_k(evidence.shape[0])
        means = distances = evidence.distances
        if self.k > 1:
            means = next(neighborhood_means(distances, evidence.neighbors(self.k), [self.k]))
        self.errors_, self.weights_, self.choices_ = self._solve(means)
        self._inputs = self._distances = self._nearest = self.candidates = self.encoder = None
        if evidence.has(Need.INPUTS):
            self._inputs, self._distances = evidence.inputs, distances
        return self

    def predict(self, inputs: NDArray[np.floating[Any]] | None = None) -> NDArray[np.intp]:
        """Choices for new inputs of shape (M, e), or, without any, for the fitted rows.

        A new input has no answers yet: the answers to its k nearest fitted rows are used (the
        paper's train-time variant), and the choice for an input does not depend on the others. The
        search is prepared at the first call, O(V e); a call then costs O(M V e).
        """
        self._require_fitted()
        if inputs is None:
            return self.choices_
        if self._inputs is None or self._distances is None:
            raise SmoothieError("new inputs need neighbors: fit with inputs first")
        if not len(inputs):
            return np.empty(0, dtype=np.intp)
        if self._nearest is None or self._nearest.k != self.k:
            self._nearest = Nearest.among(self._inputs, self.k)
        rows = self._nearest.of(inputs)
        means = next(neighborhood_means(self._distances, rows, [self.k]))
        return self._solve(means)[2]

    def _check(self) -> None:
        """Check the values of the loaded arrays."""
        super()._check()
        self.require_k(len(self.choices_))
        if self._distances is not None:
            self._distances = require_distances(self._distances)
        if self._inputs is not None:
            self._inputs = require_vectors("inputs", self._inputs)
            if self._distances is None:
                raise SmoothieError("distances is missing, and there are inputs")

    def require_k(self, rows: int) -> None:
        """Check the settings, and k against the number of inputs."""
        self.__post_init__()
        if self.k > rows:
            raise SmoothieError(f"k={self.k}: expected between 1 and the number of inputs, {rows}")


def neighborhood_means(
    distances: NDArray[np.floating[Any]], neighbors: NDArray[np.intp], sizes: Sequence[int]
) -> Iterator[NDArray[np.float64]]:
    """Mean distances over the first k neighbors, for ascending k.

    Parameters
    ----------
    distances : ndarray of shape (V, K, K)
    neighbors : ndarray of shape (N, at least max(sizes))
        Rows of `distances`, nearest first.
    sizes : sequence of int
        The values of k, in ascending order.

    Yields
    ------
    ndarray of shape (N, K, K)
        For each k; sums continue from one k to the next, so that many values cost little more than
        the largest.
    """
    total = np.zeros((len(neighbors), *distances.shape[1:]))
    added = 0
    for size in sizes:
        for column in range(added, size):
            total += distances[neighbors[:, column]]
        added = size
        yield total / size
