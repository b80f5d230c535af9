"""Arrays in cache files with a checksum: .npy files, followed by a digest.

The checksum covers what the file belongs to, its header and its values, and is compared before
anything is parsed: a damaged header never reaches NumPy's parser. A file that was cut off, or
moved from where it belongs, fails as one with a flipped bit does.
"""

import io
import logging
import math
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from smoothie.storage.files import reason, replacing

log = logging.getLogger(__name__)

SUFFIX = ".v2.npy"  # files of the first version (.npy) have no checksum and are never opened
CHECKSUM_BYTES = 16


def started(owner: str) -> blake2b:
    """A checksum that already covers an owner: copy it, then update the copy with the content."""
    return blake2b(owner.encode("utf-8", "surrogatepass") + b"\0", digest_size=CHECKSUM_BYTES)


def write_array(path: Path, array: NDArray[Any], owner: str, header_only: bool = False) -> None:
    """Write an array in one step.

    Parameters
    ----------
    path : Path
    array : ndarray
        C-contiguous, not of objects.
    owner : str
        What the file belongs to; it can only be read by naming the same owner.
    header_only : bool
        The file's checksum leaves out the values, as they carry checksums of their own.
    """
    stream = io.BytesIO()
    npy.write_array_header_1_0(stream, npy.header_data_from_array_1_0(array))
    header = stream.getvalue()
    checksum = file_checksum(owner, header, None if header_only else array.data)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(header)
        file.write(array.data)
        file.write(checksum)


def read_array(path: Path, owner: str, header_only: bool = False) -> NDArray[Any]:
    """Read an array that `write_array` wrote for the same owner.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not as it was written, or was written for another owner.
    """
    data = memoryview(path.read_bytes())
    start = 10 + int.from_bytes(data[8:10], "little")  # the length of the header, in format 1.0
    header, values, checksum = data[:start], data[start:-CHECKSUM_BYTES], data[-CHECKSUM_BYTES:]
    if file_checksum(owner, header, None if header_only else values) != checksum:
        raise ValueError("it is damaged, cut off, or belongs elsewhere: its checksum differs")
    stream = io.BytesIO(header)
    npy.read_magic(stream)
    shape, _, dtype = npy.read_array_header_1_0(stream)
    if len(values) != math.prod(shape) * dtype.itemsize:
        raise ValueError("its length is not what its header says")
    return np.frombuffer(values, dtype=dtype).reshape(shape)


def file_checksum(owner: str, header: bytes | memoryview, values: memoryview | None) -> bytes:
    """Checksum of a file; of its owner and header alone if there are no values."""
    total = started(owner)
    total.update(header)
    if values is not None:
        total.update(values)
    return total.digest()


def file_names(folder: Path) -> list[str]:
    """Names of the cache files in a folder, sorted; none, with a warning, if it cannot be read."""
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        log.warning("%s: the cache cannot be read (%s)", folder, reason(error))
        return []
    # A leading dot marks files that another program is still writing, or that a system hides.
    return sorted(name for name in names if name.endswith(SUFFIX) and not name.startswith("."))
