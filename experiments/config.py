"""From configuration to objects: typed, checked, and with errors of one sentence."""

import dataclasses
import logging
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.errors import CompactHydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from smoothie.errors import SmoothieError

log = logging.getLogger(__name__)

# Files of the checkout, wherever the command is run from: ${checkout:smoothie/demo}
OmegaConf.register_new_resolver(
    "checkout", lambda path: str(Path(__file__).parents[1] / path), replace=True
)


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
    """Make the object that a configuration describes.

    Parameters
    ----------
    registry : mapping of name -> dataclass
        What there is.
    key : str
        The entry of `cfg` that names the class; all others are its parameters.
    cfg : mapping
        For instance {source: local, path: ...}, as `plain` makes it.
    where : str
        Name of the group, for error messages.
    given : mapping, optional
        Parameters that no configuration can hold, such as objects made before.

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

    An error that does not begin with a parameter, as in ``k=0: expected ...``, stays as it is.
    """
    try:
        yield
    except SmoothieError as error:
        if re.match(r"[a-z][\w.]*=", str(error)) is None:
            raise
        raise SmoothieError(f"{where}.{error}") from error


def plain(cfg: DictConfig, where: str) -> dict[str, Any]:
    """A part of the configuration as a dict, interpolations resolved."""
    try:
        values = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise SmoothieError(f"{where}: {str(error).splitlines()[0]}") from error
    return typing.cast(dict[str, Any], values)


def typed(
    kind: type[Any], values: Mapping[str, Any], where: str, given: Iterable[str] = ()
) -> dict[str, Any]:
    """Check parameters against the types of a dataclass's constructor, and convert them.

    Those that are given otherwise are no settings.
    """
    hints = typing.get_type_hints(kind)
    parameters: list[Any] = [
        (entry.name, hints[entry.name], field_like(entry))
        for entry in dataclasses.fields(kind)
        if entry.init and entry.name not in given
    ]
    names = [name for name, _, _ in parameters]
    unknown = [name for name in values if name not in names]
    if unknown:
        known = f"expected one of {', '.join(names)}" if names else "there is nothing to set"
        raise SmoothieError(f"{where}: no setting {unknown[0]!r}; {known}")
    schema = OmegaConf.structured(dataclasses.make_dataclass(kind.__name__, parameters))
    for name, value in values.items():
        try:
            schema[name] = value
        except OmegaConfBaseException as error:
            reason = str(error).splitlines()[0]
            raise SmoothieError(f"{where}.{name}={value}: {reason}") from error
    return plain(schema, where)


def field_like(entry: "dataclasses.Field[Any]") -> Any:
    """The default of a field, or that it has none."""
    if entry.default_factory is not dataclasses.MISSING:
        return dataclasses.field(default_factory=entry.default_factory)
    default = "???" if entry.default is dataclasses.MISSING else entry.default
    return dataclasses.field(default=default)
