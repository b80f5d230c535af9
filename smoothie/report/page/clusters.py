"""The order in which candidates that agree stand beside one another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Merge:
    """Two groups that become one.

    Attributes
    ----------
    left, right : tuple of int
        Their members, in the order in which they stand.
    height : float
        Mean distance between members of the two.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    height: float


def average_linkage(distances: NDArray[np.float64]) -> list[Merge]:
    """Join the nearest two groups until one is left, by their mean distance.

    Parameters
    ----------
    distances : ndarray of shape (K, K)
        Symmetric, zero or more.

    Returns
    -------
    list of Merge
        K - 1 of them, from the nearest on; the members of the last, left before right, are an
        order of all. Ties: the groups that come first.

    Notes
    -----
    UPGMA (Sokal and Michener, 1958), in O(K^3); K is small. The group with the lowest number is
    left.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.report.page.clusters import average_linkage
    >>> last = average_linkage(np.array([[0, 9, 1], [9, 0, 9], [1, 9, 0]], dtype=float))[-1]
    >>> last.left + last.right, last.height
    ((0, 2, 1), 9.0)
    """
    groups: list[tuple[int, ...]] = [(j,) for j in range(len(distances))]
    between = np.array(distances, dtype=np.float64)
    np.fill_diagonal(between, np.inf)
    merges = []
    while len(groups) > 1:
        i, j = sorted(np.unravel_index(int(between.argmin()), between.shape))
        left, right = groups[i], groups[j]
        merges.append(Merge(left, right, float(between[i, j])))
        joined = (len(left) * between[i] + len(right) * between[j]) / (len(left) + len(right))
        between[i], between[:, i] = joined, joined
        between[i, i] = np.inf
        between = np.delete(np.delete(between, j, axis=0), j, axis=1)
        groups[i] = left + right
        del groups[j]
    return merges
