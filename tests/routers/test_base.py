"""What routers share: routings, seeds and declarations."""

from dataclasses import dataclass

import numpy as np
import pytest

from smoothie import SmoothieError, SmoothieGlobal, SmoothieLocal
from smoothie.errors import NotAvailableError
from smoothie.evidence import Evidence, Labelled, Need, Votes
from smoothie.routers.base import Router, Routing, require_trials, seeded, wrong_router
from smoothie.routers.consensus import Consensus, shared_answers, shared_meaning
from smoothie.routers.estimators import SmoothieEstimator
from smoothie.routers.labeled_knn import LabeledKNN
from smoothie.routers.labelled import require_inputs
from smoothie.routers.logistic_regression import LogisticRegressionRouter
from smoothie.routers.mlp import MLPRouter
from smoothie.routers.oracle import Oracle
from smoothie.routers.random import Random
from smoothie.routers.smoothie_answers import SmoothieAnswers
from smoothie.routers.smoothie_generations import SmoothieGenerations
from smoothie.routers.smoothie_local import neighborhood_means
from smoothie.routers.smoothie_prior import SmoothiePrior
from smoothie.routers.stored import StoredSelections
from smoothie.routers.voting import choose
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


class Routes(Router):
    def route(self, evidence):
        return Routing(np.zeros((1, evidence.shape[0]), dtype=int))


@dataclass
class Complete(Routes):
    setting: int = 1


@dataclass
class WithoutDefault(Routes):
    setting: int


@dataclass
class NoRoute(Router):
    setting: int = 1


def test_what_is_no_router_is_told():
    assert wrong_router(Complete) is None
    for other in (int, "router", Complete(), Routing):
        assert wrong_router(other) == "expected a subclass of smoothie.routers.Router"
    assert wrong_router(NoRoute) == "it has no method route(evidence)"
    assert wrong_router(Routes).startswith("expected a dataclass")
    assert wrong_router(WithoutDefault) == "its setting 'setting' has no default"


@pytest.mark.parametrize(
    ("router", "setting", "accepted", "refused"),
    [
        (Consensus, "beta", [1e-9, 0.5, 1.0], [0, -1, np.inf, np.nan]),
        (Consensus, "prior", [0, 0.5, 1e9], [-1, np.inf, np.nan]),
        (Consensus, "answered", [0, 0.5, 1], [-0.1, 1.1, np.nan]),
        (SmoothiePrior, "strength", [0, 0.5, 1e9], [-1, np.inf, np.nan]),
        (LogisticRegressionRouter, "C", [1e-9, 1e9], [0, -1, np.inf, np.nan]),
        (MLPRouter, "hidden", [1, 2], [0, -1]),
        (MLPRouter, "alpha", [0, 0.5], [-1, np.inf, np.nan]),
        (LabeledKNN, "neighbors", [1, 2], [0, -1]),
    ],
)
def test_settings_have_limits(router, setting, accepted, refused):
    for value in accepted:
        assert getattr(router(**{setting: value}), setting) == value
    for value in refused:
        with pytest.raises(SmoothieError, match=rf"^{setting}={value}: expected"):
            router(**{setting: value})


def test_inputs_to_learn_from_and_to_choose_for_are_needed():
    given = np.zeros((2, 1))
    learned, asked = require_inputs("m", Labelled(given, given), given + 1)
    assert (learned == 0).all()
    assert (asked == 1).all()
    for sample, inputs in ((None, given), (given, None), (None, None)):
        with pytest.raises(SmoothieError, match=r"^m needs inputs that are not empty$"):
            require_inputs("m", Labelled(given, sample), inputs)
    with pytest.raises(SmoothieError, match=r"^labeled_knn needs inputs"):
        LabeledKNN().choose(Labelled(given), None, 2)


def test_means_over_neighbors_that_differ_by_rounding_tie_in_each_row():
    """Then the whole sample decides, by which the last candidate is the best."""
    inputs = np.array([[0.0], [1.0], [100.0], [200.0], [201.0]])
    scores = np.array([[0.3, 0, 0.1], [0, 0, 0.2], [0, 0, 9], [5, 0, 5], [5, 0, 5 - 4e-9]])
    router = LabeledKNN(neighbors=2)
    chosen = router.choose(Labelled(scores, inputs), np.array([[0.5], [200.5]]), 2)
    assert chosen.tolist() == [2, 0]  # 0.15 each, by rounding; 5 and less by 2e-9


def test_hindsight_says_which_inputs_it_is_known_on():
    scores = np.array([[1.0, 3, 2], [5, 0, np.nan], [0, 9, 9]])
    routing = Oracle().route(Evidence(Votes(np.zeros((3, 3, 3))), scores))
    assert routing.labels_used == 2
    assert routing.known.tolist() == [True, False, True]


def test_drawn_choices_have_no_expectation_unless_asked_for():
    evidence = Evidence(Votes(np.zeros((5, 4, 4))))
    assert Random(expectation=False, trials=3).route(evidence).probabilities is None
    np.testing.assert_array_equal(Random().route(evidence).probabilities, [0.25] * 4)


def test_stored_choices_are_looked_up_by_folder_and_file():
    stored = {"a/b.json": np.array([[2, 0]])}
    evidence = Evidence(Votes(np.zeros((2, 3, 3))), selections=stored.__getitem__)
    assert StoredSelections(folder="a", file="b.json").route(evidence).choices.tolist() == [[2, 0]]
    with pytest.raises(NotAvailableError, match=r"^no selections are stored"):
        StoredSelections().route(evidence)


def test_answers_without_other_support_share_nothing():
    """Two candidates that agree have one another's weight; the third has no support."""
    np.testing.assert_allclose(shared_answers(np.array([[1, 1, -3], [4, 4, 5]])), [[1, 1, 0]] * 2)
    lone = np.array([[0, 0, 2], [3, 4, 5], [6, 7, 8]])
    np.testing.assert_allclose(shared_answers(lone), [[1, 1, 0], [0, 0, 0], [0, 0, 0]])


def test_equal_answers_share_all_their_meaning():
    np.testing.assert_array_equal(shared_meaning(np.zeros((2, 4, 4))), np.ones((2, 4)))


def test_rows_without_an_answer_are_decided_by_their_support():
    support, answered = np.array([[1.0, 2.0], [0.0, 1.0]]), np.array([[False] * 2, [True, False]])
    assert choose(support, np.array([0.0, 9.0]), answered).tolist() == [1, 0]


def test_by_task_from_evidence_is_by_task_from_generations():
    generations = np.random.default_rng(0).normal(size=(9, 4, 3))
    tasks = np.array(["a", "b", "a"] * 3)
    distances = naive_distances(generations)
    expected = SmoothieGlobal(fit_by="task").fit(generations, groups=tasks)
    model = SmoothieGlobal(fit_by="task")
    assert model.needs == {Need.DISTANCES, Need.TASKS}
    assert SmoothieGlobal().needs == SmoothieGlobal(fit_by="input").needs == {Need.DISTANCES}
    for fitted in (
        model.fit_evidence(Evidence(Votes(distances, tasks=tasks))),
        SmoothieGlobal(fit_by="task").fit_distances(distances, groups=tasks),
    ):
        np.testing.assert_allclose(fitted.errors_, expected.errors_)
        np.testing.assert_array_equal(fitted.choices_, expected.choices_)
        assert fitted.predict_texts(["x", "y"], groups=["b", "a"]).tolist() == [
            expected.choices_[1],
            expected.choices_[0],
        ]
    whole = SmoothieGlobal().fit(generations)
    assert whole.predict_texts(["x", "y"]).tolist() == [whole.choices_[0]] * 2


def test_estimators_need_distances_unless_they_say_otherwise():
    assert SmoothieEstimator().needs == {Need.DISTANCES}


def test_generations_of_no_dimensions_are_refused():
    with pytest.raises(SmoothieError, match="vectors of zero dimensions have no distances"):
        SmoothieGenerations().fit(np.zeros((2, 3, 2, 0)))


def test_k_is_compared_with_the_number_of_inputs():
    SmoothieLocal(k=5).check((5, 3))
    with pytest.raises(SmoothieError, match=r"^k=4: expected between 1 and .*, 3$"):
        SmoothieLocal(k=4).check((3, 9))


def test_no_new_inputs_have_no_choices():
    draw = np.random.default_rng(0)
    model = SmoothieLocal(k=2).fit(draw.normal(size=(4, 3, 2)), inputs=draw.normal(size=(4, 2)))
    none = model.predict(np.zeros((0, 2)))
    assert none.shape == (0,)
    assert none.dtype == np.intp
    with pytest.raises(SmoothieError, match=r"^inputs: row 1 holds"):
        model.fit(draw.normal(size=(2, 3, 2)), inputs=np.array([[0], [np.nan]]))
