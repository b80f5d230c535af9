import sys

import numpy as np
import pytest

from experiments.pipeline import run
from smoothie import SmoothieError
from smoothie.neighbors.approximate import approximate_nearest
from smoothie.neighbors.index import NeighborIndex


@pytest.fixture
def points():
    return np.random.default_rng(0).normal(size=(1500, 12))


def sorted_neighbors(points, k):
    """The k nearest rows of each row, by sorting all squared distances."""
    distances = ((points[:, None] - points[None]) ** 2).sum(axis=2)
    return distances.argsort(axis=1)[:, :k]


def test_recall_is_that_of_the_neighbors(points):
    pytest.importorskip("faiss")
    neighbors, recall = approximate_nearest(points, 10, recall=0.5)
    exact = sorted_neighbors(points, 10)
    found = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(neighbors, exact, strict=True)])
    assert found == pytest.approx(recall, abs=0.02)  # the sample holds two thirds of the rows
    assert 0.5 <= recall < 1
    np.testing.assert_array_equal(neighbors[:, 0], np.arange(1500))
    np.testing.assert_array_equal(approximate_nearest(points, 10, recall=0.5)[0], neighbors)


def test_a_recall_of_one_is_exact(points):
    pytest.importorskip("faiss")
    neighbors, recall = approximate_nearest(points, 300, recall=1.0)
    assert recall == 1
    np.testing.assert_array_equal(np.sort(neighbors), np.sort(sorted_neighbors(points, 300)))


def test_an_approximate_index_says_what_it_found():
    pytest.importorskip("faiss")
    inputs = np.random.default_rng(0).normal(size=(60, 2))
    index = NeighborIndex(inputs, approximate=True)
    np.testing.assert_array_equal(np.sort(index.search(40)), np.sort(sorted_neighbors(inputs, 40)))
    assert index.recall == 1  # a single list: of so few inputs, all are compared
    np.testing.assert_array_equal(index.search(2), sorted_neighbors(inputs, 2))


def test_equal_inputs_are_their_own_first_neighbors():
    pytest.importorskip("faiss")
    neighbors, _ = approximate_nearest(np.ones((200, 3)), 5)
    np.testing.assert_array_equal(neighbors[:, 0], np.arange(200))
    assert all(len(set(row)) == 5 for row in neighbors)


def test_bad_settings_are_named(points, monkeypatch):
    for settings, message in (({"k": 1501}, "k=1501"), ({"k": 2, "recall": 0.0}, "recall=0")):
        with pytest.raises(SmoothieError, match=message):
            approximate_nearest(points, **settings)
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(SmoothieError, match=r"pip install 'smoothie-router\[faiss\]'"):
        approximate_nearest(points, 2)


def test_a_run_reports_the_recall(compose):
    pytest.importorskip("faiss")
    exact = run(compose("k=5", "methods=[smoothie_local]"))
    result = run(compose("k=5", "methods=[smoothie_local]", "neighbors=approximate"))
    assert "neighbors with recall" in result.signature
    assert "recall" not in exact.signature
    with pytest.raises(SmoothieError, match="neighbors=nearby: expected exact or approximate"):
        run(compose("neighbors=nearby"))
