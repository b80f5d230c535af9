"""A cache on disk for vectors, addressed by the content that they were computed from.

One folder holds one kind of vector (one encoder with all its settings, or one metric). Each call
of `store` adds one file of (key, vector, checksum) records under a name of its own, written whole
and then renamed. Files are never changed, so any number of processes, on any number of machines
that share the folder, may read and write at once; `smoothie.storage.work` shares the computing.

Each record is checked whenever it is read. A file with a damaged record is skipped as a whole: the
last bits of a vector depend on the texts that it was encoded with, and the texts of a file are
recomputed together, as they were the first time. The damaged file is removed after that.
"""

import itertools
import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.storage.checked import (
    CHECKSUM_BYTES,
    SUFFIX,
    file_names,
    read_array,
    started,
    write_array,
)
from smoothie.storage.files import reason

log = logging.getLogger(__name__)


def framed(part: str) -> bytes:
    """A text as it enters a key: its length, then its bytes."""
    data = part.encode("utf-8", "surrogatepass")
    return len(data).to_bytes(8, "little") + data


def content_key(*parts: str) -> bytes:
    """A 16-byte key of some texts; different parts never share one by being joined."""
    return digest(b"".join(map(framed, parts)))


def digest(data: bytes) -> bytes:
    """The key of framed texts, one after the other."""
    return blake2b(data, digest_size=16).digest()


class VectorCache:
    """Vectors of one kind, by key.

    Parameters
    ----------
    folder : Path or None
        Where the files are; created by the first write. Its name is part of every checksum, so
        that files of another folder are not mistaken for its own. With None, vectors are cached in
        memory.
    dtype : str
        Type of the stored values.

    Attributes
    ----------
    requested, computed : int
        Vectors that `smoothie.storage.work.complete` has returned so far, and those of them that
        were computed here.
    """

    def __init__(self, folder: Path | None, dtype: str = "<f4") -> None:
        self.folder = folder
        self.dtype = dtype
        self.requested = self.computed = 0
        self._seen: set[str] = set()  # names of files
        self._skipped: set[str] = set()
        self._damaged: set[str] = set()
        self._looked_at: int | None = None  # when the folder was last changed, at the last look
        self._file_of: dict[bytes, str] = {}  # name of the file of each key
        self._memory: dict[bytes, NDArray[Any]] = {}

    def load(self, keys: Sequence[bytes]) -> tuple[NDArray[np.bool_], NDArray[Any]]:
        """Which of M different keys are cached, (M,), and vectors (M, d), set for those."""
        known = np.zeros(len(keys), dtype=bool)
        vectors = np.empty((len(keys), 0), dtype=self.dtype)
        place_of = dict(zip(keys, range(len(keys)), strict=True))
        for found, values in self._stored(keys):
            looked_up = map(place_of.get, found, itertools.repeat(-1))
            places = np.fromiter(looked_up, dtype=np.intp, count=len(found))
            wanted = places >= 0
            if not wanted.any():
                continue
            if not vectors.shape[1]:
                vectors = np.empty((len(keys), values.shape[1]), dtype=self.dtype)
            vectors[places[wanted]] = values[wanted]
            known[places[wanted]] = True
        return known, vectors

    def store(self, keys: Sequence[bytes], vectors: NDArray[Any]) -> None:
        """Add vectors of shape (len(keys), d)."""
        if not keys:
            return
        if self.folder is None:
            self._memory.update(zip(keys, vectors.astype(self.dtype), strict=True))
            return
        record = [("key", "u1", 16), ("vector", self.dtype, vectors.shape[1:])]
        records = np.empty(len(keys), dtype=[*record, ("checksum", "u1", CHECKSUM_BYTES)])
        records["key"] = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 16)
        records["vector"] = vectors
        owner = self._owner(self.folder)
        records["checksum"] = record_checksums(records, owner)
        name = f"{uuid.uuid4().hex}{SUFFIX}"
        try:
            write_array(self.folder / name, records, owner, header_only=True)
        except OSError as error:
            raise self.cannot_be_written(error) from error
        self._seen.add(name)
        self._file_of.update(dict.fromkeys(keys, name))

    def cannot_be_written(self, error: OSError) -> SmoothieError:
        """The error for a folder that cannot be written."""
        return SmoothieError(
            f"{self.folder}: the cache cannot be written ({reason(error)}); choose another folder"
        )

    def holds(self, keys: Sequence[bytes]) -> bool:
        """Whether all of some keys are in files; those that came since the last look are read."""
        if self.folder is None:
            return False
        with suppress(OSError):
            changed = self.folder.stat().st_mtime_ns
            if changed != self._looked_at:
                self._looked_at = changed
                for _ in self._stored([]):
                    pass
        return all(key in self._file_of for key in keys)

    def remove_damaged(self) -> None:
        """Remove damaged files, whose records have been recomputed; others may have done so."""
        if self.folder is not None:
            for name in self._damaged:
                with suppress(OSError):  # a folder that can be read alone
                    (self.folder / name).unlink()
        self._damaged.clear()

    def _owner(self, folder: Path) -> str:
        return f"{folder.name}/{self.dtype}"

    def _stored(self, keys: Sequence[bytes]) -> Iterator[tuple[list[bytes], NDArray[Any]]]:
        """Keys and vectors of files that may contain some keys: with them, or not yet read."""
        if self.folder is None:
            held = [key for key in keys if key in self._memory]
            if held:
                yield held, np.array([self._memory[key] for key in held])
            return
        names = set(file_names(self.folder)) - self._seen
        self._seen |= names
        names.update(self._file_of[key] for key in keys if key in self._file_of)
        for name in sorted(names - self._skipped):
            records = self._read(self.folder / name)
            if records is None:
                self._skipped.add(name)
                continue
            found = np.array(records["key"]).view("V16").ravel().tolist()
            self._file_of.update(dict.fromkeys(found, name))
            yield found, records["vector"]

    def _read(self, path: Path) -> NDArray[Any] | None:
        """The records of a file, all checked; None, with a warning, if it cannot be used."""
        owner = self._owner(path.parent)
        try:
            records = read_array(path, owner, header_only=True)
            sums = record_checksums(records, owner)
            failed = np.count_nonzero((sums != records["checksum"]).any(axis=1))
            if failed:
                raise ValueError(f"damaged records: {failed} of {len(records)}")
        except FileNotFoundError:
            return None  # another process has removed it, because it was damaged
        except (OSError, ValueError) as error:
            log.warning(
                "%s: cache file skipped, its records are recomputed (%s)", path, reason(error)
            )
            if isinstance(error, ValueError):
                self._damaged.add(path.name)
            return None
        return records


def record_checksums(records: NDArray[Any], owner: str) -> NDArray[np.uint8]:
    """Checksums of the key and vector of each record, for the cache that they belong to: (M, 16).

    Parameters
    ----------
    records : ndarray of shape (M,)
        C-contiguous, its last field the one for the checksum.
    owner : str
        What distinguishes this cache from others.
    """
    data, size, begun = records.view(np.uint8).data, records.itemsize, started(owner)
    sums = []
    for start in range(0, len(data), size):
        total = begun.copy()
        total.update(data[start : start + size - CHECKSUM_BYTES])
        sums.append(total.digest())
    return np.frombuffer(b"".join(sums), dtype=np.uint8).reshape(-1, CHECKSUM_BYTES)
