"""An index of the nearest inputs of each input, searched once for the largest k requested."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.neighbors.approximate import approximate_nearest
from smoothie.neighbors.cached import cached_nearest
from smoothie.neighbors.exact import nearest


@dataclass(eq=False)
class NeighborIndex:
    """Nearest inputs, by exact search unless the settings say otherwise.

    Parameters
    ----------
    inputs : ndarray of shape (N, e) or None
        Embedded inputs; without them, each input has only itself.
    approximate : bool
        Whether to use an approximate index (`smoothie.neighbors.approximate`).
    cache : Path or None
        Folder of the on-disk cache of exact neighbors (`smoothie.neighbors.cached`).

    Attributes
    ----------
    from_cache : bool
        Whether the last search was answered by the on-disk cache.
    recall : float or None
        Share of the exact neighbors that an approximate search found.
    """

    inputs: NDArray[np.floating[Any]] | None
    approximate: bool = False
    cache: Path | None = None
    from_cache: bool = field(default=False, init=False)
    recall: float | None = field(default=None, init=False)
    _found: NDArray[np.intp] | None = field(default=None, init=False, repr=False)

    def search(self, k: int) -> NDArray[np.intp]:
        """The k nearest inputs of each input, itself first: (N, k).

        Raises
        ------
        SmoothieError
            If k is not between 1 and N, or there are no inputs to search among.
        """
        if self.inputs is None:
            raise SmoothieError(f"k={k} needs inputs to find neighbors by, and there are none")
        rows = len(self.inputs)
        if not 1 <= k <= rows:
            raise SmoothieError(f"k={k}: expected between 1 and the number of inputs, {rows}")
        if k == 1:
            return np.arange(rows)[:, None]
        if self._found is None or self._found.shape[1] < k:
            if self.approximate:
                self._found, self.recall = approximate_nearest(self.inputs, k)
            elif self.cache is not None:
                self._found, self.from_cache = cached_nearest(self.cache, self.inputs, k)
            else:
                self._found = nearest(self.inputs, k)
        return self._found[:, :k]
