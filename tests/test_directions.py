"""The directions that the ablation compares, against loops over vectors and laws."""

import itertools

import numpy as np
import pytest

from experiments.research.directions import (
    DIRECTIONS,
    correlated_down_weighted,
    held_out_k,
    posterior,
    reweighted,
    shrunk,
    shrunk_by_reliability,
    triplet_variance,
    without_length,
)
from smoothie import SmoothieGlobal, SmoothieLocal
from smoothie.evidence import Votes
from tests.naive import naive_distances, naive_errors, naive_neighbors


@pytest.fixture
def generations():
    draw = np.random.default_rng(0)
    return draw.normal(size=(40, 1, 6)) + draw.normal(size=(40, 5, 6)) * [[0.5], [1], [1], [2], [3]]


@pytest.fixture
def votes(generations):
    draw = np.random.default_rng(1)
    texts = np.array([["a" * int(n) for n in row] for row in draw.integers(1, 30, (40, 5))], object)
    return Votes(naive_distances(generations), draw.normal(size=(40, 3)), texts)


def test_posterior_is_closeness_to_the_weighted_centroid(generations, votes):
    weights = SmoothieGlobal().fit(generations).weights_
    centroids = np.einsum("nkd,k->nd", generations, weights)
    expected = -((generations - centroids[:, None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(posterior(votes, k=None), expected)
    weights = SmoothieLocal(k=7).fit(generations, inputs=votes.inputs).weights_
    centroids = np.einsum("nkd,nk->nd", generations, weights)
    expected = -((generations - centroids[:, None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(posterior(votes, k=7), expected)


def test_shrinking_leads_from_local_to_global(generations, votes):
    local, everywhere = SmoothieLocal(k=1).fit(generations), SmoothieGlobal().fit(generations)
    np.testing.assert_allclose(shrunk(votes, 0), -local.errors_)
    np.testing.assert_allclose(shrunk(votes, 1e9), np.tile(-everywhere.errors_, (40, 1)), rtol=1e-6)
    same = Votes(np.repeat(votes.distances[:1], 40, axis=0))  # nothing varies: nothing to shrink
    np.testing.assert_allclose(
        shrunk_by_reliability(same), -np.tile(naive_errors(generations[:1]), (40, 1))
    )


def test_triplets_vary_as_in_a_loop(votes):
    expected = np.zeros((40, 5))
    for row, i in itertools.product(range(40), range(5)):
        d = votes.distances[row]
        pairs = itertools.combinations([j for j in range(5) if j != i], 2)
        expected[row, i] = np.var([(d[i, j] + d[i, k] - d[j, k]) / 2 for j, k in pairs])
    np.testing.assert_allclose(triplet_variance(votes.distances), expected)


def test_without_rounds_all_voters_count_alike(votes):
    np.testing.assert_allclose(reweighted(votes, 0), -votes.distances.mean(axis=2))
    weights = np.full(5, 1 / 5)
    for _ in range(10):
        spread = [np.mean([row[i] @ weights for row in votes.distances]) for i in range(5)]
        weights = (1 / np.array(spread)) / sum(1 / np.array(spread))
    expected = [[-(row[i] @ weights) for i in range(5)] for row in votes.distances]
    np.testing.assert_allclose(reweighted(votes, 10), expected)


def test_only_correlated_voters_are_down_weighted():
    errors = np.array([1.0, 2.0, 3.0, 4.0, 2.0])
    independent = (errors[:, None] + errors[None, :]) * (1 - np.eye(5))
    votes = Votes(independent[None])
    np.testing.assert_allclose(correlated_down_weighted(votes), -votes.distances.sum(axis=2))
    close = independent.copy()
    close[1, 4] = close[4, 1] = 0.5  # these two share their errors
    change = correlated_down_weighted(Votes(close[None]))[0] / -close.sum(axis=1)
    assert change[0] < 1
    assert change[1] > change[0]  # loses a friend's vote alone, which counted for little


def test_length_alone_explains_distances_of_lengths():
    lengths = np.random.default_rng(0).integers(1, 50, (30, 4))
    texts = np.array([["x" * int(n) for n in row] for row in lengths], dtype=object)
    logs = np.log1p(lengths)
    distances = 3 * (logs[:, :, None] - logs[:, None, :]) ** 2
    np.testing.assert_allclose(without_length(Votes(distances, texts=texts)), 0, atol=1e-9)


def test_k_is_the_one_that_predicts_best(generations, votes):
    near = naive_neighbors(votes.inputs, votes.inputs, 20, own=True)
    misses = {}
    for size in (2, 5, 10, 20):
        found = [votes.distances[row[1:size]].mean(axis=0) for row in near]
        misses[size] = np.mean((np.array(found) - votes.distances) ** 2)
    best = min(misses, key=misses.get)
    expected = SmoothieLocal(k=best).fit(generations, inputs=votes.inputs).errors_
    np.testing.assert_allclose(held_out_k(votes, (2, 5, 10, 20, 100)), -expected)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_candidates_are_treated_alike(name, votes):
    order = np.array([3, 0, 4, 1, 2])
    found = DIRECTIONS[name](votes)
    assert found.shape == (40, 5)
    np.testing.assert_allclose(DIRECTIONS[name](votes.select(order)), found[:, order], rtol=1e-6)
