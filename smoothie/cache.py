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
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.digest()


class VectorCache:
    """Vectors of one kind, by key.

    Parameters
    ----------
    folder : Path or None
        Where the files are; made when something is stored. With None, nothing is kept.
    dtype : str
        Type of the stored values.
    """

    def __init__(self, folder: Path | None, dtype: str = "<f4") -> None:
        self.folder = folder
        self.dtype = dtype
        self._seen: set[str] = set()
        self._vectors: dict[bytes, NDArray[Any]] = {}

    def load(self, keys: Iterable[bytes]) -> dict[bytes, NDArray[Any]]:
        """The stored vectors of those of the keys that are there."""
        self._refresh()
        return {key: self._vectors[key] for key in keys if key in self._vectors}

    def store(self, keys: Sequence[bytes], vectors: NDArray[Any]) -> None:
        """Add vectors of shape (len(keys), d)."""
        if not keys:
            return
        record = np.dtype([("key", "u1", (16,)), ("vector", self.dtype, vectors.shape[1:])])
        records = np.empty(len(keys), dtype=record)
        records["key"] = np.frombuffer(b"".join(keys), dtype=np.uint8).reshape(-1, 16)
        records["vector"] = vectors
        self._vectors.update(zip(keys, records["vector"], strict=True))
        if self.folder is None:
            return
        path = self.folder / f"{uuid.uuid4().hex}.npy"
        try:
            with replacing(path) as temporary:
                np.save(temporary, records, allow_pickle=False)
        except OSError as error:
            raise SmoothieError(
                f"{self.folder}: the cache cannot be written ({error.strerror}); "
                f"choose another with paths.cache=FOLDER"
            ) from error
        self._seen.add(path.name)

    def _refresh(self) -> None:
        """Read the files that have come since the last look."""
        if self.folder is None or not self.folder.is_dir():
            return
        for path in sorted(self.folder.glob("*.npy")):
            # A leading dot marks a file that another process is still writing.
            if path.name in self._seen or path.name.startswith("."):
                continue
            try:
                records = np.load(path, mmap_mode="r", allow_pickle=False)
                keys = np.ascontiguousarray(records["key"])
                vectors = np.asarray(records["vector"])
            except (OSError, ValueError, IndexError, EOFError) as error:
                log.warning("%s: unreadable cache file, not used (%s)", path, error)
                self._seen.add(path.name)
                continue
            whole = keys.tobytes()
            names = [whole[i : i + 16] for i in range(0, len(whole), 16)]
            self._vectors.update(zip(names, vectors, strict=True))
            self._seen.add(path.name)
