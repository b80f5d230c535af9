"""A result is made again from its signature, and every difference is told."""

import json

import numpy as np
import pytest

from experiments.rerun import main, read_signature
from smoothie import SmoothieError
from tests.conftest import ROOT, make_set, store_vectors

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A set, its vectors, and the output of a run on them in a process of its own."""
    import subprocess
    import sys

    folder = tmp_path_factory.mktemp("rerun")
    data = make_set(folder / "set", inputs=20)
    vectors = store_vectors(data, folder / "vectors")
    settings = ["dataset=local", f"dataset.path={data}", "encoder=stored", "paths.cache=null"]
    settings += [f"encoder.folder={vectors}", "evaluation.draws=50", "output.plots=false"]
    output = folder / "out"
    command = [sys.executable, "-m", "experiments.run", *settings, f"hydra.run.dir={output}"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return data, output


@pytest.fixture
def again(made, tmp_path, capsys):
    """Run the command on a copy of the output."""
    import shutil

    _, output = made
    copied = tmp_path / "out"
    shutil.copytree(output, copied)

    def rerun(change=None):
        if change is not None:
            change(copied)
        status = main([str(copied)])
        return status, capsys.readouterr().out

    return rerun


def test_the_same_result(again):
    status, said = again()
    assert status == 0
    assert "metrics.csv: the same" in said
    assert "differ" not in said


def test_a_changed_table_is_told(again):
    def change(folder):
        path = folder / "choices.csv"
        header, first, *rest = path.read_text().splitlines()
        other = first.replace("alpha", "beta") if "alpha" in first else first.replace("beta", "x")
        path.write_text("\n".join([header, other, *rest]) + "\n")

    status, said = again(change)
    assert status == 1
    assert "in 1 of 20 rows" in said


def test_changed_data_are_told(again, made):
    path = made[0] / "generations" / "alpha.jsonl"
    before = path.read_text()
    rows = [json.loads(line) for line in before.splitlines()]
    rows[0]["generation"] = "it is not known"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    try:
        status, said = again()
    finally:
        path.write_text(before)
    assert status == 1
    assert "signature.json: data was" in said


def test_other_versions_are_told_but_do_not_count(again):
    def change(folder):
        path = folder / "signature.json"
        signature = json.loads(path.read_text())
        assert signature["versions"]["numpy"] == np.__version__
        signature["versions"]["numpy"] = "1.0"
        path.write_text(json.dumps(signature))

    status, said = again(change)
    assert status == 0
    assert f"numpy was 1.0, is {np.__version__}" in said


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "not found"),
        ("{}", "command.settings"),
        ('{"command": {"settings": [1]}}', "settings"),
    ],
)
def test_a_folder_without_settings_is_refused(tmp_path, content, reason):
    if content is not None:
        (tmp_path / "signature.json").write_text(content)
    with pytest.raises(SmoothieError, match=reason):
        read_signature(tmp_path)


def test_settings_that_would_write_elsewhere_are_left_out(again, tmp_path):
    def change(folder):
        path = folder / "signature.json"
        signature = json.loads(path.read_text())
        signature["command"]["settings"] += [f"output.vectors={tmp_path / 'elsewhere'}"]
        path.write_text(json.dumps(signature))

    status, _ = again(change)
    assert status == 0
    assert not (tmp_path / "elsewhere").exists()
