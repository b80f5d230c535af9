"""What every encoder gives: the distances between answers, the embedded inputs, a signature."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from smoothie.clock import Clock
from smoothie.problem import Problem

Vectors = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Measured:
    """What an encoder knows of a problem.

    Attributes
    ----------
    distances : ndarray of shape (N, K, K)
        Squared distances between the answers to each input.
    inputs : ndarray of shape (N, e) or None
        Embedded inputs; None where inputs are empty or have no vectors.
    mean_distances : ndarray of shape (N, K, K) or None
        Where candidates wrote several generations for each input, and they were asked for: the
        distances averaged over all of them.
    """

    distances: NDArray[np.float64]
    inputs: Vectors | None = None
    mean_distances: NDArray[np.float64] | None = None


@runtime_checkable
class Encoder(Protocol):
    """What a run needs of an encoder.

    Attributes
    ----------
    signature : str
        What made the vectors, in one line.
    encoded : int
        Texts that went through a model so far; what came from a cache or a file does not count.
    """

    @property
    def signature(self) -> str:
        """What made the vectors, in one line."""
        ...

    @property
    def encoded(self) -> int:
        """Texts that went through a model so far."""
        ...

    def measure(
        self, problem: Problem, several: bool = False, clock: Clock | None = None
    ) -> Measured:
        """Distances between the answers to each input, and the embedded inputs.

        Parameters
        ----------
        problem : Problem
        several : bool
            Whether to embed all generations of each candidate, where there are several.
        clock : Clock, optional
            Takes the time of the steps "encode" and "distances".
        """
        ...

    def encode_problem(self, problem: Problem, inputs: bool) -> tuple[Vectors, Vectors | None]:
        """Embed a problem: generations (N, K, d) and, if asked for, inputs (N, e).

        Raises
        ------
        SmoothieError
            If the encoder has distances alone.
        """
        ...

    def encode_inputs(self, texts: list[str]) -> Vectors | None:
        """Embed inputs that belong to another split; None if the encoder has no model to do so."""
        ...
