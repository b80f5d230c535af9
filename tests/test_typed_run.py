"""A run from Python, without a configuration: problem, vectors, routers, metric -> result."""

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.encoders.stored import StoredVectors
from smoothie.evaluation import Bootstrap
from smoothie.loaders.local import LocalFolder
from smoothie.metrics.scoring import score
from smoothie.routers import (
    MBR,
    Consensus,
    LabeledKNN,
    MajorityVote,
    Oracle,
    Random,
    SmoothieLocal,
    SmoothieLocalTrain,
)
from smoothie.run import run
from tests.conftest import make_set, store_vectors
from tests.naive import naive_errors, naive_neighbors


@pytest.fixture
def problem(local_set):
    return LocalFolder(path=str(local_set)).load()


@pytest.fixture
def encoder(local_set, tmp_path):
    return StoredVectors(str(store_vectors(local_set, tmp_path / "vectors")))


def test_choices_and_scores_are_those_of_the_formulas(problem, encoder):
    routers = {"random": Random(), "local": SmoothieLocal(k=3), "oracle": Oracle()}
    result = run(problem, routers, encoder=encoder, bootstrap=Bootstrap(draws=20))
    generations, inputs = encoder.encode_problem(problem, inputs=True)
    near = naive_neighbors(inputs, inputs, 3, own=True)
    chosen = [int(naive_errors(generations[rows]).argmin()) for rows in near]
    assert result.routings["local"].choices[0].tolist() == chosen
    scores = result.table.set_index("method").score
    labels = 100 * problem.labels
    assert scores["random"] == pytest.approx(labels.mean())
    assert scores["oracle"] == pytest.approx(labels.max(axis=1).mean())
    assert scores["local"] == pytest.approx(labels[np.arange(len(labels)), chosen].mean())
    assert scores["candidate:beta"] == pytest.approx(labels[:, 1].mean())


def test_votes_and_scores_may_be_given(problem, encoder):
    routers = {"consensus": Consensus(), "labeled_knn": LabeledKNN(budget=5, neighbors=2)}
    first = run(problem, routers, encoder=encoder, metric="rouge2")
    again = run(problem, routers, votes=first.votes, scores=score(problem, "rouge2"))
    for method in routers:
        np.testing.assert_array_equal(
            first.routings[method].choices, again.routings[method].choices
        )
    assert first.table.equals(again.table)


def test_without_a_metric_nothing_is_scored(problem, encoder):
    result = run(problem, {"random": Random()}, encoder=encoder, metric=None)
    assert result.table is None
    assert list(result.routings) == ["random"]
    with pytest.raises(SmoothieError, match="none of the methods oracle can be used here"):
        run(problem, {"oracle": Oracle()}, encoder=encoder, metric=None)


def test_settings_are_checked_before_anything_is_encoded(problem, tmp_path):
    nowhere = StoredVectors(str(tmp_path / "nowhere"))
    with pytest.raises(SmoothieError, match=r"^local\.k=99: expected between 1 and"):
        run(problem, {"random": Random(), "local": SmoothieLocal(k=99)}, encoder=nowhere)
    two = problem.select(["alpha", "beta"])
    with pytest.raises(SmoothieError, match="at least three candidates are needed by consensus"):
        run(two, {"consensus": Consensus()}, encoder=nowhere)
    with pytest.raises(SmoothieError, match=r"^draws=0: expected 1 to 1,000,000"):
        Bootstrap(draws=0)
    with pytest.raises(SmoothieError, match="expected an encoder, or the votes"):
        run(problem, {"random": Random()})


def test_a_method_whose_evidence_is_missing_is_skipped_with_a_warning(problem, encoder, caplog):
    routers = {"random": Random(), "train": SmoothieLocalTrain()}
    result = run(problem, routers, encoder=encoder, bootstrap=Bootstrap(draws=5))
    assert list(result.routings) == ["random"]
    assert set(result.routers) == {"random", "train"}
    assert "train is skipped: there is no training split" in caplog.text


def test_two_candidates_are_enough_for_methods_that_can_do_with_two(problem, encoder, caplog):
    two = problem.select(["alpha", "beta"])
    methods = (Random, LabeledKNN, Oracle, Consensus, SmoothieLocal, MBR, MajorityVote)
    routers = {kind.__name__: kind() for kind in methods}
    result = run(two, routers, encoder=encoder, bootstrap=Bootstrap(draws=5))
    assert list(result.routings) == ["Random", "LabeledKNN", "Oracle"]
    for name in ("Consensus", "SmoothieLocal", "MBR", "MajorityVote"):
        assert f"{name} is skipped: it needs at least three candidates, found 2" in caplog.text


def test_a_problem_without_any_scored_input_is_refused(tmp_path):
    folder = make_set(tmp_path / "set", labels=False)
    problem = LocalFolder(path=str(folder)).load()
    with pytest.raises(SmoothieError, match="metric=labels: set has no labels"):
        run(problem, {"random": Random()}, metric="labels")
