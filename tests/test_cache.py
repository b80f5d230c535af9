import hashlib
import io
import os
import shutil
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.storage.cache import VectorCache, content_key
from smoothie.storage.checked import read_array, write_array
from smoothie.storage.files import reason
from smoothie.storage.work import complete
from tests.damage import cut, flipped, header_size

NAMES = ["a", "b", "c"]
KINDS = {"vectors": ("<f4", 3), "scores": ("<f8", 1)}


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


def alone(missing):
    """Each of them is a unit."""
    return [[place] for place in missing]


def test_keys_and_files_are_laid_out_as_before(tmp_path):
    """Else every vector of an earlier version would be computed again."""
    framed = b"".join(struct.pack("<Q", len(part)) + part for part in (b"ab", b"\xed\xa0\x80"))
    assert content_key("ab", "\ud800") == hashlib.blake2b(framed, digest_size=16).digest()
    values = np.arange(6, dtype="<i4").reshape(2, 3)
    write_array(tmp_path / "of an array", values, "owner \ud800")
    owner = b"owner \xed\xa0\x80\0"
    stream = io.BytesIO()
    np.save(stream, values)
    content = stream.getvalue()
    checksum = hashlib.blake2b(owner + content, digest_size=16).digest()
    assert (tmp_path / "of an array").read_bytes() == content + checksum
    write_array(tmp_path / "header", values, "owner \ud800", header_only=True)
    header = content[: -values.nbytes]
    checksum = hashlib.blake2b(owner + header, digest_size=16).digest()
    assert (tmp_path / "header").read_bytes() == content + checksum


@pytest.mark.parametrize("damage", [flipped, cut])
def test_an_array_is_read_as_it_was_written_or_not_at_all(tmp_path, damage):
    values = np.arange(6, dtype="<i8").reshape(2, 3)
    write_array(tmp_path / "a", values, "owner")
    found = read_array(tmp_path / "a", "owner")
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)
    for data in damage((tmp_path / "a").read_bytes()):
        (tmp_path / "b").write_bytes(data)
        with pytest.raises(ValueError, match="its checksum differs"):
            read_array(tmp_path / "b", "owner")
    for owner in ("owner\0", "Owner", ""):
        with pytest.raises(ValueError, match="its checksum differs"):
            read_array(tmp_path / "a", owner)


class Undisturbed:
    """A cache with one file, and what it must answer whatever happens to that file."""

    def __init__(self, folder, dtype, d):
        self.folder, self.dtype = folder, dtype
        self.vectors = np.random.default_rng(0).normal(size=(3, d)).astype(dtype)
        VectorCache(folder, dtype).store(keys(*NAMES), self.vectors)
        (self.file,) = folder.iterdir()
        self.data = self.file.read_bytes()

    def computed(self):
        """What a new process computes, after a check of all that it is given."""
        places = []

        def compute(units):
            for unit in units:
                places.extend(unit)
                yield self.vectors[unit]

        cache = VectorCache(self.folder, self.dtype)
        result = complete(cache, keys(*NAMES), alone, compute)
        np.testing.assert_array_equal(result, self.vectors)
        return places

    def recomputes(self, found: Iterator[bytes], caplog):
        """Check that each of some contents of the file is noticed, named and recomputed."""
        for number, data in enumerate(found):
            self.file.write_bytes(data)
            caplog.clear()
            assert self.computed() == [0, 1, 2], number
            (record,) = caplog.records
            assert str(self.file) in record.getMessage(), number
            assert "cache file skipped" in record.getMessage(), number
            caplog.clear()
            assert self.computed() == []  # what was recomputed is stored,
            assert not caplog.records, number  # and the damaged file removed
            for path in set(self.folder.iterdir()) - {self.file}:
                path.unlink()


@pytest.fixture(params=KINDS)
def cache(request, tmp_path):
    return Undisturbed(tmp_path / "folder", *KINDS[request.param])


def test_a_flipped_bit_in_any_byte_is_noticed(cache, caplog):
    cache.recomputes(flipped(cache.data), caplog)
    cache.file.write_bytes(cache.data)
    assert cache.computed() == []


def test_a_file_cut_anywhere_is_noticed(cache, caplog):
    cache.recomputes(cut(cache.data), caplog)


def test_a_file_of_another_cache_is_noticed(cache, tmp_path, caplog):
    """Of another encoder, say, with other vectors under the same keys."""
    others = []
    for name, dtype in (("other", cache.dtype), ("folder", "<f2")):
        folder = tmp_path / "elsewhere" / name
        VectorCache(folder, dtype).store(keys(*NAMES), cache.vectors + 1)
        others += [path.read_bytes() for path in folder.iterdir()]
    write_array(tmp_path / "neighbors", np.zeros((3, 2), dtype=np.int32), "neighbors")
    others.append((tmp_path / "neighbors").read_bytes())
    start = header_size(cache.data)  # and records of another cache between header and checksum
    others.append(cache.data[:start] + others[0][start:-16] + cache.data[-16:])
    cache.recomputes(iter(others), caplog)


def test_a_renamed_copy_of_the_whole_folder_is_noticed_and_a_moved_one_is_read(cache, tmp_path):
    for place, expected in (("moved/folder", []), ("renamed", [0, 1, 2])):
        shutil.copytree(tmp_path / "folder", tmp_path / place)
        cache.folder = tmp_path / place
        assert cache.computed() == expected


def test_a_file_with_other_keys_answers_for_none_of_these(cache, tmp_path, caplog):
    folder = tmp_path / "elsewhere" / "folder"
    VectorCache(folder, cache.dtype).store(keys("d", "e", "c"), cache.vectors)
    (other,) = folder.iterdir()
    cache.file.write_bytes(other.read_bytes())
    assert cache.computed() == [0, 1]
    assert not caplog.records


def test_the_first_version_and_hidden_files_are_never_opened(cache, caplog):
    records = np.zeros(3, dtype=[("key", "u1", 16), ("vector", cache.dtype, 2)])
    records["key"] = np.frombuffer(b"".join(keys(*NAMES)), dtype=np.uint8).reshape(3, 16)
    np.save(cache.folder / "z.npy", records)
    (cache.folder / "._z.v2.npy").write_bytes(b"of a Mac")
    assert cache.computed() == []
    cache.file.unlink()
    assert cache.computed() == [0, 1, 2]
    assert not caplog.records


def test_records_of_the_first_version_under_the_new_name_are_noticed(cache, caplog):
    records = np.zeros(3, dtype=[("key", "u1", 16), ("vector", cache.dtype, 2)])
    stream = io.BytesIO()
    np.save(stream, records)
    cache.recomputes(iter([stream.getvalue(), b"\x93NUMPY not really"]), caplog)


def test_a_header_that_claims_gigabytes_takes_no_memory(cache, caplog):
    header = {"descr": "<f8", "fortran_order": False, "shape": (1 << 32,)}
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, header)
    tracemalloc.start()
    cache.recomputes(iter([stream.getvalue(), stream.getvalue() + cache.data]), caplog)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    tracemalloc.stop()


def test_a_warning_counts_the_damaged_records(cache, caplog):
    start = header_size(cache.data)
    size = (len(cache.data) - start - 16) // 3  # the file's checksum is the end
    data = bytearray(cache.data)
    for place in (start, start + 2 * size + 20):
        data[place] ^= 4
        cache.file.write_bytes(data)
        VectorCache(cache.folder, cache.dtype).load(keys("a"))
    assert [record.args[-1] for record in caplog.records] == [
        "damaged records: 1 of 3",
        "damaged records: 2 of 3",
    ]


def test_a_file_that_lost_a_record_is_noticed(cache, caplog):
    start = header_size(cache.data)
    size = (len(cache.data) - start - 16) // 3
    cache.recomputes(iter([cache.data[:start] + cache.data[start + size :]]), caplog)
    caplog.clear()
    cache.file.write_bytes(cache.data[: start + size] + cache.data[start:])
    VectorCache(cache.folder, cache.dtype).load(keys("a"))
    assert caplog.text.count("its length is not what its header says") == 1


def test_a_second_copy_is_used(cache, caplog):
    """As two processes leave it that computed the same at once; the damaged may come last."""
    for name in ("0", "z"):
        copy = cache.folder / f"{name}.v2.npy"
        copy.write_bytes(cache.data)
        cache.file.write_bytes(cache.data[:-40] + b"\0\0" + cache.data[-38:])
        assert cache.computed() == []
        assert not cache.file.exists()
        assert caplog.text.count("damaged records") == 1
        caplog.clear()
        copy.unlink()


@pytest.mark.parametrize("gone", [True, False])
def test_a_file_damaged_after_it_was_read_is_noticed(cache, caplog, gone):
    known = VectorCache(cache.folder, cache.dtype)
    assert held(known, *NAMES) == 3
    if gone:
        cache.file.unlink()
    else:
        cache.file.write_bytes(cache.data[:-30] + b"\0" + cache.data[-29:])
    assert held(known, *NAMES) == 0
    known.store(keys(*NAMES), cache.vectors)
    assert held(known, *NAMES) == 3
    assert len(caplog.records) == (not gone)  # another process may have removed it


def test_an_unusable_folder_is_reported_with_the_reason(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    known = VectorCache(tmp_path / "file")
    assert held(known, "a") == 0
    assert "file: the cache cannot be read (Not a directory)" in caplog.text
    with pytest.raises(SmoothieError, match=r"file: the cache cannot be written \(File exists\)"):
        known.store(keys("a"), np.ones((1, 2)))


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    known = VectorCache(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with pytest.raises(SmoothieError, match=r"cannot be written \(File too large\)"):
            known.store(keys("a"), np.ones((1, 1 << 16)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(tmp_path.iterdir())


def test_every_error_has_a_reason(tmp_path):
    assert reason(OSError("3 requested and 0 written")) == "3 requested and 0 written"
    assert reason(OSError()) == "OSError"
    assert reason(FileNotFoundError(2, "No such file or directory")) == "No such file or directory"


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


def test_a_file_is_read_once_unless_one_of_its_keys_is_asked_for(cache, caplog):
    known = VectorCache(cache.folder, cache.dtype)
    assert held(known, "x") == held(known, "x") == 0
    cache.file.write_bytes(b"damaged later")
    assert held(known, "x") == held(known, "y") == 0
    assert not caplog.records
    assert held(known, "a") == held(known, "a") == 0  # and told once
    assert len(caplog.records) == 1


def test_a_cache_knows_whether_files_hold_all_of_some_keys(tmp_path):
    first, second = VectorCache(tmp_path / "new"), VectorCache(tmp_path / "new")
    assert not first.holds(keys("a"))
    for count, name in enumerate("abc", start=1):
        second.store(keys(name), np.ones((1, 2)))
        os.utime(tmp_path / "new", ns=(count, count))  # a clock that tells the writes apart
        for cache in (first, second):
            assert cache.holds(keys(*"abc"[:count]))
            assert cache.holds(keys(name))
            assert not cache.holds(keys(name, "x"))
    memory = VectorCache(None)
    memory.store(keys("a"), np.ones((1, 2)))
    assert not memory.holds(keys("a"))


def test_damaged_files_are_removed_and_no_others(cache, tmp_path):
    known = VectorCache(cache.folder, cache.dtype)
    known.store(keys("d"), cache.vectors[:1])
    cache.file.write_bytes(cache.data[:-1])
    for gone in (False, True):
        known = VectorCache(cache.folder, cache.dtype)
        assert held(known, *NAMES, "d") == 1
        assert cache.file.exists()
        if gone:
            cache.file.unlink()  # by another process
        known.remove_damaged()
        assert not cache.file.exists()
        assert held(VectorCache(cache.folder, cache.dtype), "d") == 1
        cache.file.write_bytes(cache.data[:-1])
    VectorCache(None).remove_damaged()


@pytest.mark.parametrize("on_disk", [True, False])
@pytest.mark.parametrize("dtype", ["<f2", "<f4", "<f8"])
def test_vectors_have_the_type_of_the_cache(tmp_path, on_disk, dtype):
    cache = VectorCache(tmp_path if on_disk else None, dtype)
    assert cache.requested == cache.computed == 0
    vectors = np.random.default_rng(0).normal(size=(2, 3))
    assert cache.load(keys("a"))[1].dtype == dtype
    cache.store(keys("a", "b"), vectors)
    known, found = cache.load(keys("b", "x", "a"))
    assert known.tolist() == [True, False, True]
    assert found.dtype == dtype
    np.testing.assert_array_equal(found[known], vectors[[1, 0]].astype(dtype))


def test_without_a_folder_vectors_are_in_memory():
    cache = VectorCache(None)
    cache.store(keys("a"), np.ones((1, 2)))
    assert held(cache, "a") == 1
    cache.store([], np.ones((0, 2)))
