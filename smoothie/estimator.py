r"""The mathematics of Smoothie: squared distances -> errors -> weights.

The model (Guha et al., "Smoothie: Label Free Language Model Routing", NeurIPS 2024, section 4).
K candidates answer an input. Their answers are embedded as vectors :math:`\lambda_1 .. \lambda_K`;
the embedding :math:`y` of the true answer is not known. If the errors :math:`\lambda_i - y` are
zero-mean Gaussian and independent of one another, then distances between candidates add up:

.. math:: E\|\lambda_i - \lambda_j\|^2 = e_i + e_j, \qquad e_i = E\|\lambda_i - y\|^2 .

The left side needs no labels. With three candidates i, j, k the three equations are solved by

.. math:: e_i = \tfrac12 \left(d_{ij} + d_{ik} - d_{jk}\right),
    \qquad d_{ij} = E\|\lambda_i - \lambda_j\|^2 .

With more than three, candidate i has one such estimate for each pair (j, k) of the others, and
Smoothie takes their mean. That mean needs no loop over pairs. Of the (K-1)(K-2)/2 pairs, each
:math:`d_{ij}` occurs in K-2, and each distance among the others in one. With the row sum
:math:`R_i = \sum_j d_{ij}` and the total :math:`T = \sum_{i<j} d_{ij}`, the distances among the
others sum to :math:`T - R_i`, so that

.. math:: e_i = \frac{(K-2) R_i - (T - R_i)}{(K-1)(K-2)} = \frac{(K-1) R_i - T}{(K-1)(K-2)} .

Two things follow. While all errors are positive, the best candidate is the one with the smallest
:math:`R_i`: the medoid of the answers. And everything that Smoothie needs of the texts is one
K x K matrix for each input; its variants differ only in which inputs they average it over.

The weights are the inverse errors, normalized to sum to one (the precision of each voter, up to
the common dimension of the embedding, which cancels).
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.storage.files import drop_pages

Floats = NDArray[np.floating[Any]]

CLOSE = 1e-6  # of a row's largest squared distance: pairs below it are measured by differences
LARGEST = 1e300  # of given distances: their sums stay finite
THREADS = 2  # blocks of inputs at a time, where all distances are returned
BLOCK_VALUES = 1 << 18  # embedding values at a time, 2 MiB in float64: they stay in the CPU cache


def squared_distances(generations: Floats) -> NDArray[np.float64]:
    """Squared Euclidean distances between the K answers to each input.

    Parameters
    ----------
    generations : ndarray of shape (V, K, d)
        Embedded answers of K candidates to V inputs; any float type, may be memory-mapped.

    Returns
    -------
    ndarray of shape (V, K, K), float64
        Symmetric, with a zero diagonal. Answers with equal embeddings have equal rows, to the
        last bit, so that ties between them are exact.

    Raises
    ------
    SmoothieError
        If the array is not three-dimensional, has no rows or fewer than three candidates, or
        holds a value that is not finite.

    Notes
    -----
    O(V K^2 d) time in two threads, each with one block of inputs in float64 at a time
    (`distances_as_read`).
    """
    generations = require_generations(generations)
    rows, candidates, _ = generations.shape
    distances = np.empty((rows, candidates, candidates))

    def take(start: int, stop: int) -> None:
        for part, block in distance_blocks(generations, start, stop):
            distances[part] = block

    edges = np.linspace(0, rows, THREADS + 1).astype(int)
    with ThreadPoolExecutor(THREADS) as pool:  # NumPy releases the GIL
        list(pool.map(take, edges[:-1], edges[1:]))
    return distances


def distance_blocks(
    generations: Floats, start: int = 0, stop: int | None = None
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Squared distances, one block of inputs at a time, where they need not all be in memory.

    Parameters
    ----------
    generations : ndarray of shape (V, K, d)
        As for `squared_distances`. Of a memory-mapped array, only one block is in memory.
    start, stop : int, optional
        First input, and one past the last; all inputs by default.

    Yields
    ------
    rows : slice
        Which inputs, in their order.
    distances : ndarray of shape (B, K, K), float64
        Equal to what `squared_distances` returns for them, to the last bit.

    Raises
    ------
    SmoothieError
        As `squared_distances`.
    """
    generations = require_generations(generations)

    def read(part: slice, block: NDArray[np.float64]) -> None:
        block[:] = generations[part]
        drop_pages(generations)

    stop = len(generations) if stop is None else stop
    return distances_as_read((stop, *generations.shape[1:]), read, start)


def distances_as_read(
    shape: tuple[int, ...], read: Callable[[slice, NDArray[np.float64]], None], first: int = 0
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """Squared distances between answers that are read a block of inputs at a time.

    Parameters
    ----------
    shape : (int, int, int)
        Inputs, candidates and dimensions: V, K, d.
    read : callable
        Called with a slice of the inputs and an array of shape (B, K, d), to be filled with their
        embedded answers.
    first : int
        First input.

    Yields
    ------
    rows : slice
        Which inputs, in their order.
    distances : ndarray of shape (B, K, K), float64

    Raises
    ------
    SmoothieError
        If a value is not finite.

    Notes
    -----
    Distances come from matrix products, ``|a|^2 + |b|^2 - 2ab``, around the mean of each input's
    answers. For answers that are equal or nearly so, that leaves rounding errors: the distances of
    those pairs are recomputed from differences, and equal answers then share their rows.
    """
    rows, candidates, dimensions = shape
    step = max(1, min(rows - first, BLOCK_VALUES // max(1, candidates * dimensions)))
    work = np.empty((2, step, candidates, dimensions))  # once: allocation costs more than sums
    centers = np.empty((step, 1, dimensions))
    for start in range(first, rows, step):
        part = slice(start, min(start + step, rows))
        block, centered = work[:, : part.stop - start]
        center = centers[: len(block)]
        read(part, block)
        with np.errstate(over="ignore", invalid="ignore"):  # checked right below
            np.subtract(block, block.mean(axis=1, keepdims=True, out=center), out=centered)
            products = centered @ centered.transpose(0, 2, 1)
            norms = np.einsum("vii->vi", products)
            both = products + products.transpose(0, 2, 1)
            distances = norms[:, :, None] + norms[:, None, :] - both
        if not np.isfinite(distances).all():
            raise_not_finite(block, start)
        refine_close_pairs(distances, block)
        yield part, distances


def require_generations(generations: Any) -> Floats:
    """Check type and shape of embedded answers, not their values; nothing is copied."""
    array: NDArray[Any] = np.asanyarray(generations)
    if array.dtype.kind not in "fiu":
        raise SmoothieError(f"generations: expected real numbers, found {array.dtype}")
    if array.ndim != 3:
        raise SmoothieError(
            f"generations: expected an array of shape (inputs, candidates, dimensions), "
            f"found shape {array.shape}"
        )
    require_three_candidates(array.shape[1])
    if not len(array):
        raise SmoothieError("generations: there are no rows to estimate errors from")
    if not array.shape[2]:
        raise SmoothieError("generations: vectors of zero dimensions have no distances")
    return array


def refine_close_pairs(distances: NDArray[np.float64], block: NDArray[np.float64]) -> None:
    """Recompute the distances of pairs that are closer than rounding allows for, in place.

    Parameters
    ----------
    distances : ndarray of shape (V, K, K)
        Squared distances with an error of about 1e-16 of the largest of each row.
    block : ndarray of shape (V, K, d)
        The embeddings.
    """
    close = distances <= CLOSE * distances.max(axis=(1, 2), keepdims=True)
    rows, first, second = np.nonzero(np.triu(close, k=1))
    if not len(rows):
        return
    difference = block[rows, first] - block[rows, second]
    exact = np.einsum("pd,pd->p", difference, difference)
    distances[rows, first, second] = distances[rows, second, first] = exact
    # For each answer, the first one that is equal to it: itself if no other is.
    leader = np.tile(np.arange(distances.shape[1]), (len(distances), 1))
    equal = exact == 0
    np.minimum.at(leader, (rows[equal], second[equal]), first[equal])
    shared = np.unique(rows[equal])
    of_row = leader[shared]
    distances[shared] = distances[shared[:, None, None], of_row[:, :, None], of_row[:, None, :]]


def raise_not_finite(block: NDArray[np.float64], start: int) -> NoReturn:
    """Raise an error that names the embedding that cannot be used."""
    finite = np.isfinite(block).all(axis=2)
    if finite.all():
        raise SmoothieError("generations: values are too large for their squares to be finite")
    row, candidate = np.argwhere(~finite)[0]
    raise SmoothieError(
        f"generations: the embedding of row {start + row}, candidate {candidate} "
        f"holds a value that is not finite"
    )


def require_distances(distances: Any, name: str = "distances") -> NDArray[np.float64]:
    """Check distances provided by a user.

    Parameters
    ----------
    distances : array of shape (V, K, K)
        Squared distances between the K answers to each input. Any other distance is used as if it
        were squared: the estimator only assumes that the errors of two candidates add up to the
        distance between them.
    name : str
        Their name in error messages.

    Returns
    -------
    ndarray of shape (V, K, K), float64

    Raises
    ------
    SmoothieError
        If the shape is wrong, K < 3, there are no rows, or a matrix is not finite,
        non-negative and symmetric with a zero diagonal (the last three up to rounding: 1e-6 of the
        row's largest value).
    """
    array: NDArray[Any] = np.asanyarray(distances)
    if array.dtype.kind not in "fiu":
        raise SmoothieError(f"{name}: expected real numbers, found {array.dtype}")
    if array.ndim != 3 or array.shape[1] != array.shape[2]:
        raise SmoothieError(
            f"{name}: expected an array of shape (inputs, candidates, candidates), "
            f"found shape {array.shape}"
        )
    require_three_candidates(array.shape[1], f"{name}: ")
    if not len(array):
        raise SmoothieError(f"{name}: there are no rows to estimate errors from")
    values = array.astype(np.float64, copy=False)

    def refuse(faulty: NDArray[np.bool_], fault: str) -> None:
        if faulty.any():
            row, i, j = np.argwhere(faulty)[0]
            raise SmoothieError(
                f"{name}: row {row}, candidates {i} and {j}: {values[row, i, j]:g} {fault}"
            )

    refuse(~(np.abs(values) <= LARGEST), "is not finite, or too large to be summed")
    slack = CLOSE * np.abs(values).max(axis=(1, 2), keepdims=True)
    refuse(values < -slack, "is negative; a distance is zero or more")
    refuse((np.abs(values) > slack) & np.eye(array.shape[1], dtype=bool), "should be zero")
    refuse(
        np.abs(values - values.swapaxes(1, 2)) > slack, "differs from that of the other direction"
    )
    return values


def require_three_candidates(candidates: int, where: str = "") -> None:
    """Refuse ensembles for which the errors are not determined (K < 3)."""
    if candidates < 3:
        raise SmoothieError(
            f"{where}Smoothie needs at least three candidates to tell their errors apart, "
            f"found {candidates}"
        )


def triplet_errors(distances: Floats) -> NDArray[np.float64]:
    """Estimated error of each candidate, in closed form; may be zero or negative.

    Parameters
    ----------
    distances : ndarray of shape (..., K, K)
        Mean squared distances between candidates, symmetric with a zero diagonal.

    Returns
    -------
    ndarray of shape (..., K)
        Mean over all pairs of other candidates of the triplet estimate of E||lambda_i - y||^2,
        in squared units of the embedding.

    Raises
    ------
    SmoothieError
        If K < 3.

    Notes
    -----
    Paper, section 4 and Algorithm 1; derivation in the module docstring. O(K^2) for each matrix,
    against O(K^3) for the loop over pairs.
    """
    candidates = distances.shape[-1]
    require_three_candidates(candidates)
    row_sums = distances.sum(axis=-1, dtype=np.float64)
    total = row_sums.sum(axis=-1, keepdims=True) / 2
    errors: NDArray[np.float64] = ((candidates - 1) * row_sums - total) / (
        (candidates - 1) * (candidates - 2)
    )
    return errors


def resolve_errors(errors: Floats) -> NDArray[np.float64]:
    """Lift errors at or below zero to the smallest one that floats can tell from zero.

    The estimate is a difference, so it can be zero (K-1 identical answers) or negative (an answer
    near the center of the others). By this estimate such a candidate is the best possible: its
    error becomes the resolution of float64 at the scale of its row's errors. It wins, two such
    candidates tie, and 1/error stays finite and positive.

    Parameters
    ----------
    errors : ndarray of shape (..., K)
        As returned by `triplet_errors`.

    Returns
    -------
    ndarray of shape (..., K)
        Positive errors.
    """
    # The errors sum to T/(K-1), which is positive unless all answers are the same.
    size = np.maximum(errors.sum(axis=-1, keepdims=True), 0.0)
    floor = np.maximum(np.finfo(np.float64).eps * size, SMALLEST_ERROR)
    resolved: NDArray[np.float64] = np.maximum(errors, floor)
    return resolved


def run_on_weights(errors: Floats) -> NDArray[np.float64]:
    """Weights as the released code computes them from errors of any sign.

    Parameters
    ----------
    errors : ndarray of shape (..., K)
        As returned by `triplet_errors`.

    Returns
    -------
    ndarray of shape (..., K)
        1/error over the sum of 1/error. One negative error can make weights negative, or reverse
        the order of all of them; an error of zero gives an infinite weight, which is NaN once
        normalized.

    Notes
    -----
    Used to reproduce published numbers (`model.py`, `Smoothie.fit`); choices are its argmax, where
    the first NaN counts as the largest.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1.0 / np.asarray(errors, dtype=np.float64)
        weights: NDArray[np.float64] = inverse / inverse.sum(axis=-1, keepdims=True)
    return weights


SMALLEST_ERROR = 1e-300  # for rows of zeros: its inverse is still finite


def inverse_error_weights(errors: Floats) -> NDArray[np.float64]:
    """Weights proportional to 1/error that sum to one over the last axis.

    Parameters
    ----------
    errors : ndarray of shape (..., K)
        Positive errors.

    Returns
    -------
    ndarray of shape (..., K)
        Non-negative weights.
    """
    # Relative to the smallest error, so that no inverse overflows.
    relative = errors.min(axis=-1, keepdims=True) / errors
    weights: NDArray[np.float64] = relative / relative.sum(axis=-1, keepdims=True)
    return weights
