"""Whole runs that are killed or interrupted, and what the same command then makes of it."""

import os
import signal
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

RESULTS = ["choices.csv", "metrics.csv", "weights.csv"]
# Runs a command as the command line does, and sends itself a signal at the COUNT-th call of a
# function; every batch is stored as soon as it is computed.
RUN = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs aside
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.storage import cache, work
from experiments import run
work.FLUSH_SECONDS = 0.0
where, number, count = sys.argv[1:4]
place = {"store": cache, "encode": SentenceEncoder}[where]
name = {"store": "write_array", "encode": "_encode"}[where]
function, calls = getattr(place, name), 0
def disturbed(*given, **named):
    global calls
    calls += 1
    if calls == int(count):
        os.kill(os.getpid(), int(number))
    return function(*given, **named)
setattr(place, name, disturbed)
sys.argv[1:] = sys.argv[4:]
run.command()
"""


@pytest.fixture
def settings(local_set, tiny_encoder, tmp_path):
    """The command line of a run, but for the folders that it writes to."""
    given = ["dataset=local", f"dataset.path={local_set}", "encoder=minilm", "metric=rouge2"]
    given += [f"encoder.model={tiny_encoder}", "encoder.device=cpu", "encoder.batch_size=4"]
    given += ["methods=[smoothie_global,smoothie_local]", "k=3", "evaluation.draws=20"]
    given += ["output.plots=false"]
    return lambda name: [
        *given,
        f"hydra.run.dir={tmp_path / name / 'out'}",
        f"paths.cache={tmp_path / name / 'cache'}",
    ]


def disturbed(where, number, count, arguments):
    return subprocess.run(
        [sys.executable, "-c", RUN, where, str(int(number)), str(count), *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"},
        check=False,
    )


def written(folder):
    return [(folder / "out" / name).read_bytes() for name in RESULTS]


def test_a_killed_run_goes_on_to_the_same_bytes(settings, tmp_path):
    """At the first score, then at a batch that was computed and not yet stored."""
    assert disturbed("store", 0, 0, settings("whole")).returncode == 0
    for count in (1, 3):
        killed = disturbed("store", signal.SIGKILL, count, settings("killed"))
        assert killed.returncode == -signal.SIGKILL
        assert not (tmp_path / "killed" / "out" / "metrics.csv").exists()
    assert disturbed("store", 0, 0, settings("killed")).returncode == 0
    assert written(tmp_path / "killed") == written(tmp_path / "whole")
    assert not [path for path in tmp_path.rglob(".*") if path.name != ".hydra"]


def test_an_interrupted_encoding_says_what_is_cached(settings):
    for number in (signal.SIGINT, signal.SIGTERM):
        done = disturbed("encode", number, 2, settings("run"))
        assert done.returncode == 130
        assert "Traceback" not in done.stderr
        last = done.stderr.splitlines()[-1]
        assert last.startswith("stopped; "), done.stderr
        assert last.endswith(" texts are cached; the same command goes on")
    assert disturbed("encode", 0, 0, settings("run")).returncode == 0
