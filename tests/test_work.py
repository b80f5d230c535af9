"""Caches that several processes complete at once, and that are left in the middle of it."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothie import SmoothieError
from smoothie.errors import StoppedError
from smoothie.parallel.units import units_of
from smoothie.storage.cache import VectorCache
from smoothie.storage.claims import NAME, Claims, place_of
from smoothie.storage.work import FLUSH_SECONDS, complete
from tests.conftest import ROOT
from tests.test_cache import alone, held, keys

VECTORS = np.arange(14, dtype=np.float32).reshape(7, 2)
NAMES = list("abcdefg")


def given_by(vectors, computed=None):
    """A function that computes units, and notes which."""

    def compute(units):
        for unit in units:
            if computed is not None:
                computed.append(unit)
            yield vectors[unit]

    return compute


@given(
    lengths=st.lists(st.integers(0, 50), max_size=40),
    most=st.integers(1, 6),
    room=st.one_of(st.just(float("inf")), st.integers(1, 120)),
    data=st.data(),
)
def test_the_units_that_are_left_are_those_of_before(lengths, most, room, data):
    order = sorted(range(len(lengths)), key=lambda place: (-lengths[place], place))
    units = units_of(lengths, order, most, room)
    assert [place for unit in units for place in unit] == order
    for unit in units:
        assert len(unit) == 1 or len(unit) * lengths[unit[0]] <= room
        assert 1 <= len(unit) <= most
    left = [unit for unit in units if data.draw(st.booleans())]
    assert units_of(lengths, [place for unit in left for place in unit], most, room) == left


@pytest.mark.parametrize("on_disk", [True, False])
def test_what_is_missing_is_computed_in_units_and_in_any_order(tmp_path, on_disk):
    cache = VectorCache(tmp_path if on_disk else None)
    cache.store(keys("f", "b"), VECTORS[[5, 1]])
    cache.store(keys("d"), VECTORS[[3]])
    asked, computed, done = [], [], []

    def split(missing):
        asked.append(missing)
        return [missing[2:], missing[:2]]

    compute = given_by(VECTORS, computed)
    made = complete(cache, keys(*NAMES), split, compute, done=done.append)
    np.testing.assert_array_equal(made, VECTORS)
    assert asked == [[0, 2, 4, 6]]
    assert computed == done == [[4, 6], [0, 2]]
    order = [6, 0, 3, 5]
    again = complete(cache, keys(*(NAMES[i] for i in order)), alone, given_by(VECTORS))
    np.testing.assert_array_equal(again, VECTORS[order])
    assert (cache.requested, cache.computed) == (11, 4)


def test_an_empty_cache_learns_the_length_of_vectors_from_the_first(tmp_path):
    cache = VectorCache(tmp_path)
    made = complete(cache, keys("a", "b"), alone, given_by(np.ones((2, 3))))
    assert made.shape == (2, 3)
    assert made.dtype == np.float32
    assert complete(cache, [], alone, given_by(VECTORS)).shape == (0, 0)


def test_units_are_stored_when_it_is_time(tmp_path):
    cache, now, found = VectorCache(tmp_path), [0.0], []

    def compute(units):
        for unit in units:
            found.append(held(VectorCache(tmp_path), *NAMES))
            now[0] += FLUSH_SECONDS / 2
            yield VECTORS[unit]

    complete(cache, keys(*NAMES), alone, compute, clock=lambda: now[0])
    assert found == [0, 0, 2, 2, 4, 4, 6]
    assert held(VectorCache(tmp_path), *NAMES) == 7


@pytest.mark.parametrize("error", [KeyboardInterrupt, SmoothieError])
def test_what_was_computed_before_an_error_is_stored(tmp_path, error):
    cache = VectorCache(tmp_path)
    cache.store(keys("g"), VECTORS[[6]])

    def compute(units):
        for count, unit in enumerate(units):
            if count == 2:
                raise error
            yield VECTORS[unit]

    said = r"^stopped; 3 of 7 texts are cached; the same command goes on$"
    if error is KeyboardInterrupt:
        with pytest.raises(StoppedError, match=said):
            complete(cache, keys(*NAMES), alone, compute, "texts")
    else:
        with pytest.raises(error):
            complete(cache, keys(*NAMES), alone, compute)
    computed = []
    complete(VectorCache(tmp_path), keys(*NAMES), alone, given_by(VECTORS, computed))
    assert computed == [[2], [3], [4], [5]]


def test_units_of_another_process_are_awaited_and_taken_from_the_cache(tmp_path):
    """The other has claimed the first unit, and stores it when this one has done the rest."""
    other = (
        "import sys\n"
        "from smoothie.storage.claims import Claims\n"
        "claims = Claims(__import__('pathlib').Path(sys.argv[1]))\n"
        "print(claims.take(bytes.fromhex(sys.argv[2])), flush=True)\n"
        "sys.stdin.read()\n"
    )
    arguments = [sys.executable, "-c", other, str(tmp_path), keys("a")[0].hex()]
    with subprocess.Popen(
        arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout.readline() == "True\n"
        assert not Claims(tmp_path).take(keys("a")[0])
        computed = []

        def compute(units):
            for unit in units:
                computed.append(unit)
                if len(computed) == 6:
                    VectorCache(tmp_path).store(keys("a"), VECTORS[[0]])
                    process.stdin.close()
                yield VECTORS[unit]

        cache = VectorCache(tmp_path)
        made = complete(cache, keys(*NAMES), alone, compute)
        np.testing.assert_array_equal(made, VECTORS)
        assert computed == [[1], [2], [3], [4], [5], [6]]
        process.wait()
    assert held(VectorCache(tmp_path), *NAMES) == 7


def test_without_locks_everything_can_be_taken(tmp_path, monkeypatch):
    def refused(*_):
        raise OSError(95, "Operation not supported")

    claims = Claims(tmp_path)
    monkeypatch.setattr(fcntl, "lockf", refused)
    assert claims.take(keys("a")[0])
    claims.release(keys("a")[0])
    claims.close()
    assert Claims(None).take(keys("a")[0])
    assert 0 <= place_of(b"\xff" * 16) < 1 << 63
    assert (tmp_path / NAME).stat().st_size == 0


EIGHT = """
import sys
from pathlib import Path
import numpy as np
from smoothie.storage import work
from smoothie.storage.cache import VectorCache, content_key
work.FLUSH_SECONDS = 0.05
def compute(units):
    for unit in units:
        rows = np.array(unit, dtype=np.float64)[:, None]
        for _ in range(60):  # some milliseconds
            np.linalg.inv(np.eye(60) + rows[0])
        print(len(unit), flush=True)
        yield rows
cache = VectorCache(Path(sys.argv[1]), "<f8")
split = lambda missing: [missing[i:i + 9] for i in range(0, len(missing), 9)]
sys.stdin.readline()  # until all have started
made = work.complete(cache, [content_key(str(i)) for i in range(900)], split, compute)
assert (made[:, 0] == np.arange(900)).all()
"""


@pytest.mark.slow
def test_eight_processes_share_the_work(tmp_path):
    running = [
        subprocess.Popen(
            [sys.executable, "-c", EIGHT, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        )
        for _ in range(8)
    ]
    for process in running:
        process.stdin.write("\n")
        process.stdin.flush()
    counts = [sum(map(int, process.communicate()[0].split())) for process in running]
    assert [process.returncode for process in running] == [0] * 8
    assert 900 <= sum(counts) <= 1.3 * 900
    stored = sum(len(np.load(path)) for path in tmp_path.glob("*.v2.npy"))
    assert stored == sum(counts)


KILLED = """
import os, signal, sys
from pathlib import Path
from smoothie.storage import files, work
from smoothie.storage.cache import VectorCache, content_key
import numpy as np
work.FLUSH_SECONDS = 0.0
replace, count = Path.replace, 0
def dying(self, target):  # in the middle of the write that the command line names
    global count
    count += 1
    if count == int(sys.argv[2]):
        os.kill(os.getpid(), signal.SIGKILL)
    return replace(self, target)
Path.replace = dying
compute = lambda units: (np.array(unit, dtype="<f8")[:, None] for unit in units)
keys = [content_key(str(i)) for i in range(12)]
work.complete(VectorCache(Path(sys.argv[1]), "<f8"), keys, lambda m: [[i] for i in m], compute)
"""


@pytest.mark.parametrize("write", [1, 3])
def test_a_killed_process_loses_one_write_and_leaves_nothing(tmp_path, write):
    arguments = [sys.executable, "-c", KILLED, str(tmp_path), str(write)]
    done = subprocess.run(arguments, cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.glob(".*"))) == 1
    assert held(VectorCache(tmp_path, "<f8"), *map(str, range(12))) == write - 1
    computed = []
    expected = np.arange(12.0)[:, None]
    names = keys(*map(str, range(12)))
    made = complete(VectorCache(tmp_path, "<f8"), names, alone, given_by(expected, computed))
    np.testing.assert_array_equal(made, expected)
    assert computed == [[place] for place in range(write - 1, 12)]
    assert not list(tmp_path.glob(".*"))


def test_a_cache_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    (tmp_path / "file").write_text("")
    computed = []
    with pytest.raises(SmoothieError, match=r"file/x: the cache cannot be written \(Not a dir"):
        complete(
            VectorCache(tmp_path / "file" / "x"), keys("a"), alone, given_by(VECTORS, computed)
        )
    assert computed == []


def test_a_cache_that_can_only_be_read_is_used(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    VectorCache(tmp_path).store(keys(*NAMES), VECTORS)
    tmp_path.chmod(0o500)
    made = complete(VectorCache(tmp_path), keys(*NAMES), alone, given_by(VECTORS))
    np.testing.assert_array_equal(made, VECTORS)
    with pytest.raises(SmoothieError, match="cannot be written"):
        complete(VectorCache(tmp_path), keys("new"), alone, given_by(VECTORS))
    tmp_path.chmod(0o700)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount")
    if done.returncode:
        pytest.skip("file systems cannot be mounted")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_says_where_and_why(small_disk):
    from smoothie.storage.arrays import write_npz
    from smoothie.storage.files import write_text

    large = np.ones((1000, 300))
    cache = VectorCache(small_disk / "cache", "<f8")
    names = keys(*map(str, range(1000)))
    said = r"disk/cache: the cache cannot be written \(No space left on device\)"
    with pytest.raises(SmoothieError, match=said):
        complete(cache, names, alone, given_by(large))
    for write in (
        lambda path: write_text(path, "x" * 2_000_000),
        lambda path: write_npz(path, {"a": large}),
    ):
        with pytest.raises(OSError, match=r"No space left|requested and") as caught:
            write(small_disk / "out.txt")
        assert Path(caught.value.filename) == small_disk / "out.txt"
    assert [path.name for path in small_disk.rglob("*") if path.is_file()] == [NAME]
