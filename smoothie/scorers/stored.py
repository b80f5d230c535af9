"""Stored scores: existing verdicts, such as those of an LLM judge or of unit tests."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError, printable, shown
from smoothie.inspection.findings import listed
from smoothie.loaders.local import read_labels
from smoothie.problem import Problem
from smoothie.scorers.base import register_scorer
from smoothie.storage.files import readable, sha256, user_path

log = logging.getLogger(__name__)


def stored_file(folder: str | None, file: str) -> Path:
    """A file in a folder, or at an absolute path."""
    path = user_path(folder or ".") / user_path(file)
    with readable(path):
        if not path.is_file():
            raise SmoothieError(f"file={file}: no such file {path}")
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
        """Look up every text; warn where a candidate has no verdict, or a verdict no text."""
        path = stored_file(self.folder, self.file)
        verdicts = read_labels(path)
        columns = [verdicts.get(name, {}) for name in problem.candidates]
        scores = np.array([[column.get(key, np.nan) for column in columns] for key in problem.ids])
        if np.isnan(scores).all():
            raise SmoothieError(f"{path}: no verdict about any text of {problem.name}")
        ids = {key for column in verdicts.values() for key in column}
        warn_about_verdicts(path, problem, scores, verdicts, ids)
        return -scores if self.lower_is_better else scores


def warn_about_verdicts(
    path: Path,
    problem: Problem,
    scores: NDArray[np.float64],
    names: Iterable[str],
    ids: Iterable[str],
) -> None:
    """Warn about candidates without any verdict, and about unknown names in a file.

    Parameters
    ----------
    path : Path
        The file.
    problem : Problem
        The problem that is routed; it may be a part of what the file covers.
    scores : ndarray of shape (N, K)
        The verdict on each text, NaN where there is none.
    names, ids : iterable of str
        The candidates and ids of inputs in the file.
    """
    silent = [
        name
        for name, column in zip(problem.candidates, scores.T, strict=True)
        if np.isnan(column).all()
    ]
    strangers = sorted(set(names).difference(problem.candidates))
    if silent:
        others = f", but about {listed([shown(name) for name in strangers])}" if strangers else ""
        log.warning(
            "%s: no verdict about any text of %s%s; a text without a verdict is not chosen where "
            "another one has a verdict",
            printable(path),
            listed(silent),
            others,
        )
    lost = sorted(set(ids).difference(problem.ids))
    if lost and len(problem.inputs) == problem.source_rows:  # otherwise some were left out
        log.warning(
            "%s: verdicts about %d ids that %s does not hold (%s); not used",
            printable(path),
            len(lost),
            problem.name,
            listed([shown(key) for key in lost]),
        )
