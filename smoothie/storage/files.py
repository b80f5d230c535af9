"""Reading and writing files: written whole or not at all, read with errors that name the line."""

import csv
import errno
import hashlib
import io
import json
import mmap
import os
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import CONTROL, SmoothieError, shown

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

TEMPORARY = ".smoothie-"  # begins the names of files that are being written
SEPARATORS = {"/", os.sep} | ({os.altsep} if os.altsep else set())  # a backslash is one on Windows
LONGEST_NAME = 255  # bytes, on most file systems
NOT_JSON = (ValueError, RecursionError)  # what `parse_json` raises


def user_path(path: str | Path) -> Path:
    """A path that a user typed, with ~ expanded.

    Raises
    ------
    SmoothieError
        If it names the home of an unknown user, or no file can have such a name.
    """
    try:
        if "\0" in os.fsdecode(os.fsencode(path)):
            raise SmoothieError(f"{shown(str(path))}: a path cannot hold a NUL character")
        return Path(path).expanduser()
    except UnicodeEncodeError as error:
        raise SmoothieError(f"{shown(str(path))}: not the name of a file") from error
    except RuntimeError as error:
        raise SmoothieError(f"{path}: the home folder is not known") from error


def child(folder: Path, name: str) -> Path:
    """A file in a folder, under a name that comes from data: a candidate, an id, a task.

    Raises
    ------
    SmoothieError
        If the name would lead out of the folder or hide the file, or no file can have it: if it is
        empty, holds a path separator or a control character, begins with a dot or is too long.
    """
    if not name:
        fault = "is empty"
    elif any(separator in name for separator in SEPARATORS):
        fault = "holds a path separator"
    elif CONTROL.search(name):
        fault = "holds a control character or a lone surrogate"
    elif name.startswith("."):
        fault = "begins with a dot"
    elif len(os.fsencode(name)) > LONGEST_NAME:
        fault = f"is longer than {LONGEST_NAME} bytes"
    else:
        return folder / name
    raise SmoothieError(f"{folder}: {shown(name)} cannot be the name of a file there: it {fault}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; rename it to `path` if the block ends well.

    Parameters
    ----------
    path : Path
        The file to write. Missing parent folders are created.

    Yields
    ------
    Path
        Where to write. It is removed if the block raises, and `path` is left as it was. If the
        process is killed, the next one that writes into the folder removes it.

    Raises
    ------
    OSError
        With `path` as its filename, whatever could not be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(path.parent)
        with temporary_beside(path) as temporary:
            yield temporary
            temporary.replace(path)
    except OSError as error:
        # That of a write names no file, and that of NumPy's has no number either.
        if error.filename is None or Path(error.filename).name.startswith(TEMPORARY):
            raise OSError(error.errno or errno.EIO, reason(error), str(path)) from error
        raise


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """An empty file, locked for as long as it is being written, and removed at the end."""
    beginning = path.stem[:32]  # so that the temporary name is not too long where the name is not
    temporary = path.parent / f"{TEMPORARY}{uuid.uuid4().hex}-{beginning}{path.suffix}"
    try:
        while True:
            held = temporary.open("xb")  # unlike tempfile's, with the permissions of the umask
            lock(held, wait=True)
            if temporary.exists():  # not taken for abandoned before it was locked
                break
            held.close()
        with held:
            if fcntl is None:
                held.close()  # Windows renames no open files
            yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def lock(file: IO[bytes], wait: bool) -> bool:
    """Lock a file until it is closed, as it is when a process ends; False if that fails."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:  # another process has it, or there are no locks on this file system
        return False
    return True


@cache
def remove_abandoned(folder: Path) -> None:
    """Remove temporary files whose process was killed; once for each folder and process."""
    with suppress(OSError):
        for path in folder.glob(f"{TEMPORARY}*"):
            with suppress(OSError), path.open("r+b") as file:
                if lock(file, wait=False):
                    path.unlink()


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
    """Write a CSV table in one step; a value of None becomes an empty cell.

    Lines end in newlines, and a cell is quoted if it holds a comma, a quotation mark, a newline or
    a carriage return. Texts are not escaped, so that files can be joined by them: a spreadsheet
    takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula unless the column is
    imported as text.
    """
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        line = io.StringIO()
        # The writer quotes a carriage return only where that is part of its line ends.
        writer = csv.writer(line, lineterminator="\r\n")
        for row in chain([columns], rows):
            writer.writerow(row)
            file.write(line.getvalue().removesuffix("\r\n") + "\n")
            line.seek(0)
            line.truncate()


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def drop_pages(array: NDArray[Any]) -> None:
    """Release the memory of what was read from a memory-mapped array.

    Pages of a mapped file count as memory of the process until the system needs them for something
    else, so that reading a large file through a map looks like holding it in memory. What is
    accessed later is read again, usually from the system's own cache.

    Parameters
    ----------
    array : ndarray
        A view of a NumPy memory map; nothing is done for any other array, or where the system does
        not support it.
    """
    owner = array
    while isinstance(owner.base, np.ndarray):
        owner = owner.base
    # A copy-on-write map (mode "c") would lose what was written to it.
    kept_on_disk = isinstance(owner, np.memmap) and owner.mode != "c"
    if kept_on_disk and isinstance(owner.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        owner.base.madvise(mmap.MADV_DONTNEED)


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn errors about a file that is missing or cannot be read into one sentence."""
    try:
        yield
    except FileNotFoundError as error:
        raise SmoothieError(f"{path}: no such file") from error
    except OSError as error:
        raise SmoothieError(f"{path}: cannot be read ({reason(error)})") from error


def reason(error: Exception) -> str:
    """Why something failed, in a few words: NumPy's and others' OSErrors may lack a strerror."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def is_there(path: Path) -> bool:
    """Whether a path exists, even as a broken link: that is an error, not a missing file."""
    return path.exists() or path.is_symlink()


def read_text(path: Path) -> str:
    """Read a UTF-8 file.

    Raises
    ------
    SmoothieError
        If the file is missing, unreadable or not UTF-8.
    """
    with readable(path):
        content = path.read_bytes()
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SmoothieError(f"{path}, line {line}: not UTF-8 text") from error


def read_json(path: Path) -> Any:
    """Read a JSON file; a `SmoothieError` names the file and, where there is one, the line."""
    text = read_text(path)
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        raise SmoothieError(f"{path}, line {error.lineno}: not JSON ({error.msg})") from error
    except NOT_JSON as error:
        raise SmoothieError(f"{path}: {fault_of_json(error)}") from error


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read JSON Lines, one after the other.

    Yields
    ------
    int, dict
        Line number (from 1) and object; blank lines are skipped.

    Raises
    ------
    SmoothieError
        If the file is missing or unreadable, or a line is not a JSON object or not UTF-8.
    """
    with readable(path), path.open("rb") as file:
        # Lines end at newlines and carriage returns, as everywhere in bytes: other separators,
        # such as U+2028, are legal inside JSON strings.
        lines = (line for block in file for line in block.splitlines())
        for number, line in enumerate(lines, start=1):
            where = f"{path}, line {number}"
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise SmoothieError(f"{where}: not UTF-8 text") from error
            if text.strip():
                yield number, as_object(text, where)


def as_object(line: str, where: str) -> dict[str, Any]:
    """The JSON object of a line."""
    try:
        row = parse_json(line)
    except NOT_JSON as error:
        raise SmoothieError(f"{where}: {fault_of_json(error)}") from error
    if not isinstance(row, dict):
        raise SmoothieError(f"{where}: expected a JSON object, found {type(row).__name__}")
    return row


class RepeatedKeyError(ValueError):
    """An object has a key twice: JSON does not say which value counts."""


def with_different_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of some keys and values, no key twice."""
    row = dict(pairs)
    if len(row) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for i, key in enumerate(keys) if key in keys[:i])
        raise RepeatedKeyError(f"key {shown(twice)} occurs twice in an object")
    return row


parse_json = json.JSONDecoder(object_pairs_hook=with_different_keys).decode


def fault_of_json(error: Exception) -> str:
    """What is wrong with a text that should be JSON."""
    if isinstance(error, RepeatedKeyError):
        return str(error)
    if isinstance(error, RecursionError):
        return "nested too deeply to be read"
    return f"not JSON ({getattr(error, 'msg', error)})"  # or a number with thousands of digits
