"""Stored scores: verdicts that somebody made before, such as an LLM judge's or unit tests'."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.loaders.local import read_labels
from smoothie.problem import Problem
from smoothie.storage.files import sha256


def stored_file(folder: str | None, file: str) -> Path:
    """A file in a folder, or anywhere."""
    path = Path(folder or ".").expanduser() / Path(file).expanduser()
    if not path.is_file():
        raise SmoothieError(f"scorer.file={file}: no such file {path}")
    return path


@dataclass
class StoredScores:
    """Numbers for texts, read from a file in the layout of labels.jsonl.

    Attributes
    ----------
    folder : str or None
        The dataset's folder.
    file : str
        JSON Lines with id, model, score (null: no verdict); in the folder, or an absolute path.
    lower_is_better : bool
        Whether a lower number is better, as with ranks.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from smoothie import Input, assemble
    >>> from smoothie.scorers import StoredScores
    >>> problem = assemble("sums", [Input("1")], {"a": {"1": "4"}, "b": {"1": "5"}})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "scores.jsonl"
    ...     _ = file.write_text('{"id": "1", "model": "a", "score": 0.9}')
    ...     StoredScores(folder).score(problem)
    array([[0.9, nan]])
    """

    folder: str | None = None
    file: str = "scores.jsonl"
    lower_is_better: bool = False

    judged: ClassVar[int] = 0  # no model

    @property
    def signature(self) -> str:
        """Name and checksum of the file."""
        return f"{Path(self.file).name}@{sha256(stored_file(self.folder, self.file))[:12]}"

    def score(self, problem: Problem) -> NDArray[np.float64]:
        """Look up every text."""
        path = stored_file(self.folder, self.file)
        verdicts = read_labels(path)
        columns = [verdicts.get(name, {}) for name in problem.candidates]
        scores = np.array([[column.get(key, np.nan) for column in columns] for key in problem.ids])
        if np.isnan(scores).all():
            raise SmoothieError(f"{path}: no verdict about any text of {problem.name}")
        return -scores if self.lower_is_better else scores
