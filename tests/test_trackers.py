"""Runs handed to experiment trackers: what they are given, and what the packages then hold."""

import json
import re
import subprocess
import sys

import pandas as pd
import pytest

from smoothie import SmoothieError
from smoothie.optional import is_installed
from smoothie.report import TRACKERS, register_tracker
from smoothie.report.trackers import flat, metrics_of, track
from tests.conftest import ROOT

SETTINGS = {"k": 5, "output": {"plots": False, "log": "x"}, "methods": ["random"]}
METRICS = {"consensus.score": 63.25, "random.score": 29.5}


@pytest.fixture
def files(tmp_path):
    path = tmp_path / "run" / "table.md"
    path.parent.mkdir()
    path.write_text("| a |\n")
    return [path]


@pytest.fixture
def kept():
    """A tracker that keeps what it is given."""
    given = []

    @register_tracker("kept")
    def keep(settings, metrics, files):
        given.append((settings, metrics, files))

    yield given
    TRACKERS.unregister("kept")


def test_settings_are_flat_and_candidates_left_out(kept, files):
    track("kept", SETTINGS, METRICS, files)
    assert kept[0][0] == {
        "k": 5,
        "output.plots": False,
        "output.log": "x",
        "methods": ["random"],
    }
    table = pd.DataFrame(
        {
            "method": ["random", "consensus", "candidate:gpt"],
            "score": [1.0, 2.0, 3.0],
            "gap_closed": [float("nan"), 50.0, 100.0],
        }
    )
    assert metrics_of(table) == {
        "random.score": 1.0,
        "consensus.score": 2.0,
        "consensus.gap_closed": 50.0,
    }
    assert metrics_of(None) == {}
    assert flat({}) == {}


def test_trouble_is_one_sentence(files):
    @register_tracker("broken")
    def fail(settings, metrics, files):
        raise ConnectionError("no route\nto host")

    try:
        with pytest.raises(SmoothieError, match=r"^log=broken: ConnectionError: no route$"):
            track("broken", SETTINGS, METRICS, files)
    finally:
        TRACKERS.unregister("broken")
    with pytest.raises(SmoothieError, match=r"^log=mlfow: expected one of mlflow, trackio, wandb$"):
        track("mlfow", SETTINGS, METRICS, files)


def test_an_unknown_tracker_is_refused_before_anything_is_computed(compose):
    from experiments.pipeline import run

    with pytest.raises(SmoothieError, match=r"^output\.log=x: expected one of mlflow, trackio"):
        run(compose("output.log=x", "dataset.path=/nowhere"))


@pytest.mark.parametrize("package", ["mlflow", "trackio", "wandb"])
def test_a_missing_package_is_named(package, files):
    if is_installed(package):
        pytest.skip(f"{package} is installed")
    line = f"log={package} needs {package}: pip install 'smoothie-router[{package}]'"
    with pytest.raises(SmoothieError, match=re.escape(line)):
        track(package, SETTINGS, METRICS, files)


@pytest.mark.slow
def test_a_run_hands_over_its_settings_metrics_and_files(tmp_path):
    program = (
        "import json, sys\n"
        "from smoothie.report import register_tracker\n"
        "@register_tracker('lines')\n"
        "def lines(settings, metrics, files):\n"
        "    names = [path.name for path in files if path.is_file()]\n"
        "    with open('runs.jsonl', 'a') as out:\n"
        "        out.write(json.dumps([settings, metrics, names]) + '\\n')\n"
        "from experiments.run import command\n"
        "command()\n"
    )
    given = ["methods=[random,smoothie_local]", "output.log=lines", "k=1,5", "-m"]
    done = subprocess.run(
        [sys.executable, "-c", program, *given, "output.plots=false", "hydra.sweep.dir=out"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    runs = [json.loads(line) for line in (tmp_path / "runs.jsonl").read_text().splitlines()]
    for (settings, metrics, names), k, job in zip(runs, (1, 5), "01", strict=True):
        assert settings["k"] == settings["method.smoothie_local.k"] == k
        assert not any(name.startswith("method.consensus") for name in settings)
        table = pd.read_csv(tmp_path / "out" / job / "metrics.csv").set_index("method")
        assert metrics["smoothie_local.score"] == pytest.approx(table.score["smoothie_local"])
        assert "metrics.csv" in names
        assert (
            sorted(names)
            == json.loads((tmp_path / "out" / job / "manifest.json").read_text())["files"]
        )


def in_a_process(tmp_path, name, **environment):
    """Track in a process of its own: trackers start threads and keep state."""
    program = (
        "import json, sys; from pathlib import Path; from smoothie.report.trackers import track\n"
        "name, settings, metrics, file = json.loads(sys.argv[1])\n"
        "track(name, settings, metrics, [Path(file)])\n"
    )
    given = json.dumps([name, SETTINGS, METRICS, str(tmp_path / "run" / "table.md")])
    done = subprocess.run(
        [sys.executable, "-c", program, given],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_mlflow_holds_the_run(tmp_path, files):
    mlflow = pytest.importorskip("mlflow")
    place = {"MLFLOW_TRACKING_URI": f"file:{tmp_path}/ml", "MLFLOW_ALLOW_FILE_STORE": "true"}
    in_a_process(tmp_path, "mlflow", **place)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in place.items():
            patch.setenv(name, value)
        client = mlflow.MlflowClient(place["MLFLOW_TRACKING_URI"])
        (run,) = client.search_runs(["0"])
        assert run.data.metrics == METRICS
        assert run.data.params["output.plots"] == "False"
        assert [item.path for item in client.list_artifacts(run.info.run_id)] == ["table.md"]


@pytest.mark.slow
def test_wandb_holds_the_run(tmp_path, files):
    pytest.importorskip("wandb")
    in_a_process(tmp_path, "wandb", WANDB_MODE="offline", WANDB_DIR=str(tmp_path))
    (record,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    content = record.read_bytes()
    for needed in (b"consensus.score", b"63.25", b"output.plots", b"table.md"):
        assert needed in content


@pytest.mark.slow
def test_trackio_holds_the_run(tmp_path, files):
    pytest.importorskip("trackio")
    in_a_process(tmp_path, "trackio", TRACKIO_DIR=str(tmp_path / "trackio"))
    import sqlite3

    (path,) = (tmp_path / "trackio").glob("smoothie*.db")
    with sqlite3.connect(path) as database:
        (metrics,) = (row[0] for row in database.execute("select metrics from metrics"))
    assert json.loads(metrics)["consensus.score"] == METRICS["consensus.score"]
