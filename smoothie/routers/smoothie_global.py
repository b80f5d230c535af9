"""Smoothie-Global: one error for each candidate, from all inputs, or from those of each task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.estimator import require_distances, squared_distances
from smoothie.routers.base import Votes
from smoothie.routers.saved import SavedEstimator, Stored

FIT_BY = ("all", "task", "input")

Groups = Sequence[Any] | NDArray[Any]


@dataclass(eq=False)
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
        Proportional to 1/errors_, summing to one on the last axis.
    choices_ : ndarray of shape (V,)
        The chosen candidate for each fitted row: the same one for all, or for all of a group.
    groups_ : ndarray of shape (V,), str, or None
        Group of each row, if fitted by task.

    Notes
    -----
    Guha et al. (NeurIPS 2024), section 4.1, "Smoothie-Global". By task is the same estimator on
    each block of rows. Cost: the distances, O(V K^2 d).
    """

    fit_by: str = "all"
    groups_: NDArray[np.str_] | None = field(init=False, repr=False)

    _layout: ClassVar[Mapping[str, Stored]] = {
        "errors_": Stored("f", ("K", "VK")),
        "weights_": Stored("f", ("K", "VK")),
        "choices_": Stored("i", ("V",)),
        "groups_": Stored("U", ("V",), optional=True),
    }

    def fit(
        self, generations: NDArray[np.floating[Any]], y: None = None, groups: Groups | None = None
    ) -> Self:
        """Estimate the errors.

        Parameters
        ----------
        generations : ndarray of shape (V, K, d)
            Embedded answers.
        y : None
            Not used; there are no labels.
        groups : sequence of length V, optional
            Task of each row, compared as text; needed if fitted by task.

        Raises
        ------
        ValueError
            If K < 3, there are no rows, a value is not finite, `fit_by` is unknown, or groups are
            missing or of another length.
        """
        return self._fit(squared_distances(generations), groups)

    def fit_distances(
        self, distances: NDArray[np.floating[Any]], groups: Groups | None = None
    ) -> Self:
        """Estimate the errors from any distances between the answers.

        Parameters
        ----------
        distances : ndarray of shape (V, K, K)
            Squared distances, or what is to count as such; see
            `smoothie.estimator.require_distances`.
        groups : sequence of length V, optional
            As of `fit`.

        Raises
        ------
        ValueError
            As `fit`, and if the matrices are not finite, non-negative and symmetric with a zero
            diagonal.
        """
        return self._fit(require_distances(distances), groups)

    def _fit(self, distances: NDArray[np.float64], groups: Groups | None) -> Self:
        names = None if groups is None else np.asanyarray(groups)
        return self.fit_votes(Votes(distances, groups=names))

    def fit_votes(self, votes: Votes) -> Self:
        """Estimate the errors from precomputed distances, and groups where there are any."""
        distances = votes.distances
        if self.fit_by not in FIT_BY:
            raise SmoothieError(f"fit_by={self.fit_by}: expected one of {', '.join(FIT_BY)}")
        self.groups_ = self.candidates = None
        if self.fit_by == "all":
            mean = distances.mean(axis=0, dtype=np.float64)
            self.errors_, self.weights_, best = self._solve(mean)
            self.choices_ = np.full(len(distances), best)
        elif self.fit_by == "input":
            self.errors_, self.weights_, self.choices_ = self._solve(distances)
        else:
            self.groups_ = as_groups(votes.groups, len(distances))
            _, group, sizes = np.unique(self.groups_, return_inverse=True, return_counts=True)
            blocks = np.split(np.argsort(group, kind="stable"), np.cumsum(sizes)[:-1])
            means = [distances[rows].mean(axis=0, dtype=np.float64) for rows in blocks]
            errors, weights, choices = self._solve(np.stack(means))
            self.errors_, self.weights_, self.choices_ = (
                errors[group],
                weights[group],
                choices[group],
            )
        return self

    def predict(
        self, inputs: NDArray[np.floating[Any]] | None = None, groups: Groups | None = None
    ) -> NDArray[np.intp]:
        """Choices for new inputs, or, without any, for the fitted rows.

        Parameters
        ----------
        inputs : ndarray of shape (M, e), optional
            Only their number is looked at.
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


def as_groups(groups: Groups | None, rows: int) -> NDArray[np.str_]:
    """Groups as an array of texts, one for each row."""
    if groups is None:
        raise SmoothieError("fit_by=task needs groups: the task of each input")
    names = np.asanyarray(groups)
    if names.shape != (rows,):
        raise SmoothieError(f"groups: expected one for each of {rows} rows, found {names.shape}")
    return names.astype(str)
