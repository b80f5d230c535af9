"""What routers share: routings, seeds and declarations."""

import numpy as np
import pytest

from smoothie import SmoothieError, SmoothieGlobal, SmoothieLocal
from smoothie.evidence import Need
from smoothie.routers.base import Routing, require_trials, seeded
from smoothie.routers.smoothie_answers import SmoothieAnswers
from smoothie.routers.smoothie_local import neighborhood_means
from smoothie.routers.smoothie_prior import SmoothiePrior
from tests.naive import naive_distances, naive_errors

ROWS = [np.array([3, 0]), np.array([True, False, False, True, False]), np.array([], dtype=int)]


@pytest.mark.parametrize("rows", ROWS)
def test_a_routing_is_taken_with_all_that_it_has_for_each_input(rows):
    draw = np.random.default_rng(0)
    choices, weights = draw.integers(3, size=(2, 5)), draw.random((5, 3))
    known = np.array([True, False, True, True, False])
    taken = Routing(choices, weights=weights, labels_used=4, known=known).take(rows)
    np.testing.assert_array_equal(taken.choices, choices[:, rows])
    np.testing.assert_array_equal(taken.weights, weights[rows])
    np.testing.assert_array_equal(taken.known, known[rows])
    assert taken.labels_used == 4
    bare = Routing(choices, probabilities=weights[0], weights=weights[1]).take(rows)
    np.testing.assert_array_equal(bare.weights, weights[1])  # of the candidates, not of inputs
    np.testing.assert_array_equal(bare.probabilities, weights[0])
    assert bare.known is None
    assert Routing(choices).take(rows).weights is None


def test_seeds_and_trials_have_limits():
    assert seeded(2**32 - 1).random() == np.random.default_rng(2**32 - 1).random()
    assert seeded(0).random() == np.random.default_rng(0).random()
    for seed in (-1, 2**32):
        with pytest.raises(SmoothieError, match=rf"^seed={seed}: expected zero or more, below 2"):
            seeded(seed)
    require_trials(1)
    require_trials(100_000)
    for trials in (0, 100_001):
        with pytest.raises(SmoothieError, match=rf"^trials={trials}: expected 1 to 100,000$"):
            require_trials(trials)


@pytest.mark.parametrize("router", [SmoothieAnswers, SmoothieLocal, SmoothiePrior])
def test_inputs_are_needed_as_soon_as_there_are_neighbors(router):
    assert Need.INPUTS not in router(k=1).needs
    assert Need.INPUTS in router(k=2).needs


def test_means_over_neighborhoods_of_several_sizes():
    distances = naive_distances(np.random.default_rng(0).normal(size=(8, 3, 2)))
    near = np.argsort(np.random.default_rng(1).random((8, 8)), axis=1)
    for sizes in ([1, 3, 8], [2, 2, 3], [5], []):
        found = list(neighborhood_means(distances, near, sizes))
        assert len(found) == len(sizes)
        for size, means in zip(sizes, found, strict=True):
            expected = [distances[rows[:size]].mean(axis=0) for rows in near]
            np.testing.assert_allclose(means, expected, atol=1e-12)


def test_one_fitted_row_is_enough_for_new_inputs():
    generations = np.random.default_rng(0).normal(size=(1, 3, 2))
    best = naive_errors(generations).clip(1e-12).argmin()
    assert SmoothieGlobal().fit(generations).predict(np.zeros((3, 1))).tolist() == [best] * 3
    by_task = SmoothieGlobal(fit_by="task").fit(generations, groups=["a"])
    assert by_task.predict(groups=["a", "a"]).tolist() == [best] * 2
    none = by_task.predict(groups=[])
    assert none.shape == (0,)
    assert none.dtype == np.intp
