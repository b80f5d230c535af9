"""Base class of text encoders: a problem's texts, its inputs, and their distances."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.clock import Clock
from smoothie.encoders.base import Measured, Vectors
from smoothie.estimator import squared_distances
from smoothie.problem import Problem


class TextEncoder:
    """An encoder that turns texts into vectors; a subclass has `encode` and `signature`."""

    full_text: bool = False
    _encoded: int = 0

    @property
    def encoded(self) -> int:
        """Texts encoded so far."""
        return self._encoded

    @property
    def signature(self) -> str:
        """How the vectors were computed, in one line."""
        return type(self).__name__

    def encode(self, texts: Sequence[str]) -> NDArray[np.floating[Any]]:
        """Embed texts: (M, d); equal texts have equal vectors."""
        raise NotImplementedError

    def encode_inputs(self, texts: list[str]) -> NDArray[np.floating[Any]] | None:
        """Embed inputs."""
        return self._counted(texts)

    def _counted(self, texts: list[str]) -> NDArray[np.floating[Any]]:
        self._encoded += len(texts)
        return self.encode(texts)

    def encode_problem(self, problem: Problem, inputs: bool) -> tuple[Vectors, Vectors | None]:
        """Embed the texts of a problem and, if requested, its inputs; each distinct text once."""
        written = self.written(problem)
        vectors = self._counted(written + (problem.input_texts if inputs else []))
        embedded = vectors[: len(written)].reshape(*problem.texts.shape, vectors.shape[1])
        return embedded, vectors[len(written) :] if inputs else None

    def written(self, problem: Problem) -> list[str]:
        """The texts of a problem as they are embedded, those of an input side by side."""
        texts = [text for row in problem.texts for text in row]
        if not self.full_text:
            return texts
        repeated = [text for text in problem.input_texts for _ in problem.candidates]
        return [f"{x} {text}" for x, text in zip(repeated, texts, strict=True)]

    def measure(
        self, problem: Problem, several: bool = False, clock: Clock | None = None
    ) -> Measured:
        """Embed a problem and compute its distances."""
        clock = clock or Clock()
        with clock.step("encode"):
            before = self.encoded
            generations, inputs = self.encode_problem(problem, problem.has_inputs)
            more = []
            if several and problem.more_texts is not None:
                for texts in np.moveaxis(problem.more_texts, -1, 0):
                    more.append(self.encode_problem(problem.with_texts(texts), inputs=False)[0])
            clock.note("encode", f"{self.encoded - before} texts encoded")
        with clock.step("distances"):
            distances = squared_distances(generations)
            means = None
            if more:
                total = distances + sum(squared_distances(part) for part in more)
                means = total / (1 + len(more))
            return Measured(distances, inputs, means)
