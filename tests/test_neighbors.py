import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothie.neighbors.exact import Nearest, nearest, require_vectors, row_keys
from smoothie.neighbors.index import NeighborIndex
from tests.naive import naive_neighbors


@given(st.integers(1, 40), st.integers(1, 6), st.integers(0, 10**6), st.booleans(), st.data())
@settings(deadline=None)
def test_equals_sorting_all_distances(rows, dimensions, seed, duplicates, data):
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(rows, dimensions))
    if duplicates:  # few distinct rows on a grid: many exact ties
        inputs = generator.integers(0, 2, size=(rows, dimensions)).astype(float)
    k = data.draw(st.integers(1, rows))
    np.testing.assert_array_equal(nearest(inputs, k), naive_neighbors(inputs, inputs, k, True))
    queries = generator.normal(size=(5, dimensions))
    found = nearest(inputs, k, queries)
    np.testing.assert_array_equal(found, naive_neighbors(inputs, queries, k, False))


@pytest.mark.parametrize("scale", [2.0**-100, 1.0, 2.0**100])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_close_neighbors_are_distinguished_at_any_scale(scale, offset):
    """Gaps far below what a float32 matrix product resolves."""
    inputs = (offset + np.arange(50)[:, None] * 1e-6 + np.zeros((50, 8))) * scale
    expected = naive_neighbors(inputs, inputs, 3, True)
    np.testing.assert_array_equal(nearest(inputs, 3), expected)


def test_more_equal_inputs_than_neighbors():
    """Rows 0 to 39 are equal, and more than k of them: a row is still its own first neighbor."""
    inputs = np.concatenate([np.zeros((40, 3)), np.random.default_rng(0).normal(size=(10, 3))])
    for k in (2, 7, 45):
        np.testing.assert_array_equal(nearest(inputs, k), naive_neighbors(inputs, inputs, k, True))
        found = nearest(inputs, k, inputs)
        np.testing.assert_array_equal(found, naive_neighbors(inputs, inputs, k, False))


def test_blocks_do_not_change_the_result(monkeypatch):
    inputs = np.random.default_rng(0).normal(size=(120, 5))
    whole = nearest(inputs, 7)
    monkeypatch.setattr("smoothie.neighbors.exact.BLOCK_POINTS", 13)
    monkeypatch.setattr("smoothie.neighbors.exact.BLOCK_QUERIES", 50)
    np.testing.assert_array_equal(nearest(inputs, 7), whole)


def test_one_query_at_a_time_finds_what_all_find_together():
    generator = np.random.default_rng(0)
    inputs = generator.integers(0, 2, size=(80, 4)).astype(np.float32)  # many exact ties
    queries = generator.normal(size=(30, 4)).astype(np.float32)
    search = Nearest.among(inputs, 9)
    together = search.of(queries)
    np.testing.assert_array_equal(together, naive_neighbors(inputs, queries, 9, False))
    for query, found in zip(queries, together, strict=True):
        np.testing.assert_array_equal(search.of(query[None]), found[None])


@pytest.mark.parametrize("distance", [1e6, 1e14, 1e20, 1e100])
def test_far_off_queries_are_still_exact(distance):
    """Also where their squares would overflow in float32; on a line, so that no sum rounds."""
    inputs = np.random.default_rng(0).permutation(20)[:, None] * 0.125
    queries = np.array([[distance], [-distance], [1.1]])
    for points in (inputs, np.concatenate([inputs, [[distance / 3]]])):
        expected = naive_neighbors(points, queries, 4, False)
        np.testing.assert_array_equal(nearest(points, 4, queries), expected)


def test_smaller_k_is_a_prefix():
    inputs = np.random.default_rng(0).integers(0, 3, size=(60, 2)).astype(float)
    np.testing.assert_array_equal(nearest(inputs, 20)[:, :5], nearest(inputs, 5))


@pytest.mark.parametrize(
    ("inputs", "k", "message"),
    [
        (np.zeros((3, 2)), 4, "k=4 neighbors are requested, but there are 3 inputs"),
        (np.zeros((3, 2)), 0, "k=0 neighbors"),
        (np.zeros(3), 1, "inputs: .*shape"),
        (np.zeros((3, 0)), 1, "inputs: .*shape"),
        (np.array([[0.0], [np.nan]]), 1, "inputs: row 1"),
        (np.array([["a"]]), 1, "inputs: expected numbers"),
    ],
)
def test_bad_input_is_named(inputs, k, message):
    for queries in (None, np.zeros((2, 2))):
        with pytest.raises(ValueError, match=f"^{message}"):
            nearest(inputs, k, queries)


@pytest.mark.parametrize(
    ("queries", "message"),
    [
        (np.zeros((2, 3)), "inputs have 2 dimensions, the queries 3"),
        (np.array([[0, np.inf]]), "queries: row 0"),
        (np.zeros(2), "queries: expected an array of shape"),
        (np.zeros((1, 2), dtype=complex), "queries: expected numbers"),
    ],
)
def test_bad_queries_are_named(queries, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        nearest(np.zeros((3, 2)), 2, queries)


def test_bad_points_of_a_search_are_named():
    with pytest.raises(ValueError, match=r"^inputs: row 2 holds"):
        Nearest.among(np.array([[0.0], [1.0], [np.nan]]), 1)
    with pytest.raises(ValueError, match=r"^k=4 neighbors are requested"):
        Nearest.among(np.zeros((3, 1)), 4)


def test_whole_numbers_are_inputs_too():
    inputs = np.random.default_rng(0).integers(0, 9, size=(30, 3))
    np.testing.assert_array_equal(nearest(inputs, 5), naive_neighbors(inputs, inputs, 5, True))
    assert nearest(inputs, 1).tolist() == [[i] for i in range(30)]
    assert require_vectors("x", inputs).dtype == np.float64
    half = inputs.astype(np.float16)
    assert require_vectors("x", half) is half


def test_as_many_inputs_as_several_blocks():
    inputs = np.random.default_rng(0).integers(0, 40, size=(1500, 2)).astype(np.float64)
    distances = ((inputs[:, None] - inputs) ** 2).sum(axis=2)
    expected = distances.argsort(axis=1, kind="stable")[:, :7]
    np.testing.assert_array_equal(nearest(inputs, 7, inputs), expected)
    np.testing.assert_array_equal(
        nearest(inputs[:900], 7, inputs[:20]),
        distances[:20, :900].argsort(axis=1, kind="stable")[:, :7],
    )


def test_queries_beyond_all_scales_tie():
    """The distances to all inputs are the same in float64."""
    inputs = np.arange(20.0)[:, None] * 1e-250
    queries = np.array([[1e100], [-1e100], [4.1e-250]])
    assert nearest(inputs, 3, queries).tolist() == [[0, 1, 2], [0, 1, 2], [4, 5, 3]]


def test_an_index_searches_once_for_the_largest_k():
    inputs = np.random.default_rng(0).integers(0, 3, size=(30, 2)).astype(float)
    expected = naive_neighbors(inputs, inputs, 30, True)
    index = NeighborIndex(inputs)
    for k in (1, 2, 1, 5, 30, 3):
        np.testing.assert_array_equal(index.search(k), expected[:, :k])
    assert index.search(29).base is index.search(2).base
    assert (index.from_cache, index.recall) == (False, None)
    for k in (0, 31):
        with pytest.raises(ValueError, match=rf"^k={k}: expected between 1 and .*, 30$"):
            index.search(k)
    with pytest.raises(ValueError, match=r"^k=1 needs inputs"):
        NeighborIndex(None).search(1)
    assert NeighborIndex(inputs[:1]).search(1).tolist() == [[0]]


@pytest.mark.parametrize("spread", [1e-1, 1e-3, 1e-5])
@pytest.mark.parametrize("constant", [[], [0, 1, 199]])
def test_tight_clusters_far_from_one_another_in_many_dimensions(spread, constant):
    """Products of float32 resolve the clusters, but not always the rows of one."""
    generator = np.random.default_rng(0)
    centers = generator.normal(size=(6, 200))
    inputs = centers[generator.integers(0, 6, 150)] + spread * generator.normal(size=(150, 200))
    inputs[:, constant] = 0.25  # dimensions that tell nothing
    np.testing.assert_array_equal(nearest(inputs, 9), naive_neighbors(inputs, inputs, 9, True))


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(width=32, allow_nan=False)), min_size=1))
def test_keys_sort_by_row_and_then_by_distance(pairs):
    rows = np.array([row for row, _ in pairs], dtype=np.intp)
    near = np.array([value for _, value in pairs], dtype=np.float32)
    order = np.argsort(row_keys(rows, near), kind="stable")
    assert [(rows[i], near[i]) for i in order] == sorted(zip(rows, near, strict=True))
