"""Stored scores: verdicts that somebody made before, such as an LLM judge's or unit tests'."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.loaders.local import read_labels
from smoothie.problem import Problem
from smoothie.scorers.base import register_scorer
from smoothie.storage.files import sha256


def stored_file(folder: str | None, file: str) -> Path:
    """A file in a folder, or anywhere."""
    path = Path(folder or ".").expanduser() / Path(file).expanduser()
    if not path.is_file():
        raise SmoothieError(f"scorer.file={file}: no such file {path}")
    return path


@register_scorer("stored")
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
    """

    folder: str | None = None
    file: str = "scores.jsonl"
    lower_is_better: bool = False

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
