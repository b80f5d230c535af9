import numpy as np
import pytest

from smoothie.errors import SmoothieError
from smoothie.neighbors import cached
from smoothie.neighbors.cached import cached_nearest
from smoothie.neighbors.index import NeighborIndex
from tests.naive import naive_neighbors


@pytest.fixture
def inputs(monkeypatch):
    monkeypatch.setattr(cached, "FEWEST", 40)
    monkeypatch.setattr(cached, "BLOCK_ROWS", 16)  # 40 rows are three blocks
    return np.random.default_rng(0).integers(0, 3, size=(40, 4)).astype(np.float32)  # many ties


def test_what_is_read_is_what_was_found(tmp_path, inputs):
    expected = naive_neighbors(inputs, inputs, 9, True)
    for known in (False, True):
        found, were_kept = cached_nearest(tmp_path, inputs, 9)
        assert were_kept == known
        assert found.dtype == np.intp
        np.testing.assert_array_equal(found, expected)


def test_fewer_are_the_first_of_more_and_more_are_searched(tmp_path, inputs):
    cached_nearest(tmp_path, inputs, 9)
    for k, known in ((4, True), (20, False), (15, True)):
        found, were_kept = cached_nearest(tmp_path, inputs, k)
        assert were_kept == known
        np.testing.assert_array_equal(found, naive_neighbors(inputs, inputs, k, True))


@pytest.mark.parametrize("row", [0, 15, 16, 39])
def test_inputs_that_differ_in_one_value_share_nothing(tmp_path, inputs, row):
    cached_nearest(tmp_path, inputs, 9)
    other = inputs.copy()
    other[row] += 0.5
    found, were_kept = cached_nearest(tmp_path, other, 9)
    assert not were_kept
    np.testing.assert_array_equal(found, naive_neighbors(other, other, 9, True))
    assert not cached_nearest(tmp_path, inputs.reshape(80, 2), 9)[1]  # the same bytes


def test_the_order_in_memory_does_not_matter(tmp_path, inputs):
    cached_nearest(tmp_path, inputs, 9)
    assert cached_nearest(tmp_path, np.asfortranarray(inputs), 9)[1]


def test_few_inputs_leave_no_file(tmp_path, inputs):
    found, were_kept = cached_nearest(tmp_path / "new", inputs[:39], 9)
    assert not were_kept
    assert not (tmp_path / "new").exists()
    np.testing.assert_array_equal(found, naive_neighbors(inputs[:39], inputs[:39], 9, True))


@pytest.mark.parametrize("fault", ["empty", "cut off", "rows", "strangers", "not its own"])
def test_a_broken_file_costs_a_warning_and_is_recomputed(tmp_path, inputs, fault, caplog):
    expected, _ = cached_nearest(tmp_path, inputs, 9)
    (file,) = tmp_path.iterdir()
    kept = np.load(file)
    if fault == "empty":
        file.write_bytes(b"")
    elif fault == "cut off":
        file.write_bytes(file.read_bytes()[:-8])
    elif fault == "rows":
        np.save(file, kept[1:])
    elif fault == "strangers":
        kept[3, 5] = 40
        np.save(file, kept)
    else:
        np.save(file, kept[::-1].copy())
    found, were_kept = cached_nearest(tmp_path, inputs, 9)
    assert not were_kept
    assert caplog.text.count("unreadable neighbors, not used") == 1
    np.testing.assert_array_equal(found, expected)
    assert cached_nearest(tmp_path, inputs, 9)[1]


def test_a_folder_that_cannot_be_written_costs_a_warning(tmp_path, inputs, caplog):
    (tmp_path / "file").write_text("in the way")
    found, were_kept = cached_nearest(tmp_path / "file" / "neighbors", inputs, 9)
    assert not were_kept
    assert "neighbors cannot be kept there" in caplog.text
    np.testing.assert_array_equal(found, naive_neighbors(inputs, inputs, 9, True))


def test_more_neighbors_than_inputs_are_refused(tmp_path, inputs):
    cached_nearest(tmp_path, inputs, 9)
    for k in (0, 41):
        with pytest.raises(SmoothieError, match=f"k={k} neighbors are asked for"):
            cached_nearest(tmp_path, inputs, k)


def test_an_index_uses_them(tmp_path, inputs):
    for known in (False, True):
        index = NeighborIndex(inputs, cache=tmp_path)
        np.testing.assert_array_equal(index.search(7), NeighborIndex(inputs).search(7))
        assert index.from_cache == known
