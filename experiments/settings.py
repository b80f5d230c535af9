"""The configuration of a run as types: read, checked and converted once, at the start."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from experiments.config import build, named, plain, typed
from smoothie.errors import SmoothieError
from smoothie.evaluation import Bootstrap
from smoothie.evidence import Need
from smoothie.parallel.cluster import RayCluster
from smoothie.parallel.local import cores
from smoothie.routers.base import ROUTERS, Router
from smoothie.routers.loading import SAVED

ENGINES = ("local", "ray")


@dataclass(frozen=True)
class Output:
    """Settings of the output.

    Attributes
    ----------
    method : str
        Whose texts go to routed.jsonl.
    plots : bool
        Whether plots are drawn.
    vectors : str or None
        A folder to write the vectors to.
    router : str or None
        A file to write the fitted router of `method` to.
    k_curve : list of int
        Values of k in the plot of score against k.
    budgets : list of int
        Numbers of labels in the plot of score against labels; without any it is not drawn.
    """

    method: str = "consensus"
    plots: bool = True
    vectors: str | None = None
    router: str | None = None
    k_curve: list[int] = field(default_factory=list)
    budgets: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Check the settings, before anything is computed."""
        if self.budgets and min(self.budgets) < 1:
            raise SmoothieError(f"budgets={self.budgets}: expected numbers of at least 1")


@dataclass(frozen=True)
class Ensemble:
    """Which candidates, in which order.

    Attributes
    ----------
    name : str
        Its name in results.
    candidates : list of str or None
        None takes all, by name.
    size : int or None
        Number of them, drawn at random.
    seed : int
        Seed of the draw.
    """

    name: str
    candidates: list[str] | None = None
    size: int | None = None
    seed: int = 0


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
    if cfg.get("experiment"):
        name = next(iter(cfg.experiment))
        raise SmoothieError(
            f"experiment={name} is many runs: python -m experiments.reproduce experiment={name}"
        )
    routers = {name: make_router(cfg, name) for name in methods_of(cfg)}
    with named("evaluation"):
        bootstrap = Bootstrap(**typed(Bootstrap, plain(cfg.evaluation, "evaluation"), "evaluation"))
    with named("output"):
        output = Output(**typed(Output, plain(cfg.output, "output"), "output"))
    if output.method not in cfg.method:
        raise SmoothieError(f"output.method={output.method}: there are {', '.join(cfg.method)}")
    returned = routers.get(output.method) or make_router(cfg, output.method)
    if output.router is not None and not isinstance(returned, SAVED):
        raise SmoothieError(
            f"output.router: a fitted {output.method} cannot be saved; "
            f"set output.method=smoothie_local or smoothie_global"
        )
    return Settings(
        dataset={} if cfg.dataset is None else plain(cfg.dataset, "dataset"),
        encoder=plain(cfg.encoder, "encoder"),
        metric=plain(cfg.metric, "metric"),
        scorer=plain(cfg.scorer, "scorer"),
        ensemble=ensemble_of(cfg),
        routers=routers,
        returned=returned,
        bootstrap=bootstrap,
        output=output,
        cluster=cluster_of(cfg),
        workers=workers_of(cfg),
        approximate=is_approximate(cfg),
        cache=None if cfg.paths.cache is None else Path(cfg.paths.cache).expanduser(),
    )


def make_router(cfg: DictConfig, name: str) -> Router:
    """The router of a method."""
    where = f"method.{name}"
    router: Router = build(ROUTERS, "router", plain(cfg.method[name], where), where)
    return router


def methods_of(cfg: DictConfig) -> list[str]:
    """Names of the methods to compare."""
    if cfg.methods is None or isinstance(cfg.methods, str):
        raise SmoothieError(
            f"methods={cfg.methods}: expected a list such as [smoothie_local,random]"
        )
    methods = [str(name) for name in cfg.methods]
    if not methods:
        raise SmoothieError(f"methods is empty; there are {', '.join(cfg.method)}")
    for i, name in enumerate(methods):
        if name not in cfg.method:
            raise SmoothieError(f"methods: no method {name!r}; there are {', '.join(cfg.method)}")
        if name in methods[:i]:
            raise SmoothieError(f"methods names {name!r} twice")
    return methods


def ensemble_of(cfg: DictConfig) -> Ensemble:
    """Candidates and their name; a list on the command line is its own name."""
    asked = cfg.ensemble.candidates
    if asked is not None and isinstance(asked, str):
        raise SmoothieError(f"ensemble.candidates={asked}: expected a list such as [a,b,c]")
    candidates = None if asked is None else [str(name) for name in asked]
    name = str(cfg.ensemble.name)
    if name == "all" and cfg.dataset is not None and cfg.dataset.get("model") is not None:
        name = f"prompts of {cfg.dataset.model}"
    elif name == "all" and candidates is not None:
        name = "+".join(candidates)
    return Ensemble(name, candidates, cfg.ensemble.get("size"), cfg.ensemble.get("seed", 0))


def cluster_of(cfg: DictConfig) -> RayCluster | None:
    """The machines that encode and score instead of this one, where there are any."""
    settings = plain(cfg.engine, "engine")
    name = settings.pop("name")
    if name not in ENGINES:
        raise SmoothieError(f"engine.name={name}: expected one of {', '.join(ENGINES)}")
    if name == "local":
        return None
    with named("engine"):
        return RayCluster(**typed(RayCluster, settings, "engine"))


def workers_of(cfg: DictConfig) -> int:
    """Processes to score in: as many as cores, unless the configuration says otherwise."""
    asked = cfg.get("workers")
    if asked is not None and (not isinstance(asked, int) or asked < 1):
        raise SmoothieError(f"workers={asked}: expected a number from 1, or null for all cores")
    return int(asked or cores())


def is_approximate(cfg: DictConfig) -> bool:
    """Whether neighbors are looked up in an approximate index."""
    asked = cfg.get("neighbors", "exact")
    if asked not in ("exact", "approximate"):
        raise SmoothieError(f"neighbors={asked}: expected exact or approximate")
    return bool(asked == "approximate")
