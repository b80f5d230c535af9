"""The encoder protocol: distances between answers, embedded inputs, a signature."""

from dataclasses import dataclass, fields
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from smoothie.clock import Clock
from smoothie.errors import printable
from smoothie.problem import Problem
from smoothie.registry import Registry, wrong_dataclass

Vectors = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Measured:
    """Distances between the answers of a problem, and its embedded inputs.

    Attributes
    ----------
    distances : ndarray of shape (N, K, K)
        Squared distances between the answers to each input.
    inputs : ndarray of shape (N, e) or None
        Embedded inputs; None where inputs are empty or have no vectors.
    mean_distances : ndarray of shape (N, K, K) or None
        Where candidates wrote several generations for each input, and these were requested: the
        distances averaged over all of them.
    """

    distances: NDArray[np.float64]
    inputs: Vectors | None = None
    mean_distances: NDArray[np.float64] | None = None


@runtime_checkable
class Encoder(Protocol):
    """The interface that a run expects of an encoder.

    Attributes
    ----------
    signature : str
        How the vectors were computed, in one line.
    encoded : int
        Texts encoded by a model so far, not counting those from a cache or a file.
    """

    @property
    def signature(self) -> str:
        """How the vectors were computed, in one line."""
        ...

    @property
    def encoded(self) -> int:
        """Texts encoded by a model so far."""
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
        """Embed a problem: generations (N, K, d) and, if requested, inputs (N, e).

        Raises
        ------
        SmoothieError
            If the encoder has distances alone.
        """
        ...

    def encode_inputs(self, texts: list[str]) -> Vectors | None:
        """Embed the inputs of another split; None if the encoder has no model for that."""
        ...


@dataclass(frozen=True)
class EncoderId:
    """What decides the vectors of inputs: kept with a fitted router, which refuses others.

    Attributes
    ----------
    name : str
        Hub id, or name of the model's folder; the signature of an encoder without a model.
    checksum : str
        Commit of a Hub model, or SHA-256 over the files of a local one; empty without a model.
    settings : str
        Whatever else changes vectors of inputs.
    """

    name: str
    checksum: str = ""
    settings: str = ""

    def __str__(self) -> str:
        """Name, beginning of the checksum, and settings, in one line."""
        at = f"@{self.checksum[:12]}" if self.checksum else ""
        return printable(f"{self.name}{at} {self.settings}".strip())


def encoder_id(encoder: Encoder) -> EncoderId:
    """The encoder's own `encoder_id`, if it has one, else its signature."""
    own = getattr(encoder, "encoder_id", None)
    return own if isinstance(own, EncoderId) else EncoderId(encoder.signature)


PARTS = ("signature", "encoded", "measure", "encode_problem", "encode_inputs")  # of the protocol


def wrong_encoder(thing: Any) -> str | None:
    """Why an object cannot be used as an encoder; None if it can."""
    from smoothie.encoders.text import TextEncoder

    if not isinstance(thing, type):
        return "expected a class such as smoothie.encoders.TextEncoder"
    wrong = wrong_dataclass(thing)
    if wrong is not None:
        return wrong
    known = {entry.name for entry in fields(thing)}
    lacking = [part for part in PARTS if part not in known and not hasattr(thing, part)]
    if lacking:
        return f"it has no {lacking[0]}; smoothie.encoders.TextEncoder has all but encode(texts)"
    if issubclass(thing, TextEncoder) and thing.encode is TextEncoder.encode:
        return "it has no method encode(texts)"
    return None


ENCODERS: Registry[type[Encoder]] = Registry(
    "encoder", "smoothie.encoders", wrong_encoder, "smoothie.encoders"
)
register_encoder = ENCODERS.register
