"""Cross-fitting: how label-using routers choose for every input without seeing its label."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.problem import complete_rows
from smoothie.routers.base import Routing, require_seed, seeded

Inputs = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Labelled:
    """Inputs that labels are known of.

    Attributes
    ----------
    scores : ndarray of shape (M, K)
        Scores of the texts; rows with NaN are not used.
    inputs : ndarray of shape (M, e) or None
        Embedded inputs.
    """

    scores: NDArray[np.float64]
    inputs: Inputs | None = None


@dataclass(eq=False)
class LabelledRouter:
    """A router that learns from a few labelled inputs.

    Parameters
    ----------
    budget : int
        Labelled inputs that a choice may be learnt from (the paper: 50), fewer in small sets.
    trials : int
        The budget is drawn this often; scores are means over the draws (the paper: 10).
    folds : int
        Without a training split: parts of the inputs. Labels for one part come from the others.
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
    looks_at_inputs: ClassVar[bool] = False  # whether `choose` needs embedded inputs

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        for name, least in (("budget", 1), ("trials", 1), ("folds", 2)):
            if getattr(self, name) < least:
                raise SmoothieError(f"{name}={getattr(self, name)}: expected at least {least}")
        require_seed(self.seed)

    def choose(self, sample: Labelled, inputs: Inputs | None, rows: int) -> NDArray[np.intp]:
        """Choose for some inputs, knowing a labelled sample.

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
        """
        raise NotImplementedError

    def route(self, own: Labelled, train: Labelled | None = None) -> Routing:
        """Choose for every input.

        Parameters
        ----------
        own : Labelled
            The inputs to route. Their scores serve only as labels for inputs of other folds.
        train : Labelled, optional
            A training split; with it, the scores of `own` are not looked at.
        """
        generator = seeded(self.seed)
        choices = np.zeros((self.trials, len(own.scores)), dtype=np.intp)
        used = 0
        pool = own if train is None else train
        for trial in range(self.trials):
            for target, known in self._folds(own, train, generator):
                if not len(known):
                    raise SmoothieError("label-using methods need at least one labelled input")
                size = self.budget if self.replace else min(self.budget, len(known))
                drawn = generator.choice(known, size, replace=self.replace)
                sample = Labelled(
                    pool.scores[drawn], None if pool.inputs is None else pool.inputs[drawn]
                )
                inputs = None if own.inputs is None else own.inputs[target]
                choices[trial, target] = self.choose(sample, inputs, len(target))
                used = max(used, size)
        return Routing(choices, labels_used=used)

    def _folds(
        self, own: Labelled, train: Labelled | None, generator: np.random.Generator
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Rows to choose for, with the labelled rows (of `train`, if given) to learn from."""
        rows = len(own.scores)
        if train is not None:
            yield np.arange(rows), np.flatnonzero(complete_rows(train.scores))
            return
        # Scored inputs are dealt out first, so that each fold leaves labels to the others.
        scored = complete_rows(own.scores)
        order = generator.permutation(rows)
        order = np.concatenate([order[scored[order]], order[~scored[order]]])
        for fold in range(min(self.folds, rows)):
            target = np.sort(order[fold :: self.folds])
            known = scored.copy()
            known[target] = False
            yield target, np.flatnonzero(known)


def require_inputs(method: str, sample: Labelled, inputs: Inputs | None) -> tuple[Inputs, Inputs]:
    """Embedded inputs to learn from and to choose for; refuses their absence."""
    if inputs is None or sample.inputs is None:
        raise SmoothieError(f"{method} needs inputs that are not empty")
    return sample.inputs, inputs
