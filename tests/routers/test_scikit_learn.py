"""Which of scikit-learn's conventions hold, by its own checks where they apply.

Its checks of fitting take X of two dimensions, where rows are samples: embedded answers have three.
So those are stated here in our terms. One convention is broken on purpose: a setting that cannot
be is refused by the constructor, not only by `fit`.
"""

import pickle

import numpy as np
import pytest
import sklearn.exceptions
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from smoothie import (
    NotFittedError,
    SmoothieError,
    SmoothieGenerations,
    SmoothieGlobal,
    SmoothieLocal,
)
from smoothie.routers import Consensus

CHECKS = [
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_estimators_unfitted",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]
ESTIMATORS = [SmoothieGlobal, SmoothieLocal, SmoothieGenerations]


@pytest.fixture
def data():
    generator = np.random.default_rng(0)
    return generator.normal(size=(20, 4, 6)), generator.normal(size=(20, 3))


def answers(kind, generations):
    """Generations in the shape that an estimator takes."""
    return generations[:, :, None] if kind is SmoothieGenerations else generations


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("check", CHECKS)
def test_scikit_learn_s_own_checks(kind, check):
    from sklearn.utils import estimator_checks  # imports nearly all of scikit-learn

    getattr(estimator_checks, check)(kind.__name__, kind())


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_fitted_or_not(kind, data):
    model = kind()
    with pytest.raises(sklearn.exceptions.NotFittedError):
        check_is_fitted(model)
    assert model.fit(answers(kind, data[0])) is model
    check_is_fitted(model)
    check_is_fitted(model, ["errors_", "weights_", "choices_"])
    with pytest.raises(sklearn.exceptions.NotFittedError):
        check_is_fitted(clone(model))


@pytest.mark.parametrize("model", [SmoothieGlobal(), SmoothieLocal()])
def test_not_fitted_is_an_error_of_both_libraries(model, tmp_path):
    for call in (model.predict, lambda: model.save(tmp_path / "router.npz")):
        with pytest.raises(NotFittedError, match="is not fitted yet: call fit first") as caught:
            call()
        for kind in (SmoothieError, sklearn.exceptions.NotFittedError, ValueError, AttributeError):
            assert isinstance(caught.value, kind)
        again = pickle.loads(pickle.dumps(caught.value))
        assert type(again) is type(caught.value)
        assert str(again) == str(caught.value)


def test_tags():
    for kind in ESTIMATORS:
        tags = get_tags(kind())
        assert tags.requires_fit
        assert not tags.target_tags.required
        assert not tags.input_tags.two_d_array
        assert tags.input_tags.three_d_array is (kind is not SmoothieGenerations)
        assert tags.estimator_type is None
        assert not is_classifier(kind())
        assert not is_regressor(kind())


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_labels_are_ignored_and_nothing_else_is_taken_for_them(kind, data):
    generations, inputs = answers(kind, data[0]), data[1]
    expected = kind().fit(generations).errors_
    for labels in (None, np.arange(20), ["a"] * 20):
        np.testing.assert_array_equal(kind().fit(generations, labels).errors_, expected)
    for other, dimensions in ((inputs, 2), (inputs.tolist(), 2), (generations, generations.ndim)):
        with pytest.raises(SmoothieError, match=f"found {dimensions} dimensions: .* inputs=...,"):
            kind().fit(generations, other)
    with pytest.raises(SmoothieError, match="found 0 dimensions"):
        kind().fit(generations, "task")


def test_groups_that_are_not_named_are_not_taken_for_labels(data):
    with pytest.raises(SmoothieError, match="fit_by=task needs groups"):
        SmoothieGlobal(fit_by="task").fit(data[0], ["a"] * 20)


def test_fitting_changes_no_parameter_and_can_be_repeated(data):
    generations, inputs = data
    model = SmoothieLocal(k=3)
    before = model.get_params()
    first = model.fit(generations, inputs=inputs).errors_
    assert model.get_params() == before
    np.testing.assert_array_equal(model.fit(generations, inputs=inputs).errors_, first)
    np.testing.assert_array_equal(clone(model).fit(generations, inputs=inputs).errors_, first)
    fitted = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(fitted.predict(inputs), model.predict(inputs))


@pytest.mark.parametrize(
    ("model", "shown"),
    [
        (SmoothieGlobal(), "SmoothieGlobal()"),
        (SmoothieGlobal(fit_by="task"), "SmoothieGlobal(fit_by='task')"),
        (SmoothieLocal(k=1), "SmoothieLocal()"),
        (SmoothieLocal(7, degenerate="keep"), "SmoothieLocal(degenerate='keep', k=7)"),
        (SmoothieGenerations(degenerate="keep"), "SmoothieGenerations(degenerate='keep')"),
        (Consensus(beta=1.0), "Consensus(beta=1.0)"),
    ],
)
def test_what_is_shown_is_what_was_set(model, shown):
    assert repr(model) == shown


@pytest.mark.parametrize(
    ("model", "settings", "message"),
    [
        (SmoothieGlobal(), {"degenerate": "maybe"}, "degenerate=maybe: expected one of resolve"),
        (SmoothieGlobal(), {"fit_by": "day"}, "fit_by=day: expected one of all"),
        (SmoothieLocal(), {"degenerate": "maybe"}, "degenerate=maybe: expected one of resolve"),
        (SmoothieLocal(), {"k": 0}, "k=0: expected at least 1"),
        (SmoothieLocal(), {"k": 2.0}, "k=2.0: expected a whole number"),
        (SmoothieGenerations(), {"degenerate": None}, "degenerate=None: expected one of resolve"),
    ],
)
def test_settings_are_checked_again_by_fit(model, settings, message, data):
    changed = clone(model).set_params(**settings)
    assert changed.get_params() == model.get_params() | settings
    with pytest.raises(SmoothieError, match=message):
        changed.fit(answers(type(model), data[0]))
    with pytest.raises(SmoothieError, match=message):
        type(model)(**settings)
