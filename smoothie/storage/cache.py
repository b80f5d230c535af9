"""A cache on disk for vectors, addressed by the content that they were computed from.

One folder holds one kind of vector (one encoder with all its settings, or one metric). Each call
of `store` adds one file of (key, vector) records under a name of its own, written whole and then
renamed. Files are never changed, so any number of processes, on any number of machines that share
the folder, may read and write at once; at worst two of them compute the same vector.
"""

import itertools
import logging
import uuid
from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.storage.files import replacing

log = logging.getLogger(__name__)

Parts = Iterable[tuple[Sequence[int], NDArray[Any]]]


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
        Where the files are; made when something is stored. With None, vectors are kept in memory.
    dtype : str
        Type of the stored values.

    Attributes
    ----------
    asked, made : int
        Vectors that `complete` was asked for so far, and those of them that were computed.
    """

    def __init__(self, folder: Path | None, dtype: str = "<f4") -> None:
        self.folder = folder
        self.dtype = dtype
        self.asked = self.made = 0
        self._seen: set[str] = set()
        self._files: list[str] = []
        self._starts = [0]  # number of the first record of each file, and of all records
        self._numbers: dict[bytes, int] = {}  # number of the record of each key
        self._memory: dict[bytes, NDArray[Any]] = {}

    def complete(
        self, keys: Sequence[bytes], compute: Callable[[list[int]], Parts]
    ) -> NDArray[Any]:
        """The vectors of some keys; those that are not there are computed, and stored.

        Parameters
        ----------
        keys : sequence of bytes, length M
            Different ones.
        compute : callable
            Given the places in `keys` of those that are not there, yields their vectors in parts,
            each with its places; each part is stored when it comes. Called also with no place.

        Returns
        -------
        ndarray of shape (M, d)
            Of shape (0, 0) if there are no keys.
        """
        known, result = self.load(keys)
        self.asked += len(keys)
        for part, values in compute(np.flatnonzero(~known).tolist()):
            self.store([keys[place] for place in part], values)
            self.made += len(part)
            if not result.shape[1]:  # the first vectors say how long they are
                result = np.empty((len(keys), values.shape[1]), dtype=self.dtype)
            result[part] = values
        return result

    def load(self, keys: Sequence[bytes]) -> tuple[NDArray[np.bool_], NDArray[Any]]:
        """Which of M keys are stored, (M,), and vectors (M, d), of which only theirs are set."""
        if self.folder is None:
            known = np.fromiter((key in self._memory for key in keys), dtype=bool, count=len(keys))
            held = [self._memory[keys[place]] for place in np.flatnonzero(known).tolist()]
            vectors = np.empty((len(keys), len(held[0]) if held else 0), dtype=self.dtype)
            if held:
                vectors[known] = held
            return known, vectors
        self._refresh(self.folder)
        looked_up = map(self._numbers.get, keys, itertools.repeat(-1))
        numbers = np.fromiter(looked_up, dtype=np.intp, count=len(keys))
        order = np.argsort(numbers, kind="stable")  # the records of a file after one another
        order = order[np.searchsorted(numbers[order], 0) :]
        files = np.searchsorted(self._starts, numbers[order], side="right") - 1
        bounds = np.flatnonzero(np.diff(files, prepend=-1, append=len(self._files)))
        vectors = np.empty((len(keys), 0), dtype=self.dtype)
        for start, stop in itertools.pairwise(bounds):
            file, places = files[start], order[start:stop]
            records = np.load(self.folder / self._files[file], allow_pickle=False)["vector"]
            if not start:
                vectors = np.empty((len(keys), records.shape[1]), dtype=self.dtype)
            vectors[places] = records[numbers[places] - self._starts[file]]
        return numbers >= 0, vectors

    def store(self, keys: Sequence[bytes], vectors: NDArray[Any]) -> None:
        """Add vectors of shape (len(keys), d)."""
        if not keys:
            return
        if self.folder is None:
            self._memory.update(zip(keys, vectors.astype(self.dtype), strict=True))
            return
        record = np.dtype([("key", "u1", (16,)), ("vector", self.dtype, vectors.shape[1:])])
        records = np.empty(len(keys), dtype=record)
        records["key"] = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 16)
        records["vector"] = vectors
        path = self.folder / f"{uuid.uuid4().hex}.npy"
        try:
            with replacing(path) as temporary:
                np.save(temporary, records, allow_pickle=False)
        except OSError as error:
            raise SmoothieError(
                f"{self.folder}: the cache cannot be written ({error.strerror}); "
                f"choose another with paths.cache=FOLDER"
            ) from error

    def _refresh(self, folder: Path) -> None:
        """Read the keys of the files that have come since the last look."""
        for path in sorted(folder.glob("*.npy")):
            # A leading dot marks a file that another process is still writing.
            if path.name in self._seen or path.name.startswith("."):
                continue
            self._seen.add(path.name)
            try:
                # Not mapped: the keys are on all of its pages, and each would be fetched by itself.
                records = np.load(path, allow_pickle=False)
                found = np.array(records["key"]).view("V16").ravel().tolist()
                if records["vector"].dtype != np.dtype(self.dtype):
                    raise ValueError(f"holds {records['vector'].dtype}")
            except (OSError, ValueError, IndexError, EOFError) as error:
                log.warning("%s: unreadable cache file, not used (%s)", path, error)
                continue
            first, after = self._starts[-1], self._starts[-1] + len(records)
            self._numbers.update(zip(found, range(first, after), strict=True))
            self._starts.append(after)
            self._files.append(path.name)
