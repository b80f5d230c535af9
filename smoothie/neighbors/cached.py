"""On-disk cache of exact nearest neighbors.

A search compares N^2 pairs of inputs, reading its result none. One file holds the neighbors of one
set of inputs; its name says whose (a digest of their values) and how many for each input. Files are
written whole and never changed, so any number of processes may share them.
"""

import logging
import re
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.neighbors.exact import nearest, require_count
from smoothie.storage.checked import SUFFIX, file_names, read_array, write_array
from smoothie.storage.files import reason

log = logging.getLogger(__name__)

FEWEST = 1000  # inputs; among fewer, the search takes less time than the file
BLOCK_ROWS = 4096  # rows hashed at a time


def cached_nearest(
    folder: Path, inputs: NDArray[np.floating[Any]], k: int
) -> tuple[NDArray[np.intp], bool]:
    """The k nearest rows of each row, itself first, as `nearest` finds them.

    Parameters
    ----------
    folder : Path
        Folder of the cache; created by the first write.
    inputs : ndarray of shape (N, e)
        Embedded inputs.
    k : int
        Neighbors for each row, 1 <= k <= N. Where more are cached, the first k of them are used.

    Returns
    -------
    neighbors : ndarray of shape (N, k), intp
    from_cache : bool
        Whether they came from the cache.

    Raises
    ------
    SmoothieError
        As `nearest` does. A file that is damaged, or cannot be read or written, only causes a
        warning.

    Notes
    -----
    What `nearest` finds depends on the values alone, not on the machine or the number of threads,
    so it can be cached. Each file is checked against its checksum when it is read; 4 N k bytes.
    """
    require_count(k, len(inputs))
    if len(inputs) < FEWEST:
        return nearest(inputs, k), False
    name = content_name(inputs)
    pattern = re.compile(rf"{name}-([1-9][0-9]*){re.escape(SUFFIX)}")
    columns = [int(match[1]) for match in map(pattern.fullmatch, file_names(folder)) if match]
    damaged = []
    for enough in sorted(count for count in columns if count >= k):
        path = folder / f"{name}-{enough}{SUFFIX}"
        stored = read_neighbors(path)
        if stored is not None:
            return stored[:, :k].astype(np.intp), True
        damaged.append(path)
    found = nearest(inputs, k)
    path = folder / f"{name}-{k}{SUFFIX}"
    try:
        write_array(path, np.ascontiguousarray(found, dtype=np.int32), owner=path.name)
        for other in set(damaged) - {path}:
            other.unlink(missing_ok=True)
    except OSError as error:
        log.warning("%s: neighbors cannot be cached (%s)", path, reason(error))
    return found, False


def content_name(inputs: NDArray[np.floating[Any]]) -> str:
    """32 hexadecimal digits, a digest of type, shape and values of a matrix."""
    name = blake2b(f"{inputs.dtype.str} {inputs.shape}".encode(), digest_size=16)
    for start in range(0, len(inputs), BLOCK_ROWS):
        name.update(np.ascontiguousarray(inputs[start : start + BLOCK_ROWS]).data)
    return name.hexdigest()


def read_neighbors(path: Path) -> NDArray[np.int32] | None:
    """The neighbors in a file; None, with a warning, if it cannot be used."""
    try:
        return read_array(path, owner=path.name)
    except (OSError, ValueError) as error:
        log.warning("%s: cache file skipped, neighbors are recomputed (%s)", path, reason(error))
        return None
