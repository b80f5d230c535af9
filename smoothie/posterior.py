r"""A few labels on top of Consensus: its support is the prior mean, the labels are the likelihood.

Quality differs from input to input for all candidates alike, which no choice depends on. So scores
:math:`y_{ni}` of candidates i on a labeled input n enter as differences to their mean over the
candidates that are labeled there, :math:`\tilde y_{ni}`, in units of their standard deviation. The
model of these differences is linear,

.. math:: \tilde y_{ni} = a_i + b\, \tilde s_{ni} + \varepsilon_{ni}, \quad
    a_i \sim N(0, \alpha), \quad b \sim N(b_0, \gamma), \quad \varepsilon_{ni} \sim N(0, \sigma^2),

with :math:`\tilde s` the support that Consensus gives to a text, centered and scaled likewise: a
candidate is as good as its texts are supported, and better or worse than that everywhere by
:math:`a_i`. The posterior of :math:`w = (a, b)` given X, the rows of the model for all labeled
texts, is normal (Lindley and Smith, 1972),

.. math:: \Sigma = (X^T X / \sigma^2 + T^{-1})^{-1}, \quad
    \mu = m + \Sigma X^T (\tilde y - X m) / \sigma^2,

with :math:`T = \mathrm{diag}(\alpha, ..., \alpha, \gamma)` and :math:`m = (0, ..., 0, b_0)`. The
text with the largest :math:`a_i + b \tilde s_{ni}`, at the posterior mean, is chosen. With no label
that is Consensus; with many, the mean score of each candidate, corrected for what its support says
of the single text, decides.

The three variances are estimated from the labels (empirical Bayes), by the EM algorithm for
variance components (Dempster, Laird and Rubin, 1977): each becomes the expected mean square of what
it is the variance of. Few labels say little about variances, so each has a scaled inverse
chi-squared prior worth four observations; what is found is the mode of their posterior, on a
logarithmic scale. Prior scales and :math:`b_0` are typical of the sets in docs/research.md.

The slope is one for all candidates, but the support of some says less than that of others: then the
model may choose worse than the best candidate. So its choices are compared with that candidate on
the labeled inputs, and dropped if they are worse by more than one standard error (`checked`).

An input on which all labeled candidates have the same score shows no difference, whoever is better,
and is left out. A preference, "i is better than j here", is a label of two candidates whose
difference is what it is on average between two normal scores in order, :math:`2/\sqrt\pi`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError

Floats = NDArray[np.float64]

ROUNDS, CLOSE = 500, 1e-6  # of EM; change of the logarithms at which it ends


class Prior(NamedTuple):
    """What is assumed without labels, in standard deviations of scores.

    Attributes
    ----------
    slope : float
        Mean of the slope of support.
    of_candidates, of_slope, of_noise : float
        Scales of the variances.
    worth : float
        Observations that the prior of a variance is worth.
    """

    slope: float = 0.3
    of_candidates: float = 0.08
    of_slope: float = 0.01
    of_noise: float = 0.9
    worth: float = 4.0


PRIOR = Prior()


class Preference(NamedTuple):
    """One verdict on two texts: `better` and `worse` are columns, equal ones are no verdict."""

    row: int
    better: int
    worse: int


@dataclass(frozen=True, eq=False)
class Posterior:
    """What labels say of candidates and of support.

    Attributes
    ----------
    mean : ndarray of shape (K + 1,)
        Of each candidate's advantage and of the slope of support, in standard deviations of scores.
    covariance : ndarray of shape (K + 1, K + 1)
    noise : float
        Variance of a score around its expectation.
    unit : float
        One standard deviation of scores, in the unit of the labels.
    """

    mean: Floats
    covariance: Floats
    noise: float
    unit: float = 1.0

    def expected(self, support: Floats) -> Floats:
        """Expected quality of texts by their standard support, (N, K), up to a row's level."""
        quality: Floats = self.mean[:-1] + self.mean[-1] * support
        return quality

    def certainty(self, support: Floats) -> Floats:
        """Probability that the best text is expected to be better than the second, (N,).

        From 1/2 to 1. It is about expectations: single scores scatter around them.
        """
        quality = self.expected(support)
        rows = np.arange(len(support))
        second, first = np.argsort(quality, axis=1, kind="stable")[:, -2:].T
        contrast = np.zeros((len(support), len(self.mean)))
        contrast[rows, first] += 1
        contrast[rows, second] -= 1
        contrast[:, -1] = support[rows, first] - support[rows, second]
        variance = np.einsum("np,pq,nq->n", contrast, self.covariance, contrast)
        lead = quality[rows, first] - quality[rows, second]
        return normal_cdf(lead / np.sqrt(np.maximum(variance, 1e-300)))


def normal_cdf(values: Floats) -> Floats:
    """The standard normal distribution function."""
    from math import erf, sqrt

    return np.array([0.5 * (1 + erf(value / sqrt(2))) for value in values])


def standard(support: Floats) -> Floats:
    """Support (N, K) less the mean of its row, in units of its standard deviation within rows."""
    centered = support - support.mean(axis=1, keepdims=True)
    degrees = len(support) * (support.shape[1] - 1)
    unit = np.sqrt((centered**2).sum() / degrees)
    scaled: Floats = centered / unit if unit > 0 else centered
    return scaled


def fit(
    support: Floats,
    labels: Floats,
    preferences: Sequence[Preference] = (),
    prior: Prior = PRIOR,
) -> Posterior:
    """The posterior given labels, with variances estimated from them.

    Parameters
    ----------
    support : ndarray of shape (n, K)
        As `standard` scales it.
    labels : ndarray of shape (n, K)
        Scores of the same texts, higher is better; NaN where there is none.
    preferences : sequence of Preference
        On the same rows.
    prior : Prior

    Returns
    -------
    Posterior

    Raises
    ------
    SmoothieError
        If a preference names no row or no candidate.
    """
    scores, unit = standard_scores(labels)
    rows, degrees = design(support, ~np.isnan(scores))
    values = np.nan_to_num(scores).ravel()
    if preferences:
        pairs, of_pairs = preferred(support, preferences)
        rows = np.concatenate([rows, pairs])
        values = np.concatenate([values, of_pairs])
        degrees += len(preferences)
    return estimate(rows, values, degrees, unit, prior)


def checked(posterior: Posterior, support: Floats, labels: Floats) -> Posterior:
    """The posterior, or the candidates' mean scores where the best of them did clearly better.

    Compared are the scores of that candidate and of the texts that the posterior chooses, on the
    labeled inputs where these differ. The sum of m such differences, each of two scores with the
    variance that the posterior ascribes to noise, has the variance 2 m times this. Differences of
    zero are added, as many as the prior of a variance is worth: a few inputs settle nothing. One
    standard error decides, as in the rule of Breiman et al. (Classification and Regression Trees,
    1984).

    Parameters
    ----------
    posterior : Posterior
    support, labels : ndarray of shape (n, K)
        What it was fitted to.
    """
    scores, _ = standard_scores(labels)
    known = ~np.isnan(scores)
    means = np.where(known, scores, 0).sum(axis=0) / (known.sum(axis=0) + 1)  # seldom seen: near 0
    best, chosen = means.argmax(), posterior.expected(support).argmax(axis=1)
    leads = scores[:, best] - scores[np.arange(len(scores)), chosen]
    leads = leads[(chosen != best) & ~np.isnan(leads)]
    if leads.sum() <= np.sqrt(2 * posterior.noise * (len(leads) + PRIOR.worth)):
        return posterior
    return replace(posterior, mean=np.append(means, 0.0))


def standard_scores(labels: Floats) -> tuple[Floats, float]:
    """Differences of labels to the mean of their row in standard deviations, and one of these.

    Rows without a difference are NaN.
    """
    known = ~np.isnan(labels)
    counts = np.maximum(known.sum(axis=1, keepdims=True), 1)
    centered = labels - np.where(known, labels, 0).sum(axis=1, keepdims=True) / counts
    largest = np.where(known, np.abs(centered), 0).max(axis=1)
    tied = largest <= 1e-12 * np.where(known, np.abs(labels), 0).max(axis=1)
    centered[tied] = np.nan
    degrees = (counts[~tied] - 1).sum()
    unit = float(np.sqrt(np.nansum(centered**2) / degrees)) if degrees else 1.0
    return centered / unit, unit


def design(support: Floats, known: NDArray[np.bool_]) -> tuple[Floats, int]:
    """The model's rows X (n K, K + 1), centered over what is known, and degrees of freedom."""
    n, candidates = support.shape
    columns = np.empty((n, candidates, candidates + 1))
    columns[:, :, :-1] = np.eye(candidates)
    columns[:, :, -1] = support
    counts = known.sum(axis=1)
    seen = np.where(known[:, :, None], columns, 0)
    means = seen.sum(axis=1, keepdims=True) / np.maximum(counts, 1)[:, None, None]
    centered = np.where(known[:, :, None], columns - means, 0)
    return centered.reshape(n * candidates, candidates + 1), int(np.maximum(counts - 1, 0).sum())


def preferred(support: Floats, preferences: Sequence[Preference]) -> tuple[Floats, Floats]:
    """Rows and values of preferences, as scores of two texts around their mean: 2 for each."""
    n, candidates = support.shape
    rows = np.zeros((len(preferences), 2, candidates + 1))
    for place, (row, better, worse) in enumerate(preferences):
        if not (0 <= row < n and 0 <= better < candidates and 0 <= worse < candidates):
            raise SmoothieError(f"preference {place}: no row {row} with {better} and {worse}")
        rows[place, :, better] += (0.5, -0.5)
        rows[place, :, worse] -= (0.5, -0.5)
        half = (support[row, better] - support[row, worse]) / 2
        rows[place, :, -1] = (half, -half)
    values = np.tile([1, -1] / np.sqrt(np.pi), len(preferences))
    return rows.reshape(-1, candidates + 1), values


def estimate(
    rows: Floats, values: Floats, degrees: int, unit: float = 1.0, prior: Prior = PRIOR
) -> Posterior:
    """The posterior at the most probable variances, by EM.

    Parameters
    ----------
    rows : ndarray of shape (m, K + 1)
        X of the module docstring.
    values : ndarray of shape (m,)
    degrees : int
        Degrees of freedom of the values: fewer than m, as they are centered.
    unit : float
        Passed on.
    prior : Prior
    """
    start = np.zeros(rows.shape[1])
    start[-1] = prior.slope
    gram, rest = rows.T @ rows, values - rows @ start
    moment, total = rows.T @ rest, float(rest @ rest)
    candidates = rows.shape[1] - 1
    found = np.array([prior.of_candidates, prior.of_slope, prior.of_noise])
    scales, counts = found * prior.worth, np.array([candidates, 1, degrees]) + prior.worth
    for _ in range(ROUNDS):
        mean, covariance = posterior(gram, moment, found)
        squares = mean**2 + covariance.diagonal()
        misfit = total - 2 * mean @ moment + mean @ gram @ mean + (gram * covariance).sum()
        updated = (np.array([squares[:-1].sum(), squares[-1], misfit]) + scales) / counts
        change = np.abs(np.log(updated / found)).max()
        found = updated
        if change < CLOSE:
            break
    mean, covariance = posterior(gram, moment, found)
    return Posterior(start + mean, covariance, float(found[2]), unit)


def posterior(gram: Floats, moment: Floats, variances: Floats) -> tuple[Floats, Floats]:
    """Mean, less the prior one, and covariance of w, given the variances.

    Parameters
    ----------
    gram, moment : ndarray of shape (K + 1, K + 1) and (K + 1,)
        X'X, and X' times the values less what the prior mean expects.
    variances : ndarray of shape (3,)
        Of candidates, of the slope, of the noise.
    """
    precision = np.full(len(moment), 1 / variances[0])
    precision[-1] = 1 / variances[1]
    covariance = np.linalg.inv(gram / variances[2] + np.diag(precision))
    return covariance @ moment / variances[2], covariance
