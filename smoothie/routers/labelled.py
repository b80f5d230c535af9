"""Cross-fitting: how label-using routers choose for every input without seeing its label."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.evidence import Evidence, Fold, Inputs, Labelled, Need
from smoothie.routers.base import Router, Routing, require_seed, require_trials, seeded


@dataclass(eq=False, repr=False)
class LabelledRouter(Router):
    """A router that learns from a few labeled inputs.

    Parameters
    ----------
    budget : int
        Largest number of labels for a choice (the paper: 50), fewer in small sets.
    trials : int
        Number of draws of the budget; scores are means over them (the paper: 10).
    folds : int
        Without a training split: number of folds. Labels for one fold come from the others.
    replace : bool
        Draw the budget with replacement, as the released code does.
    seed : int
        Seed of folds and draws.
    """

    budget: int = 50
    trials: int = 10
    folds: int = 5
    replace: bool = False
    seed: int = 42

    needs = frozenset({Need.LABELS})
    least: ClassVar[int] = 1  # labels without which it cannot choose

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        for name, least in (("budget", self.least), ("folds", 2)):
            if getattr(self, name) < least:
                raise SmoothieError(f"{name}={getattr(self, name)}: expected at least {least}")
        require_trials(self.trials)
        require_seed(self.seed)

    def choose(self, sample: Labelled, inputs: Inputs | None, rows: int) -> NDArray[np.intp]:
        """Choose for some inputs, given a labeled sample, among its columns.

        Parameters
        ----------
        sample : Labelled
            The budget.
        inputs : ndarray of shape (rows, e) or None
            Embedded inputs to choose for.
        rows : int
            Their number.

        Returns
        -------
        ndarray of shape (rows,), int
            Columns of the sample, which has one for each candidate with labels.
        """
        raise NotImplementedError

    def route(self, evidence: Evidence) -> Routing:
        """Choose for every input, from samples of labels that contain none of its own fold.

        Only candidates that have labels are chosen.
        """
        return self.cross_fit(
            evidence, lambda fold: self.choose(fold.sample, fold.inputs, len(fold.rows))
        )

    def cross_fit(self, evidence: Evidence, choose: Callable[[Fold], NDArray[np.intp]]) -> Routing:
        """Choose fold by fold, in each trial from another draw of labels.

        Parameters
        ----------
        evidence : Evidence
        choose : callable
            Columns of a fold's sample, one for each of its rows.
        """
        generator = seeded(self.seed)
        labels = evidence.labels.within(self.budget)
        choices = np.zeros((self.trials, evidence.shape[0]), dtype=np.intp)
        used = 0
        for trial in range(self.trials):
            for fold in labels.folds(generator, self.folds, self.replace):
                choices[trial, fold.rows] = labels.candidates[choose(fold)]
                used = max(used, len(fold.sample.scores))
        return Routing(choices, labels_used=used)


def require_inputs(method: str, sample: Labelled, inputs: Inputs | None) -> tuple[Inputs, Inputs]:
    """Embedded inputs to learn from and to choose for; it is an error if they are missing."""
    if inputs is None or sample.inputs is None:
        raise SmoothieError(f"{method} needs inputs that are not empty")
    return sample.inputs, inputs
