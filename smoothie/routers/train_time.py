"""Train-time Smoothie: weights from a training split, before any test answer exists."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.routers.base import Routing, Votes
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.routers.smoothie_local import SmoothieLocal


class TrainTimeRouter:
    """Chooses from the votes of a training split and the test inputs.

    No test answer is passed in, so none has to exist: only the chosen candidate is asked, later.
    """

    def route_new(
        self, train: Votes, inputs: NDArray[np.floating[Any]] | None, rows: int
    ) -> Routing:
        """Choose for inputs that nobody has answered yet.

        Parameters
        ----------
        train : Votes
            Distances between the answers to the training inputs, and those inputs.
        inputs : ndarray of shape (rows, e) or None
            Embedded test inputs.
        rows : int
            Their number.
        """
        raise NotImplementedError


@dataclass(eq=False)
class SmoothieGlobalTrain(TrainTimeRouter):
    """Route every input to the candidate with the lowest estimated error on the training split.

    Parameters
    ----------
    degenerate : {"resolve", "keep"}
        As of `SmoothieGlobal`.

    Notes
    -----
    Guha et al. (NeurIPS 2024), "Smoothie-Global-train". Cost: the training split's distances.
    """

    degenerate: str = "resolve"

    def route_new(
        self, train: Votes, inputs: NDArray[np.floating[Any]] | None, rows: int
    ) -> Routing:
        """Choose the same candidate for all inputs."""
        fitted = SmoothieGlobal(degenerate=self.degenerate).fit_votes(train)
        return Routing(np.full((1, rows), fitted.choices_[0]), weights=fitted.weights_)


@dataclass(eq=False)
class SmoothieLocalTrain(TrainTimeRouter):
    """Route each input by its nearest inputs in the training split.

    Parameters
    ----------
    k : int
        Training inputs in a neighbourhood (the paper: 50), fewer in a small split.
    degenerate : {"resolve", "keep"}
        As of `SmoothieLocal`.

    Notes
    -----
    Guha et al. (NeurIPS 2024), "Smoothie-Local-train". Cost: the training split's distances, and
    the neighbours of each input in it.
    """

    k: int = 50
    degenerate: str = "resolve"

    def route_new(
        self, train: Votes, inputs: NDArray[np.floating[Any]] | None, rows: int
    ) -> Routing:
        """Choose from the neighbourhood of each input."""
        if inputs is None:
            raise SmoothieError("smoothie_local_train needs inputs that are not empty")
        k = min(self.k, train.shape[0])
        fitted = SmoothieLocal(k, degenerate=self.degenerate).fit_votes(train)
        return Routing(fitted.predict(inputs)[None, :])
