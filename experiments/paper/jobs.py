"""The runs of an experiment of the paper, and the data that each needs."""

import copy
import itertools
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from experiments.config import build
from experiments.groups import CONF, register_groups
from experiments.memory import Memory
from experiments.parts import protocol_named
from experiments.settings import Settings, read_settings
from experiments.steps import make_encoder
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.errors import SmoothieError
from smoothie.evidence import OF_LABELS, Need
from smoothie.loaders import SOURCES, LocalFolder, Source
from smoothie.loaders.hub import HubSource, SmoothieData
from smoothie.routers import Router
from smoothie.routers.stored import StoredSelections
from smoothie.storage.lock import HubLock

QUIET = ["output.plots=false", "output.k_curve=[]"]  # of runs of which only the tables are read
LONG_AXIS = 10  # ensembles: in the debug size, only the first few are run
DEBUG_ENSEMBLES = 2
DEBUG_NEIGHBORS = 20  # as many as there are inputs


@dataclass
class Experiment:
    """One table or figure of the paper, as conf/experiment describes it.

    Attributes
    ----------
    grid : dict of setting -> values
        One run for each combination.
    overrides : list of str
        Settings of every run.
    overrides_of : dict of value -> list of str
        More settings of the runs with this value in their grid.
    measures, summaries : list of str
        Cells computed from each run, and from all of them together (`experiments.paper.measures`).
    best_model : str or None
        The method of the row "best model".
    switches : list of str or None
        Switches of the protocol to change one at a time; None leaves that to the command.
    """

    grid: dict[str, list[Any]]
    overrides: list[str]
    overrides_of: dict[str, list[str]] = field(default_factory=dict)
    measures: list[str] = field(default_factory=list)
    summaries: list[str] = field(default_factory=list)
    best_model: str | None = None
    switches: list[str] | None = None


@dataclass(frozen=True)
class Job:
    """One run.

    Attributes
    ----------
    experiment : str
        Name of the experiment.
    place : dict of setting -> value
        Its position in the grid.
    overrides : tuple of str
        Arguments of `python -m experiments.run`.
    """

    experiment: str
    place: Mapping[str, Any]
    overrides: tuple[str, ...]

    @property
    def command(self) -> str:
        """The command that runs it."""
        return f"python -m experiments.run {shlex.join(self.overrides)}"

    def without(self, needs: "Needs") -> "Job":
        """The same run without the methods and data that are not available."""
        kept = []
        for override in self.overrides:
            if override.startswith("methods="):
                names = override.removeprefix("methods=[").removesuffix("]").split(",")
                override = f"methods=[{','.join(n for n in names if n not in needs.dropped)}]"
            if not (needs.untrained and override.startswith("dataset.train_split=")):
                kept.append(override)
        return replace(self, overrides=tuple(kept))


@lru_cache(maxsize=1024)
def composed(name: str = "config") -> DictConfig:
    """What Hydra composes: the whole, or GROUP/NAME alone, which takes a third of the time."""
    if GlobalHydra.instance().is_initialized():
        return compose(name)
    register_groups()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name)


def compose_run(overrides: Sequence[str]) -> DictConfig:
    """The configuration of one run, equal to that of its command.

    Hydra takes a tenth of a second to compose a configuration, and there are hundreds of runs: so
    each option of a group is composed once, and settings are changed in a copy.

    Raises
    ------
    SmoothieError
        If an override does not fit.
    """
    try:
        cfg = copy.deepcopy(composed())
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        values = []
        for override in parsed:
            key, value = override.key_or_group, override.value()
            if key == "experiment":
                with open_dict(cfg):
                    cfg.merge_with(OmegaConf.load(CONF / key / f"{value}.yaml"))
            elif isinstance(value, str) and isinstance(cfg.get(key), DictConfig):  # a group
                cfg[key] = composed(f"{key}/{value}")[key]
            else:
                values.append((key, value, override.is_add()))
        for key, value, added in values:
            OmegaConf.update(cfg, key, value, merge=True, force_add=added)
    except (HydraException, OmegaConfBaseException) as error:
        reason = str(error).strip().splitlines()[0]
        raise SmoothieError(f"{' '.join(overrides)}: {reason}") from error
    return cfg


def expand(
    name: str, experiment: Experiment, protocol: Mapping[str, Any], debug: bool
) -> list[Job]:
    """The runs of an experiment under a protocol."""
    axes = dict(experiment.grid)
    if debug:
        axes = {k: v[:DEBUG_ENSEMBLES] if len(v) >= LONG_AXIS else v for k, v in axes.items()}
        if "k" in axes:
            axes["k"] = [k for k in axes["k"] if k <= DEBUG_NEIGHBORS]
    jobs = []
    first = protocol_overrides(protocol)
    for values in itertools.product(*axes.values()):
        place = dict(zip(axes, values, strict=True))
        settings = [f"{key}={value}" for key, value in place.items()]
        more = [extra for value in values for extra in experiment.overrides_of.get(str(value), [])]
        # A later setting replaces an earlier one of the same name.
        chosen = {s.split("=", 1)[0]: s for s in [*settings, *experiment.overrides, *more]}
        overrides = [*first, *chosen.values()]
        if debug:
            overrides.append("experiment=debug")
        jobs.append(Job(name, place, tuple(overrides)))
    return jobs


def protocol_overrides(protocol: Mapping[str, Any]) -> list[str]:
    """A protocol by its name, and the switches in which it differs from that."""
    preset = protocol_named(str(protocol["name"]))
    changed = [
        f"protocol.{key}={json.dumps(value) if isinstance(value, bool) else value}"
        for key, value in protocol.items()
        if value != preset.get(key)
    ]
    return [f"protocol={protocol['name']}", *changed]


@dataclass(frozen=True)
class Needs:
    """The data and models that a run needs.

    Attributes
    ----------
    missing : tuple of str
        What it needs and is not available.
    found : tuple of str
        Sources of the rest.
    dropped : dict of method -> str
        Methods that cannot be run, and what is missing for each.
    untrained : bool
        Whether its training split is not available.
    files : dict of source -> list of Path
        The data files that it reads.
    """

    missing: tuple[str, ...]
    found: tuple[str, ...]
    dropped: Mapping[str, str]
    untrained: bool
    files: Mapping[str, Sequence[Path]]


@dataclass(frozen=True)
class File:
    """A file of a data source, and where it is, if it is available."""

    source: str
    name: str
    path: Path | None

    @property
    def where(self) -> str:
        """The file by its full name."""
        return f"{self.source}: {self.name}"


@dataclass(frozen=True, eq=False)
class Planned:
    """A run, composed and read once: that takes longer than many a run.

    Attributes
    ----------
    job : Job
        Without what is not available.
    settings : Settings
    needs : Needs
        Of the whole job.
    switches : frozenset of str
        Of the protocol, on which the whole job or its experiment depends.
    """

    job: Job
    settings: Settings
    needs: Needs
    switches: frozenset[str]

    @classmethod
    def of(cls, job: Job, extra: Sequence[str], experiment: DictConfig) -> "Planned":
        """Compose a job with more overrides, and look for what it needs."""
        cfg = compose_run([*job.overrides, *extra])
        settings = read_settings(cfg)
        needs, switches = needs_of(settings), depends_on(cfg, experiment)
        possible = job.without(needs)
        if possible != job and not needs.missing:
            settings = read_settings(compose_run([*possible.overrides, *extra]))
        return cls(possible, settings, needs, switches)

    @property
    def key(self) -> str:
        """All settings that the run's numbers depend on, to recognize runs that cannot differ."""
        own = self.settings
        parts = (own.dataset, own.ensemble, own.encoder, own.metric, own.scorer)
        return repr((*parts, own.routers, own.bootstrap))


def depends_on(cfg: DictConfig, experiment: DictConfig) -> frozenset[str]:
    """Switches of the protocol that a run or its experiment depends on."""
    parts = [cfg.dataset, cfg.encoder, cfg.metric, *(cfg.method[name] for name in cfg.methods)]
    text = repr([OmegaConf.to_container(part) for part in [*parts, experiment]])
    return frozenset(re.findall(r"\$\{protocol\.(\w+)\}", text))


def needs_of(settings: Settings) -> Needs:
    """Look for the files of a run, without asking the Hub."""
    source: Source = build(SOURCES, "source", settings.dataset, "dataset")
    files = files_of(source, settings.ensemble.candidates)
    missing = [file.where for file in files if file.path is None]
    model, place = encoder_of(settings)
    missing += [model] if place is None else []
    found = [file.source for file in files if file.path is not None]
    found += [place] if place is not None else []

    train: list[File] = []
    if isinstance(source, SmoothieData) and source.train_split is not None:
        train = files_of(source, settings.ensemble.candidates, train=True)
    untrained = [file.where for file in train if file.path is None]
    files += [] if untrained else train
    dropped = {}
    for name, router in settings.routers.items():
        if router.needs & (OF_LABELS | {Need.TRAIN}) and untrained:
            dropped[name] = listed(untrained)
    if isinstance(source, SmoothieData):
        for name, stored in stored_selections(settings.routers, source).items():
            if source.pooled:
                dropped[name] = (
                    "selections for the single tasks put together (they were not stored)"
                )
            elif source.files.local_path(stored) is None:
                dropped[name] = f"{title_of(source)}: {stored}"
    by_source: dict[str, list[Path]] = {}
    for file in files:
        if file.path is not None:
            by_source.setdefault(file.source, []).append(file.path)
    found = list(dict.fromkeys(found))
    return Needs(tuple(missing), tuple(found), dropped, bool(untrained), by_source)


def stored_selections(routers: Mapping[str, Router], source: SmoothieData) -> dict[str, str]:
    """Files of a run's methods whose selections the repository stores, by method."""
    return {
        name: source.selections_file(router.path)
        for name, router in routers.items()
        if isinstance(router, StoredSelections)
    }


def files_of(source: Source, candidates: Sequence[str] | None, train: bool = False) -> list[File]:
    """Files that a split is read from."""
    if isinstance(source, HubSource):
        title, names = title_of(source), source.files_needed(candidates, train)
        return [File(title, name, source.files.local_path(name)) for name in names]
    if isinstance(source, LocalFolder) and source.path is not None:
        path = Path(source.path).expanduser() / "dataset.jsonl"
        return [File(f"folder {path.parent.name}", path.name, path if path.is_file() else None)]
    return []


def title_of(source: HubSource) -> str:
    """Name of a repository, with its commit, or a note that a local folder is used."""
    if source.folder is not None:
        return f"{source.repository} (local folder)"
    lock = None if source.lock is None else HubLock.at(source.lock)
    asked = source.revision
    known = asked if lock is None else lock.known("dataset", source.repository, asked)
    return source.repository if known is None else f"{source.repository} at {known[:12]}"


def encoder_of(settings: Settings) -> tuple[str, str | None]:
    """The encoder's model, and where it was found."""
    encoder = make_encoder(settings, Memory())
    if not isinstance(encoder, SentenceEncoder):
        return "vectors", "stored vectors"
    what = f"model {encoder.model}"
    if encoder.folder is not None:
        return what, f"encoder {encoder.folder.name} (folder)"
    if encoder.lock is None:
        return what, None
    lock = HubLock.at(encoder.lock)
    here = lock.cached("model", encoder.model, encoder.revision, "modules.json")
    return what, None if here is None else f"encoder {encoder.model} (Hub cache)"


def listed(names: list[str], most: int = 2) -> str:
    """A few names, and how many more."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
