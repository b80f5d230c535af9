"""Reading and writing files: written whole or not at all, read with errors that name the line."""

import csv
import hashlib
import json
import mmap
import uuid
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` if the block ends well.

    Parameters
    ----------
    path : Path
        The file to make. Missing parent folders are created.

    Yields
    ------
    Path
        Where to write. It is removed if the block raises, and `path` is left as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.parent / f".{path.stem}-{uuid.uuid4().hex}{path.suffix}"
    temporary.touch(exist_ok=False)  # unlike tempfile's, readable by whom the umask lets read
    try:
        yield temporary
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file in one step."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON in one step."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write one JSON object a line in one step."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write a CSV table in one step; a value of None becomes an empty cell."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


BROKEN_ZIP = (zipfile.BadZipFile, zlib.error)


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays, none of them of objects, in one step; the name is kept as it is."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_npz(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read named arrays.

    Parameters
    ----------
    path : Path
        A file that `numpy.savez` wrote.
    names : sequence of str
        Arrays that must be there; others are read, too.

    Raises
    ------
    SmoothieError
        If the file is missing, cut off or broken, is of another kind, lacks an array, or holds one
        of objects (which would have to be unpickled).
    """
    try:
        stored = np.load(path, allow_pickle=False)
        if not isinstance(stored, np.lib.npyio.NpzFile):
            raise ValueError("it is a single array")
        with stored:
            arrays = {name: stored[name] for name in stored.files}
    except FileNotFoundError as error:
        raise SmoothieError(f"{path}: no such file") from error
    except (OSError, ValueError, EOFError, KeyError, RuntimeError, *BROKEN_ZIP) as error:
        reason = str(error).split("\n")[0]
        raise SmoothieError(f"{path}: not a whole .npz file of plain arrays ({reason})") from error
    absent = [name for name in names if name not in arrays]
    if absent:
        listed = ", ".join(arrays) or "none"
        raise SmoothieError(f"{path}: no array {absent[0]!r}; it has {listed}")
    return arrays


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def drop_pages(array: NDArray[Any]) -> None:
    """Give back the memory of what was read of a memory-mapped array.

    Pages of a mapped file count as memory of the process until the system needs them for something
    else, so that reading a large file through a map looks like holding it. What is looked at later
    is read again, as a rule from the system's own cache.

    Parameters
    ----------
    array : ndarray
        A view of a memory map of NumPy's; nothing is done about any other array, or where the
        system cannot be told.
    """
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    # A copy-on-write map (mode "c") would lose what was written to it.
    kept_on_disk = isinstance(owner, np.memmap) and owner.mode != "c"
    if kept_on_disk and isinstance(owner.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.base.madvise(mmap.MADV_DONTNEED)


def read_text(path: Path) -> str:
    """Read a UTF-8 file.

    Raises
    ------
    SmoothieError
        If the file is missing, unreadable or not UTF-8.
    """
    with readable(path):
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise SmoothieError(f"{path}: not UTF-8 text (byte {error.start})") from error


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Say in one sentence that a file is missing or cannot be read."""
    try:
        yield
    except FileNotFoundError as error:
        raise SmoothieError(f"{path}: no such file") from error
    except OSError as error:
        raise SmoothieError(f"{path}: cannot be read ({reason(error)})") from error


def reason(error: Exception) -> str:
    """Why something failed, in a few words: NumPy's and others' OSErrors may lack a strerror."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def read_json(path: Path) -> Any:
    """Read a JSON file; a `SmoothieError` names the file and the line of a fault."""
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise SmoothieError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from error


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read JSON Lines, one after the other.

    Yields
    ------
    int, dict
        Line number (from 1) and object; blank lines are skipped.

    Raises
    ------
    SmoothieError
        If the file is missing or unreadable, or a line is not a JSON object.
    """
    number = 0
    # Lines end at newlines alone: characters such as U+2028 are legal inside JSON strings.
    with readable(path), path.open(encoding="utf-8-sig") as file:
        try:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, as_object(line, f"{path}, line {number}")
        except UnicodeDecodeError as error:
            raise SmoothieError(f"{path}, after line {number}: not UTF-8 text") from error


def as_object(line: str, where: str) -> dict[str, Any]:
    """The JSON object of a line."""
    try:
        row = json.loads(line)
    except ValueError as error:  # broken JSON, or a number with thousands of digits
        reason = getattr(error, "msg", error)
        raise SmoothieError(f"{where}: not JSON ({reason})") from error
    if not isinstance(row, dict):
        raise SmoothieError(f"{where}: expected a JSON object, found {type(row).__name__}")
    return row
