import csv
import os

import numpy as np
import pandas as pd
import pytest

from smoothie import SmoothieError
from smoothie.storage.files import (
    child,
    drop_pages,
    read_json,
    read_jsonl,
    replacing,
    write_csv,
    write_text,
)


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
        (b'{"a": "\xff"}\n', "line 1: not UTF-8"),
        (b'{"a": 1}\n\n{"b": 1}\n{"a": "\xff"}\n{}\n', "line 4: not UTF-8"),
        (b'{"a": 1}\r\n{"a": "\xff"}\r\n', "line 2: not UTF-8"),
        (b'{"a": {"b": 1, "c": 2, "b": 3}}\n', "line 1: key 'b' occurs twice in an object"),
        (b'{"a": ' + b"[" * 9999, "line 1: nested too deeply"),
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


CELLS = [
    "plain",
    "",
    "a,b",
    'a "b"',
    "two\nlines",
    "two\rlines",
    "two\r\nlines",
    "\r",
    "=1+1",
    "-1",
]
CELLS += [" x ", "@x", "+x", "\t", "\u2028", "1e5"]


def test_cells_are_read_back_as_they_were_written(tmp_path):
    path = tmp_path / "table.csv"
    rows = [[cell, None, 0.1, -3] for cell in CELLS]
    write_csv(path, ["id", "no\rthing", "x", "y"], iter(rows))
    expected = [["id", "no\rthing", "x", "y"], *([cell, "", "0.1", "-3"] for cell in CELLS)]
    with path.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == expected
    table = pd.read_csv(path, dtype={"id": str}, keep_default_na=False)
    assert table["id"].tolist() == CELLS
    assert table["y"].tolist() == [-3] * len(CELLS)


def test_ordinary_tables_are_those_of_the_csv_module(tmp_path):
    """Line ends are newlines, and only what needs it is quoted."""
    rows = [["q1", "alpha", 0.5, None], ["a,b", 'say "x"', -1, True], ["two\nlines", "", 1e-9, ""]]
    write_csv(tmp_path / "ours.csv", ["id", "b", "c", "d"], rows)
    with (tmp_path / "theirs.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([["id", "b", "c", "d"], *rows])
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "theirs.csv").read_bytes()


@pytest.mark.parametrize(
    "name", ["alpha", "llama3:8b", "gpt-4 (turbo)", "$x$_\\bad", "=x", "x" * 255, "caf\u00e9"]
)
def test_names_that_files_can_have(tmp_path, name):
    write_text(child(tmp_path, name), "x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("", "is empty"),
        (".", "begins with a dot"),
        ("..", "begins with a dot"),
        (".hidden", "begins with a dot"),
        ("../x", "holds a path separator"),
        ("/etc/passwd", "holds a path separator"),
        ("a/b", "holds a path separator"),
        ("nul\0", "holds a control character"),
        ("two\nlines", "holds a control character"),
        ("half \ud83d", "a lone surrogate"),
        ("x" * 256, "longer than 255 bytes"),
        ("\u00e9" * 128, "longer than 255 bytes"),
    ],
)
def test_names_that_lead_elsewhere(tmp_path, name, fault):
    with pytest.raises(SmoothieError, match=fault):
        child(tmp_path, name)
