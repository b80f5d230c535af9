import subprocess
import sys

import numpy as np

from smoothie.cache import VectorCache, content_key


def keys(*names):
    return [content_key(name) for name in names]


def test_what_is_stored_is_found_by_another_process_s_cache(tmp_path):
    vectors = np.random.default_rng(0).normal(size=(3, 4)).astype(np.float32)
    VectorCache(tmp_path).store(keys("a", "b", "c"), vectors)
    found = VectorCache(tmp_path).load(keys("c", "x", "a"))
    assert set(found) == set(keys("a", "c"))
    np.testing.assert_array_equal(found[content_key("c")], vectors[2])


def test_files_that_come_later_are_seen(tmp_path):
    first, second = VectorCache(tmp_path), VectorCache(tmp_path)
    assert first.load(keys("a")) == {}
    second.store(keys("a"), np.ones((1, 2), dtype=np.float32))
    assert len(first.load(keys("a"))) == 1


def test_keys_depend_on_where_parts_end():
    assert content_key("ab", "c") != content_key("a", "bc")
    assert content_key("a") != content_key("a", "")
    assert content_key("\ud800") != content_key("?")  # a lone surrogate is a text like any other


def test_broken_files_are_passed_over_with_a_word(tmp_path, caplog):
    VectorCache(tmp_path).store(keys("a"), np.ones((1, 2), dtype=np.float32))
    (tmp_path / "broken.npy").write_bytes(b"\x93NUMPY not really")
    (tmp_path / "empty.npy").write_bytes(b"")
    np.save(tmp_path / "other.npy", np.zeros(3))
    assert len(VectorCache(tmp_path).load(keys("a"))) == 1
    assert caplog.text.count("unreadable cache file") == 3


def test_two_processes_at_once(tmp_path):
    """Both write the same and different keys; nothing is lost or torn."""
    program = (
        "import sys, numpy as np\n"
        "from pathlib import Path\n"
        "from smoothie.cache import VectorCache, content_key\n"
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
        found = cache.load(keys(f"both{i}", f"p{i}", f"q{i}"))
        assert len(found) == 3
        assert all((vector == i).all() for vector in found.values())
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
        found = cache.load(keys(*names))
        cache.store(keys("more"), np.ones((1, 2)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(found) == 150


def test_without_a_folder_things_are_kept_in_memory():
    cache = VectorCache(None)
    cache.store(keys("a"), np.ones((1, 2)))
    assert len(cache.load(keys("a"))) == 1
    cache.store([], np.ones((0, 2)))
