"""Approximate nearest neighbors, for more inputs than can all be compared: an index of faiss."""

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.neighbors.exact import nearest, own_row_first, require_vectors
from smoothie.optional import install_line

log = logging.getLogger(__name__)

SAMPLE = 1000  # queries whose exact neighbors are computed, too
FIRST_PROBES = 8


def approximate_nearest(
    inputs: NDArray[np.floating[Any]], k: int, recall: float = 0.95, seed: int = 0
) -> tuple[NDArray[np.intp], float]:
    """About the k nearest rows of each row, itself first.

    Parameters
    ----------
    inputs : ndarray of shape (N, e)
        Embedded inputs.
    k : int
        Neighbors for each row, 1 <= k <= N.
    recall : float
        Share of the exact neighbors to find, 0 < recall <= 1.
    seed : int
        Seed of the index, and of the sample that the recall is measured on.

    Returns
    -------
    neighbors : ndarray of shape (N, k), intp
        Row numbers, nearest first.
    recall : float
        Share of the exact neighbors that was found, over a sample of 1,000 rows. Where distances
        tie, another row at the same distance counts as missed.

    Raises
    ------
    SmoothieError
        If a value is not finite, k or recall is out of range, or faiss is not installed.

    Notes
    -----
    An inverted file (faiss.IndexIVFFlat): k-means puts the inputs into about 4 sqrt(N) lists, and a
    row is compared with those in the lists nearest to it. The number of lists is doubled until the
    sample reaches the recall; all of them would be exact. O(N sqrt(N) e) time for each list
    searched per sqrt(N), and a copy of the inputs in float32.
    """
    points = np.ascontiguousarray(require_vectors("inputs", inputs), dtype=np.float32)
    count = len(points)
    if not 1 <= k <= count:
        raise SmoothieError(f"k={k} neighbors are requested, but there are {count} inputs")
    if not 0 < recall <= 1:
        raise SmoothieError(f"recall={recall}: expected above 0 and at most 1")
    index = build_index(points, seed)
    generator = np.random.default_rng(seed)
    sample = np.sort(generator.choice(count, min(SAMPLE, count), replace=False))
    exact = nearest(points, k, points[sample])
    index.nprobe = min(FIRST_PROBES, index.nlist)
    found = index.search(points[sample], k)[1]
    while (reached := shared(found, exact)) < recall and index.nprobe < index.nlist:
        index.nprobe = min(2 * index.nprobe, index.nlist)
        found = index.search(points[sample], k)[1]
    log.info(
        "approximate neighbors: %d of %d lists, recall %.3f over %d inputs",
        index.nprobe,
        index.nlist,
        reached,
        len(sample),
    )
    neighbors: NDArray[np.intp] = index.search(points, k)[1].astype(np.intp)
    short = np.flatnonzero((neighbors < 0).any(axis=1))  # fewer than k rows in their lists
    if len(short):
        neighbors[short] = nearest(points, k, points[short])
    return own_row_first(neighbors), reached


def build_index(points: NDArray[np.float32], seed: int) -> Any:
    """An inverted file over the points, the same for the same seed."""
    try:
        import faiss
    except ImportError as error:
        raise SmoothieError(f"approximate neighbors need faiss: {install_line('faiss')}") from error
    count, dimensions = points.shape
    lists = max(1, min(int(4 * np.sqrt(count)), count // 39))  # k-means needs 39 points a list
    index = faiss.IndexIVFFlat(faiss.IndexFlatL2(dimensions), dimensions, lists)
    index.cp.seed = seed
    index.train(points)
    index.add(points)
    return index


def shared(found: NDArray[np.integer[Any]], exact: NDArray[np.intp]) -> float:
    """Share of the exact neighbors, row by row, that are among those found."""
    return float((exact[:, :, None] == found[:, None, :]).any(axis=2).mean())
