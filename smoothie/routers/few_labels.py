"""Few labels: Consensus as the prior, a few labels as the likelihood, of which text is better."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import NotAvailableError
from smoothie.evidence import Evidence, Fold
from smoothie.posterior import Preference, checked, fit, standard
from smoothie.routers.base import Routing, register_router
from smoothie.routers.consensus import Consensus
from smoothie.routers.labelled import LabelledRouter

Floats = NDArray[np.float64]


@register_router("few_labels")
@dataclass(eq=False, repr=False)
class FewLabels(LabelledRouter):
    """Consensus, corrected by a few labels.

    The posterior mean of a linear model (`smoothie.posterior`) in which each candidate is as good
    as its texts are supported by those of the others, and better or worse by a constant. With no
    label that is Consensus; with many, the mean score of each candidate, corrected for the support
    of the single text. If one candidate did clearly better on the labeled inputs than what the
    model chooses there, it is chosen for all.

    Parameters
    ----------
    budget : int
        Largest number of labeled inputs for a choice; 0 is Consensus.

    Notes
    -----
    The texts of labeled inputs are looked at as well as their scores, so labels of a training split
    cannot be used. Cost: that of Consensus, and O(n K^3 + t K^3) for n labels and t rounds of EM
    (some tens), for each draw and fold.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import FewLabels
    >>> distances = np.tile([[0.0, 1.0, 2.0], [1.0, 0.0, 2.0], [2.0, 2.0, 0.0]], (10, 1, 1))
    >>> evidence = Evidence(Votes(distances), scores=np.tile([0.2, 0.5, 0.9], (10, 1)))
    >>> FewLabels(budget=0, trials=1).route(evidence).choices[0, :3]  # the first two are alike
    array([0, 0, 0])
    >>> FewLabels(budget=5, trials=1).route(evidence).choices[0, :3]
    array([2, 2, 2])
    """

    uses = Consensus.uses
    least = 0
    fewest = Consensus.fewest

    def route(self, evidence: Evidence) -> Routing:
        """Choose for every input, from samples of labels that contain none of its own fold.

        Only candidates that have labels are chosen; all of them vote.
        """
        if self.budget == 0:
            return Consensus().route(evidence)
        support = standard(Consensus().support(evidence)[:, evidence.labels.candidates])

        def choose(fold: Fold) -> NDArray[np.intp]:
            labeled = fold.sample.rows
            if labeled is None:
                raise NotAvailableError("it needs labels of inputs to route, not of another split")
            known, scores = support[labeled], fold.sample.scores
            posterior = checked(fit(known, scores), known, scores)
            return np.asarray(posterior.expected(support[fold.rows]).argmax(axis=1))

        return self.cross_fit(evidence, choose)


def route_with(
    evidence: Evidence, labels: Floats, preferences: Sequence[Preference] = ()
) -> Routing:
    """Choose for every input by all the labels that there are, its own included.

    Parameters
    ----------
    evidence : Evidence
        Texts, distances, or both.
    labels : ndarray of shape (N, K)
        Scores of texts, higher is better; NaN where nobody judged.
    preferences : sequence of Preference
        Which of two texts is better.

    Returns
    -------
    Routing
        Labeled texts of an input are compared by their labels, the others by what is expected of
        them; without any label, the choices of Consensus. Its weights are those of Consensus.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers.few_labels import route_with
    >>> distances = np.tile([[0.0, 1.0, 2.0], [1.0, 0.0, 2.0], [2.0, 2.0, 0.0]], (3, 1, 1))
    >>> labels = np.full((3, 3), np.nan)
    >>> route_with(Evidence(Votes(distances)), labels).choices
    array([[0, 0, 0]])
    >>> labels[1] = [0, 0, 1]
    >>> route_with(Evidence(Votes(distances)), labels).choices
    array([[0, 2, 0]])
    """
    support = standard(Consensus().support(evidence))
    largest = np.max(np.abs(labels), where=~np.isnan(labels), initial=0.0)
    labels = labels / largest if largest > 0 else labels  # so that no square overflows
    posterior = checked(fit(support, labels, preferences), support, labels)
    judged = int((~np.isnan(labels)).any(axis=1).sum())
    rows = judged + len({preference.row for preference in preferences})
    if not rows:
        return Consensus().route(evidence)
    quality = with_labels(posterior.expected(support) * posterior.unit, labels)
    return Routing(quality.argmax(axis=1)[None, :], labels_used=rows)


def with_labels(quality: Floats, labels: Floats) -> Floats:
    """Expected quality (N, K), replaced by labels where they are known, on the level of the row."""
    known = ~np.isnan(labels)
    counts = np.maximum(known.sum(axis=1, keepdims=True), 1)
    level = np.where(known, labels - quality, 0).sum(axis=1, keepdims=True) / counts
    return np.where(known, labels, quality + level)
