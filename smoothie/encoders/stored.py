"""Vectors that the user brings, one .npy file for each candidate."""

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
from smoothie.storage.files import drop_pages


@register_encoder("stored")
@dataclass
class StoredVectors:
    """Vectors that the user brings, one .npy file for each candidate.

    Attributes
    ----------
    folder : str
        Holds CANDIDATE.npy of shape (rows of the dataset, d) for every candidate, rows in the
        order of the dataset's file, and inputs.npy of shape (rows, e) for methods that look for
        similar inputs.
    """

    folder: str

    @property
    def signature(self) -> str:
        """Where the vectors came from, and the checksum of the files."""
        path = Path(self.folder).expanduser()
        return f"{path.name}@{folder_checksum(path)[:12]}"

    @property
    def encoded(self) -> int:
        """No text goes through a model."""
        return 0

    def encode_inputs(self, texts: list[str]) -> None:
        """There is no model to embed other inputs with."""

    def encode_problem(self, problem: Problem, inputs: bool) -> tuple[Vectors, Vectors | None]:
        """Read the vectors of a problem's candidates and, if asked for, of its inputs."""
        columns = [pick(column, problem.rows) for column in self._columns(problem)]
        points = pick(self._read("inputs", problem), problem.rows) if inputs else None
        return np.stack(columns, axis=1), points

    def measure(
        self, problem: Problem, several: bool = False, clock: Clock | None = None
    ) -> Measured:
        """Take the distances of a problem's candidates, a block of inputs at a time.

        They are those that `smoothie.estimator.squared_distances` takes of all vectors. There are
        inputs where the input texts are not empty.

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
        points = pick(self._read("inputs", problem), problem.rows) if problem.has_inputs else None

        def read(part: slice, block: NDArray[np.float64]) -> None:
            for j, column in enumerate(columns):
                block[:, j] = column[problem.rows[part]]
                drop_pages(column)

        shape = (len(problem.rows), len(columns), columns[0].shape[1])
        distances = np.empty((*shape[:2], shape[1]))
        for part, block in distances_as_read(shape, read):
            distances[part] = block
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

    def _read(self, name: str, problem: Problem) -> Vectors:
        """Map one file."""
        path = Path(self.folder).expanduser() / f"{name}.npy"
        try:
            vectors: Vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError as error:
            raise SmoothieError(f"{path}: no such file; the vectors of {name} go there") from error
        except (OSError, ValueError, EOFError) as error:
            raise SmoothieError(f"{path}: not a NumPy array file ({error})") from error
        if vectors.ndim != 2 or len(vectors) != problem.source_rows:
            raise SmoothieError(
                f"{path}: expected {problem.source_rows} rows (one for each input of "
                f"{problem.name}, in order) of vectors, found shape {vectors.shape}"
            )
        if vectors.dtype.kind != "f":
            raise SmoothieError(f"{path}: expected floats, found {vectors.dtype}")
        return vectors


def pick(vectors: Vectors, rows: NDArray[np.intp]) -> Vectors:
    """Some rows of an array; all of them are the array itself, which stays on disk."""
    every = np.arange(len(vectors))
    return vectors if np.array_equal(rows, every) else vectors[rows]
