"""Exact nearest neighbours under Euclidean distance, reproducible among duplicates."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError

BLOCK_DISTANCES = 1 << 24  # distances held at a time (64 MiB in float32)
BLOCK_VALUES = 1 << 16  # values measured again at a time (0.5 MiB: they stay in the cache)


def nearest(
    inputs: NDArray[np.floating[Any]],
    k: int,
    queries: NDArray[np.floating[Any]] | None = None,
) -> NDArray[np.intp]:
    """The k nearest rows of `inputs`, nearest first.

    Parameters
    ----------
    inputs : ndarray of shape (N, e)
        Embedded inputs.
    k : int
        Neighbours for each query, 1 <= k <= N.
    queries : ndarray of shape (Q, e), optional
        Where to look from. By default the inputs themselves: each row is then its own first
        neighbour, also where other rows are equal to it.

    Returns
    -------
    ndarray of shape (Q, k), intp
        Row numbers. Equal distances are ordered by row number.

    Raises
    ------
    SmoothieError
        If k is out of range, shapes disagree, or a value is not finite.

    Notes
    -----
    O(Q N e) time in blocks of queries. A matrix product gives every distance up to rounding; all
    rows that rounding could have put on either side of the k-th are then measured again by
    differences in float64. So the result is exact, and does not depend on the block or the order
    of the sums in the matrix product.
    """
    points = require_vectors("inputs", inputs)
    own = queries is None
    targets = points if queries is None else require_vectors("queries", queries)
    count, dimensions = points.shape
    if targets.shape[1] != dimensions:
        raise SmoothieError(
            f"inputs have {dimensions} dimensions, the queries {targets.shape[1]}: "
            f"embed both with the same encoder"
        )
    if not 1 <= k <= count:
        raise SmoothieError(f"k={k} neighbours are asked for, but there are {count} inputs")
    if own and k == 1:
        return np.arange(count, dtype=np.intp)[:, None]

    kept = first_equals(points, k)
    points = points[kept]
    centre = points.mean(axis=0, dtype=np.float64)  # distances stay, rounding shrinks
    scale = max(float(np.abs(part - centre).max()) for part in (points, targets)) or 1.0
    flat_points = ((points - centre) / scale).astype(np.float32)
    flat_targets = ((targets - centre) / scale).astype(np.float32)
    point_norms = np.einsum("nd,nd->n", flat_points, flat_points)
    target_norms = np.einsum("nd,nd->n", flat_targets, flat_targets)
    largest = float(point_norms.max())

    result = np.empty((len(targets), k), dtype=np.intp)
    step = max(1, BLOCK_DISTANCES // len(points))
    for start in range(0, len(targets), step):
        stop = min(start + step, len(targets))
        approximate = point_norms - 2 * (flat_targets[start:stop] @ flat_points.T)
        # Twice the bound on the rounding of a float32 product of this length.
        slack = (
            4
            * (dimensions + 4)
            * np.finfo(np.float32).eps
            * (largest + np.sqrt(largest * target_norms[start:stop]))
        )
        kth = np.partition(approximate, k - 1, axis=1)[:, k - 1]
        rows, columns = np.nonzero(approximate <= (kth + slack)[:, None])
        exact = exact_distances(targets[start:stop], points, rows, columns)
        order = np.lexsort((columns, exact, rows))
        rows, columns = rows[order], columns[order]
        first = np.searchsorted(rows, np.arange(stop - start))
        result[start:stop] = kept[columns[first[:, None] + np.arange(k)]]
    return own_row_first(result) if own else result


def first_equals(points: NDArray[np.floating[Any]], k: int) -> NDArray[np.intp]:
    """The rows that can be among k neighbours: of equal rows, the first k, in their order.

    Without this, N equal inputs would be N^2 candidates to measure.
    """
    whole = np.ascontiguousarray(points)
    _, group = np.unique(
        whole.view(f"V{whole.itemsize * whole.shape[1]}").ravel(), return_inverse=True
    )
    order = np.argsort(group, kind="stable")
    place = np.arange(len(order)) - np.searchsorted(group[order], group[order])
    return np.sort(order[place < k])


def own_row_first(neighbours: NDArray[np.intp]) -> NDArray[np.intp]:
    """Put each row's own number first, in place of the last where it is not among the others."""
    own = np.arange(len(neighbours))[:, None]
    others = neighbours != own
    order = np.argsort(others, axis=1, kind="stable")
    moved: NDArray[np.intp] = np.take_along_axis(neighbours, order, axis=1)
    absent = others.all(axis=1)
    moved[absent] = np.concatenate([own, neighbours[:, :-1]], axis=1)[absent]
    return moved


def exact_distances(
    targets: NDArray[np.floating[Any]],
    points: NDArray[np.floating[Any]],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> NDArray[np.float64]:
    """Squared distances of the pairs (targets[rows], points[columns]) in float64, in blocks."""
    distances = np.empty(len(rows))
    step = max(1, BLOCK_VALUES // points.shape[1])
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        difference = targets[rows[part]].astype(np.float64) - points[columns[part]]
        distances[part] = np.einsum("nd,nd->n", difference, difference)
    return distances


def require_vectors(name: str, values: Any) -> NDArray[np.floating[Any]]:
    """Check for a finite float matrix with at least one row and column."""
    array: NDArray[Any] = np.asanyarray(values)
    if array.dtype.kind not in "fiu":
        raise SmoothieError(f"{name}: expected numbers, found {array.dtype}")
    if array.dtype.kind != "f":
        array = array.astype(np.float64)
    if array.ndim != 2 or 0 in array.shape:
        raise SmoothieError(
            f"{name}: expected an array of shape (rows, dimensions), found shape {array.shape}"
        )
    if not np.isfinite(array).all():
        row = int(np.argwhere(~np.isfinite(array))[0][0])
        raise SmoothieError(f"{name}: row {row} holds a value that is not finite")
    return array
