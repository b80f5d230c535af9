"""A folder of results holds the files of one run: those before, or those after, never both."""

import json

import pandas as pd
import pytest

from smoothie import SmoothieError
from smoothie.report.output import OutputFolder


def files(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.fixture
def earlier(tmp_path):
    with OutputFolder(tmp_path / "out") as output:
        output.text("table.md", "old")
        output.text("only_then.md", "old")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    return tmp_path / "out"


def test_a_run_replaces_the_files_of_the_one_before(earlier):
    with OutputFolder(earlier) as output:
        output.text("table.md", "new")
        output.table("rows.csv", pd.DataFrame({"a": [1], "b": [2]}), ["b"])
        output.rows("more.csv", ["x"], [["1"]])
        output.json("one.json", {"a": 1})
        output.jsonl("many.jsonl", [{"a": 1}])
    found = files(earlier)
    manifest = json.loads(found.pop("manifest.json"))
    assert manifest["complete"] is True
    assert found.pop("notes.txt") == "mine"
    assert set(manifest["files"]) == set(found)
    assert found["table.md"] == "new"
    assert found["rows.csv"] == "b\n2\n"
    assert "only_then.md" not in found
    assert output.paths == sorted(earlier / name for name in found)


def write(folder, *names, error=None):
    """Write files of these names, then fail if asked to."""
    with OutputFolder(folder) as output:
        for name in names:
            output.text(name, "new")
        if error is not None:
            raise error


@pytest.mark.parametrize("error", [SmoothieError, KeyboardInterrupt, OSError])
def test_a_run_that_fails_while_it_writes_changes_nothing(earlier, error):
    before = files(earlier)
    with pytest.raises(error):
        write(earlier, "table.md", error=error)
    assert files(earlier) == before


def test_what_a_killed_run_left_aside_is_removed(earlier):
    (earlier / ".unfinished").mkdir()
    (earlier / ".unfinished" / "table.md").write_text("half")
    with OutputFolder(earlier) as output:
        output.text("table.md", "new")
    assert set(files(earlier)) == {"manifest.json", "notes.txt", "table.md"}


def test_a_run_that_dies_while_files_are_moved_is_marked(earlier):
    """Every file of both runs is then in the manifest, so that the next run removes what is old."""
    (earlier / "b.md").mkdir()  # no file can be moved there
    with pytest.raises(OSError, match=r"b\.md"):
        write(earlier, "a.md", "b.md")
    manifest = json.loads((earlier / "manifest.json").read_text())
    assert manifest["complete"] is False
    assert set(manifest["files"]) == {"a.md", "b.md", "table.md", "only_then.md"}
    (earlier / "b.md").rmdir()
    write(earlier, "table.md")
    assert set(files(earlier)) == {"manifest.json", "notes.txt", "table.md"}


def test_no_file_is_written_twice(tmp_path):
    with pytest.raises(SmoothieError, match=r"a\.md is written twice"):
        write(tmp_path, "a.md", "a.md")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(SmoothieError, match=r"file.*: results cannot be written there"):
            write(folder, "a.md")
