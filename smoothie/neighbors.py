"""Exact nearest neighbours under Euclidean distance, reproducible among duplicates."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError

BLOCK_DISTANCES = 1 << 24  # distances held at a time (64 MiB in float32)
FAR = 1e15  # of the points' own scale: where the square of a query is too large for float32
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
    if queries is not None:
        return Nearest.among(points, k).of(queries)
    require_count(k, len(points))
    if k == 1:
        return np.arange(len(points), dtype=np.intp)[:, None]
    return own_row_first(Nearest.among(points, k).of(points))


@dataclass(frozen=True, eq=False)
class Nearest:
    """A search for the k nearest rows, prepared once and asked again and again.

    Attributes
    ----------
    points : ndarray of shape (n, e)
        The distinct rows, up to k of each.
    kept : ndarray of shape (n,)
        Their numbers among all rows.
    k : int
        Neighbours for each query.
    centre : ndarray of shape (e,)
        Mean of the points: around it, distances stay and rounding shrinks.
    scale : float
        Largest distance from the centre in any coordinate.
    flat : ndarray of shape (n, e), float32
        The points, centred and scaled.
    norms : ndarray of shape (n,), float32
        Their squared lengths.
    """

    points: NDArray[np.floating[Any]]
    kept: NDArray[np.intp]
    k: int
    centre: NDArray[np.float64]
    scale: float
    flat: NDArray[np.float32]
    norms: NDArray[np.float32]

    @classmethod
    def among(cls, inputs: NDArray[np.floating[Any]], k: int) -> Self:
        """Prepare a search among the rows of `inputs`, of shape (N, e)."""
        points = require_vectors("inputs", inputs)
        require_count(k, len(points))
        kept = first_equals(points, k)
        points = points[kept]
        centre = points.mean(axis=0, dtype=np.float64)
        scale = float(np.abs(points - centre).max()) or 1.0
        flat = ((points - centre) / scale).astype(np.float32)
        return cls(points, kept, k, centre, scale, flat, np.einsum("nd,nd->n", flat, flat))

    def of(self, queries: NDArray[np.floating[Any]]) -> NDArray[np.intp]:
        """The k nearest rows of each query, (Q, e) -> (Q, k), as `nearest` orders them."""
        targets = require_vectors("queries", queries)
        count, dimensions = self.points.shape
        if targets.shape[1] != dimensions:
            raise SmoothieError(
                f"inputs have {dimensions} dimensions, the queries {targets.shape[1]}: "
                f"embed both with the same encoder"
            )
        with np.errstate(over="ignore"):
            centred = (targets - self.centre) / self.scale
        # Squares of far-off queries would not be finite in float32: their points are all measured.
        far = np.abs(centred).max(axis=1) > FAR
        flat = np.where(far[:, None], 0, centred).astype(np.float32)
        target_norms = np.einsum("nd,nd->n", flat, flat)
        largest = float(self.norms.max())

        result = np.empty((len(targets), self.k), dtype=np.intp)
        step = max(1, BLOCK_DISTANCES // count)
        for start in range(0, len(targets), step):
            stop = min(start + step, len(targets))
            approximate = self.norms - 2 * (flat[start:stop] @ self.flat.T)
            # Twice the bound on the rounding of a float32 product of this length.
            slack = (
                4
                * (dimensions + 4)
                * np.finfo(np.float32).eps
                * (largest + np.sqrt(largest * target_norms[start:stop]))
            )
            slack[far[start:stop]] = np.inf
            kth = np.partition(approximate, self.k - 1, axis=1)[:, self.k - 1]
            rows, columns = np.nonzero(approximate <= (kth + slack)[:, None])
            exact = exact_distances(targets[start:stop], self.points, rows, columns)
            order = np.lexsort((columns, exact, rows))
            rows, columns = rows[order], columns[order]
            first = np.searchsorted(rows, np.arange(stop - start))
            result[start:stop] = self.kept[columns[first[:, None] + np.arange(self.k)]]
        return result


def require_count(k: int, rows: int) -> None:
    """Refuse more neighbours than there are rows, or none."""
    if not 1 <= k <= rows:
        raise SmoothieError(f"k={k} neighbours are asked for, but there are {rows} inputs")


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
