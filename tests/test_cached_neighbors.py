import hashlib
import io

import numpy as np
import pytest

from smoothie.errors import SmoothieError
from smoothie.neighbors import cached
from smoothie.neighbors.cached import cached_nearest
from smoothie.neighbors.index import NeighborIndex
from tests.damage import cut, flipped, header_size
from tests.naive import naive_neighbors


@pytest.fixture
def inputs(monkeypatch):
    monkeypatch.setattr(cached, "FEWEST", 40)
    monkeypatch.setattr(cached, "BLOCK_ROWS", 16)  # 40 rows are three blocks
    return np.random.default_rng(0).integers(0, 3, size=(40, 4)).astype(np.float32)  # many ties


def test_what_is_read_is_what_was_found(tmp_path, inputs):
    expected = naive_neighbors(inputs, inputs, 9, True)
    for known in (False, True):
        found, from_cache = cached_nearest(tmp_path, inputs, 9)
        assert from_cache == known
        assert found.dtype == np.intp
        np.testing.assert_array_equal(found, expected)


def test_a_file_is_named_by_its_inputs_and_holds_four_bytes_for_each_neighbor(tmp_path, inputs):
    cached_nearest(tmp_path, inputs, 9)
    (file,) = tmp_path.iterdir()
    name = hashlib.blake2b(b"<f4 (40, 4)" + inputs.tobytes(), digest_size=16).hexdigest()
    assert file.name == f"{name}-9.v2.npy"
    data = file.read_bytes()
    assert len(data) == header_size(data) + 4 * 40 * 9 + 16  # and a checksum


def test_fewer_are_the_first_of_more_and_more_are_searched(tmp_path, inputs):
    cached_nearest(tmp_path, inputs, 9)
    for k, known in ((4, True), (20, False), (15, True)):
        found, from_cache = cached_nearest(tmp_path, inputs, k)
        assert from_cache == known
        np.testing.assert_array_equal(found, naive_neighbors(inputs, inputs, k, True))


@pytest.mark.parametrize("row", [0, 15, 16, 39])
def test_inputs_that_differ_in_one_value_share_nothing(tmp_path, inputs, row):
    cached_nearest(tmp_path, inputs, 9)
    other = inputs.copy()
    other[row] += 0.5
    found, from_cache = cached_nearest(tmp_path, other, 9)
    assert not from_cache
    np.testing.assert_array_equal(found, naive_neighbors(other, other, 9, True))
    assert not cached_nearest(tmp_path, inputs.reshape(80, 2), 9)[1]  # the same bytes


@pytest.mark.parametrize("dtype", [">f4", "<i4"])
def test_the_same_bytes_of_another_type_share_nothing(tmp_path, inputs, dtype):
    cached_nearest(tmp_path, inputs, 9)
    other = inputs.view(dtype)
    found, from_cache = cached_nearest(tmp_path, other, 9)
    assert not from_cache
    values = other.astype(np.float64)
    np.testing.assert_array_equal(found, naive_neighbors(values, values, 9, True))


def test_the_order_in_memory_does_not_matter(tmp_path, inputs):
    cached_nearest(tmp_path, inputs, 9)
    assert cached_nearest(tmp_path, np.asfortranarray(inputs), 9)[1]


def test_few_inputs_leave_no_file(tmp_path, inputs):
    found, from_cache = cached_nearest(tmp_path / "new", inputs[:39], 9)
    assert not from_cache
    assert not (tmp_path / "new").exists()
    np.testing.assert_array_equal(found, naive_neighbors(inputs[:39], inputs[:39], 9, True))


@pytest.mark.parametrize("damage", [flipped, cut])
def test_damage_to_any_byte_is_noticed_and_recomputed(
    tmp_path, inputs, damage, caplog, monkeypatch
):
    monkeypatch.setattr(cached, "FEWEST", 10)
    inputs = inputs[:10]
    expected, _ = cached_nearest(tmp_path, inputs, 3)
    (file,) = tmp_path.iterdir()
    data = file.read_bytes()
    for changed in damage(data):
        file.write_bytes(changed)
        caplog.clear()
        found, from_cache = cached_nearest(tmp_path, inputs, 3)
        assert not from_cache
        assert len(caplog.records) == 1
        assert f"{file}: cache file skipped" in caplog.text
        np.testing.assert_array_equal(found, expected)
        assert file.read_bytes() == data  # written again
    assert cached_nearest(tmp_path, inputs, 3)[1]


def test_a_file_of_other_inputs_or_another_k_is_noticed(tmp_path, inputs, caplog):
    expected, _ = cached_nearest(tmp_path, inputs, 9)
    (file,) = tmp_path.iterdir()
    cached_nearest(tmp_path / "others", inputs + 1, 9)
    cached_nearest(tmp_path / "others", inputs, 12)
    others = [path.read_bytes() for path in (tmp_path / "others").iterdir()]
    values = np.zeros((40, 9), dtype=np.int32)
    stream = io.BytesIO()
    np.save(stream, values)
    for changed in (*others, stream.getvalue()):
        caplog.clear()
        file.write_bytes(changed)
        found, from_cache = cached_nearest(tmp_path, inputs, 9)
        assert not from_cache
        assert caplog.text.count("cache file skipped, neighbors are recomputed") == 1
        np.testing.assert_array_equal(found, expected)


def test_a_wider_file_is_used_where_the_first_is_damaged(tmp_path, inputs, caplog):
    expected, _ = cached_nearest(tmp_path, inputs, 9)
    (file,) = tmp_path.iterdir()
    cached_nearest(tmp_path, inputs, 12)
    file.write_bytes(file.read_bytes()[:-1])
    found, from_cache = cached_nearest(tmp_path, inputs, 9)
    assert from_cache
    assert len(caplog.records) == 1
    np.testing.assert_array_equal(found, expected)


def test_the_first_version_is_never_opened(tmp_path, inputs, caplog):
    expected, _ = cached_nearest(tmp_path, inputs, 9)
    (file,) = tmp_path.iterdir()
    np.save(tmp_path / file.name.replace(".v2", ""), np.zeros((40, 9), dtype=np.int32))
    file.unlink()
    found, from_cache = cached_nearest(tmp_path, inputs, 9)
    assert not from_cache
    assert not caplog.records
    np.testing.assert_array_equal(found, expected)


def test_a_folder_that_cannot_be_written_costs_a_warning(tmp_path, inputs, caplog):
    (tmp_path / "file").write_text("in the way")
    found, from_cache = cached_nearest(tmp_path / "file" / "neighbors", inputs, 9)
    assert not from_cache
    assert "neighbors cannot be cached (" in caplog.text
    np.testing.assert_array_equal(found, naive_neighbors(inputs, inputs, 9, True))


def test_more_neighbors_than_inputs_are_refused(tmp_path, inputs):
    cached_nearest(tmp_path, inputs, 9)
    for k in (0, 41):
        with pytest.raises(SmoothieError, match=f"k={k} neighbors are requested"):
            cached_nearest(tmp_path, inputs, k)


def test_an_index_uses_them(tmp_path, inputs):
    for known in (False, True):
        index = NeighborIndex(inputs, cache=tmp_path)
        np.testing.assert_array_equal(index.search(7), NeighborIndex(inputs).search(7))
        assert index.from_cache == known
