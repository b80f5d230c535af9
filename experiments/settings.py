"""The configuration of a run as types: read, checked and converted once, at the start."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.config import general
from experiments.parts import (
    Ensemble,
    General,
    Output,
    bootstrap_of,
    cache_of,
    check_protocol,
    cluster_of,
    dataset_of,
    encoder_of,
    ensemble_of,
    make_router,
    metric_of,
    output_of,
    require_method,
    scorer_of,
)
from smoothie.errors import SmoothieError
from smoothie.evaluation import Bootstrap
from smoothie.evidence import Need
from smoothie.parallel.cluster import RayCluster
from smoothie.parallel.local import cores
from smoothie.routers.base import Router
from smoothie.routers.loading import SAVED


@dataclass(frozen=True)
class Settings:
    """The configuration of a run.

    Attributes
    ----------
    dataset, encoder, metric, scorer : dict
        Settings of a source, an encoder, a metric and a scorer, each with its name.
    ensemble : Ensemble
    routers : dict of method -> Router
        The methods to compare.
    returned : Router
        The method whose texts are written out, `output.method`.
    bootstrap : Bootstrap
    output : Output
    cluster : RayCluster or None
        The machines that encode and score instead of this one.
    workers : int
        Processes to score in.
    approximate : bool
        Whether neighbors are looked up in an approximate index.
    cache : Path or None
        Folder of the caches; None caches nothing on disk.
    """

    dataset: dict[str, Any]
    encoder: dict[str, Any]
    metric: dict[str, Any]
    scorer: dict[str, Any]
    ensemble: Ensemble
    routers: dict[str, Router]
    returned: Router
    bootstrap: Bootstrap
    output: Output
    cluster: RayCluster | None
    workers: int
    approximate: bool
    cache: Path | None

    @property
    def needs(self) -> frozenset[Need]:
        """What any of the routers needs."""
        routers = [*self.routers.values(), self.returned]
        return frozenset().union(*(router.needs for router in routers))


def read_settings(cfg: DictConfig) -> Settings:
    """Turn a composed configuration into types.

    Raises
    ------
    SmoothieError
        In one sentence that names the setting.
    """
    experiment = cfg.get("experiment")
    if experiment:
        name = str(next(iter(experiment)) if isinstance(experiment, DictConfig) else experiment)
        raise SmoothieError(
            f"experiment={name} is many runs: python -m experiments.reproduce experiment={name}"
        )
    cache = cache_of(cfg)
    check_protocol(cfg)
    settings: General = general(cfg, General)
    output, dataset = output_of(cfg), dataset_of(cfg)
    for name in settings.methods:
        require_method(cfg, name, "methods")
    require_method(cfg, output.method, "output.method")
    routers = {name: make_router(cfg, name) for name in settings.methods}
    returned = routers.get(output.method) or make_router(cfg, output.method)
    if output.router is not None and not isinstance(returned, SAVED):
        raise SmoothieError(
            f"output.router: a fitted {output.method} cannot be saved; "
            f"set output.method=smoothie_local or smoothie_global"
        )
    return Settings(
        dataset=dataset,
        encoder=encoder_of(cfg),
        metric=metric_of(cfg),
        scorer=scorer_of(cfg),
        ensemble=ensemble_of(cfg, dataset),
        routers=routers,
        returned=returned,
        bootstrap=bootstrap_of(cfg),
        output=output,
        cluster=cluster_of(cfg),
        workers=settings.workers or cores(),
        approximate=settings.neighbors == "approximate",
        cache=cache,
    )
