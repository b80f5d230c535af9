"""Logistic regression: which candidate is best for an input, learned from labeled inputs."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.evidence import Inputs, Labelled, Need
from smoothie.optional import require
from smoothie.routers.base import register_router
from smoothie.routers.labelled import LabelledRouter, require_inputs


@register_router("logistic_regression")
@dataclass(eq=False, repr=False)
class LogisticRegressionRouter(LabelledRouter):
    """Choose the candidate that is most probably the best, by the embedded input.

    Parameters
    ----------
    C : float
        Inverse strength of the L2 penalty, as in scikit-learn.

    Notes
    -----
    A multinomial model (scikit-learn's `LogisticRegression`, L-BFGS to convergence) of the class
    "best candidate of the input". Where several candidates tie for the best score, the input counts
    for each of them, with a weight of one over their number: no order of the candidates is
    preferred. If only one candidate is the best in the whole sample, everything goes to it; equal
    probabilities go to the first candidate.

    Cost: a fit of M labels in e dimensions, O(M e K) a step, for each fold and draw.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import LogisticRegressionRouter
    >>> inputs = np.repeat([[0.0, 0.0], [9.0, 9.0]], 5, axis=0)
    >>> scores = np.repeat([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], 5, axis=0)
    >>> evidence = Evidence(Votes(np.zeros((10, 3, 3)), inputs), scores)
    >>> LogisticRegressionRouter(trials=1).route(evidence).choices
    array([[0, 0, 0, 0, 0, 2, 2, 2, 2, 2]])
    """

    C: float = 1.0

    needs = frozenset({Need.INPUTS, Need.LABELED_INPUTS})

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        super().__post_init__()
        if not 0 < self.C < np.inf:
            raise SmoothieError(f"C={self.C}: expected a positive number")

    def choose(self, sample: Labelled, inputs: Inputs | None, rows: int) -> NDArray[np.intp]:
        """Fit on the sample, choose the most probable candidate."""
        learned, asked = require_inputs("logistic_regression", sample, inputs)
        best = sample.scores == sample.scores.max(axis=1, keepdims=True)
        row, candidate = np.nonzero(best)
        if len(np.unique(candidate)) == 1:
            return np.full(rows, candidate[0])
        require("sklearn", "logistic_regression")
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        model = LogisticRegression(C=self.C, max_iter=10_000)
        weights = 1 / best.sum(axis=1)[row]
        # In one thread: the steps are so small that threads would mostly wait for one another.
        with threadpool_limits(1, user_api="blas"), warnings.catch_warnings():
            # Many candidates and few labels are expected here.
            warnings.filterwarnings("ignore", "The number of unique classes")
            model.fit(learned[row].astype(np.float64), candidate, sample_weight=weights)
        return np.asarray(model.predict(asked.astype(np.float64)), dtype=np.intp)
