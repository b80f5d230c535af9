"""Definitions of how sure a choice is, input by input; `calibration` compares them."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from smoothie.diagnosis import confidence_of
from smoothie.evidence import Evidence
from smoothie.routers.base import Routing
from smoothie.routers.consensus import Consensus, shared_meaning
from smoothie.routers.voting import agreement

Floats = NDArray[np.float64]
Confidence = Callable[[Evidence, Routing, Routing], Floats | None]


def lead(weights: Floats, choices: NDArray[np.intp], rivals: NDArray[np.bool_]) -> Floats:
    """The weight of the chosen text less that of the best of its rivals, as a share of it."""
    chosen = weights[np.arange(len(weights)), choices]
    best = np.where(rivals, weights, 0).max(axis=1)
    share = np.divide(chosen - best, chosen, out=np.zeros(len(chosen)), where=chosen > 0)
    return np.asarray(share.clip(0, 1))


def own_lead(evidence: Evidence, routing: Routing, consensus: Routing) -> Floats | None:
    """By the method's own weights, over the best other text."""
    if routing.weights is None or routing.weights.ndim == 1:
        return None
    rivals = np.arange(evidence.shape[1]) != routing.choices[0][:, None]
    return lead(routing.weights, routing.choices[0], rivals)


def own_lead_of_answers(evidence: Evidence, routing: Routing, consensus: Routing) -> Floats | None:
    """As `own_lead`, where texts with the same answer, or that are equal, are no rivals."""
    if routing.weights is None or routing.weights.ndim == 1:
        return None
    answers = evidence.answers(Consensus().answered)
    compared = (answers >= 0).any(axis=1, keepdims=True)
    codes = np.unique(evidence.texts.astype(str), return_inverse=True)[1]
    answers = np.where(compared, answers, codes.reshape(evidence.shape))
    same = agreement(answers)[np.arange(len(answers)), routing.choices[0]]
    rivals = ~same & (np.arange(evidence.shape[1]) != routing.choices[0][:, None])
    return lead(routing.weights, routing.choices[0], rivals)


def own_weight(evidence: Evidence, routing: Routing, consensus: Routing) -> Floats | None:
    """The method's own weight of the chosen text."""
    if routing.weights is None or routing.weights.ndim == 1:
        return None
    return np.asarray(routing.weights[np.arange(evidence.shape[0]), routing.choices[0]])


def left_out(evidence: Evidence, routing: Routing, consensus: Routing) -> Floats:
    """Share of the other candidates without which a text is nearest to all others, still."""
    distances, choices = evidence.distances, routing.choices[0]
    sums = distances.sum(axis=2)
    rows = np.arange(len(choices))
    stays = np.zeros(len(choices))
    for j in range(evidence.shape[1]):
        without = sums - distances[:, :, j]
        without[:, j] = np.inf
        stays += (without.argmin(axis=1) == choices) & (choices != j)
    return np.asarray(stays[rows] / (evidence.shape[1] - 1))


def meaning(evidence: Evidence, routing: Routing, consensus: Routing) -> Floats:
    """Support of the chosen text in meaning, less that of an average one."""
    support = shared_meaning(evidence.distances)
    return np.asarray(support[np.arange(len(support)), routing.choices[0]] - support.mean(axis=1))


def support(evidence: Evidence, routing: Routing, consensus: Routing) -> Floats:
    """What `RoutedTexts.confidence` is."""
    return confidence_of(evidence, routing.choices[0], consensus.weights)


CONFIDENCES: dict[str, Confidence] = {
    "support by Consensus": support,
    "support in meaning": meaning,
    "own weight": own_weight,
    "own lead": own_lead,
    "own lead of answers": own_lead_of_answers,
    "nearest with each left out": left_out,
}


def halves(
    name: str,
    confidence: Floats | None,
    choices: NDArray[np.intp],
    quality: Floats,
    scored: NDArray[np.bool_],
) -> dict[str, float | None]:
    """What the more confident half of the scored inputs gains beyond the other half.

    Parameters
    ----------
    name : str
    confidence : ndarray of shape (N,) or None
    choices : ndarray of shape (N,)
    quality : ndarray of shape (N, K)
    scored : ndarray of shape (N,), bool

    Returns
    -------
    dict
        The difference of mean gains over random, in percent of the way from random to the oracle
        over all inputs; None where there is no confidence or no such way. Of equal confidences the
        first ones are in the upper half.
    """
    if confidence is None:
        return {name: None}
    values = quality[scored]
    way = values.max(axis=1).mean() - values.mean()
    if way <= 0:
        return {name: None}
    gains = values[np.arange(len(values)), choices[scored]] - values.mean(axis=1)
    order = np.argsort(-confidence[scored], kind="stable")
    half = len(order) // 2
    return {name: float(100 * (gains[order[:half]].mean() - gains[order[half:]].mean()) / way)}
