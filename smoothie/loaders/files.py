"""Read a file or folder of answers, in any known layout, as a problem."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from smoothie.errors import SmoothieError, meant
from smoothie.loaders.base import Source, register_source
from smoothie.loaders.formats import FORMATS, Wanted, understood
from smoothie.loaders.formats.frame import problem_of_frame
from smoothie.loaders.formats.saved_dataset import is_hub_id
from smoothie.loaders.frames import SUFFIXES, TABLES, read_frame
from smoothie.loaders.local import LocalFolder
from smoothie.problem import Problem
from smoothie.storage.files import user_path

log = logging.getLogger(__name__)

KNOWN = (*TABLES, "folder", *FORMATS)


def read_answers(
    path: Path,
    format: str | None = None,
    columns: Mapping[str, str] | None = None,
    names: Sequence[str] | None = None,
    missing: str = "error",
    select: Mapping[str, str] | None = None,
) -> Problem:
    """Read answers of several candidates.

    Parameters
    ----------
    path : Path
        A file, a folder, or ORG/NAME of the Hub.
    format : str, optional
        One of `KNOWN`; by default guessed from the contents, and the guess is logged.
    columns : mapping of role -> column, optional
        Of a table: which column is the id, task, input, references, candidate, text or score.
    names : sequence of str, optional
        Of a wide table: the columns that hold answers. Of other layouts: which candidates.
    missing : {"error", "drop_inputs", "drop_candidates"}
        What to do where a candidate has no answer.
    select : mapping of str -> str, optional
        Which part to read of a format that holds several, such as {"filter": "strict-match"}.

    Raises
    ------
    SmoothieError
        If the file cannot be read or holds no answers; the message names file and row.
    """
    path = user_path(path)
    if format is not None and format not in KNOWN:
        raise SmoothieError(f"format={format}: expected one of {', '.join(KNOWN)}")
    if not path.exists() and not (format in (None, "dataset") and is_hub_id(path)):
        raise SmoothieError(f"{path}: no such file or folder")
    chosen = guess(path) if format is None else format
    log.info("%s: format %s%s", path, chosen, " (guessed)" if format is None else "")
    selects = FORMATS[chosen].selects if chosen in FORMATS else ()
    for key in select or ():
        if key not in selects:
            known = meant(key, selects) if selects else "there is nothing to select"
            raise SmoothieError(f"select {key}: not of format {chosen}; {known}")
    wanted = Wanted(names, missing, columns or {}, select or {})
    if chosen == "folder":
        problem = LocalFolder(path=str(path), missing=missing).read(names)
    elif chosen in FORMATS:
        problem = FORMATS[chosen].read(path, wanted)
    else:
        problem = problem_of_frame(read_frame(path, chosen), path.stem, str(path), wanted)
    log.info("%s: %s", path, understood(problem))
    return problem


def guess(path: Path) -> str:
    """The format of a file or folder, or of a repository where there is neither."""
    if not path.exists():
        return "dataset"
    if (path / "dataset.jsonl").is_file():
        return "folder"
    for name, known in FORMATS.items():
        if known.looks_like(path):
            return name
    if path.is_dir():
        raise SmoothieError(
            f"{path}: a folder of no known layout; expected dataset.jsonl in it, or "
            + "; ".join(known.what for known in FORMATS.values())
        )
    by_name = SUFFIXES.get(path.suffix.lower())
    if by_name is None:
        raise SmoothieError(
            f"{path}: no known format; name it with format=, one of {', '.join(KNOWN)}"
        )
    return by_name


@register_source("files")
@dataclass
class AnswerFiles(Source):
    r"""Answers in a file or folder, in whatever layout they have.

    Attributes
    ----------
    path : str or None
        A table, a folder, or ORG/NAME of the Hub.
    format : str or None
        What it is, one of `KNOWN`; None guesses it from the contents.
    columns : dict of role -> column, or None
        Of a table: which column is the id, task, input, references, candidate, text or score.
    select : dict of str -> str, or None
        Which part to read of a format that holds several: filter, metric, task, split.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from smoothie.loaders.files import AnswerFiles
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "answers.csv"
    ...     _ = path.write_text("id,prompt,a,b,c\n1,What is 2 + 2?,4,four,5\n")
    ...     problem = AnswerFiles(path=str(path)).load()
    >>> problem.candidates, problem.input_texts
    (('a', 'b', 'c'), ['What is 2 + 2?'])
    """

    path: str | None = None
    format: str | None = None
    columns: dict[str, str] | None = None
    select: dict[str, str] | None = None

    def read(self, candidates: Sequence[str] | None) -> Problem:
        """Read the file or folder."""
        if self.path is None:
            raise SmoothieError("path=null: expected a file or a folder")
        return read_answers(
            user_path(self.path), self.format, self.columns, candidates, self.missing, self.select
        )
