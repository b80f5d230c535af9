"""Sweeps whose jobs run side by side leave the tables that they leave one after the other."""

import importlib.metadata

import pandas as pd
import pytest

from experiments.run import LAUNCHERS
from experiments.sweep import FILES, by_value, collect_sweep
from tests.test_run import COLUMNS, command

INSTALLED = {found.name for found in importlib.metadata.distributions()}
HAS_LAUNCHERS = set(LAUNCHERS.values()) <= INSTALLED
needs_launchers = pytest.mark.skipif(
    not HAS_LAUNCHERS, reason="the launchers are not installed: pip install -e .[launchers]"
)


def test_names_are_sorted_by_the_numbers_in_them():
    names = ["10", "9/x", "0", "k=20,seed=1", "k=3,seed=10", "k=3,seed=9", "1"]
    ordered = ["0", "1", "9/x", "10", "k=3,seed=9", "k=3,seed=10", "k=20,seed=1"]
    assert sorted(names, key=by_value) == ordered


def test_jobs_stand_in_their_order_whichever_was_done_first(tmp_path):
    """A job that has written its first file, but not yet its second, is left to itself."""
    header = "dataset,ensemble,method,encoder,k,metric,difference,difference_low,difference_high,"
    header += "gap_closed,gap_low,gap_high,rank_correlation,rank_low,rank_high,difference_n\n"
    (tmp_path / "multirun.yaml").write_text("")
    (tmp_path / "sweep_labels.csv").write_text("of an earlier sweep")
    for job in (2, 10, 0, 1):
        (tmp_path / str(job)).mkdir()
        row = f"d,all,smoothie_local,e,{job},labels"
        metrics = f"{','.join(COLUMNS)}\n{row},1,0,2,12,3,0\n"
        (tmp_path / str(job) / "metrics.csv").write_text(metrics)
        (tmp_path / str(job) / "comparisons.csv").write_text(
            f"{header}{row},1,0,2,50,40,60,,,,12\n"
        )
    (tmp_path / "10" / "comparisons.csv").rename(tmp_path / "10" / "not yet")
    aside = tmp_path / "11" / ".unfinished"  # of a job that writes while this one collects
    aside.mkdir(parents=True)
    (aside / "comparisons.csv").write_text(header)
    collect_sweep(tmp_path)
    assert pd.read_csv(tmp_path / "sweep.csv").job.tolist() == [0, 1, 2]
    (tmp_path / "10" / "not yet").rename(tmp_path / "10" / "comparisons.csv")
    collect_sweep(tmp_path)
    assert pd.read_csv(tmp_path / "sweep.csv").job.tolist() == [0, 1, 2, 10]
    assert pd.read_csv(tmp_path / "sweep_comparisons.csv").k.tolist() == [0, 1, 2, 10]
    assert not (tmp_path / "sweep_labels.csv").exists()


@pytest.fixture(scope="module")
def one_after_the_other(tmp_path_factory):
    """A sweep of the demo whose first job takes longest, and its settings."""
    folder = tmp_path_factory.mktemp("sweeps")
    settings = ["-m", "evaluation.draws=20000,40", "k=1,5", "output.plots=false"]
    settings += ["output.page=true"]
    settings += ["methods=[random,best_on_val,smoothie_local,oracle]", "output.budgets=[2,5]"]
    settings_here = [*settings, f"hydra.sweep.dir={folder / 'basic'}"]
    done = command(*settings_here, measured=True, SMOOTHIE_CACHE=str(folder))
    assert done.returncode == 0, done.stderr
    return folder / "basic", settings


@needs_launchers
@pytest.mark.parametrize(
    "launcher",
    [["joblib_local", "hydra.launcher.n_jobs=2"], ["submitit_local"]],
    ids=lambda launcher: launcher[0],
)
def test_side_by_side_as_one_after_the_other(one_after_the_other, launcher, tmp_path):
    basic, settings = one_after_the_other
    name, *more = launcher
    (tmp_path / "out" / "3").mkdir(parents=True)
    (tmp_path / "out" / "sweep.csv").write_text("of an earlier sweep")
    done = command(
        *(*settings, f"hydra/launcher={name}", *more, "workers=1"),
        f"hydra.sweep.dir={tmp_path / 'out'}",
        SMOOTHIE_CACHE=str(tmp_path / "cache"),
    )
    assert done.returncode == 0, done.stderr
    for file in FILES:
        assert (tmp_path / "out" / file).read_bytes() == (basic / file).read_bytes(), file


@pytest.mark.slow
@needs_launchers
def test_a_job_that_fails_is_named_and_the_others_are_collected(tmp_path):
    done = command(
        *("-m", "hydra/launcher=joblib_local", "hydra.launcher.n_jobs=2", "k=1,9999"),
        *("methods=[random,smoothie_local]", "evaluation.draws=40", "output.plots=false"),
        f"hydra.sweep.dir={tmp_path / 'out'}",
    )
    assert done.returncode == 1
    assert "Error: method.smoothie_local.k=9999" in done.stderr
    assert "Traceback" not in done.stderr
    assert set(pd.read_csv(tmp_path / "out" / "sweep.csv").job) == {0}


@pytest.mark.slow
@pytest.mark.skipif(HAS_LAUNCHERS, reason="the launchers are installed")
@pytest.mark.parametrize("name", ["joblib_local", "slurm"])
def test_a_launcher_that_is_missing_is_named(name):
    done = command("-m", f"hydra/launcher={name}", "k=1,5")
    assert done.returncode == 1
    assert done.stderr.strip() == (
        f"Error: hydra/launcher={name} needs more packages: "
        f"pip install 'smoothie-router[launchers]'"
    )


@pytest.mark.slow
@needs_launchers
@pytest.mark.parametrize("name", ["joblib_local", "slurm"])
def test_launchers_compose(name):
    shown = command(f"hydra/launcher={name}", "--cfg", "hydra", "-p", "hydra.launcher")
    assert shown.returncode == 0, shown.stderr
    assert "_target_: hydra_plugins." in shown.stdout
