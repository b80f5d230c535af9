"""Vectors provided by the user, one .npy file for each candidate."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smoothie.clock import Clock
from smoothie.encoders.base import Measured, Vectors, register_encoder
from smoothie.errors import SmoothieError
from smoothie.estimator import distances_as_read
from smoothie.pretrained import folder_checksum
from smoothie.problem import Problem
from smoothie.storage.arrays import map_npy
from smoothie.storage.files import child, drop_pages, is_there, readable, user_path

LARGEST = 1e140  # values of a vector: the sum of their squares is finite
BLOCK_VALUES = 1 << 18  # values checked at a time


@register_encoder("stored")
@dataclass
class StoredVectors:
    """Vectors provided by the user, one .npy file for each candidate.

    Attributes
    ----------
    folder : str
        Holds CANDIDATE.npy of shape (rows of the dataset, d) for every candidate, rows in the
        order of the dataset's file, and inputs.npy of shape (rows, e) for methods that look for
        similar inputs.

    Examples
    --------
    >>> from pathlib import Path
    >>> import smoothie
    >>> from smoothie.loaders import LocalFolder
    >>> from smoothie.encoders import StoredVectors
    >>> demo = Path(smoothie.__file__).parent / "demo"
    >>> problem = LocalFolder(path=str(demo)).load()
    >>> StoredVectors(str(demo / "embeddings")).measure(problem).distances.shape
    (240, 6, 6)
    """

    folder: str

    @property
    def signature(self) -> str:
        """Where the vectors came from, and the checksum of the files."""
        path = user_path(self.folder)
        try:
            return f"{path.name}@{folder_checksum(path)[:12]}"
        except UnicodeEncodeError as error:
            raise SmoothieError(f"{path}: holds a file whose name is not UTF-8") from error

    @property
    def encoded(self) -> int:
        """No text goes through a model."""
        return 0

    def encode_inputs(self, texts: list[str]) -> None:
        """Return None: there is no model to embed other inputs."""

    def encode_problem(self, problem: Problem, inputs: bool) -> tuple[Vectors, Vectors | None]:
        """Read the vectors of a problem's candidates and, if requested, of its inputs."""
        columns = [pick(column, problem.rows) for column in self._columns(problem)]
        return np.stack(columns, axis=1), self._inputs(problem) if inputs else None

    def measure(
        self, problem: Problem, several: bool = False, clock: Clock | None = None
    ) -> Measured:
        """Compute the distances between a problem's candidates, a block of inputs at a time.

        They equal those that `smoothie.estimator.squared_distances` computes from all vectors.
        Inputs are included where the input texts are not empty.

        Raises
        ------
        SmoothieError
            If a file is missing, broken or of another shape, or holds a value that is not finite.
        """
        clock = clock or Clock()
        clock.note("encode", "nothing to encode")
        with clock.step("distances"):
            return self._measure(problem)

    def _measure(self, problem: Problem) -> Measured:
        columns = self._columns(problem)
        points = self._inputs(problem) if problem.has_inputs else None

        def read(part: slice, block: NDArray[np.float64]) -> None:
            for j, column in enumerate(columns):
                block[:, j] = column[problem.rows[part]]
                drop_pages(column)

        shape = (len(problem.rows), len(columns), columns[0].shape[1])
        distances = np.empty((*shape[:2], shape[1]))
        try:
            for part, block in distances_as_read(shape, read):
                distances[part] = block
        except SmoothieError:  # the error names no file: find the faulty one
            for name, column in zip(problem.candidates, columns, strict=True):
                self._refuse_not_finite(name, column, problem.rows)
            raise
        return Measured(distances, points)

    def _columns(self, problem: Problem) -> list[Vectors]:
        """The files of a problem's candidates, memory-mapped, with all their rows."""
        columns = [self._read(name, problem) for name in problem.candidates]
        for name, column in zip(problem.candidates, columns, strict=True):
            if column.shape[1] != columns[0].shape[1]:
                raise SmoothieError(
                    f"{self.folder}: {name}.npy has {column.shape[1]} dimensions, "
                    f"{problem.candidates[0]}.npy has {columns[0].shape[1]}"
                )
        return columns

    def _inputs(self, problem: Problem) -> Vectors:
        """The vectors of a problem's inputs, left on disk if all of them are routed."""
        every = self._read("inputs", problem)
        self._refuse_not_finite("inputs", every, problem.rows)
        return pick(every, problem.rows)

    def _path(self, name: str) -> Path:
        """The file of a candidate, or of the inputs."""
        return child(user_path(self.folder), f"{name}.npy")

    def _refuse_not_finite(self, name: str, vectors: Vectors, rows: NDArray[np.intp]) -> None:
        """Refuse values in some rows of a file whose squares are not finite."""
        step = max(1, BLOCK_VALUES // vectors.shape[1])
        for start in range(0, len(rows), step):
            block = vectors[rows[start : start + step]]
            faulty = ~np.isfinite(block).all(axis=1)
            if block.dtype.itemsize > 4:  # smaller types hold no numbers that large
                faulty |= (np.abs(block) > LARGEST).any(axis=1)
            if faulty.any():
                raise SmoothieError(
                    f"{self._path(name)}: row {rows[start + faulty.argmax()]} holds a value that "
                    f"is not finite, or too large to be squared"
                )
            drop_pages(vectors)

    def _read(self, name: str, problem: Problem) -> Vectors:
        """Map one file."""
        path = self._path(name)
        with readable(path):
            if not is_there(path):
                raise SmoothieError(f"{path}: no such file; the vectors of {name} go there")
        vectors: Vectors = map_npy(path)
        if vectors.ndim != 2 or len(vectors) != problem.source_rows:
            raise SmoothieError(
                f"{path}: expected {problem.source_rows} rows (one for each input of "
                f"{problem.name}, in order) of vectors, found shape {vectors.shape}"
            )
        if vectors.dtype.kind != "f":
            raise SmoothieError(f"{path}: expected floats, found {vectors.dtype}")
        if not vectors.shape[1]:
            raise SmoothieError(f"{path}: vectors of zero dimensions have no distances")
        return vectors


def pick(vectors: Vectors, rows: NDArray[np.intp]) -> Vectors:
    """Some rows of an array; for all of them the array itself, which stays on disk."""
    every = np.arange(len(vectors))
    return vectors if np.array_equal(rows, every) else vectors[rows]
