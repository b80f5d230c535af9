"""Train-time Smoothie: weights from a training split, before any test answer exists.

No test answer is declared as a need, so none has to exist: only the chosen candidate is run.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from smoothie.evidence import Evidence, Need
from smoothie.routers.base import Router, Routing, register_router
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.routers.smoothie_local import SmoothieLocal


@register_router("smoothie_global_train")
@dataclass(eq=False, repr=False)
class SmoothieGlobalTrain(Router):
    """Route every input to the candidate with the lowest estimated error on the training split.

    Parameters
    ----------
    degenerate : {"resolve", "keep"}
        As of `SmoothieGlobal`.

    Notes
    -----
    Guha et al. (NeurIPS 2024), "Smoothie-Global-train". Cost: the training split's distances.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import SmoothieGlobalTrain
    >>> points = np.array([[0.0, 0.1, 5.0], [2.2, 9.0, 2.0]])
    >>> distances = (points[:, :, None] - points[:, None, :]) ** 2
    >>> train = Votes(distances, inputs=np.array([[0.0], [1.0]]))
    >>> new = Votes(np.zeros((3, 3, 3)), inputs=np.array([[0.1], [0.9], [0.2]]))  # no answers yet
    >>> SmoothieGlobalTrain().route(Evidence(new, train=train)).choices
    array([[0, 0, 0]])
    """

    fewest: ClassVar[int] = 3
    degenerate: str = "resolve"

    needs = frozenset({Need.TRAIN})

    def route(self, evidence: Evidence) -> Routing:
        """Choose the same candidate for all inputs."""
        fitted = SmoothieGlobal(degenerate=self.degenerate).fit_evidence(Evidence(evidence.train))
        rows = evidence.shape[0]
        return Routing(np.full((1, rows), fitted.choices_[0]), weights=fitted.weights_)


@register_router("smoothie_local_train")
@dataclass(eq=False, repr=False)
class SmoothieLocalTrain(Router):
    """Route each input by its nearest inputs in the training split.

    Parameters
    ----------
    k : int
        Training inputs in a neighborhood (the paper: 50), fewer in a small split.
    degenerate : {"resolve", "keep"}
        As of `SmoothieLocal`.

    Notes
    -----
    Guha et al. (NeurIPS 2024), "Smoothie-Local-train". Cost: the training split's distances, and
    the neighbors of each input in it.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import SmoothieLocalTrain
    >>> points = np.array([[0.0, 0.1, 5.0], [2.2, 9.0, 2.0]])
    >>> distances = (points[:, :, None] - points[:, None, :]) ** 2
    >>> train = Votes(distances, inputs=np.array([[0.0], [1.0]]))
    >>> new = Votes(np.zeros((3, 3, 3)), inputs=np.array([[0.1], [0.9], [0.2]]))  # no answers yet
    >>> SmoothieLocalTrain(k=1).route(Evidence(new, train=train)).choices
    array([[1, 0, 1]])
    """

    fewest: ClassVar[int] = 3
    k: int = 50
    degenerate: str = "resolve"

    needs = frozenset({Need.TRAIN, Need.INPUTS})

    def route(self, evidence: Evidence) -> Routing:
        """Choose from the neighborhood of each input."""
        k = min(self.k, evidence.train.shape[0])
        local = SmoothieLocal(k, degenerate=self.degenerate)
        fitted = local.fit_evidence(Evidence(evidence.train))
        return Routing(fitted.predict(evidence.inputs)[None, :])
