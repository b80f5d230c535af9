"""Exact nearest neighbors under Euclidean distance, reproducible among duplicates."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.parallel.local import in_threads

BLOCK_QUERIES = 512  # queries, and
BLOCK_POINTS = 16384  # points that are compared at a time (32 MiB of distances in float32)
MOST_QUERIES = 4096  # of a block, where points are few
MOST_THREADS = 8  # blocks at a time, which bounds the memory
BLOCK_VALUES = 1 << 16  # values recomputed at a time (0.5 MiB: they stay in the CPU cache)
GROUPS = 16  # groups of points for each neighbor; their smallest distances bound the k-th
FAR = 1e15  # of the points' own scale: where the square of a query is too large for float32


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
        Neighbors for each query, 1 <= k <= N.
    queries : ndarray of shape (Q, e), optional
        Points to find the neighbors of. By default the inputs themselves: each row is then its own
        first neighbor, even where other rows are equal to it.

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
    O(Q N e) time and O(N e + Q k) memory, in threads and in blocks of queries and of points. A
    matrix product gives every distance up to rounding; all rows that rounding could have put on
    either side of the k-th, or of one another, are then recomputed from differences in float64. So
    the result is exact, and does not depend on the blocks or the order of the sums in the matrix
    product.
    """
    points = require_vectors("inputs", inputs)
    if queries is not None:
        return Nearest.among(points, k).of(queries)
    require_count(k, len(points))
    if k == 1:
        return np.arange(len(points), dtype=np.intp)[:, None]
    return own_row_first(Nearest.among(points, k).of(points))


@dataclass(frozen=True, eq=False)
class Nearest:
    """A search for the k nearest rows, prepared once for any number of queries.

    Attributes
    ----------
    points : ndarray of shape (n, e)
        The distinct rows, up to k of each.
    kept : ndarray of shape (n,)
        Their row numbers.
    k : int
        Neighbors for each query.
    center : ndarray of shape (e,)
        Mean of the points: around it, distances stay and rounding shrinks.
    scale : float
        Largest distance from the center in any coordinate.
    flat : ndarray of shape (n, e + 1), float32
        [-2 p, |p|^2] of the points p, centered and scaled: its product with [t, 1] is
        |t - p|^2 - |t|^2.
    """

    points: NDArray[np.floating[Any]]
    kept: NDArray[np.intp]
    k: int
    center: NDArray[np.float64]
    scale: float
    flat: NDArray[np.float32]

    @classmethod
    def among(cls, inputs: NDArray[np.floating[Any]], k: int) -> Self:
        """Prepare a search among the rows of `inputs`, of shape (N, e)."""
        points = require_vectors("inputs", inputs)
        require_count(k, len(points))
        kept = first_equals(points, k)
        points = points[kept]
        center = points.mean(axis=0, dtype=np.float64)
        scale = float(np.abs(points - center).max()) or 1.0
        flat = ((points - center) / scale).astype(np.float32)
        flat = np.column_stack([-2 * flat, np.einsum("nd,nd->n", flat, flat)])
        return cls(points, kept, k, center, scale, flat)

    def of(self, queries: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
        """The k nearest rows of each query, (Q, e) -> (Q, k), as `nearest` orders them."""
        targets = require_vectors("queries", queries)
        dimensions = self.points.shape[1]
        if targets.shape[1] != dimensions:
            raise SmoothieError(
                f"inputs have {dimensions} dimensions, the queries {targets.shape[1]}: "
                f"embed both with the same encoder"
            )
        few = BLOCK_QUERIES * BLOCK_POINTS // (4 * len(self.points))
        size = max(BLOCK_QUERIES, min(few, MOST_QUERIES))
        blocks = [targets[start : start + size] for start in range(0, len(targets), size)]
        if len(blocks) == 1:
            return self.kept[self._search(targets)]
        found = np.concatenate(in_threads(self._search, blocks, MOST_THREADS))
        nearest_rows: NDArray[np.intp] = self.kept[found]
        return nearest_rows

    def _search(self, targets: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
        """The k nearest points of a block of targets."""
        with np.errstate(over="ignore"):
            centered = targets - self.center
            centered /= self.scale
        # Squares of far-off queries would not be finite in float32: the distances of all their
        # points are recomputed.
        far = np.maximum(centered.max(axis=1), -centered.min(axis=1)) > FAR
        centered[far] = 0
        flat = centered.astype(np.float32)
        largest = self.flat[:, -1].max()
        # Twice the bound on the rounding of one product: d + 4 roundings, each of at most eps / 2,
        # of 2 |t| |p| and as many of 2 |p|^2, where `largest` is the largest |p|^2.
        length = largest + np.sqrt(largest * np.einsum("nd,nd->n", flat, flat))
        slack = 2 * (self.points.shape[1] + 4) * np.finfo(np.float32).eps * length
        slack[far] = np.inf
        flat = np.column_stack([flat, np.ones(len(flat), dtype=np.float32)])
        return search_block(targets, flat, slack, self.points, self.flat, self.k)


def require_count(k: int, rows: int) -> None:
    """Refuse more neighbors than there are rows, or none."""
    if not 1 <= k <= rows:
        raise SmoothieError(f"k={k} neighbors are requested, but there are {rows} inputs")


def search_block(
    targets: NDArray[np.floating[Any]],
    flat_targets: NDArray[np.float32],
    slack: NDArray[np.float32],
    points: NDArray[np.floating[Any]],
    flat_points: NDArray[np.float32],
    k: int,
) -> NDArray[np.intp]:
    """The k nearest points of some targets; their products are distances up to `slack`."""
    held = np.empty((len(targets), 0), dtype=np.intp)
    held_distances = np.empty((len(targets), 0), dtype=np.float32)
    for left in range(0, len(points), BLOCK_POINTS):
        distances = products(flat_targets, flat_points[left : left + BLOCK_POINTS])
        size = min(k, held.shape[1] + distances.shape[1])
        lowest = np.concatenate([held_distances, group_minima(distances, size)], axis=1)
        bound = np.partition(lowest, size - 1, axis=1)[:, size - 1] + slack
        places = np.flatnonzero(distances <= bound[:, None])
        rows, columns = np.divmod(places, distances.shape[1])
        rows = np.concatenate([np.repeat(np.arange(len(targets)), held.shape[1]), rows])
        near = np.concatenate([held_distances.ravel(), distances.ravel()[places]])
        columns = np.concatenate([held.ravel(), columns + left])
        first = first_of_each_row(rows, columns, near, slack, targets, points, size)
        held, held_distances = columns[first], near[first]
    return held


def products(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """All dot products, (n, d), (m, d) -> (n, m); BLAS is slow at a tall result of few columns."""
    if len(second) < len(first):
        return np.ascontiguousarray((second @ first.T).T)
    return first @ second.T


def first_equals(points: NDArray[np.floating[Any]], k: int) -> NDArray[np.intp]:
    """The rows that can be among k neighbors: of equal rows, the first k, in their order.

    Without this, N equal inputs would be N^2 candidates to measure.
    """
    whole = np.ascontiguousarray(points)
    _, group = np.unique(
        whole.view(f"V{whole.itemsize * whole.shape[1]}").ravel(), return_inverse=True
    )
    order = np.argsort(group, kind="stable")
    place = np.arange(len(order)) - np.searchsorted(group[order], group[order])
    return np.sort(order[place < k])


def group_minima(distances: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Smallest distances of disjoint groups of columns, at least k groups for each row.

    At least k points are as near as the k-th of them, which is found in fewer passes than the k-th
    of all points, and is seldom much larger.
    """
    columns = distances.shape[1]
    groups = min(GROUPS * k, columns)
    whole = columns - columns % groups
    minima: NDArray[np.float32]
    minima = distances[:, :whole].reshape(len(distances), -1, groups).min(axis=1)
    np.minimum(minima[:, : columns - whole], distances[:, whole:], out=minima[:, : columns - whole])
    return minima


def first_of_each_row(
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    near: NDArray[np.float32],
    slack: NDArray[np.float32],
    targets: NDArray[np.floating[Any]],
    points: NDArray[np.floating[Any]],
    k: int,
) -> NDArray[np.intp]:
    """Positions of the k nearest candidates of each row, in order.

    Parameters
    ----------
    rows, columns : ndarray of shape (C,)
        Pairs of a target and a point, at least k for each target.
    near : ndarray of shape (C,)
        Their distances up to rounding and a constant for each row.
    slack : ndarray of shape (Q,)
        A gap in `near` above it is one in truth; pairs with smaller gaps are recomputed.
    targets, points : ndarray of shape (Q, e), (N, e)
    k : int

    Returns
    -------
    ndarray of shape (Q, k), intp
    """
    order = np.argsort(row_keys(rows, near))  # equal keys are too close to tell apart, too
    sorted_rows, sorted_near = rows[order], near[order]
    apart = np.diff(sorted_near) > slack[sorted_rows[1:]]
    apart |= np.diff(sorted_rows) > 0
    run = np.concatenate([[0], np.cumsum(apart)])  # of candidates too close to tell apart
    unsure = np.flatnonzero(np.bincount(run)[run] > 1)
    pairs = order[unsure]
    exact = exact_distances(targets, points, rows[pairs], columns[pairs])
    order[unsure] = pairs[np.lexsort((columns[pairs], exact, run[unsure]))]
    first = np.searchsorted(sorted_rows, np.arange(len(targets)))
    chosen: NDArray[np.intp] = order[first[:, None] + np.arange(k)]
    return chosen


def row_keys(rows: NDArray[np.intp], near: NDArray[np.float32]) -> NDArray[np.int64]:
    """Whole numbers that sort pairs by row, then by distance: one sort instead of two."""
    bits = near.view(np.int32)
    growing = bits ^ (bits >> 31 & 0x7FFFFFFF)  # as integers, floats below zero sort in reverse
    keys: NDArray[np.int64] = (rows.astype(np.int64) << 32) + growing
    return keys


def own_row_first(neighbors: NDArray[np.intp]) -> NDArray[np.intp]:
    """Put each row's own number first, in place of the last where it is not among the others."""
    own = np.arange(len(neighbors))[:, None]
    others = neighbors != own
    order = np.argsort(others, axis=1, kind="stable")
    moved: NDArray[np.intp] = np.take_along_axis(neighbors, order, axis=1)
    absent = others.all(axis=1)
    moved[absent] = np.concatenate([own, neighbors[:, :-1]], axis=1)[absent]
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
