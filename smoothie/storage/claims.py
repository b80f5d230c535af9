"""Who computes what, among processes that fill the same cache: locks on the bytes of one file.

A lock on a byte is held by one process at a time. The system frees it when the process ends,
however it ends, so that nothing has to be cleaned up, and a killed process holds up nobody.
"""

import errno
import os
from contextlib import suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

NAME = "claims.lock"
HELD = (errno.EACCES, errno.EAGAIN)


class Claims:
    """What this process has taken of the work on one folder, so that no other does it.

    Parameters
    ----------
    folder : Path or None
        Where the file of locks is, always empty; created if it does not exist. With None,
        there is nobody to share with.

    Raises
    ------
    OSError
        If the folder or the file cannot be created.

    Notes
    -----
    Where locks are not supported, everything can be taken: work may then be done twice. On a
    network disk they need a server that shares them, as NFS 4 does. Two threads of one process do
    not exclude each other.
    """

    def __init__(self, folder: Path | None) -> None:
        self._file = -1
        if folder is not None and fcntl is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._file = os.open(folder / NAME, os.O_RDWR | os.O_CREAT, 0o666)

    def take(self, key: bytes) -> bool:
        """Claim what has a key of at least 7 bytes; False if another process has it."""
        if self._file < 0:
            return True
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place_of(key))
        except OSError as error:
            return error.errno not in HELD
        return True

    def release(self, key: bytes) -> None:
        """Give back what has a key: it is in the cache now."""
        if self._file >= 0:
            with suppress(OSError):  # where locks are not supported
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, place_of(key))

    def close(self) -> None:
        """Give back everything."""
        if self._file >= 0:
            os.close(self._file)  # which frees its locks
        self._file = -1


def place_of(key: bytes) -> int:
    """The byte that is locked for a key."""
    return int.from_bytes(key[:7], "little")
