import subprocess
import sys

import numpy as np
import pytest

from smoothie.storage.cache import VectorCache, content_key


def keys(*names):
    return [content_key(name) for name in names]


def held(cache, *names):
    """How many of some names a cache holds."""
    return int(cache.load(keys(*names))[0].sum())


def test_what_is_stored_is_found_by_another_process_s_cache(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    VectorCache(tmp_path).store(keys("a", "b", "c"), vectors)
    known, found = VectorCache(tmp_path).load(keys("c", "x", "a"))
    assert list(known) == [True, False, True]
    np.testing.assert_array_equal(found[known], vectors[[2, 0]])


def test_files_that_come_later_are_seen(tmp_path):
    first, second = VectorCache(tmp_path), VectorCache(tmp_path)
    assert held(first, "a") == 0
    second.store(keys("a"), np.ones((1, 2), dtype=np.float32))
    assert held(first, "a") == 1


def test_keys_depend_on_where_parts_end():
    assert content_key("ab", "c") != content_key("a", "bc")
    assert content_key("a") != content_key("a", "")
    assert content_key("\ud800") != content_key("?")  # a lone surrogate is a text like any other


def test_broken_files_are_passed_over_with_a_word(tmp_path, caplog):
    VectorCache(tmp_path).store(keys("a"), np.ones((1, 2), dtype=np.float32))
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY not really")
    (tmp_path / "empty.npy").write_bytes(b"")
    np.save(tmp_path / "other.npy", np.zeros(3))
    assert held(VectorCache(tmp_path), "a") == 1
    assert caplog.text.count("unreadable cache file") == 3


def test_two_processes_at_once(tmp_path):
    """Both write the same and different keys; nothing is lost or torn."""
    program = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from smoothie.storage.cache import VectorCache, content_key\n"
        "cache = VectorCache(Path(sys.argv[1]))\n"
        "for i in range(40):\n"
        "    names = [f'both{i}', f'{sys.argv[2]}{i}']\n"
        "    cache.store([content_key(n) for n in names], np.full((2, 8), float(i)))\n"
        "    cache.load([content_key(f'both{j}') for j in range(40)])\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(tmp_path), name]) for name in "pq"
    ]
    assert [process.wait() for process in running] == [0, 0]
    cache = VectorCache(tmp_path)
    for i in range(40):
        known, found = cache.load(keys(f"both{i}", f"p{i}", f"q{i}"))
        assert known.all()
        assert (found == i).all()
    assert not list(tmp_path.glob(".*"))


def test_more_files_than_a_process_may_have_open(tmp_path):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    names = [f"n{i}" for i in range(150)]
    for name in names:
        VectorCache(tmp_path).store(keys(name), np.ones((1, 2)))
    resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))
    try:
        cache = VectorCache(tmp_path)
        found = held(cache, *names)
        cache.store(keys("more"), np.ones((1, 2)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert found == 150


def test_without_a_folder_things_are_kept_in_memory():
    cache = VectorCache(None)
    cache.store(keys("a"), np.ones((1, 2)))
    assert held(cache, "a") == 1
    cache.store([], np.ones((0, 2)))


@pytest.mark.parametrize("on_disk", [True, False])
def test_what_is_missing_is_computed_part_by_part_in_any_order(tmp_path, on_disk):
    names = list("abcdefg")
    vectors = np.arange(14, dtype=np.float32).reshape(7, 2)
    cache = VectorCache(tmp_path if on_disk else None)
    cache.store(keys("f", "b"), vectors[[5, 1]])
    cache.store(keys("d"), vectors[[3]])
    asked = []

    def compute(places):
        asked.append(places)
        yield places[2:], vectors[places[2:]]
        assert held(cache, *names) == 5  # stored before the next part is computed
        yield places[:2], vectors[places[:2]]

    np.testing.assert_array_equal(cache.complete(keys(*names), compute), vectors)
    assert asked == [[0, 2, 4, 6]]
    order = [6, 0, 3, 5]
    again = cache.complete(keys(*(names[i] for i in order)), lambda places: [][: len(places)])
    np.testing.assert_array_equal(again, vectors[order])


def test_an_empty_cache_learns_the_length_of_vectors_from_the_first(tmp_path):
    cache = VectorCache(tmp_path)
    made = cache.complete(keys("a", "b"), lambda places: [(places, np.ones((2, 3)))])
    assert made.shape == (2, 3)
    assert made.dtype == np.float32
    assert cache.complete([], lambda places: []).shape == (0, 0)
