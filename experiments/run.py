"""The command line: route one problem, or each of a sweep, and write the results.

    python -m experiments.run dataset=local dataset.path=FOLDER encoder=minilm

`python -m experiments.run --help` lists the settings.
"""

import gc
import sys
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hydra
from hydra.conf import HydraConf
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from experiments.command import start
from experiments.config import one_sentence_errors
from experiments.groups import CONF
from experiments.memory import Memory
from smoothie.clock import Clock

if TYPE_CHECKING:
    from smoothie.run import Result

JOBS = Memory()  # shared by the jobs of a sweep that run in this process
LAUNCHERS = {  # of conf/hydra/launcher and of the plugins themselves
    "joblib_local": "hydra-joblib-launcher",
    "joblib": "hydra-joblib-launcher",
    "slurm": "hydra-submitit-launcher",
    "submitit_slurm": "hydra-submitit-launcher",
    "submitit_local": "hydra-submitit-launcher",
}


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def main(cfg: DictConfig) -> None:
    """Command line."""
    # Imported here: help, and errors about unknown settings, need not wait for it.
    from experiments.pipeline import run
    from experiments.sweep import collect_sweep
    from smoothie.report.artifacts import write_artifacts
    from smoothie.report.contents import artifacts_of_run
    from smoothie.report.tables import step_table

    settings = HydraConfig.get()
    sweep = settings.mode == RunMode.MULTIRUN
    with one_sentence_errors(sweep):
        if sweep and settings.job.num == 0:
            # Removes the table of an earlier sweep; other jobs of this one may have started.
            collect_sweep(Path(settings.sweep.dir))
        clock = Clock()
        result = replace(run(cfg, clock, JOBS), command=typed_command(settings))
        artifacts = artifacts_of_run(cfg.output.k_curve, cfg.output.budgets)
        folder = Path(settings.runtime.output_dir)
        output = cfg.output
        page = output.plots if output.page is None else output.page
        pages = {"page": page, "sample": output.page_sample}
        shown = write_artifacts(
            result, artifacts, folder, output.plots, clock, output.formats, **pages
        )
        sys.stdout.write(f"{shown}\n{step_table(clock)}")
        if cfg.output.log is not None:
            track_run(cfg, result, folder)
        if sweep:
            collect_sweep(Path(settings.sweep.dir))


def track_run(cfg: DictConfig, result: "Result", folder: Path) -> None:
    """Hand a run to the tracker that its settings name."""
    from experiments.config import named, plain
    from smoothie.report.output import earlier_files
    from smoothie.report.trackers import metrics_of, track

    settings = {name: value for name, value in plain(cfg, "").items() if name != "experiment"}
    settings["method"] = {name: settings["method"][name] for name in cfg.methods}
    settings["signature"] = result.signature
    files = [folder / name for name in earlier_files(folder)]
    with named("output"):
        track(str(cfg.output.log), settings, metrics_of(result.table), files)


def typed_command(settings: HydraConf) -> dict[str, Any]:
    """What makes this result again: the configuration's name and the settings as typed."""
    given = [value for value in settings.overrides.hydra if value.startswith("hydra.searchpath")]
    folders = [
        source.path
        for source in settings.runtime.config_sources
        if source.provider == "command-line"
    ]
    if folders:
        given.append(f"hydra.searchpath=[{','.join(folders)}]")
    return {"config": settings.job.config_name, "settings": [*given, *settings.overrides.task]}


def multirun_first(arguments: list[str]) -> list[str]:
    """Move the flag for sweeps to the front: Hydra takes no settings on both sides of it."""
    flags = [argument for argument in arguments if argument in ("-m", "--multirun")]
    return flags[:1] + [argument for argument in arguments if argument not in flags]


def require_launcher(arguments: list[str]) -> None:
    """Name the extra that a launcher needs, where its package is not installed."""
    for argument in arguments:
        group, _, name = argument.partition("=")
        if group != "hydra/launcher" or name not in LAUNCHERS:
            continue
        try:
            version(LAUNCHERS[name])
        except PackageNotFoundError:
            raise SystemExit(
                f"Error: {argument} needs more packages: pip install 'smoothie-router[launchers]'"
            ) from None


def command() -> None:
    """Run the command line; a script calls this after registering its own objects."""
    sys.argv[1:] = multirun_first(sys.argv[1:])
    require_launcher(sys.argv[1:])
    gc.set_threshold(100_000)  # texts and rows are many objects, and none of them garbage
    try:
        start(main)
    finally:
        gc.freeze()  # else the interpreter traverses every object once more at exit


if __name__ == "__main__":
    # Under the module's own name: processes that launchers start import functions by it.
    from experiments import run as itself

    itself.command()
