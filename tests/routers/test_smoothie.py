"""The contract of SmoothieGlobal and SmoothieLocal as scikit-learn style estimators."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone

from smoothie import NotFittedError, SmoothieGlobal, SmoothieLocal
from smoothie.estimator import require_distances
from smoothie.evidence import Evidence, Votes
from tests.naive import naive_distances, naive_errors


@pytest.fixture
def data():
    generator = np.random.default_rng(0)
    return generator.normal(size=(20, 4, 6)), generator.normal(size=(20, 3))


def test_fitted_attributes(data):
    generations, inputs = data
    model = SmoothieGlobal()
    assert model.fit(generations) is model
    assert model.errors_.shape == model.weights_.shape == (4,)
    assert model.choices_.shape == (20,)
    local = SmoothieLocal(k=5)
    assert local.fit(generations, inputs=inputs) is local
    assert local.errors_.shape == local.weights_.shape == (20, 4)
    np.testing.assert_allclose(local.weights_.sum(axis=1), 1)
    np.testing.assert_array_equal(local.choices_, local.errors_.argmin(axis=1))


def test_local_with_all_inputs_as_neighbors_is_global(data):
    generations, inputs = data
    local = SmoothieLocal(k=20).fit(generations, inputs=inputs)
    model = SmoothieGlobal().fit(generations)
    np.testing.assert_allclose(local.errors_, np.tile(model.errors_, (20, 1)))


def test_k_one_needs_no_inputs_and_keeps_the_row_itself_among_duplicates(data):
    generations, _ = data
    alone = SmoothieLocal(k=1).fit(generations)
    among = SmoothieLocal(k=1).fit(generations, inputs=np.zeros((20, 3)))
    np.testing.assert_array_equal(alone.errors_, among.errors_)
    for row in range(20):
        expected = np.maximum(naive_errors(generations[row : row + 1]), 0)
        np.testing.assert_allclose(alone.errors_[row], expected, atol=1e-10)


def test_predict(data):
    generations, inputs = data
    new = np.random.default_rng(1).normal(size=(7, 3))
    model = SmoothieGlobal().fit(generations)
    np.testing.assert_array_equal(model.predict(), model.choices_)
    np.testing.assert_array_equal(model.predict(new), np.full(7, model.choices_[0]))

    local = SmoothieLocal(k=4).fit(generations, inputs=inputs)
    np.testing.assert_array_equal(local.predict(), local.choices_)
    for query, choice in zip(new, local.predict(new), strict=True):
        near = np.argsort(((inputs - query) ** 2).sum(axis=1))[:4]
        assert choice == np.maximum(naive_errors(generations[near]), 1e-12).argmin()


def test_what_predict_prepared_is_prepared_again_for_another_k_or_fit(data):
    """As by a grid search, or a refit on other inputs: all is as for a new model."""
    generations, inputs = data
    new = np.random.default_rng(1).normal(size=(40, 3))
    local, found = SmoothieLocal(k=4), []
    for rows in (slice(None), slice(12), slice(8, None)):
        local.fit(generations[rows], inputs=inputs[rows])  # k is as at the last prediction
        for k in (4, 9, 1, 4):
            found.append(local.set_params(k=k).predict(new))
            expected = []
            for query in new:
                near = np.argsort(((inputs[rows] - query) ** 2).sum(axis=1), kind="stable")[:k]
                errors = naive_errors(generations[rows][near])
                expected.append(np.maximum(errors, 1e-12).argmin())
            np.testing.assert_array_equal(found[-1], expected)
    assert len({tuple(choices) for choices in found}) == 9


def test_predict_refuses_what_it_cannot_do(data):
    generations, inputs = data
    with pytest.raises(NotFittedError, match="call fit"):
        SmoothieLocal().predict()
    with pytest.raises(ValueError, match="fit with inputs"):
        SmoothieLocal().fit(generations).predict(inputs)
    with pytest.raises(ValueError, match="3 dimensions"):
        SmoothieLocal().fit(generations, inputs=inputs).predict(np.zeros((2, 5)))


def test_unknown_parameters_are_named():
    with pytest.raises(ValueError, match="no parameter 'n'"):
        SmoothieLocal().set_params(n=1)


@pytest.mark.parametrize("model", [SmoothieGlobal(), SmoothieLocal()])
@pytest.mark.parametrize(
    ("generations", "message"),
    [
        (np.zeros((4, 2, 3)), "at least three candidates"),
        (np.zeros((4, 3)), "expected an array of shape"),
        (np.full((4, 3, 2), np.nan), "row 0, candidate 0"),
        (np.where(np.arange(24).reshape(4, 3, 2) == 9, np.inf, 0.0), "row 1, candidate 1"),
    ],
)
def test_bad_generations_are_named(model, generations, message):
    with pytest.raises(ValueError, match=message):
        model.fit(generations)


@pytest.mark.parametrize(
    ("k", "inputs", "message"),
    [
        (0, None, "k=0"),
        (21, np.zeros((20, 3)), "k=21"),
        (1.5, None, "whole number"),
        (2, None, "k=2 needs inputs"),
        (2, np.zeros((19, 3)), "20 rows, inputs 19"),
        (2, np.full((20, 3), np.nan), "row 0"),
    ],
)
def test_bad_k_and_inputs_are_named(data, k, inputs, message):
    with pytest.raises(ValueError, match=message):
        SmoothieLocal(k=k).fit(data[0], inputs=inputs)


@pytest.mark.parametrize("model", [SmoothieGlobal(), SmoothieLocal()])
def test_no_rows(model, data):
    with pytest.raises(ValueError, match="no rows"):
        model.fit(np.zeros((0, 3, 2)))
    beside = {"inputs": data[1]} if isinstance(model, SmoothieLocal) else {}
    fitted = model.fit(data[0], **beside)
    assert fitted.predict([]).shape == (0,)


@pytest.mark.filterwarnings("ignore:overflow")
def test_values_whose_squares_overflow_are_refused():
    with pytest.raises(ValueError, match="too large"):
        SmoothieLocal().fit(np.array([[[1e160], [0], [1]]]))
    with pytest.raises(ValueError, match="expected real numbers, found complex"):
        SmoothieLocal().fit(np.ones((1, 3, 2)) * 1j)


def test_votes_of_a_sub_ensemble_are_a_slice(data):
    generations, inputs = data
    columns = np.array([3, 0, 2])
    part = Votes(naive_distances(generations), inputs).select(columns)
    expected = SmoothieLocal(k=3).fit(generations[:, columns], inputs=inputs)
    np.testing.assert_allclose(
        SmoothieLocal(k=3).fit_evidence(Evidence(part)).errors_, expected.errors_
    )


@given(st.integers(1, 12), st.integers(3, 6), st.integers(1, 4), st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_by_task_is_one_fit_for_each_task(rows, candidates, tasks, seed):
    draw = np.random.default_rng(seed)
    generations = draw.normal(size=(rows, candidates, 3))
    groups = draw.integers(0, tasks, size=rows)
    model = SmoothieGlobal(fit_by="task").fit(generations, groups=groups)
    assert model.errors_.shape == model.weights_.shape == (rows, candidates)
    for group in set(groups.tolist()):
        alone = naive_errors(generations[groups == group])
        positive = np.maximum(alone, np.finfo(float).eps * alone.sum())
        for row in np.flatnonzero(groups == group):
            np.testing.assert_allclose(model.errors_[row], positive, atol=1e-12)
            np.testing.assert_allclose(model.weights_[row], (1 / positive) / (1 / positive).sum())
            assert model.choices_[row] == alone.clip(0).argmin()
    np.testing.assert_array_equal(model.predict(groups=groups[::-1]), model.choices_[::-1])


def test_the_extremes_of_grouping_are_global_and_local(data):
    generations, inputs = data
    whole = SmoothieGlobal().fit(generations)
    one = SmoothieGlobal(fit_by="task").fit(generations, groups=["same"] * 20)
    np.testing.assert_array_equal(one.errors_, np.tile(whole.errors_, (20, 1)))
    np.testing.assert_array_equal(one.choices_, whole.choices_)
    local = SmoothieLocal(k=1).fit(generations)
    each = SmoothieGlobal(fit_by="task").fit(generations, groups=range(20))
    own = SmoothieGlobal(fit_by="input").fit(generations)
    for model in (each, own):
        np.testing.assert_array_equal(model.errors_, local.errors_)
        np.testing.assert_array_equal(model.choices_, local.choices_)
    with pytest.raises(ValueError, match="new inputs lack"):
        own.predict(inputs)


def test_new_inputs_of_a_task(data):
    generations, inputs = data
    model = SmoothieGlobal(fit_by="task").fit(generations, groups=["a"] * 12 + ["b"] * 8)
    expected = [naive_errors(part).argmin() for part in (generations[:12], generations[12:])]
    assert model.predict(groups=["b", "a", "b"]).tolist() == [expected[i] for i in (1, 0, 1)]
    assert model.predict(inputs[:1], groups=["b"]).tolist() == expected[1:]
    for arguments, message in (
        ({"inputs": inputs}, "needs groups"),
        ({"groups": ["a", "c"]}, "no input of task 'c' was fitted; there are a, b"),
        ({"inputs": inputs, "groups": ["a"]}, "one for each of 20 rows"),
    ):
        with pytest.raises(ValueError, match=message):
            model.predict(**arguments)
    assert model.set_params(fit_by="all").fit(generations).predict(inputs).shape == (20,)


@pytest.mark.parametrize(
    ("fit_by", "groups", "message"),
    [
        ("task", None, "fit_by=task needs groups"),
        ("task", ["a"] * 19, "one for each of 20 rows"),
        ("task", [["a"]] * 20, "one for each of 20 rows"),
        ("day", None, "fit_by=day: expected one of all, task, input"),
    ],
)
def test_bad_groups_are_named(data, fit_by, groups, message):
    with pytest.raises(ValueError, match=message):
        SmoothieGlobal(fit_by=fit_by).fit(data[0], groups=groups)


@pytest.mark.parametrize("model", [SmoothieGlobal(), SmoothieLocal(k=3)])
def test_distances_may_come_from_anywhere(data, model):
    generations, inputs = data
    beside = {"inputs": inputs} if isinstance(model, SmoothieLocal) else {}
    expected = clone(model).fit(generations, **beside)
    given_ = model.fit_distances(naive_distances(generations), **beside)
    np.testing.assert_allclose(given_.errors_, expected.errors_)
    np.testing.assert_array_equal(given_.predict(inputs), expected.predict(inputs))


@pytest.mark.parametrize("model", [SmoothieGlobal(), SmoothieLocal()])
def test_one_cause_one_sentence_that_says_where(model):
    for distances in (np.zeros((3, 2, 2)), np.zeros((0, 3, 3)), broken(0, 2, 2, 0.5)):
        with pytest.raises(ValueError, match=r"^distances: "):
            model.fit_distances(distances)


def test_distances_that_are_no_embeddings(data):
    """The shares of words that differ, a distance with no vectors behind it."""
    said = [["a b c", "a b d", "x y z"], ["a", "b", "b"]]
    distances = [[[len(set(p.split()) ^ set(q.split())) for q in row] for p in row] for row in said]
    model = SmoothieLocal().fit_distances(np.array(distances))
    np.testing.assert_allclose(model.errors_, [[1, 1, 5], [2, 1e-300, 1e-300]], atol=1e-12)
    assert model.choices_.tolist() == [0, 1]


def broken(row, i, j, value):
    distances = np.ones((3, 4, 4)) - np.eye(4)
    distances[row, i, j] = value
    return distances


@pytest.mark.parametrize("model", [SmoothieGlobal(), SmoothieLocal()])
@pytest.mark.parametrize(
    ("distances", "message"),
    [
        (broken(1, 0, 2, np.nan), "row 1, candidates 0 and 2: nan is not finite"),
        (broken(2, 3, 1, -np.inf), "row 2, candidates 3 and 1: -inf is not finite"),
        (broken(2, 3, 1, 1e305), "too large to be summed"),
        (broken(2, 3, 1, -1), "row 2, candidates 3 and 1: -1 is negative"),
        (broken(0, 2, 2, 0.5), "row 0, candidates 2 and 2: 0.5 should be zero"),
        (broken(0, 1, 2, 2), "row 0, candidates 1 and 2: 2 differs from that of the other"),
        (np.zeros((3, 2, 2)), "at least three candidates"),
        (np.zeros((0, 3, 3)), "no rows"),
        (np.zeros((3, 3, 4)), "expected an array of shape .inputs, candidates, candidates."),
        (np.zeros((3, 3)), "found shape .3, 3."),
        (np.array([[["a"] * 3] * 3]), "expected real numbers"),
    ],
)
def test_bad_distances_are_named(model, distances, message):
    with pytest.raises(ValueError, match=message):
        model.fit_distances(distances)


@pytest.mark.parametrize("scale", [1e-9, 1, 1e9])
@pytest.mark.parametrize("place", [(0, 0), (0, 1), (2, 0)])
def test_rounding_in_distances_is_let_pass_in_each_row_at_its_scale(scale, place):
    distances = (np.ones((3, 3, 3)) - np.eye(3)) * scale
    distances[0] *= 1e9  # a row of much larger distances
    distances[2] = 0  # and one of equal answers
    for error, let_pass in ((1e-9, True), (-1e-9, True), (1e-5, False), (-1e-5, False)):
        given_ = distances.copy()
        given_[1][place] += error * scale
        if let_pass:
            weights = SmoothieLocal().fit_distances(given_).weights_
            np.testing.assert_allclose(weights, np.full((3, 3), 1 / 3), rtol=1e-8)
        else:
            with pytest.raises(ValueError, match=r"row 1, candidates \d and \d: "):
                SmoothieLocal().fit_distances(given_)


def test_the_largest_distances_can_be_summed():
    distances = (np.ones((2, 4, 4)) - np.eye(4)) * 1e300
    np.testing.assert_allclose(SmoothieGlobal().fit_distances(distances).weights_, 1 / 4)
    assert np.shares_memory(require_distances(distances), distances)  # nothing is copied


def released_weights(distances):
    """theta as the released code takes it: 1/error over the sum of 1/error, signs and all."""
    candidates = len(distances)
    errors = []
    for i in range(candidates):
        others = [j for j in range(candidates) if j != i]
        pairs = [(j, k) for a, j in enumerate(others) for k in others[a + 1 :]]
        terms = [distances[i, j] + distances[i, k] - distances[j, k] for j, k in pairs]
        errors.append(0.5 * sum(terms) / len(terms))
    with np.errstate(divide="ignore", invalid="ignore"):
        theta = 1 / np.array(errors)
        return theta / theta.sum()


def test_degenerate_errors_keep_their_sign_if_requested(data):
    generations, inputs = data
    local = SmoothieLocal(k=1, degenerate="keep").fit(generations, inputs=inputs)
    for row, distances in enumerate(naive_distances(generations)):
        expected = released_weights(distances)
        np.testing.assert_allclose(local.weights_[row], expected, rtol=1e-6)
        assert local.choices_[row] == expected.argmax()
    # an answer in the middle of the others has a negative error, and wins unless signs run on
    middle = np.array([[[0.0, 0], [1, 0], [-1, 0.1], [0, 1], [0.2, -1]]])
    assert SmoothieLocal().fit(middle).choices_[0] == 0
    kept = SmoothieLocal(degenerate="keep").fit(middle)
    assert kept.errors_[0, 0] < 0
    np.testing.assert_allclose(kept.weights_[0], released_weights(naive_distances(middle)[0]))
    assert kept.choices_[0] == kept.weights_[0].argmax()


def test_identical_answers_give_nan_where_signs_are_kept():
    same = np.ones((2, 4, 3))
    kept = SmoothieGlobal(degenerate="keep").fit(same)
    assert np.isnan(kept.weights_).all()
    assert kept.choices_.tolist() == [0, 0]
    with pytest.raises(ValueError, match="degenerate=maybe: expected one of resolve, keep"):
        SmoothieGlobal(degenerate="maybe").fit(same)
