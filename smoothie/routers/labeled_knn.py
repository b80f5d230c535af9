"""Labelled kNN: for each input, the candidate that did best on the nearest labelled inputs."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.neighbors import nearest
from smoothie.routers.base import seeded
from smoothie.routers.labelled import Inputs, Labelled, LabelledRouter, require_inputs


@dataclass(eq=False)
class LabeledKNN(LabelledRouter):
    """Choose by the mean score of each candidate on the nearest labelled inputs.

    Parameters
    ----------
    neighbours : int
        Labelled inputs that are asked (the paper: 20), fewer where the sample is smaller.
    ignore_neighbours : bool
        Choose by the means over the whole sample, with ties drawn for each input: what the released
        code does under this name.

    Notes
    -----
    Candidates that tie among the neighbours are told apart by their mean over the whole sample,
    then by their order.
    """

    neighbours: int = 20
    ignore_neighbours: bool = False
    looks_at_inputs: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        super().__post_init__()
        if self.neighbours < 1:
            raise SmoothieError(f"neighbours={self.neighbours}: expected at least 1")

    def choose(self, sample: Labelled, inputs: Inputs | None, rows: int) -> NDArray[np.intp]:
        """Ask the neighbours."""
        if self.ignore_neighbours:
            means = sample.scores.mean(axis=0)
            best = np.flatnonzero(means == means.max())
            return np.asarray(seeded(self.seed).choice(best, size=rows))
        learnt, asked = require_inputs("labeled_knn", sample, inputs)
        k = min(self.neighbours, len(learnt))
        near = sample.scores[nearest(learnt, k, asked)].mean(axis=1)
        tied = np.isclose(near, near.max(axis=1, keepdims=True), rtol=0, atol=1e-9)
        return np.asarray(np.where(tied, sample.scores.mean(axis=0), -np.inf).argmax(axis=1))
