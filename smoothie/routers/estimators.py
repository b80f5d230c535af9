"""Base class of Smoothie's routers: parameters, fitted attributes, and the solution."""

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import NotFittedError, SmoothieError
from smoothie.estimator import (
    inverse_error_weights,
    resolve_errors,
    run_on_weights,
    triplet_errors,
)
from smoothie.evidence import Evidence, Need
from smoothie.optional import is_installed
from smoothie.routers.base import Router, Routing

DEGENERATE = ("resolve", "keep")


@dataclass(eq=False, repr=False)
class SmoothieEstimator(Router):
    """Conventions of scikit-learn: parameters are only stored, fitted attributes end in ``_``.

    Settings are checked by the constructor and once more by `fit`, as `set_params` only stores
    them.

    Parameters
    ----------
    degenerate : {"resolve", "keep"}
        How to treat estimated errors at or below zero: "resolve" replaces them by the smallest
        positive ones, so that such a candidate wins; "keep" computes weights from them as they are,
        as the released code does.
    """

    fewest: ClassVar[int] = 3
    degenerate: str = field(default="resolve", kw_only=True)
    errors_: NDArray[np.float64] = field(init=False)
    weights_: NDArray[np.float64] = field(init=False)
    choices_: NDArray[np.intp] = field(init=False)

    @property
    def needs(self) -> frozenset[Need]:
        """The distances between answers."""
        return frozenset({Need.DISTANCES})

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        if self.degenerate not in DEGENERATE:
            raise SmoothieError(
                f"degenerate={self.degenerate}: expected one of {', '.join(DEGENERATE)}"
            )

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

    def fit_evidence(self, evidence: Evidence) -> Self:
        """Estimate the errors from precomputed distances, without checking them again."""
        raise NotImplementedError

    def route(self, evidence: Evidence) -> Routing:
        """Choose from precomputed distances."""
        self.fit_evidence(evidence)
        return Routing(self.choices_[None, :], weights=self.weights_)

    def __sklearn_is_fitted__(self) -> bool:
        """Used by scikit-learn's `check_is_fitted`."""
        return hasattr(self, "choices_")

    def __sklearn_tags__(self) -> Any:
        """Tags for scikit-learn (1.6 or newer): arrays of three dimensions, no labels."""
        from sklearn.utils import InputTags, Tags, TargetTags

        return Tags(
            estimator_type=None,
            target_tags=TargetTags(required=False),
            input_tags=InputTags(two_d_array=False, three_d_array=True),
        )

    def _solve(
        self, means: NDArray[np.floating[Any]]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.intp]]:
        """Errors, weights and choices from mean squared distances of shape (..., K, K)."""
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
        if hasattr(self, "choices_"):
            return
        kind: type[SmoothieError] = NotFittedError
        if is_installed("sklearn"):
            from smoothie import not_fitted

            kind = not_fitted.NotFittedError  # scikit-learn's, too
        raise kind(f"{type(self).__name__} is not fitted yet: call fit first")


def ignore_labels(y: object) -> None:
    """Ignore labels, as scikit-learn does where they are not used, and refuse anything else.

    Raises
    ------
    SmoothieError
        If `y` is not one-dimensional: vectors are a different argument, to be passed by name.
    """
    dimensions = 1 if y is None else np.ndim(y)  # type: ignore[arg-type]
    if dimensions != 1:
        raise SmoothieError(
            f"y: expected nothing, or one label for each input, which is not used; found "
            f"{dimensions} dimensions: pass vectors as inputs=..., tasks as groups=..."
        )
