"""Directions without labels that were tried beside Consensus; `ablation` compares them.

Each is a function of the votes that returns a number for each text, (N, K): the highest is chosen.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.estimator import inverse_error_weights, resolve_errors, triplet_errors
from smoothie.evidence import Votes
from smoothie.neighbors.exact import nearest
from smoothie.routers.smoothie_local import neighborhood_means

Floats = NDArray[np.float64]


def errors_of(distances: NDArray[np.floating[Any]]) -> Floats:
    """Smoothie's errors (..., K) of mean distances (..., K, K), positive."""
    errors: Floats = resolve_errors(triplet_errors(distances))
    return errors


def near_distances(votes: Votes, k: int | None) -> Floats:
    """Distances averaged over the k nearest inputs; over all inputs for None, shape (1, K, K)."""
    if k is None:
        mean: Floats = votes.distances.mean(axis=0, keepdims=True)
        return mean
    if votes.inputs is None:
        return votes.distances
    return next(neighborhood_means(votes.distances, votes.index.search(k), [k]))


def posterior(votes: Votes, k: int | None) -> Floats:
    """Closeness to the posterior mean of the true answer, instead of the weights alone.

    Under the latent Gaussian model, the truth given the answers has its mean at their centroid,
    weighted by 1/error. Distances to a centroid follow from those between the answers.
    """
    weights = np.broadcast_to(
        inverse_error_weights(errors_of(near_distances(votes, k))), votes.shape
    )
    to_others = np.einsum("nij,nj->ni", votes.distances, weights)
    within = np.einsum("ni,ni->n", to_others, weights) / 2
    closeness: Floats = within[:, None] - to_others
    return closeness


def shrunk(votes: Votes, strength: float) -> Floats:
    """Errors from distances and their mean over all inputs, which counts as `strength` inputs."""
    mean = near_distances(votes, None)
    return -errors_of((votes.distances + strength * mean) / (1 + strength))


def shrunk_by_reliability(votes: Votes) -> Floats:
    """Empirical Bayes between Local and Global, with a strength estimated from the distances.

    An error estimated from an input alone is the mean over the pairs of other candidates of a
    triplet estimate; their variance estimates its noise (tau). The variance of errors over
    inputs beyond that is real (omega). The posterior mean weighs them accordingly.
    """
    errors = triplet_errors(votes.distances)
    candidates = votes.shape[1]
    mean = errors.mean(axis=0)
    spread = errors.var(axis=0).mean()
    noise = triplet_variance(votes.distances).mean() / max(
        1, (candidates - 1) * (candidates - 2) / 2
    )
    kept = max(0.0, spread - noise) / spread if spread > 0 else 0.0
    result: Floats = -(kept * errors + (1 - kept) * mean)
    return result


def triplet_variance(distances: NDArray[np.floating[Any]]) -> Floats:
    """Variance over all pairs of others of the triplet estimates, (N, K)."""
    candidates = distances.shape[1]
    result = np.empty(distances.shape[:2])
    for i in range(candidates):
        rest = [j for j in range(candidates) if j != i]
        first, second = (np.array(rest)[side] for side in np.triu_indices(len(rest), k=1))
        triplets = (
            distances[:, i, first] + distances[:, i, second] - distances[:, first, second]
        ) / 2
        result[:, i] = triplets.var(axis=1)
    return result


def reweighted(votes: Votes, rounds: int) -> Floats:
    """Iterated: each voter's distance is weighted by its weight from the previous round."""
    weights = np.full(votes.shape[1], 1 / votes.shape[1])
    mean = votes.distances.mean(axis=0)
    for _ in range(rounds):
        weights = inverse_error_weights(np.maximum(mean @ weights, 1e-12))
    closeness: Floats = -(votes.distances @ weights)
    return closeness


def correlated_down_weighted(votes: Votes) -> Floats:
    """Correlated voters: candidates that are closer than their errors imply are down-weighted.

    Independent errors make distances add up, d_ij = e_i + e_j. Where a pair is closer, their errors
    share c_ij = (e_i + e_j - d_ij) / 2; each voter is weighted by the inverse sum of its
    correlations.
    """
    mean = votes.distances.mean(axis=0)
    errors = errors_of(mean)
    shared = np.maximum(errors[:, None] + errors[None, :] - mean, 0) / 2
    correlation = np.minimum(shared / np.sqrt(np.outer(errors, errors)), 1)
    np.fill_diagonal(correlation, 1)
    closeness: Floats = -(votes.distances @ (1 / correlation.sum(axis=1)))
    return closeness


def without_length(votes: Votes) -> Floats:
    """Length as a nuisance: the part of the distances explained by length is removed."""
    assert votes.texts is not None
    lengths = np.log1p(np.array([[len(text) for text in row] for row in votes.texts], dtype=float))
    apart = (lengths[:, :, None] - lengths[:, None, :]) ** 2
    pairs = np.triu_indices(votes.shape[1], k=1)
    known, distances = apart[:, *pairs], votes.distances[:, *pairs]
    centered = known - known.mean()
    total = (centered**2).sum()
    slope = (
        max(0.0, float((centered * (distances - distances.mean())).sum() / total)) if total else 0.0
    )
    closeness: Floats = -np.maximum(votes.distances - slope * apart, 0).sum(axis=2)
    return closeness


def held_out_k(votes: Votes, sizes: tuple[int, ...] = (2, 5, 10, 20, 50, 100)) -> Floats:
    """Smoothie-Local with the k whose neighbors predict an input's own distances best."""
    if votes.inputs is None:
        return -errors_of(votes.distances)
    rows = votes.shape[0]
    usable = [size for size in sizes if size <= rows]
    near = nearest(votes.inputs, max(usable))
    misses = [
        float(((mean - votes.distances) ** 2).mean())
        for mean in neighborhood_means(votes.distances, near[:, 1:], [size - 1 for size in usable])
    ]
    return -errors_of(near_distances(votes, usable[int(np.argmin(misses))]))


DIRECTIONS: dict[str, Callable[[Votes], Floats]] = {
    "posterior mean, weights over all inputs": partial(posterior, k=None),
    "posterior mean, weights over 20 neighbors": partial(posterior, k=20),
    "distances shrunk to their mean, strength 3": partial(shrunk, strength=3),
    "errors shrunk by their reliability": shrunk_by_reliability,
    "voters reweighted, 10 rounds": partial(reweighted, rounds=10),
    "correlated voters down-weighted": correlated_down_weighted,
    "length taken off the distances": without_length,
    "k by held-out distances": held_out_k,
}
