"""A cache on disk for vectors, addressed by the content that they were computed from.

One folder holds one kind of vector (one encoder with all its settings, or one metric). Each call
of `store` adds one file of (key, vector) records under a name of its own, written whole and then
renamed. Files are never changed, so any number of processes, on any number of machines that share
the folder, may read and write at once; at worst two of them compute the same vector.
"""

import hashlib
import logging
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.files import replacing

log = logging.getLogger(__name__)


def content_key(*parts: str) -> bytes:
    """A 16-byte key of some texts; different parts never share one by being joined."""
    data = [part.encode("utf-8", "surrogatepass") for part in parts]
    whole = b"".join(len(part).to_bytes(8, "little") + part for part in data)
    return hashlib.blake2b(whole, digest_size=16).digest()


class VectorCache:
    """Vectors of one kind, by key.

    Parameters
    ----------
    folder : Path or None
        Where the files are; made when something is stored. With None, vectors are kept in memory.
    dtype : str
        Type of the stored values.
    """

    def __init__(self, folder: Path | None, dtype: str = "<f4") -> None:
        self.folder = folder
        self.dtype = dtype
        self._seen: set[str] = set()
        self._places: dict[bytes, tuple[str, int]] = {}  # file and row of each key
        self._memory: dict[bytes, NDArray[Any]] = {}

    def load(self, keys: Iterable[bytes]) -> dict[bytes, NDArray[Any]]:
        """The stored vectors of those of the keys that are there."""
        if self.folder is None:
            return {key: self._memory[key] for key in keys if key in self._memory}
        self._refresh(self.folder)
        wanted: dict[str, list[tuple[int, bytes]]] = {}
        for key in keys:
            if key in self._places:
                name, row = self._places[key]
                wanted.setdefault(name, []).append((row, key))
        found: dict[bytes, NDArray[Any]] = {}
        for name, rows in wanted.items():
            # Copied out and closed at once: a large cache has more files than may be open.
            vectors = np.load(self.folder / name, mmap_mode="r")["vector"]
            picked = np.array(vectors[[row for row, _ in rows]])
            found.update(zip((key for _, key in rows), picked, strict=True))
        return found

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
                records = np.load(path, mmap_mode="r", allow_pickle=False)
                whole = np.array(records["key"]).tobytes()
                if records["vector"].dtype != np.dtype(self.dtype):
                    raise ValueError(f"holds {records['vector'].dtype}")
            except (OSError, ValueError, IndexError, EOFError) as error:
                log.warning("%s: unreadable cache file, not used (%s)", path, error)
                continue
            for row in range(len(records)):
                self._places[whole[16 * row : 16 * row + 16]] = (path.name, row)
