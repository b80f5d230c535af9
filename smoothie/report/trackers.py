"""Experiment trackers by name: a function that is given each run's settings, metrics and files."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smoothie.errors import SmoothieError, interrupted
from smoothie.evaluation import CANDIDATE
from smoothie.optional import require
from smoothie.registry import Registry, wrong_function

if TYPE_CHECKING:
    import pandas as pd

Tracker = Callable[[Mapping[str, Any], Mapping[str, float], Sequence[Path]], None]
PROJECT = "smoothie"  # where a tracker asks for one and the environment names none
COLUMNS = ("score", "ci_low", "ci_high", "gap_closed")


def wrong_tracker(thing: Any) -> str | None:
    """Why an object cannot be used as a tracker; None if it can."""
    return wrong_function(thing, ("settings", "metrics", "files"))


TRACKERS: Registry[Tracker] = Registry("tracker", "smoothie.trackers", wrong_tracker)
register_tracker = TRACKERS.register
PACKAGES = {"mlflow": "mlflow", "trackio": "trackio", "wandb": "wandb"}


@register_tracker("mlflow")
def to_mlflow(
    settings: Mapping[str, Any], metrics: Mapping[str, float], files: Sequence[Path]
) -> None:
    """A run of MLflow, where MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME say."""
    import mlflow

    with mlflow.start_run():
        mlflow.log_params(dict(settings))
        mlflow.log_metrics(dict(metrics))
        for path in files:
            mlflow.log_artifact(str(path))


@register_tracker("trackio")
def to_trackio(
    settings: Mapping[str, Any], metrics: Mapping[str, float], files: Sequence[Path]
) -> None:
    """A run of Trackio, in the folder TRACKIO_DIR; the project is TRACKIO_PROJECT."""
    import trackio

    project = os.environ.get("TRACKIO_PROJECT", PROJECT)
    trackio.init(project, config=dict(settings), embed=False)
    trackio.log(dict(metrics))
    for path in files:
        trackio.save(path)
    trackio.finish()


@register_tracker("wandb")
def to_wandb(
    settings: Mapping[str, Any], metrics: Mapping[str, float], files: Sequence[Path]
) -> None:
    """A run of Weights & Biases, as WANDB_MODE, WANDB_DIR and WANDB_PROJECT say."""
    import wandb

    project = os.environ.get("WANDB_PROJECT", PROJECT)
    with wandb.init(project=project, config=dict(settings)) as run:
        run.log(dict(metrics))
        results = wandb.Artifact("results", type="results")
        for path in files:
            results.add_file(str(path))
        run.log_artifact(results)


def require_tracker(name: str) -> Tracker:
    """The tracker of a name; refuses an unknown one, and one whose package is missing.

    Raises
    ------
    SmoothieError
    """
    if name not in TRACKERS:
        raise SmoothieError(f"log={name}: expected one of {', '.join(TRACKERS)}")
    if name in PACKAGES:
        require(PACKAGES[name], f"log={name}")
    return TRACKERS[name]


def track(
    name: str, settings: Mapping[str, Any], metrics: Mapping[str, float], files: Sequence[Path]
) -> None:
    """Hand a run to a tracker.

    Parameters
    ----------
    name : str
        Of the tracker.
    settings : mapping
        Of the run: names with dots and plain values, or as deep as they are.
    metrics : mapping of name -> float
    files : sequence of Path
        What the run has written.

    Raises
    ------
    SmoothieError
        If there is no such tracker, or it fails.

    Examples
    --------
    >>> from smoothie.report.trackers import TRACKERS, register_tracker, track
    >>> @register_tracker("shown")
    ... def shown(settings, metrics, files):
    ...     print(settings, metrics, len(files))
    >>> track("shown", {"k": 1, "output": {"plots": True}}, {"consensus.score": 63.3}, [])
    {'k': 1, 'output.plots': True} {'consensus.score': 63.3} 0
    >>> TRACKERS.unregister("shown")
    """
    tracker = require_tracker(name)
    try:
        tracker(flat(settings), metrics, files)
    except Exception as error:  # trackers raise anything
        if interrupted(error):
            raise
        said = next(iter(str(error).strip().splitlines()), "no reason given")
        raise SmoothieError(f"log={name}: {type(error).__name__}: {said}") from error


def metrics_of(table: pd.DataFrame | None) -> dict[str, float]:
    """Numbers of the methods of a table, as METHOD.score, METHOD.gap_closed and so on."""
    if table is None:
        return {}
    numbers = {}
    for row in table.to_dict("records"):
        for column in COLUMNS:
            value = row.get(column)
            if value is not None and value == value and not row["method"].startswith(CANDIDATE):
                numbers[f"{row['method']}.{column}"] = float(value)
    return numbers


def flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings within settings under one name, with dots."""
    values: dict[str, Any] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            values |= flat(value, f"{prefix}{name}.")
        else:
            values[f"{prefix}{name}"] = value
    return values
