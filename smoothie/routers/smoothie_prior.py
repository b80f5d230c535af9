r"""Smoothie with a scorer's verdict as a prior on the errors.

Smoothie's model says that the error of candidate i is Gaussian in each of the d dimensions of the
embedding, with a variance :math:`v_i` and :math:`e_i = d v_i`. Give :math:`v_i` the conjugate prior
of a Gaussian variance, a scaled inverse chi-squared one (an inverse gamma by another name), with
:math:`s d` degrees of freedom and scale :math:`m_i / d`: it has the weight of s vote rows that show
an error of :math:`m_i`. The estimate :math:`\hat e_i` from k vote rows stands for :math:`k d`
observed coordinates, the squares of which sum to :math:`k \hat e_i`. The posterior is of the same
kind, with :math:`(s + k) d` degrees of freedom and the scale

.. math:: \frac{e^*_i}{d}, \qquad e^*_i = \frac{s\, m_i + k\, \hat e_i}{s + k} .

The expected precision :math:`E[1/v_i]` of a scaled inverse chi-squared variance is one over its
scale, so Smoothie's weights, which are precisions, become proportional to :math:`1 / e^*_i`
exactly, and d cancels. (That :math:`\hat e_i` is an estimate, the true answer being unknown, is
not in the posterior: k counts it as if the errors had been seen.)

The scorer sets the prior's means. Scores have any unit, so they enter as standard scores,
:math:`z_{ni}` = (score less the mean of its input) over the root mean square of these differences
in the whole problem, and in the log-linear model of a variance (Harvey, 1976):

.. math:: m_{ni} = \bar e_n \exp(-z_{ni}),

with :math:`\bar e_n` the mean of the estimates of that input: a text that is one deviation better
is expected to have an error e times smaller, around the level that the votes show. A text without a
verdict has no prior, s = 0.

With s = 0 this is Smoothie-Local. As s grows, the order of the candidates becomes the scorer's.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.estimator import inverse_error_weights
from smoothie.evidence import Evidence, Need
from smoothie.routers.base import Router, Routing, register_router
from smoothie.routers.smoothie_local import SmoothieLocal

LARGEST = 100.0  # standard score: exp of it and of its negative are far from the limits of floats


@register_router("smoothie_prior")
@dataclass(eq=False, repr=False)
class SmoothiePrior(Router):
    """Smoothie-Local, with a scorer's verdict as a prior on each candidate's error.

    Parameters
    ----------
    strength : float
        Vote rows that the scorer's verdict counts for (s in the module's derivation).
    k : int
        Inputs that an estimate is averaged over: the row itself and its k-1 nearest.

    Notes
    -----
    Derivation in the module docstring. Cost: that of Smoothie-Local and of the scorer.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import SmoothiePrior
    >>> votes = Votes(np.ones((1, 3, 3)) - np.eye(3))  # equal: votes tell nothing
    >>> verdicts = np.array([[0.1, 0.2, 0.9]])
    >>> SmoothiePrior().route(Evidence(votes, verdicts=verdicts)).choices
    array([[2]])
    """

    fewest: ClassVar[int] = 3
    strength: float = 1.0
    k: int = 1

    @property
    def needs(self) -> frozenset[Need]:
        """Distances and verdicts, and inputs where neighbors are needed."""
        neighbors = {Need.INPUTS} if self.k > 1 else set()
        return frozenset({Need.DISTANCES, Need.VERDICTS} | neighbors)

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        if not 0 <= self.strength < np.inf:
            raise SmoothieError(f"strength={self.strength}: expected zero or more")

    def route(self, evidence: Evidence) -> Routing:
        """Choose the lowest posterior error."""
        fitted = SmoothieLocal(self.k).fit_evidence(evidence)
        errors = posterior_errors(fitted.errors_, evidence.verdicts, self.strength, self.k)
        weights = inverse_error_weights(errors)
        return Routing(errors.argmin(axis=1)[None, :], weights=weights)


def posterior_errors(
    errors: NDArray[np.float64], scores: NDArray[np.float64], strength: float, k: int
) -> NDArray[np.float64]:
    """Posterior errors, given a scorer's verdicts.

    Parameters
    ----------
    errors : ndarray of shape (N, K)
        Smoothie's estimates, positive.
    scores : ndarray of shape (N, K)
        Higher is better; NaN where there is no verdict.
    strength : float
        Vote rows that a verdict counts for.
    k : int
        Vote rows behind each estimate.

    Returns
    -------
    ndarray of shape (N, K)
        Positive.
    """
    judged = ~np.isnan(scores)
    counts = np.maximum(judged.sum(axis=1, keepdims=True), 1)
    centered = np.where(judged, scores - np.nansum(scores, axis=1, keepdims=True) / counts, 0.0)
    spread = np.sqrt((centered**2).sum() / max(judged.sum(), 1))
    standard = centered / spread if spread > 0 else centered
    standard = np.clip(standard, -LARGEST, LARGEST)
    prior = errors.mean(axis=1, keepdims=True) * np.exp(-standard)
    share = np.where(judged, strength / (strength + k), 0.0)
    posterior: NDArray[np.float64] = (1 - share) * errors + share * prior
    return posterior
