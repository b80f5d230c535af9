"""NumPy files: written whole, and read only after their headers were checked.

A header can claim any shape, and a compressed archive can unpack to a thousand times its size. Both
are compared with the size of the file before memory is taken. Nothing is ever unpickled.
"""

import math
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.storage.files import readable, replacing

LARGEST_RATIO = 100  # of the unpacked size of an archive to its own size
LONGEST_REASON = 200  # characters of a message
SMALL = 1 << 26  # bytes that an archive may unpack to, whatever its size
# What the readers of archives and of headers raise for invalid bytes.
FAULTS = (
    *(ValueError, TypeError, KeyError, IndexError, OverflowError, RuntimeError, MemoryError),
    *(EOFError, SyntaxError, tokenize.TokenError, struct.error, zipfile.BadZipFile, zlib.error),
)


def write_npz(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write named arrays, none of them of objects, in one step; the name is used as it is."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]


def read_npz(path: Path, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """Read named arrays.

    Parameters
    ----------
    path : Path
        A file that `numpy.savez` or `numpy.savez_compressed` wrote.
    names : sequence of str
        Arrays that must exist; others are read, too.

    Raises
    ------
    SmoothieError
        If the file is missing, cut off or broken, is of another kind, lacks an array, holds one of
        objects (which would have to be unpickled), or would unpack to more than 100 times its size
        (and more than 64 MiB).
    """
    with readable(path):
        size = path.stat().st_size
        with path.open("rb") as file:
            single = file.read(len(npy.MAGIC_PREFIX)) == npy.MAGIC_PREFIX
        try:
            if single:
                raise ValueError("it is a single array")
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
                stored = [member.filename.removesuffix(".npy") for member in members]
                refuse_bombs(members, size)
                if len(set(stored)) < len(stored):
                    raise ValueError("an array occurs twice")
                absent = [name for name in names if name not in stored]
                if not absent:
                    parts = zip(stored, members, strict=True)
                    return {name: read_member(archive, member) for name, member in parts}
        except FAULTS as error:
            fault = f"not a whole .npz file of plain arrays ({reason_of(error)})"
            raise SmoothieError(f"{path}: {fault}") from error
    raise SmoothieError(f"{path}: no array {absent[0]!r}; it has {', '.join(stored) or 'none'}")


def reason_of(error: BaseException) -> str:
    """The first line of an error, which may quote a whole header."""
    return str(error).split("\n")[0][:LONGEST_REASON]


def refuse_bombs(members: Sequence[zipfile.ZipInfo], size: int) -> None:
    """Check what an archive of some bytes would unpack to; nothing is unpacked.

    Raises
    ------
    ValueError
        If that is too much, or the parts overlap or are compressed by a method that NumPy does not
        use.
    """
    if {part.compress_type for part in members} - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise ValueError("it is compressed by a method that NumPy does not use")
    if sum(part.compress_size for part in members) > size:
        raise ValueError("its parts overlap, or the end is missing")
    unpacked = sum(part.file_size for part in members)
    if unpacked > max(SMALL, LARGEST_RATIO * size):
        raise ValueError(
            f"it would unpack from {size} to {unpacked} bytes, more than {LARGEST_RATIO} times its "
            f"size: save it without compression"
        )


def read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Read one array of an archive, once its header agrees with its size."""
    with archive.open(member) as file:
        require_size(file, member.file_size, member.filename)
    with archive.open(member) as file:
        array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
    return array


def map_npy(path: Path) -> NDArray[Any]:
    """Map the array of an .npy file into memory, to be read on access.

    Raises
    ------
    SmoothieError
        If the file is missing or unreadable, not an array, one of objects, or not as long as its
        header says.
    """
    with readable(path):
        try:
            with path.open("rb") as file:
                require_size(file, path.stat().st_size, "the array")
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except FAULTS as error:
            raise SmoothieError(f"{path}: not a NumPy array file ({reason_of(error)})") from error
    return array


def require_size(file: IO[bytes], size: int, name: str) -> None:
    """Read the header of an array, and compare it with the size of the file.

    Raises
    ------
    ValueError
        If they are not as many as the header claims, or the array is one of objects.
    """
    version = npy.read_magic(file)
    if version == (1, 0):
        shape, _, dtype = npy.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, _, dtype = npy.read_array_header_2_0(file)
    else:
        raise ValueError(f"{name} is in version {version} of the format, not in 1 or 2")
    if dtype.hasobject:
        raise ValueError(f"{name} holds objects, which would have to be unpickled")
    count, found = math.prod(shape), size - file.tell()
    if min(shape, default=0) < 0 or (count > 1 and not dtype.itemsize):
        raise ValueError(f"{name} claims to be {dtype} of shape {shape}")
    if count * dtype.itemsize != found:
        raise ValueError(
            f"{name} claims to be {dtype} of shape {shape}, {count * dtype.itemsize} bytes, "
            f"and there are {found}"
        )
