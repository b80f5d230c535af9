"""Neighbors that are kept on disk: a search takes N^2 comparisons, reading what it found does not.

One file holds the neighbors of one set of inputs, named by their content and by how many there
are of each. Files are written whole and never changed, so any number of processes may share them.
"""

import logging
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.neighbors.exact import nearest, require_count
from smoothie.storage.files import replacing

log = logging.getLogger(__name__)

FEWEST = 1000  # inputs; among fewer, the search takes less time than the file
BLOCK_ROWS = 4096  # rows whose bytes are taken at a time


def cached_nearest(
    folder: Path, inputs: NDArray[np.floating[Any]], k: int
) -> tuple[NDArray[np.intp], bool]:
    """The k nearest rows of each row, itself first, as `nearest` finds them.

    Parameters
    ----------
    folder : Path
        Where neighbors are kept; made when something is.
    inputs : ndarray of shape (N, e)
        Embedded inputs.
    k : int
        Neighbors for each row, 1 <= k <= N. The first k of more that are kept will do.

    Returns
    -------
    neighbors : ndarray of shape (N, k), intp
    found : bool
        Whether they were there.

    Raises
    ------
    SmoothieError
        As `nearest` does. A file that cannot be read or written costs a warning and no result.

    Notes
    -----
    What `nearest` finds depends on the values alone, not on the machine or the number of threads,
    so that it can be kept. 4 N k bytes on disk.
    """
    require_count(k, len(inputs))
    if len(inputs) < FEWEST:
        return nearest(inputs, k), False
    name = content_name(inputs)
    for path in sorted(folder.glob(f"{name}-*.npy")):
        kept = read_neighbors(path, len(inputs))
        if kept is not None and kept.shape[1] >= k:
            return kept[:, :k].astype(np.intp), True
    found = nearest(inputs, k)
    try:
        with replacing(folder / f"{name}-{k}.npy") as temporary:
            np.save(temporary, found.astype(np.int32), allow_pickle=False)
    except OSError as error:
        log.warning("%s: neighbors cannot be kept there (%s)", folder, error.strerror)
    return found, False


def content_name(inputs: NDArray[np.floating[Any]]) -> str:
    """32 hexadecimal digits that stand for the values of a matrix."""
    name = blake2b(f"{inputs.dtype.str} {inputs.shape}".encode(), digest_size=16)
    for start in range(0, len(inputs), BLOCK_ROWS):
        name.update(np.ascontiguousarray(inputs[start : start + BLOCK_ROWS]).data)
    return name.hexdigest()


def read_neighbors(path: Path, rows: int) -> NDArray[np.int32] | None:
    """The neighbors in a file, mapped; None, with a warning, if it does not hold any."""
    try:
        kept: NDArray[np.int32] = np.load(path, mmap_mode="r", allow_pickle=False)
        if kept.dtype != np.int32 or kept.ndim != 2 or len(kept) != rows:
            raise ValueError(f"holds {kept.dtype} of shape {kept.shape}")
        if (kept[:, 0] != np.arange(rows)).any() or kept.min() < 0 or kept.max() >= rows:
            raise ValueError("does not hold row numbers, each row's own first")
    except (OSError, ValueError, EOFError) as error:
        log.warning("%s: unreadable neighbors, not used (%s)", path, error)
        return None
    return kept
