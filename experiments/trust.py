"""What a configuration of somebody else may not do: run code, or read the environment at will.

Hydra instantiates whatever `_target_` names, callbacks and launchers above all, before a command of
ours begins. So a configuration is looked at as soon as Hydra has composed it, in every process that
imports this module.
"""

import functools
import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from omegaconf import DictConfig, OmegaConf

from smoothie.errors import SmoothieError, shown

TARGET = "_target_"
OF_HYDRA = (
    "hydra._internal.core_plugins.",
    "hydra_plugins.",
)  # launchers and sweepers, which are installed
OF_LOGGING = re.compile(r"(logging|logging\.handlers|colorlog)\.[A-Z]\w*")  # classes
LOGGING = (("hydra", "job_logging"), ("hydra", "hydra_logging"))
STREAMS = ("ext://sys.stdout", "ext://sys.stderr")
READABLE = ("HOME", "USER", "TMPDIR")  # and whatever begins with SMOOTHIE_
NOT_GIVEN = object()


def refuse_code(cfg: DictConfig) -> None:
    """Refuse a composed configuration, Hydra's own part included, that names something to call.

    Raises
    ------
    SmoothieError
        If there are callbacks, a `_target_` other than that of Hydra's launchers and sweepers, or a
        logging handler that is made by a factory.
    """
    for path, name, value in entries(OmegaConf.to_container(cfg, resolve=False)):
        place = ".".join(path)
        if place == "hydra.callbacks" and value:
            raise SmoothieError("hydra.callbacks would run code: a configuration may not have any")
        if name == TARGET and not (
            path[0] == "hydra" and isinstance(value, str) and value.startswith(OF_HYDRA)
        ):
            raise SmoothieError(f"{place}={shown(value)} would run code: no _target_ is allowed")
        if path[:2] in LOGGING and calls_more_than_logging(name, value):
            raise SmoothieError(f"{place}={shown(value)} would run code: use a class of logging")


def calls_more_than_logging(name: str, value: Any) -> bool:
    """Whether an entry of a logging configuration may import or call anything but logging."""
    if name in ("class", "()", "queue", "listener"):
        return not OF_LOGGING.fullmatch(str(value))
    if not isinstance(value, str):
        return False
    leads_elsewhere = "${" in value and name != "filename"  # to a part that is not looked at here
    return leads_elsewhere or (value.startswith("ext://") and value not in STREAMS)


def entries(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str, Any]]:
    """Every entry below a node: where it is, its name and its value."""
    pairs = node.items() if isinstance(node, Mapping) else enumerate(node)
    for key, value in pairs:
        here = (*path, str(key))
        yield here, str(key), value
        if isinstance(value, Mapping | list):
            yield from entries(value, here)


def environment(name: str, default: Any = NOT_GIVEN) -> str | None:
    """A variable of the environment, as ${oc.env:NAME,DEFAULT} gives it, if it may be read.

    Raises
    ------
    SmoothieError
        If it is none of SMOOTHIE_..., HOME, USER and TMPDIR: a dataset's configuration that comes
        from somebody else could write a secret into the results.
    """
    if not name.startswith("SMOOTHIE_") and name not in READABLE:
        raise SmoothieError(
            f"${{oc.env:{name}}}: a configuration may read SMOOTHIE_... and {', '.join(READABLE)} "
            f"alone; give the value on the command line"
        )
    if name in os.environ:
        return os.environ[name]
    if default is NOT_GIVEN:
        raise SmoothieError(f"${{oc.env:{name}}}: the variable is not set")
    return None if default is None else str(default)


def no_resolver(*_: Any) -> None:
    """In the place of resolvers that make parts of a configuration after it was looked at."""
    raise SmoothieError("oc.create and oc.decode: a configuration may not use them")


def watched(compose: Callable[..., DictConfig]) -> Callable[..., DictConfig]:
    """Hydra's function that composes, followed by `refuse_code`."""

    @functools.wraps(compose)
    def compose_and_check(*args: Any, **kwargs: Any) -> DictConfig:
        try:
            cfg = compose(*args, **kwargs)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            # Hydra's own errors are of other types: this is a value that it did not expect.
            given = inspect.signature(compose).bind(*args, **kwargs).arguments.get("overrides", [])
            raise SmoothieError(
                f"{' '.join(given)}: Hydra cannot compose these settings ({error})"
            ) from error
        refuse_code(cfg)
        return cfg

    return compose_and_check


ConfigLoaderImpl.load_configuration = watched(  # type: ignore[method-assign]
    ConfigLoaderImpl.load_configuration
)
OmegaConf.register_new_resolver("oc.env", environment, replace=True)
for resolver in ("oc.create", "oc.decode"):
    OmegaConf.register_new_resolver(resolver, no_resolver, replace=True)
