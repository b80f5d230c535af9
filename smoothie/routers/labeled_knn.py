"""Labeled kNN: for each input, the candidate that did best on the nearest labeled inputs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.evidence import Inputs, Labelled, Need
from smoothie.neighbors.exact import nearest
from smoothie.routers.base import register_router, seeded
from smoothie.routers.labelled import LabelledRouter, require_inputs


@register_router("labeled_knn")
@dataclass(eq=False, repr=False)
class LabeledKNN(LabelledRouter):
    """Choose by the mean score of each candidate on the nearest labeled inputs.

    Parameters
    ----------
    neighbors : int
        Number of labeled neighbors (the paper: 20), fewer where the sample is smaller.
    ignore_neighbors : bool
        Choose by the means over the whole sample, with ties drawn for each input: as the released
        code does under this name.

    Notes
    -----
    Ties among the neighbors are broken by the means over the whole sample, then by the order of the
    candidates.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import LabeledKNN
    >>> inputs = np.repeat([[0.0, 0.0], [9.0, 9.0]], 5, axis=0)
    >>> scores = np.repeat([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], 5, axis=0)
    >>> evidence = Evidence(Votes(np.zeros((10, 3, 3)), inputs), scores)
    >>> LabeledKNN(neighbors=3, trials=1).route(evidence).choices
    array([[0, 0, 0, 0, 0, 2, 2, 2, 2, 2]])
    """

    neighbors: int = 20
    ignore_neighbors: bool = False

    needs = frozenset({Need.INPUTS, Need.LABELED_INPUTS})

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        super().__post_init__()
        if self.neighbors < 1:
            raise SmoothieError(f"neighbors={self.neighbors}: expected at least 1")

    def choose(self, sample: Labelled, inputs: Inputs | None, rows: int) -> NDArray[np.intp]:
        """Choose by the means over the neighbors."""
        if self.ignore_neighbors:
            means = sample.scores.mean(axis=0)
            best = np.flatnonzero(means == means.max())
            return np.asarray(seeded(self.seed).choice(best, size=rows))
        learned, asked = require_inputs("labeled_knn", sample, inputs)
        k = min(self.neighbors, len(learned))
        near = sample.scores[nearest(learned, k, asked)].mean(axis=1)
        tied = np.isclose(near, near.max(axis=1, keepdims=True), rtol=0, atol=1e-9)
        return np.asarray(np.where(tied, sample.scores.mean(axis=0), -np.inf).argmax(axis=1))
