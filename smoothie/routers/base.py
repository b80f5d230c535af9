"""What routers may see, and what they give back."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from smoothie.approximate import approximate_nearest
from smoothie.errors import NotFittedError, SmoothieError
from smoothie.estimator import (
    inverse_error_weights,
    resolve_errors,
    run_on_weights,
    triplet_errors,
)
from smoothie.kept_neighbors import kept_nearest
from smoothie.neighbors import nearest


@dataclass(eq=False)
class Votes:
    """What a label-free router may see.

    Attributes
    ----------
    distances : ndarray of shape (N, K, K)
        Squared distances between the answers to each input.
    inputs : ndarray of shape (N, e) or None
        Embedded inputs; None where inputs are empty.
    texts : ndarray of shape (N, K), object, or None
        What the candidates wrote, for routers that read.
    groups : ndarray of shape (N,) or None
        Task of each input, for routers that estimate errors task by task.
    mean_distances : ndarray of shape (N, K, K) or None
        Where candidates wrote several generations for each input: `distances` averaged over all of
        them.
    approximate : bool
        Whether neighbours are looked up in an approximate index (`smoothie.approximate`).
    kept : Path or None
        A folder in which exact neighbours are kept (`smoothie.kept_neighbors`).
    were_kept : bool
        Whether they were there.
    recall : float or None
        Share of the exact neighbours that the approximate ones hold, once they were looked up.
    """

    distances: NDArray[np.float64]
    inputs: NDArray[np.floating[Any]] | None = None
    texts: NDArray[np.object_] | None = None
    groups: NDArray[Any] | None = None
    mean_distances: NDArray[np.float64] | None = None
    approximate: bool = False
    kept: Path | None = None
    were_kept: bool = field(default=False, init=False)
    recall: float | None = field(default=None, init=False)
    _neighbours: NDArray[np.intp] | None = field(default=None, init=False, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Inputs and candidates, (N, K)."""
        return self.distances.shape[0], self.distances.shape[1]

    def neighbours(self, k: int) -> NDArray[np.intp]:
        """The k nearest inputs of each input, itself first; found once for the largest k."""
        rows = self.shape[0]
        if not 1 <= k <= rows:
            raise SmoothieError(f"k={k}: expected between 1 and the number of inputs, {rows}")
        if k == 1:
            return np.arange(rows)[:, None]
        if self.inputs is None:
            raise SmoothieError(f"k={k} needs inputs, to find neighbours by; there are none")
        if self._neighbours is None or self._neighbours.shape[1] < k:
            if self.approximate:
                self._neighbours, self.recall = approximate_nearest(self.inputs, k)
            elif self.kept is not None:
                self._neighbours, self.were_kept = kept_nearest(self.kept, self.inputs, k)
            else:
                self._neighbours = nearest(self.inputs, k)
        return self._neighbours[:, :k]

    def select(self, columns: NDArray[np.intp]) -> "Votes":
        """The votes of some of the candidates: a slice, nothing is computed again."""
        texts = None if self.texts is None else self.texts[:, columns]
        square = (slice(None), columns[:, None], columns)
        means = None if self.mean_distances is None else self.mean_distances[square]
        part = replace(self, distances=self.distances[square], texts=texts, mean_distances=means)
        part._neighbours, part.recall = self._neighbours, self.recall
        part.were_kept = self.were_kept
        return part


@dataclass(frozen=True, eq=False)
class Routing:
    """What a router chose.

    Attributes
    ----------
    choices : ndarray of shape (T, N), int
        Chosen candidate for each input; T trials, one unless the router draws at random.
    probabilities : ndarray of shape (K,), optional
        If given, the router picks by these, and its score is the exact expectation.
    weights : ndarray of shape (K,) or (N, K), optional
        How much each candidate is trusted, if the router says.
    labels_used : int
        Labelled inputs that one choice was learnt from.
    """

    choices: NDArray[np.intp]
    probabilities: NDArray[np.float64] | None = None
    weights: NDArray[np.float64] | None = None
    labels_used: int = 0

    def scores(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score of each input, (N,): a gather, averaged over trials or in expectation."""
        if self.probabilities is not None:
            expected: NDArray[np.float64] = values @ self.probabilities
            return expected
        gathered: NDArray[np.float64] = values[np.arange(len(values)), self.choices].mean(axis=0)
        return gathered


class LabelFreeRouter(Protocol):
    """Chooses from the votes alone."""

    def route(self, votes: Votes) -> Routing:
        """Choose a candidate for each input."""
        ...


DEGENERATE = ("resolve", "keep")


@dataclass(eq=False)
class SmoothieEstimator:
    """Conventions of scikit-learn: parameters are only stored, fitted attributes end in ``_``.

    Parameters
    ----------
    degenerate : {"resolve", "keep"}
        What becomes of estimated errors at or below zero: "resolve" takes them for the smallest
        positive ones, so that such a candidate wins; "keep" lets their sign run on into the
        weights, as the released code does.
    """

    degenerate: str = field(default="resolve", kw_only=True, repr=False)
    errors_: NDArray[np.float64] = field(init=False, repr=False)
    weights_: NDArray[np.float64] = field(init=False, repr=False)
    choices_: NDArray[np.intp] = field(init=False, repr=False)

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters of the constructor, by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.init}

    def set_params(self, **params: Any) -> Self:
        """Set parameters of the constructor, by name."""
        for name, value in params.items():
            if name not in self.get_params():
                raise SmoothieError(f"{type(self).__name__} has no parameter {name!r}")
            setattr(self, name, value)
        return self

    def fit_votes(self, votes: Votes) -> Self:
        """Estimate the errors from what a run has at hand, without checking it again."""
        raise NotImplementedError

    def route(self, votes: Votes) -> Routing:
        """Choose from precomputed distances."""
        self.fit_votes(votes)
        return Routing(self.choices_[None, :], weights=self.weights_)

    def _solve(
        self, means: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
        """Errors, weights and choices from mean squared distances of shape (..., K, K)."""
        if self.degenerate not in DEGENERATE:
            raise SmoothieError(
                f"degenerate={self.degenerate}: expected one of {', '.join(DEGENERATE)}"
            )
        errors = triplet_errors(means)
        if self.degenerate == "keep":
            weights = run_on_weights(errors)
            return errors, weights, np.asarray(weights.argmax(axis=-1))
        errors = resolve_errors(errors)
        return errors, inverse_error_weights(errors), np.asarray(errors.argmin(axis=-1))

    def _solve_each(
        self, blocks: Iterable[tuple[slice, NDArray[np.float64]]], shape: tuple[int, int]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
        """Errors, weights and choices of each input by itself, from blocks of distances."""
        errors, weights = np.empty(shape), np.empty(shape)
        choices = np.empty(shape[0], dtype=np.intp)
        for rows, distances in blocks:
            errors[rows], weights[rows], choices[rows] = self._solve(distances)
        return errors, weights, choices

    def _require_fitted(self) -> None:
        if not hasattr(self, "choices_"):
            raise NotFittedError(f"{type(self).__name__} is not fitted yet: call fit first")


def seeded(seed: int) -> np.random.Generator:
    """A random generator; a seed below zero is refused."""
    require_seed(seed)
    return np.random.default_rng(seed)


def require_seed(seed: int) -> None:
    """Refuse a seed below zero."""
    if seed < 0:
        raise SmoothieError(f"seed={seed}: expected zero or more")


class HindsightRouter:
    """Looks at the very scores that it is judged by; results say so."""

    def route(self, scores: NDArray[np.float64]) -> Routing:
        """Choose, seeing the scores (N, K) of all inputs; NaN where there is none."""
        raise NotImplementedError
