import inspect

import numpy as np
import pytest

from smoothie import SmoothieError, SmoothieGlobal, SmoothieLocal
from smoothie.estimator import squared_distances
from smoothie.routers import ROUTERS, SmoothieGlobalTrain, SmoothieLocalTrain
from smoothie.routers.base import Votes
from smoothie.routers.train_time import TrainTimeRouter
from tests.naive import naive_errors, naive_neighbours


@pytest.fixture
def split():
    draw = np.random.default_rng(3)
    generations = draw.normal(size=(30, 4, 5))
    return generations, draw.normal(size=(30, 6)), draw.normal(size=(11, 6))


def test_global_takes_its_weights_from_the_training_split(split):
    generations, inputs, new = split
    train = Votes(squared_distances(generations), inputs)
    routing = SmoothieGlobalTrain().route_new(train, new, len(new))
    errors = naive_errors(generations)
    assert set(routing.choices[0]) == {errors.argmin()}
    np.testing.assert_allclose(routing.weights, (1 / errors) / (1 / errors).sum())
    fitted = SmoothieGlobal().fit(generations)
    np.testing.assert_array_equal(fitted.predict(new), routing.choices[0])


def test_local_asks_the_nearest_training_inputs(split):
    generations, inputs, new = split
    train = Votes(squared_distances(generations), inputs)
    routing = SmoothieLocalTrain(k=7).route_new(train, new, len(new))
    near = naive_neighbours(inputs, new, 7, own=False)
    expected = [naive_errors(generations[rows]).argmin() for rows in near]
    np.testing.assert_array_equal(routing.choices[0], expected)
    fitted = SmoothieLocal(k=7).fit(generations, inputs)
    np.testing.assert_array_equal(fitted.predict(new), expected)


def test_a_small_split_is_one_neighbourhood(split):
    generations, inputs, new = split
    train = Votes(squared_distances(generations), inputs)
    routing = SmoothieLocalTrain(k=50).route_new(train, new, len(new))
    assert set(routing.choices[0]) == {naive_errors(generations).argmin()}


def test_no_test_answer_can_be_asked_for():
    """What they are handed holds training votes, test inputs and a number: no test answers."""
    for router in ROUTERS.values():
        if issubclass(router, TrainTimeRouter):
            names = list(inspect.signature(router.route_new).parameters)
            assert names == ["self", "train", "inputs", "rows"]
            assert not hasattr(router, "route")


def test_local_needs_inputs(split):
    generations, inputs, _ = split
    with pytest.raises(SmoothieError, match="needs inputs"):
        SmoothieLocalTrain().route_new(Votes(squared_distances(generations), inputs), None, 3)
