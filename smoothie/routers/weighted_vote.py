r"""Weighted vote: the label model of weak supervision, with one accuracy for each candidate.

The model is the one coin of Dawid and Skene ("Maximum Likelihood Estimation of Observer
Error-Rates Using the EM Algorithm", Applied Statistics, 1979). An input has m possible answers, all
equally likely. Candidate i gives the true one with probability :math:`a_i`, else one of the other
m - 1, all equally likely; given the truth, candidates are independent. Then

.. math:: P(y \mid \text{votes}) \propto \prod_{i \text{ says } y} a_i
    \prod_{i \text{ says another}} \frac{1 - a_i}{m - 1}
    \propto \exp \sum_{i \text{ says } y} w_i, \qquad w_i = \log \frac{(m - 1)\, a_i}{1 - a_i} ,

so that the most likely answer is the one with the largest sum of log odds (for m = 2: Nitzan and
Paroush, 1982). Accuracies are not known: EM alternates between the probabilities of the answers (E)
and :math:`a_i`, the mean probability of the answers that candidate i gives (M).

Accuracies are kept at 1/m or above: no candidate does worse than guessing. Where answers are open,
such as numbers, m controls how seldom wrong answers coincide.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.evidence import Evidence, Need
from smoothie.routers.base import Routing, register_router
from smoothie.routers.voting import AnswerRouter, agreement, choose, shares

ROUNDS = 200  # of EM, at most; it stops when no accuracy changes by more than SETTLED
SETTLED = 1e-6


@register_router("weighted_vote")
@dataclass(eq=False, repr=False)
class WeightedVote(AnswerRouter):
    """Route each input to the answer with the largest sum of log odds.

    Parameters
    ----------
    options : int
        Possible answers to an input, m: 4 for the letters A to D, 2 for yes and no; for open
        answers, 10 will do. It matters little above 3, and too few are worse than too many: with 2,
        all who are wrong are taken to agree.

    Notes
    -----
    Of the texts with the chosen answer, that of the candidate with the highest accuracy wins. A
    text without an answer abstains. Candidates that share their errors, such as two prompts of one
    model, look accurate to this model: among three or four, they may outvote a better one. Cost:
    one pass over each distinct text, and O(N K^2) for each round of EM.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import WeightedVote
    >>> # the last two candidates always agree, the first one never does
    >>> texts = np.array([[str(n), str(n + 1), str(n + 1)] for n in range(9)], dtype=object)
    >>> routing = WeightedVote().route(Evidence(Votes(np.zeros((9, 3, 3)), texts=texts)))
    >>> routing.choices
    array([[1, 1, 1, 1, 1, 1, 1, 1, 1]])
    """

    options: int = 10

    needs = frozenset({Need.TEXTS})
    uses = frozenset()

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        super().__post_init__()
        if self.options < 2:
            raise SmoothieError(f"options={self.options}: expected at least 2 possible answers")

    def route(self, evidence: Evidence) -> Routing:
        """Estimate the accuracies and vote."""
        answers = self.answers(evidence)
        accuracies = estimate_accuracies(answers, self.options)
        weights = log_odds(accuracies, self.options)
        same = agreement(answers) | np.eye(answers.shape[1], dtype=bool)
        chosen = choose(same @ weights, -accuracies, answers >= 0)
        return Routing(chosen[None, :], weights=shares(weights))


def log_odds(accuracies: NDArray[np.float64], options: int) -> NDArray[np.float64]:
    """The weight of a vote, at least 0, from the accuracy and the number of possible answers."""
    return np.asarray(np.log(np.maximum((options - 1) * accuracies / (1 - accuracies), 1)))


def estimate_accuracies(answers: NDArray[np.intp], options: int) -> NDArray[np.float64]:
    """Accuracy of each candidate by EM, at least 1/m and below 1.

    Parameters
    ----------
    answers : ndarray of shape (N, K)
        As `smoothie.metrics.views.view_answers` numbers them.
    options : int
        Possible answers to an input, m of the module docstring; at least 2.

    Returns
    -------
    ndarray of shape (K,)
        With Laplace smoothing: one more right answer and one more wrong one.

    Notes
    -----
    EM starts with the shares of votes as probabilities.
    """
    answered = answers >= 0
    same = agreement(answers) | (np.eye(answers.shape[1], dtype=bool) & answered[:, :, None])
    votes = np.maximum(same.sum(axis=2), 1)
    unseen = np.maximum(options - (answered / votes).sum(axis=1, keepdims=True), 0)
    probabilities = votes / np.maximum(answered.sum(axis=1, keepdims=True), 1)
    accuracies = np.zeros(answers.shape[1])
    for _ in range(ROUNDS):
        right = (answered * probabilities).sum(axis=0)
        updated = (right + 1) / (answered.sum(axis=0) + 2)
        before, accuracies = accuracies, np.maximum(updated, 1 / options)
        if np.abs(accuracies - before).max() < SETTLED:
            break
        support = same @ log_odds(accuracies, options)
        highest = np.maximum(support.max(axis=1, keepdims=True), 0)
        likelihood = np.where(answered, np.exp(support - highest), 0)
        # an answer with v votes is met v times
        total = (likelihood / votes).sum(axis=1, keepdims=True) + unseen * np.exp(-highest)
        probabilities = likelihood / np.maximum(total, np.finfo(float).tiny)
    return accuracies
