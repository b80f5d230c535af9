"""Which of the experiments' data is here, by a look at folders: before any run is planned."""

import copy
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from experiments.config import build, plain
from experiments.groups import CONF, ROOT
from experiments.paper.jobs import Experiment, composed, listed, title_of
from smoothie.errors import SmoothieError
from smoothie.loaders import SOURCES, LocalFolder, Source
from smoothie.loaders.hub import HubSource
from smoothie.storage.files import user_path


def require_data(
    cfg: DictConfig, experiments: Mapping[str, Experiment], extra: Sequence[str] = ()
) -> str:
    """Look for the datasets of experiments, and refuse to go on if none of them is here.

    Parameters
    ----------
    cfg : DictConfig
        Of the command, with `paths` and `protocol`.
    experiments : mapping of name -> Experiment
    extra : sequence of str
        Settings for every run. If they are about datasets, nothing is said here.

    Returns
    -------
    str
        Which datasets are missing where others are here; empty if none is.

    Raises
    ------
    SmoothieError
        If none is here: what is missing, and the command that fetches it.
    """
    if any(setting.lstrip("+~").startswith(("dataset", "paths", "ensemble")) for setting in extra):
        return ""
    sources = {name: source_of(cfg, name) for name in datasets_of(experiments)}
    missing = [name for name, source in sources.items() if not is_here(source)]
    if not missing:
        return ""
    places = list(dict.fromkeys(place_of(sources[name]) for name in missing))
    if len(missing) < len(sources):
        return f"Missing datasets: {', '.join(missing)} ({'; '.join(places)}).\n"
    raise SmoothieError(
        f"no data: none of {listed(missing, 4)} is here ({'; '.join(places)}). "
        f"To fetch what the Hub has of it (resumable): {command(experiments)}; "
        f"to use copies: docs/reproduce.md"
    )


def command(experiments: Mapping[str, Experiment]) -> str:
    """The command that fetches the data of experiments."""
    script = ROOT / "scripts" / "download"
    first = "scripts/download" if script.is_file() else "python -m experiments.download"
    if set(experiments) == set(every_experiment()):
        return first
    names = ",".join(experiments)
    return f"{first} experiment={names if len(experiments) == 1 else f'[{names}]'}"


def every_experiment() -> list[str]:
    """Names in conf/experiment/all.yaml."""
    settings = OmegaConf.load(CONF / "experiment" / "all.yaml")
    return [str(name) for name in settings.defaults]


def datasets_of(experiments: Mapping[str, Experiment]) -> list[str]:
    """Choices of the group `dataset` in the runs of experiments."""
    names: dict[str, None] = {}
    for experiment in experiments.values():
        names |= dict.fromkeys(str(name) for name in experiment.grid.get("dataset", []))
        every = [*experiment.overrides, *chain.from_iterable(experiment.overrides_of.values())]
        for override in OverridesParser.create().parse_overrides(every):
            if override.key_or_group == "dataset":
                names[str(override.value())] = None
    return list(names)


def source_of(cfg: DictConfig, name: str) -> Source:
    """The source that a choice of the group `dataset` describes."""
    whole = copy.deepcopy(composed(f"dataset/{name}"))
    with open_dict(whole):  # interpolations lead to these
        whole.paths, whole.protocol = cfg.paths, cfg.protocol
    source: Source = build(SOURCES, "source", plain(whole.dataset, "dataset"), "dataset")
    return source


def is_here(source: Source) -> bool:
    """Whether any of the files is here that a source reads whatever the candidates."""
    if isinstance(source, HubSource):
        folder = source.files.local_folder()
        names = source.files_needed(())
        return folder is not None and (
            not names or any((folder / name).is_file() for name in names)
        )
    if isinstance(source, LocalFolder) and source.path is not None:
        return (user_path(source.path) / "dataset.jsonl").is_file()
    return True


def place_of(source: Any) -> str:
    """Where a source looks for its files."""
    if not isinstance(source, HubSource):
        return f"no {source.path}/dataset.jsonl"
    if source.folder is not None:
        return f"not in {source.folder}"
    return f"{title_of(source)}: not in the Hub's cache"
