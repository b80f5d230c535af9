"""Hydra's groups that are not files: one option for each registered class, the table of ensembles.

A registered class is a choice of its group by its own name, with the defaults of the dataclass. A
file of conf/GROUP is a named variant: its defaults list begins with a class, or with
`registered/NAME@_here_` where the file takes the name of the class, and it says what differs. The
group `method` has one choice, which holds the settings of all methods.
"""

import dataclasses
import logging
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from hydra.core.config_store import ConfigStore
from omegaconf.errors import OmegaConfBaseException

import experiments.trust  # noqa: F401  (watches what Hydra composes)
from experiments.config import default_of, plain_file, schema_of

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[1]  # the checkout, or where pip has installed the package
# Where pip has installed it, conf/ lies within experiments/.
CONF = next(folder for folder in (ROOT / "conf", Path(__file__).parent / "conf") if folder.is_dir())
FILES: Mapping[str, tuple[Any, str]] = {
    "cache": (str | None, "${paths.cache}"),
    "lock": (str | None, "${paths.lock}"),
    "models": (str | None, "${paths.encoders}"),
}
# Settings that follow another part of the configuration, by name and type, in place of a default.
FOLLOWS: Mapping[str, Mapping[str, tuple[Any, str]]] = {
    "method": {
        "degenerate": (str, "${protocol.degenerate}"),
        "replace": (bool, "${protocol.with_replacement}"),
        "ignore_neighbors": (bool, "${protocol.ignore_neighbors}"),
    },
    "dataset": FILES,
    "encoder": {**FILES, "full_text": (bool, "${protocol.full_text}")},
    "metric": FILES,
    "scorer": {**FILES, "folder": (str | None, "${oc.select:dataset.path,null}")},
}
GIVEN = ("cluster",)  # created by a run: no configuration can hold it
STORED: list[tuple[object, ...]] = []  # what was registered when the store was filled last


def register_groups() -> None:
    """Fill Hydra's store; called by every command before Hydra composes anything.

    It may be called again, after more objects were registered.
    """
    from smoothie.storage.places import lock_file

    lock = CONF / "hub.lock.json" if CONF.parent == ROOT else lock_file()
    state = (str(lock), *(tuple(registry.items()) for registry in registries()))
    if state in STORED:
        return
    STORED[:] = [state]
    ConfigStore.instance().__deepcopy__ = the_store  # type: ignore[attr-defined]
    put("paths", "checkout", {"checkout": str(ROOT), "lock_file": str(lock)})
    put("method", "registered", methods())
    for group, name, node in choices():
        put(group, name, node)
    for name, node in ensembles().items():
        put("ensemble", name, {"name": name, **node})


def registries() -> Iterator[Mapping[str, Any]]:
    """The registries whose entries are choices."""
    from smoothie.encoders import ENCODERS
    from smoothie.loaders import SOURCES
    from smoothie.metrics.base import METRICS
    from smoothie.metrics.models import MODEL_METRICS
    from smoothie.routers.base import ROUTERS
    from smoothie.scorers import SCORERS

    yield from (ROUTERS, SOURCES, ENCODERS, METRICS, MODEL_METRICS, SCORERS)


def the_store(memo: dict[int, Any]) -> ConfigStore:
    """Hydra's store itself, in place of a copy.

    Hydra copies the whole store at each look-up, a hundred times for `--help`, and then copies what
    it found as well: so skipping the first copy only saves seconds.
    """
    return ConfigStore.instance()


def put(group: str, name: str, node: Mapping[str, Any]) -> None:
    """Store one choice of a group; where a file has its name, as registered/NAME."""
    if (CONF / group / f"{name}.yaml").exists():
        group = f"{group}/registered"
    ConfigStore.instance().store(name, dict(node), group, provider="smoothie")


def ensembles() -> dict[str, dict[str, Any]]:
    """The table of ensembles, by name."""
    # In C if libyaml is installed: OmegaConf's parser would take longer than everything else.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    text = (CONF / "ensembles.yaml").read_text(encoding="utf-8")
    return typing.cast(dict[str, dict[str, Any]], yaml.load(text, loader))  # noqa: S506 (both are safe)


def methods() -> dict[str, dict[str, Any]]:
    """Settings of all methods: each router by its name, and the files of conf/method."""
    from smoothie.routers.base import ROUTERS

    routers = dict(described(ROUTERS, "method", "router"))
    found = dict(routers)
    for path in (CONF / "method").glob("*.yaml"):
        variant = plain_file(path)
        # An unknown router is an error once the method is used.
        found[path.stem] = routers.get(str(variant.get("router")), {}) | variant
    return dict(sorted(found.items()))


def choices() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Group, name and settings of what is registered besides routers."""
    from smoothie.encoders import ENCODERS
    from smoothie.loaders import SOURCES
    from smoothie.metrics.base import METRICS
    from smoothie.metrics.models import MODEL_METRICS
    from smoothie.scorers import SCORERS

    for name, node in described(SOURCES, "dataset", "source"):
        yield "dataset", name, node
    for name, node in described(ENCODERS, "encoder", "encoder"):
        yield "encoder", name, {"name": name} | node
    for name in METRICS:
        yield "metric", name, {"name": name, "cleaning": "none"}
    for name, node in described(MODEL_METRICS, "metric", "name"):
        yield "metric", name, node | {"cleaning": "none"}
    for name, node in described(SCORERS, "scorer", "scorer"):
        yield "scorer", name, node | {"ties": "first"}


def described(
    registry: Mapping[str, type[Any]], group: str, key: str
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Registered classes by name, each as a configuration of its settings.

    One that no configuration can describe only causes a warning, as it may come from another
    package.
    """
    for name, kind in registry.items():
        try:
            if kind.__module__.partition(".")[0] != "smoothie":
                schema_of(kind, GIVEN)
            yield name, {key: name} | settings_of(kind, FOLLOWS[group])
        except (OmegaConfBaseException, NameError) as error:
            reason = str(error).splitlines()[0]
            log.warning("%s=%s is skipped, its settings cannot be read: %s", key, name, reason)


def settings_of(kind: type[Any], follows: Mapping[str, tuple[Any, str]]) -> dict[str, Any]:
    """The defaults of a dataclass, or interpolations in their place."""
    hints = typing.get_type_hints(kind)
    settings = {}
    for entry in dataclasses.fields(kind):
        if entry.init and entry.name not in GIVEN:
            expected, link = follows.get(entry.name, (None, ""))
            linked = link and hints[entry.name] == expected
            settings[entry.name] = link if linked else default_of(entry)
    return settings
