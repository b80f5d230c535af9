"""Create objects from configurations: typed, checked, and with one-sentence errors."""

import dataclasses
import logging
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hydra.errors import CompactHydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from smoothie.errors import SmoothieError

log = logging.getLogger(__name__)


@contextmanager
def one_sentence_errors(sweep: bool = False) -> Iterator[None]:
    """End with status 1 and one sentence, without a stack trace, where input is wrong.

    Parameters
    ----------
    sweep : bool
        Whether other jobs of a sweep are to go on; Hydra then reports the failure at the end.
    """
    try:
        yield
    except (SmoothieError, OmegaConfBaseException, OSError) as error:
        message = str(error) if isinstance(error, SmoothieError) else str(error).splitlines()[0]
        if sweep:
            log.error(message)  # Hydra shows the first failure alone
            raise CompactHydraException(f"Error: {message}") from None
        raise SystemExit(f"Error: {message}") from None


def build(
    registry: Mapping[str, type[Any]],
    key: str,
    cfg: Mapping[str, Any],
    where: str,
    given: Mapping[str, Any] | None = None,
) -> Any:
    """Create the object that a configuration describes.

    Parameters
    ----------
    registry : mapping of name -> dataclass
        The available classes.
    key : str
        The entry of `cfg` that names the class; all others are its parameters.
    cfg : mapping
        For instance {source: local, path: ...}, as returned by `plain`.
    where : str
        Name of the group, for error messages.
    given : mapping, optional
        Parameters that no configuration can hold, such as existing objects.

    Raises
    ------
    SmoothieError
        If the name is unknown, or a parameter is unknown, missing or of the wrong type.
    """
    name = str(cfg.get(key))
    if name not in registry:
        raise SmoothieError(f"{where}.{key}={name}: expected one of {', '.join(registry)}")
    values = {entry: value for entry, value in cfg.items() if entry != key}
    given = given or {}
    settings = typed(registry[name], values, where, given)
    with named(where):
        return registry[name](**settings, **given)


@contextmanager
def named(where: str) -> Iterator[None]:
    """Put the configuration's key before errors of the library, which names parameters alone.

    As in ``k=0: expected ...`` at the start of an error, and in ``...; set missing=drop_inputs``.
    """
    try:
        yield
    except SmoothieError as error:
        message = re.sub(r"\bset (?=[a-z_]+=)", f"set {where}.", str(error))
        if re.match(r"[a-z][\w.]*=", message):
            message = f"{where}.{message}"
        raise type(error)(message) from error


def plain(cfg: DictConfig, where: str) -> dict[str, Any]:
    """A part of the configuration as a dict, interpolations resolved."""
    try:
        values = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise SmoothieError(f"{where}: {str(error).splitlines()[0]}") from error
    return typing.cast(dict[str, Any], values)


def plain_file(path: Path) -> dict[str, Any]:
    """A configuration file as a dict, interpolations as they stand."""
    try:
        values = OmegaConf.to_container(OmegaConf.load(path))
    except (OmegaConfBaseException, YAMLError, OSError) as error:
        raise SmoothieError(f"{path}: {str(error).splitlines()[0]}") from error
    if not isinstance(values, dict):
        raise SmoothieError(f"{path}: expected lines of NAME: VALUE")
    return {str(name): value for name, value in values.items()}


def typed(
    kind: type[Any], values: Mapping[str, Any], where: str, given: Iterable[str] = ()
) -> dict[str, Any]:
    """Check parameters against the types of a dataclass's constructor, and convert them.

    Parameters in `given` are not settings.
    """
    schema = schema_of(kind, given)
    names = list(schema)
    unknown = [name for name in values if name not in names]
    if unknown:
        known = f"expected one of {', '.join(names)}" if names else "there is nothing to set"
        raise SmoothieError(f"{where}: no setting {unknown[0]!r}; {known}")
    for name, value in values.items():
        try:
            schema[name] = value
        except OmegaConfBaseException as error:
            reason = str(error).splitlines()[0]
            raise SmoothieError(f"{where}.{name}={value}: {reason}") from error
    return plain(schema, where)


def schema_of(kind: type[Any], given: Iterable[str] = ()) -> DictConfig:
    """The parameters of a dataclass's constructor with their types and defaults."""
    hints = typing.get_type_hints(kind)
    parameters: list[Any] = [
        (
            entry.name,
            hints[entry.name],
            dataclasses.field(default_factory=partial(default_of, entry)),
        )
        for entry in dataclasses.fields(kind)
        if entry.init and entry.name not in given
    ]
    schema: DictConfig = OmegaConf.structured(dataclasses.make_dataclass(kind.__name__, parameters))
    return schema


def default_of(entry: "dataclasses.Field[Any]") -> Any:
    """The default of a field; where it has none, OmegaConf's marker of a mandatory setting."""
    if entry.default_factory is not dataclasses.MISSING:
        return entry.default_factory()
    return "???" if entry.default is dataclasses.MISSING else entry.default
