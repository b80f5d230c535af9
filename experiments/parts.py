"""Each part of a configuration as types, or one sentence that names the setting that is wrong."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.config import (
    as_typed,
    build,
    named,
    part,
    plain,
    plain_file,
    settings_of,
    typed,
)
from experiments.groups import CONF, GIVEN
from smoothie.cleaning import CLEANING
from smoothie.encoders import ENCODERS
from smoothie.errors import CONTROL, SmoothieError, shown
from smoothie.evaluation import Bootstrap
from smoothie.loaders import SOURCES
from smoothie.metrics.base import METRICS
from smoothie.metrics.models import MODEL_METRICS
from smoothie.parallel.cluster import RayCluster
from smoothie.report.registry import FORMATS
from smoothie.report.trackers import require_tracker
from smoothie.routers.base import ROUTERS, Router, require_seed
from smoothie.routers.scorer import TIES
from smoothie.scorers import SCORERS
from smoothie.storage.files import LONGEST_NAME, reason, user_path

ENGINES = ("local", "ray")
NEIGHBORS = ("exact", "approximate")
MOST_WORKERS = 1024
PATHS = ("path", "train_path", "folder", "file", "cache", "lock", "models")  # of any group
OF_DATA = ("auto", "labels", "leaderboard")  # metrics that are not computed from texts


@dataclass(frozen=True)
class Output:
    """Settings of what is written.

    Attributes
    ----------
    method : str
        Whose texts go to routed.jsonl.
    plots : bool
        Whether plots are drawn.
    formats : list of str
        Of their files: png, pdf.
    page : bool or None
        Whether report.html is written; None writes it where plots are drawn.
    page_sample : int or None
        So many inputs in the page's browser of inputs; None shows all, as far as it opens quickly.
    vectors : str or None
        A folder to write the vectors to.
    router : str or None
        A file to write the fitted router of `method` to.
    log : str or None
        Name of the experiment tracker that is given the settings, metrics and files.
    k_curve : list of int
        Values of k in the plot of score against k.
    budgets : list of int
        Numbers of labels in the plot of score against labels; without any it is not made.
    """

    method: str = "consensus"
    plots: bool = True
    formats: list[str] = field(default_factory=lambda: ["png"])
    page: bool | None = None
    page_sample: int | None = None
    vectors: str | None = None
    router: str | None = None
    log: str | None = None
    k_curve: list[int] = field(default_factory=list)
    budgets: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        for name, sizes in (("k_curve", self.k_curve), ("budgets", self.budgets)):
            if sizes and min(sizes) < 1:
                raise SmoothieError(f"{name}={shown(sizes)}: expected numbers of at least 1")
        if not self.formats or not set(self.formats) <= set(FORMATS):
            expected = " or ".join(FORMATS)
            raise SmoothieError(f"formats={shown(self.formats)}: expected {expected}, or both")
        require_different("formats", self.formats)
        if self.page_sample is not None and self.page_sample < 1:
            raise SmoothieError(f"page_sample={self.page_sample}: expected at least 1")
        if self.vectors is not None:
            require_place("vectors", self.vectors, folder=True)
        if self.router is not None:
            require_place("router", self.router, folder=False)
        if self.log is not None:
            require_tracker(self.log)


@dataclass(frozen=True)
class Ensemble:
    """Which candidates, in which order.

    Attributes
    ----------
    name : str
        As results show it.
    candidates : list of str or None
        None takes all, by name.
    size : int or None
        So many of them, drawn at random.
    seed : int
        Of the draw.
    stored : str or None
        Folder of the ensemble in the paper's repository.
    """

    name: str
    candidates: list[str] | None = None
    size: int | None = None
    seed: int = 0
    stored: str | None = None

    def __post_init__(self) -> None:
        """Check the settings, before anything is read."""
        require_different("ensemble.candidates", self.candidates or [])
        if self.size is not None and self.size < 3:
            raise SmoothieError(f"size={self.size}: expected at least 3")
        require_seed(self.seed)


@dataclass(frozen=True)
class General:
    """Settings that belong to no group.

    Attributes
    ----------
    methods : list of str
        Names of the methods to compare.
    k : int
        What the methods that look at neighbors take, unless told otherwise.
    neighbors : {"exact", "approximate"}
        How they are looked up.
    workers : int or None
        Processes to score in; None takes as many as there are cores.
    """

    methods: list[str]
    k: int = 1
    neighbors: str = "exact"
    workers: int | None = None

    def __post_init__(self) -> None:
        """Check the settings, before anything is read."""
        if not self.methods:
            raise SmoothieError("methods is empty: expected one or more")
        require_different("methods", self.methods)
        if self.k < 1:
            raise SmoothieError(f"k={self.k}: expected at least 1")
        if self.neighbors not in NEIGHBORS:
            raise SmoothieError(f"neighbors={self.neighbors}: expected {' or '.join(NEIGHBORS)}")
        if self.workers is not None and not 1 <= self.workers <= MOST_WORKERS:
            raise SmoothieError(
                f"workers={self.workers}: expected a number from 1 to {MOST_WORKERS}, "
                f"or null for all cores"
            )


def require_different(name: str, values: Sequence[object]) -> None:
    """Refuse a list that holds something twice."""
    for i, value in enumerate(values):
        if value in values[:i]:
            raise SmoothieError(f"{name} names {shown(value)} twice")


def bootstrap_of(cfg: DictConfig) -> Bootstrap:
    """How intervals are made."""
    with named("evaluation"):
        settings = plain(part(cfg, "evaluation"), "evaluation")
        return Bootstrap(**typed(Bootstrap, settings, "evaluation"))


def output_of(cfg: DictConfig) -> Output:
    """What is written."""
    with named("output"):
        return Output(**typed(Output, plain(part(cfg, "output"), "output"), "output"))


def require_method(cfg: DictConfig, name: str, setting: str) -> None:
    """Refuse the name of a method that is not there."""
    methods = part(cfg, "method")
    if not isinstance(methods, DictConfig):
        raise SmoothieError(f"method={as_typed(methods)}: expected settings, as in method.NAME.k=5")
    if name not in methods:
        there = ", ".join(str(method) for method in methods)
        raise SmoothieError(f"{setting}={name}: no method {shown(name)}; there are {there}")


def make_router(cfg: DictConfig, name: str) -> Router:
    """The router of a method."""
    where = f"method.{name}"
    with named("method"):
        settings = part(cfg.method, name)
    router: Router = build(ROUTERS, "router", plain(settings, where), where)
    return router


def dataset_of(cfg: DictConfig) -> dict[str, Any]:
    """Settings of a source; none where there is no dataset."""
    settings = part(cfg, "dataset")
    if settings is None:
        return {}
    described = plain(settings, "dataset")
    values = try_out(SOURCES, "source", described, "dataset")
    for task, metric in (values.get("metrics") or {}).items():
        require_one_of(f"dataset.metrics.{task}", metric, METRICS)
    if values.get("name") is not None:
        require_name("dataset.name", values["name"])
    if "cleaning" in values:
        require_one_of("dataset.cleaning", values["cleaning"], CLEANING)
    return described


def encoder_of(cfg: DictConfig) -> dict[str, Any]:
    """Settings of an encoder, with its name in the results."""
    settings = plain(part(cfg, "encoder"), "encoder")
    require_name("encoder.name", settings.get("name"))
    described = {name: value for name, value in settings.items() if name != "name"}
    try_out(ENCODERS, "encoder", described, "encoder")
    return settings


def metric_of(cfg: DictConfig) -> dict[str, Any]:
    """Settings of a metric, with its name and how texts are cleaned for it."""
    settings = {"cleaning": "none", **plain(part(cfg, "metric"), "metric")}
    require_one_of("metric.cleaning", settings["cleaning"], CLEANING)
    require_one_of("metric.name", settings.get("name"), [*OF_DATA, *METRICS, *MODEL_METRICS])
    described = {name: value for name, value in settings.items() if name != "cleaning"}
    if settings["name"] in MODEL_METRICS:
        try_out(MODEL_METRICS, "name", described, "metric")
    elif set(described) != {"name"}:
        extra = next(name for name in described if name != "name")
        raise SmoothieError(f"metric: no setting {shown(extra)}; expected name and cleaning alone")
    return settings


def scorer_of(cfg: DictConfig) -> dict[str, Any]:
    """Settings of a scorer, with how its ties are broken."""
    settings = plain(part(cfg, "scorer"), "scorer")
    require_one_of("scorer.ties", settings.get("ties", TIES[0]), TIES)
    described = {name: value for name, value in settings.items() if name != "ties"}
    try_out(SCORERS, "scorer", described, "scorer")
    return settings


def try_out(
    registry: Mapping[str, type[Any]], key: str, cfg: Mapping[str, Any], where: str
) -> dict[str, Any]:
    """Make what a configuration describes, for the checks of its constructor alone.

    Returns
    -------
    dict
        Its parameters.
    """
    kind, values = settings_of(registry, key, cfg, where, GIVEN)
    for name in PATHS:
        if values.get(name) is not None:
            require_path(f"{where}.{name}", values[name])
    with named(where):
        kind(**values)
    return values


def ensemble_of(cfg: DictConfig, dataset: Mapping[str, Any]) -> Ensemble:
    """Candidates and their name; a list given on the command line is its own name."""
    settings = plain(part(cfg, "ensemble"), "ensemble")
    with named("ensemble"):
        ensemble = Ensemble(**typed(Ensemble, settings, "ensemble"))
    require_name("ensemble.name", ensemble.name)
    if ensemble.name == "all" and dataset.get("model") is not None:
        return replace(ensemble, name=f"prompts of {dataset['model']}")
    if ensemble.name == "all" and ensemble.candidates is not None:
        return replace(ensemble, name="+".join(ensemble.candidates))
    return ensemble


def cluster_of(cfg: DictConfig) -> RayCluster | None:
    """The machines that encode and score in the place of this one, where there are any."""
    settings = plain(part(cfg, "engine"), "engine")
    name = settings.pop("name", None)
    require_one_of("engine.name", name, ENGINES)
    if name == "local":
        return None
    with named("engine"):
        return RayCluster(**typed(RayCluster, settings, "engine"))


def cache_of(cfg: DictConfig) -> Path | None:
    """Folder of the caches; every path of the group `paths` is checked."""
    paths = plain(part(cfg, "paths"), "paths")
    for name, value in paths.items():
        if value is not None:
            require_text(f"paths.{name}", value)
            require_path(f"paths.{name}", value)
    cache = paths.get("cache")
    if cache is None:
        return None
    path = user_path(cache)
    if path.is_file():
        raise SmoothieError(f"paths.cache={as_typed(cache)}: expected a folder, found a file")
    return path


@lru_cache
def protocol_named(name: str) -> Mapping[str, Any]:
    """A file of conf/protocol, read once: hundreds of runs are checked against it."""
    path = CONF / "protocol" / f"{name}.yaml"
    if not path.is_file():
        raise SmoothieError(f"protocol.name={name}: expected as_published or corrected")
    return plain_file(path)


def check_protocol(cfg: DictConfig) -> None:
    """Refuse switches of the protocol that are of another type than they should be."""
    switches = plain(part(cfg, "protocol"), "protocol")
    for name, usual in protocol_named("corrected").items():
        value = switches.get(name, usual)
        if type(value) is not type(usual):
            expected = "true or false" if isinstance(usual, bool) else "a text"
            raise SmoothieError(f"protocol.{name}={as_typed(value)}: expected {expected}")


def require_text(setting: str, value: Any) -> None:
    """Refuse what is not a text."""
    if not isinstance(value, str):
        raise SmoothieError(f"{setting}={as_typed(value)}: expected a text")


def require_name(setting: str, value: Any) -> None:
    """Refuse what results cannot show as a name: nothing, and control characters."""
    require_text(setting, value)
    if not value.strip() or CONTROL.search(value):
        raise SmoothieError(f"{setting}={as_typed(value)}: expected a printable name")


def require_path(setting: str, value: str) -> Path:
    """Refuse what no file or folder can be called."""
    if not value.strip():
        raise SmoothieError(f"{setting}={as_typed(value)}: expected a path")
    try:
        path = user_path(value)
    except SmoothieError as error:
        raise SmoothieError(f"{setting}={error}") from error
    if any(len(os.fsencode(name)) > LONGEST_NAME for name in path.parts):
        raise SmoothieError(
            f"{setting}={as_typed(value)}: no file has a name of more than {LONGEST_NAME} bytes"
        )
    return path


def require_place(setting: str, value: str, folder: bool) -> None:
    """Refuse a path at which no file, or no folder, can be made."""
    path = require_path(setting, value)
    try:
        nearest = next(place for place in (path, *path.absolute().parents) if place.exists())
        wrong = nearest == path and path.is_dir() != folder
        possible = not wrong and (nearest == path or nearest.is_dir())
    except OSError as error:
        raise SmoothieError(f"{setting}={as_typed(value)}: {reason(error)}") from error
    if not possible:
        raise SmoothieError(
            f"{setting}={as_typed(value)}: no {'folder' if folder else 'file'} can be made there, "
            f"as {nearest} is a {'file' if nearest.is_file() else 'folder'}"
        )
    if not os.access(nearest if folder else nearest.parent, os.W_OK):
        raise SmoothieError(f"{setting}={as_typed(value)}: cannot be written")


def require_one_of(setting: str, value: Any, names: Collection[str]) -> None:
    """Refuse what is not one of some names."""
    if not isinstance(value, str) or value not in names:
        raise SmoothieError(f"{setting}={as_typed(value)}: expected one of {', '.join(names)}")
