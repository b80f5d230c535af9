"""Smoothie-Global: one error for each candidate, from all inputs, or from those of each task."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smoothie.encoders.base import Encoder
from smoothie.errors import SmoothieError
from smoothie.estimator import distance_blocks, require_distances, require_generations
from smoothie.evidence import Evidence, Need
from smoothie.routers.base import register_router
from smoothie.routers.estimators import ignore_labels
from smoothie.routers.saved import SavedEstimator, Stored

FIT_BY = ("all", "task", "input")

Groups = Sequence[Any] | NDArray[Any]
Blocks = Iterable[tuple[slice, NDArray[np.float64]]]


@register_router("smoothie_global")
@dataclass(eq=False, repr=False)
class SmoothieGlobal(SavedEstimator):
    """Route every input to the candidate with the lowest estimated error over all inputs.

    Parameters
    ----------
    fit_by : {"all", "task", "input"}
        What one estimate is averaged over: all inputs, those of the same group (`groups` of
        `fit`), or the answers to one input alone (which is `SmoothieLocal` with k = 1).

    Attributes
    ----------
    errors_ : ndarray of shape (K,), or (V, K) if not fitted by all
        Estimated mean squared distance of each candidate's answers from the true ones, positive.
    weights_ : ndarray of the same shape
        Proportional to ``1 / errors_``, summing to one on the last axis.
    choices_ : ndarray of shape (V,)
        The chosen candidate for each fitted row: the same one for all, or for all of a group.
    groups_ : ndarray of shape (V,), str, or None
        Group of each row, if fitted by task.

    Notes
    -----
    Guha et al. (NeurIPS 2024), section 4.1, "Smoothie-Global". By task is the same estimator on
    each group of rows. Cost: the distances, O(V K^2 d); of them and of memory-mapped answers, one
    block is in memory at a time.

    Examples
    --------
    Three candidates write the true answer with different amounts of noise:

    >>> import numpy as np
    >>> from smoothie import SmoothieGlobal
    >>> draw = np.random.default_rng(0)
    >>> truth = draw.normal(size=(500, 1, 8))
    >>> noise = draw.normal(size=(500, 3, 8)) * [[2.0], [0.5], [1.0]]
    >>> model = SmoothieGlobal().fit(truth + noise)
    >>> model.errors_.round(1)  # the true ones: 8 dimensions times 4, 0.25 and 1
    array([31.1,  2.1,  7.7])
    >>> model.choices_[:5]
    array([1, 1, 1, 1, 1])

    One estimate for each task:

    >>> tasks = np.repeat(["a", "b"], 250)
    >>> generations = truth + noise
    >>> generations[250:] = generations[250:, [1, 0, 2]]  # the first one is best
    >>> model = SmoothieGlobal(fit_by="task").fit(generations, groups=tasks)
    >>> model.predict(groups=["a", "b"])
    array([1, 0])
    """

    fit_by: str = "all"
    groups_: NDArray[np.str_] | None = field(init=False)

    _layout: ClassVar[Mapping[str, Stored]] = {
        "errors_": Stored("f", ("K", "VK")),
        "weights_": Stored("f", ("K", "VK")),
        "choices_": Stored("i", ("V",)),
        "groups_": Stored("U", ("V",), optional=True),
    }

    @property
    def needs(self) -> frozenset[Need]:
        """Distances, and tasks if it is fitted by them."""
        return frozenset(
            {Need.DISTANCES, Need.TASKS} if self.fit_by == "task" else {Need.DISTANCES}
        )

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        super().__post_init__()
        if self.fit_by not in FIT_BY:
            raise SmoothieError(f"fit_by={self.fit_by}: expected one of {', '.join(FIT_BY)}")

    def fit(
        self,
        generations: NDArray[np.floating[Any]],
        y: object = None,
        *,
        groups: Groups | None = None,
    ) -> Self:
        """Estimate the errors.

        Parameters
        ----------
        generations : ndarray of shape (V, K, d)
            Embedded answers; may be memory-mapped.
        y : ignored
            There are no labels to fit. An array of shape (V,) is ignored, as scikit-learn's tools
            may pass one on; any other is refused.
        groups : sequence of length V, optional
            Task of each row, compared as text; needed if fitted by task.

        Raises
        ------
        ValueError
            If K < 3, there are no rows, a value is not finite, `fit_by` is unknown, or groups are
            missing or of another length.
        """
        ignore_labels(y)
        generations = require_generations(generations)
        return self._fit(distance_blocks(generations), generations.shape[:2], groups)

    def fit_distances(
        self, distances: NDArray[np.floating[Any]], groups: Groups | None = None
    ) -> Self:
        """Estimate the errors from any distances between the answers.

        Parameters
        ----------
        distances : ndarray of shape (V, K, K)
            Squared distances, or others to be used as such; see
            `smoothie.estimator.require_distances`.
        groups : sequence of length V, optional
            As of `fit`.

        Raises
        ------
        ValueError
            As `fit`, and if the matrices are not finite, non-negative and symmetric with a zero
            diagonal.
        """
        values = require_distances(distances)
        return self._fit([(slice(None), values)], values.shape[:2], groups)

    def fit_evidence(self, evidence: Evidence) -> Self:
        """Estimate the errors from precomputed distances."""
        tasks = evidence.tasks if self.fit_by == "task" else None
        return self._fit([(slice(None), evidence.distances)], evidence.shape, tasks)

    def _fit(self, blocks: Blocks, shape: tuple[int, int], groups: Groups | None) -> Self:
        self.__post_init__()
        self.groups_ = self.candidates = self.encoder = None
        if self.fit_by == "input":
            self.errors_, self.weights_, self.choices_ = self._solve_each(blocks, shape)
            return self
        if self.fit_by == "all":
            group = np.zeros(shape[0], dtype=np.intp)
        else:
            self.groups_ = as_groups(groups, shape[0])
            group = np.unique(self.groups_, return_inverse=True)[1]
        errors, weights, choices = self._solve(group_means(blocks, group, shape[1]))
        self.choices_ = choices[group]
        if self.fit_by == "all":
            self.errors_, self.weights_ = errors[0], weights[0]
        else:
            self.errors_, self.weights_ = errors[group], weights[group]
        return self

    def _check(self) -> None:
        """Check the values of the loaded arrays."""
        super()._check()
        by_row, by_task = self.fit_by != "all", self.fit_by == "task"
        shapes = self.errors_.ndim, self.weights_.ndim
        if shapes != (1 + by_row,) * 2 or by_task != (self.groups_ is not None):
            raise SmoothieError(f"the arrays are not those of fit_by={self.fit_by}")

    def predict(
        self, inputs: NDArray[np.floating[Any]] | None = None, groups: Groups | None = None
    ) -> NDArray[np.intp]:
        """Choices for new inputs, or, without any, for the fitted rows.

        Parameters
        ----------
        inputs : ndarray of shape (M, e), optional
            Only their number matters.
        groups : sequence of length M, optional
            Task of each new input; needed if fitted by task, and then the inputs are not.

        Returns
        -------
        ndarray of shape (M,), intp

        Raises
        ------
        ValueError
            If a group was not among the fitted ones, or the router was fitted by input: a new
            input has no answers yet.
        """
        self._require_fitted()
        new = groups if inputs is None else inputs
        if new is None:
            return self.choices_
        rows = len(new)
        if self.groups_ is not None:
            asked = as_groups(groups, rows)
            choice_of = dict(zip(self.groups_.tolist(), self.choices_.tolist(), strict=True))
            unknown = [name for name in asked.tolist() if name not in choice_of]
            if unknown:
                raise SmoothieError(
                    f"no input of task {unknown[0]!r} was fitted; there are {', '.join(choice_of)}"
                )
            return np.array([choice_of[name] for name in asked.tolist()], dtype=np.intp)
        if self.errors_.ndim == 2:
            raise SmoothieError(
                "fit_by=input chooses by an input's own answers, which new inputs lack: "
                "use SmoothieLocal, fitted with inputs"
            )
        return np.full(rows, self.choices_[0])

    def predict_texts(
        self, texts: Sequence[str], encoder: Encoder | None = None, groups: Groups | None = None
    ) -> NDArray[np.intp]:
        """Choices for new inputs that are given as texts, (M,).

        Only their number and, if it is fitted by task, their tasks matter: nothing is embedded. An
        encoder other than the one that the router was fitted with is refused all the same.
        """
        self._require_fitted()
        if encoder is not None:
            self.require_encoder(encoder)
        return self.predict(np.empty((len(texts), 0)), groups)


def group_means(blocks: Blocks, group: NDArray[np.intp], candidates: int) -> NDArray[np.float64]:
    """Mean distances of each group of rows.

    Parameters
    ----------
    blocks : iterable of (slice, ndarray of shape (B, K, K))
        Some rows, and the distances between their answers.
    group : ndarray of shape (V,)
        Group of each row, counted from zero.
    candidates : int
        Their number, K.

    Returns
    -------
    ndarray of shape (groups, K, K)
        Sums are taken row by row, so that the result does not depend on the blocks.
    """
    sizes = np.bincount(group)
    totals = np.zeros((len(sizes), candidates, candidates))
    for rows, distances in blocks:
        np.add.at(totals, group[rows], distances)
    return totals / sizes[:, None, None]


def as_groups(groups: Groups | None, rows: int) -> NDArray[np.str_]:
    """Groups as an array of texts, one for each row."""
    if groups is None:
        raise SmoothieError("fit_by=task needs groups: the task of each input")
    names = np.asanyarray(groups)
    if names.shape != (rows,):
        raise SmoothieError(f"groups: expected one for each of {rows} rows, found {names.shape}")
    return names.astype(str)
