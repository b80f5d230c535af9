"""Whole runs that are killed or interrupted, and what the same command then makes of it."""

import signal

import pytest

pytestmark = pytest.mark.slow

RESULTS = ["choices.csv", "metrics.csv", "weights.csv"]


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


@pytest.fixture
def disturbed(forked, tmp_path):
    """Run a command and disturb it (tests/disturbed.py): its exit status and output."""

    def disturbed(where, number, count, arguments):
        given = [where, int(number), count, *arguments]
        return forked("tests.disturbed", given, folder=tmp_path)[0]

    return disturbed


def written(folder):
    return [(folder / "out" / name).read_bytes() for name in RESULTS]


def test_a_killed_run_goes_on_to_the_same_bytes(disturbed, settings, tmp_path):
    """At the first score, then at a batch that was computed and not yet stored."""
    assert disturbed("store", 0, 0, settings("whole"))[0] == 0
    for count in (1, 3):
        status, _ = disturbed("store", signal.SIGKILL, count, settings("killed"))
        assert status == -signal.SIGKILL
        assert not (tmp_path / "killed" / "out" / "metrics.csv").exists()
    assert disturbed("store", 0, 0, settings("killed"))[0] == 0
    assert written(tmp_path / "killed") == written(tmp_path / "whole")
    assert not [path for path in tmp_path.rglob(".*") if path.name != ".hydra"]


def test_an_interrupted_encoding_says_what_is_cached(disturbed, settings):
    for number in (signal.SIGINT, signal.SIGTERM):
        status, shown = disturbed("encode", number, 2, settings("run"))
        assert status == 130, shown
        assert "Traceback" not in shown
        last = shown.splitlines()[-1]
        assert last.startswith("stopped; "), shown
        assert last.endswith(" texts are cached; the same command goes on")
    assert disturbed("encode", 0, 0, settings("run"))[0] == 0
