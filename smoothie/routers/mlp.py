"""MLP: the score of each candidate, learned from labeled inputs by a small neural network."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.evidence import Inputs, Labelled, Need
from smoothie.optional import require
from smoothie.routers.base import register_router
from smoothie.routers.labelled import LabelledRouter, require_inputs

EPOCHS = 5000  # at most; training stops much earlier, when the loss no longer falls


@register_router("mlp")
@dataclass(eq=False, repr=False)
class MLPRouter(LabelledRouter):
    """Choose the candidate with the highest predicted score, by the embedded input.

    Parameters
    ----------
    hidden : int
        Units of the one hidden layer.
    alpha : float
        Strength of the L2 penalty, as in scikit-learn.

    Notes
    -----
    scikit-learn's `MLPRegressor` (ReLU, Adam, initial weights and batches by `seed`) maps an input
    to the K scores, in units of their standard deviation over the sample. A sample in which no
    candidate's score ever changes (one label, for instance) has nothing to learn from: everything
    goes to the best mean of the sample (ties: the first).

    Cost: a fit of M labels in e dimensions, O(M hidden (e + K)) an epoch, some hundred epochs, for
    each fold and draw.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import MLPRouter
    >>> inputs = np.repeat([[0.0, 0.0], [9.0, 9.0]], 5, axis=0)
    >>> scores = np.repeat([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]], 5, axis=0)
    >>> evidence = Evidence(Votes(np.zeros((10, 3, 3)), inputs), scores)
    >>> MLPRouter(hidden=4, trials=1).route(evidence).choices
    array([[0, 0, 0, 0, 0, 2, 2, 2, 2, 2]])
    """

    hidden: int = 32
    alpha: float = 0.1

    needs = frozenset({Need.INPUTS, Need.LABELED_INPUTS})

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        super().__post_init__()
        if self.hidden < 1:
            raise SmoothieError(f"hidden={self.hidden}: expected at least 1")
        if not 0 <= self.alpha < np.inf:
            raise SmoothieError(f"alpha={self.alpha}: expected zero or more")

    def choose(self, sample: Labelled, inputs: Inputs | None, rows: int) -> NDArray[np.intp]:
        """Fit on the sample, choose the highest prediction."""
        learned, asked = require_inputs("mlp", sample, inputs)
        means = sample.scores.mean(axis=0)
        if not np.ptp(sample.scores, axis=0).any():
            return np.full(rows, means.argmax())
        require("sklearn", "mlp")
        from sklearn.neural_network import MLPRegressor

        # Adam: with several outputs, scikit-learn's loss is inconsistent with its gradient, which
        # L-BFGS needs.
        model = MLPRegressor(
            hidden_layer_sizes=(self.hidden,),
            alpha=self.alpha,
            learning_rate_init=0.01,
            max_iter=EPOCHS,
            random_state=self.seed,
        )
        model.fit(learned.astype(np.float64), (sample.scores - means) / sample.scores.std())
        predicted = model.predict(asked.astype(np.float64)) * sample.scores.std() + means
        return np.asarray(predicted.argmax(axis=1))
