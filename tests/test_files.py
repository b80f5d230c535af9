import os

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.storage.files import drop_pages, read_json, read_jsonl, replacing, write_text


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "folder" / "file.txt"
    write_text(path, "old")

    def fail():
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert [entry.name for entry in path.parent.iterdir()] == ["file.txt"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": 1}\n\n{"a": }\n', "line 3: not JSON"),
        (b"[1]\n", "line 1: expected a JSON object, found list"),
        (b'{"a": "\xff"}\n', "not UTF-8"),
    ],
)
def test_broken_lines_are_named(tmp_path, content, message):
    path = tmp_path / "rows.jsonl"
    path.write_bytes(content)
    with pytest.raises(SmoothieError, match=message):
        list(read_jsonl(path))


def test_missing_and_broken_json(tmp_path):
    with pytest.raises(SmoothieError, match="no such file"):
        read_json(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{\n  oops\n}")
    with pytest.raises(SmoothieError, match="line 2: not JSON"):
        read_json(tmp_path / "bad.json")


def test_unusual_line_separators_inside_strings_are_kept(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "x\u2028y\x85z"}\r\n{"a": "b"}', encoding="utf-8")
    assert [row["a"] for _, row in read_jsonl(path)] == ["x\u2028y\x85z", "b"]


@pytest.mark.parametrize("mode", ["r", "r+", "c", None])
def test_dropping_pages_loses_nothing(tmp_path, mode):
    """Neither what the file holds, nor what was written to a map of it, shared or private."""
    np.save(tmp_path / "a.npy", np.arange(50_000.0))
    array = np.load(tmp_path / "a.npy", mmap_mode=mode)
    expected = np.arange(50_000.0)
    if mode != "r":
        array[7] = expected[7] = -1
    drop_pages(np.asarray(array[3:]).reshape(-1, 1))
    np.testing.assert_array_equal(array, expected)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_permissions_that_the_umask_leaves(tmp_path, umask, mode):
    before = os.umask(umask)
    try:
        write_text(tmp_path / "file.txt", "new")
    finally:
        os.umask(before)
    assert (tmp_path / "file.txt").stat().st_mode & 0o777 == mode
