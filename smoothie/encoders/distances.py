"""Distances provided by the user instead of vectors, by any measure of difference."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.clock import Clock
from smoothie.encoders.base import Measured, Vectors, register_encoder
from smoothie.errors import SmoothieError, shown
from smoothie.estimator import require_distances
from smoothie.neighbors.exact import require_vectors
from smoothie.problem import Problem
from smoothie.storage.arrays import read_npz
from smoothie.storage.files import sha256, user_path


@register_encoder("distances")
@dataclass
class StoredDistances:
    """Distances between the answers to each input, in one .npz file.

    Attributes
    ----------
    file : str
        Holds `distances` of shape (rows of the dataset, K, K), rows in the order of the dataset's
        file; `candidates`, the K names in the order of the matrices; and, for methods that look for
        similar inputs, `inputs` of shape (rows, e). The file may hold more candidates than are
        routed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from smoothie import Input, assemble
    >>> from smoothie.encoders import StoredDistances
    >>> said = {"a": {"1": "4"}, "b": {"1": "4"}, "c": {"1": "5"}}
    >>> problem = assemble("sums", [Input("1")], said)
    >>> matrix = [[0.0, 0.0, 1.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "distances.npz"
    ...     np.savez(file, distances=[matrix], candidates=["a", "b", "c"])
    ...     StoredDistances(str(file)).measure(problem).distances[0, 2]
    array([1., 1., 0.])
    """

    file: str

    @property
    def path(self) -> Path:
        """Where the file is."""
        return user_path(self.file)

    @property
    def signature(self) -> str:
        """Name of the file and its checksum."""
        return f"{self.path.name}@{sha256(self.path)[:12]}"

    @property
    def encoded(self) -> int:
        """No text goes through a model."""
        return 0

    def encode_problem(self, problem: Problem, inputs: bool) -> tuple[Vectors, Vectors | None]:
        """Refuse: there are no vectors here."""
        raise SmoothieError(f"{self.path}: holds distances; there are no vectors to write out")

    def encode_inputs(self, texts: list[str]) -> None:
        """Return None: there is no model to embed other inputs."""

    def measure(
        self, problem: Problem, several: bool = False, clock: Clock | None = None
    ) -> Measured:
        """Read the distances of a problem's candidates, and its inputs where the file has them.

        Raises
        ------
        SmoothieError
            If the file is corrupt, lacks a candidate, has the wrong number of rows, or holds a
            matrix that is not one of distances.
        """
        clock = clock or Clock()
        clock.note("encode", "nothing to encode")
        with clock.step("distances"):
            return self._measure(problem)

    def _measure(self, problem: Problem) -> Measured:
        arrays = read_npz(self.path, ["distances", "candidates"])
        distances = require_distances(arrays["distances"], f"{self.path}, distances")
        names = [str(name) for name in arrays["candidates"].ravel()]
        if len(names) != distances.shape[1] or len(set(names)) < len(names):
            raise SmoothieError(
                f"{self.path}: candidates must be {distances.shape[1]} different names, one for "
                f"each row of a matrix, found {len(names)}: {shown(names)}"
            )
        absent = [name for name in problem.candidates if name not in names]
        if absent:
            raise SmoothieError(
                f"{self.path}: no distances of {absent[0]!r}; there are {', '.join(names)}"
            )
        columns = np.array([names.index(name) for name in problem.candidates])
        kept = self._rows(distances, "distances", problem)
        points = None
        if "inputs" in arrays:
            points = require_vectors(f"{self.path}, inputs", arrays["inputs"])
            points = self._rows(points, "inputs", problem)
        return Measured(kept[:, columns[:, None], columns], points)

    def _rows(self, array: NDArray[Any], name: str, problem: Problem) -> NDArray[Any]:
        """Pick the rows of a problem."""
        if len(array) != problem.source_rows:
            raise SmoothieError(
                f"{self.path}: {name} must have {problem.source_rows} rows (one for each input of "
                f"{problem.name}, in order), found {len(array)}"
            )
        return array[problem.rows]
