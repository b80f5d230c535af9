"""Create objects from configurations: typed, checked, and with one-sentence errors."""

import copy
import dataclasses
import logging
import re
import sys
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from hydra.errors import CompactHydraException, HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from smoothie.errors import INTERRUPTED, SmoothieError, interrupted, report, shown, stopped

log = logging.getLogger(__name__)

# How lines of Hydra's and OmegaConf's messages begin that say nothing to whoever typed a setting.
FOR_DEVELOPERS = ("Config search path", "full_key", "object_type", "reference_type")


@contextmanager
def one_sentence_errors(sweep: bool = False) -> Iterator[None]:
    """End with one sentence and status 1 whatever goes wrong, with status 130 after Ctrl-C.

    With SMOOTHIE_TRACEBACK=1 in the environment, the whole trace comes before the sentence.

    Parameters
    ----------
    sweep : bool
        Whether other jobs of a sweep are to go on; Hydra then reports the failure at the end.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt) as error:  # there is no other place that would say it
        if interrupted(error):
            sys.stderr.write(f"{stopped(error)}\n")
            raise SystemExit(INTERRUPTED) from None
        message = report(of_hydra(error))
        if sweep:
            log.error(message)  # Hydra shows the first failure alone
            raise CompactHydraException(message) from None
        raise SystemExit(f"Error: {message}") from None


def of_hydra(error: BaseException) -> BaseException:
    """What Hydra and OmegaConf say in several lines, on one; any other exception as it is."""
    if not isinstance(error, HydraException | OmegaConfBaseException):
        return error
    lines = []
    for line in (str(error) or str(error.__cause__)).splitlines():
        if line.strip().startswith(FOR_DEVELOPERS):
            break
        lines.append(line.strip())
    return SmoothieError(" ".join(filter(None, lines))).with_traceback(error.__traceback__)


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
    kind, settings = settings_of(registry, key, cfg, where, given or {})
    with named(where):
        return kind(**settings, **(given or {}))


def settings_of(
    registry: Mapping[str, type[Any]],
    key: str,
    cfg: Mapping[str, Any],
    where: str,
    given: Iterable[str] = (),
) -> tuple[type[Any], dict[str, Any]]:
    """The class that a configuration names, and its parameters in their types; see `build`."""
    name = cfg.get(key)
    if not isinstance(name, str) or name not in registry:
        raise SmoothieError(
            f"{where}.{key}={as_typed(name)}: expected one of {', '.join(registry)}"
        )
    values = {entry: value for entry, value in cfg.items() if entry != key}
    return registry[name], typed(registry[name], values, where, given)


@contextmanager
def named(where: str) -> Iterator[None]:
    """Put the configuration's key before errors of the library, which names parameters alone.

    As in ``k=0: expected ...`` at the start of an error, and in ``...; set missing=drop_inputs``.
    """
    try:
        yield
    except SmoothieError as error:
        message = re.sub(r"\bset (?=[a-z_]+=)", f"set {where}.", str(error))
        if re.match(r"[a-z][\w.]*=", message) and not re.match(rf"{where}[.=]", message):
            message = f"{where}.{message}"
        raise type(error)(message) from error


def part(cfg: DictConfig, name: str) -> Any:
    """One entry of the configuration; a `SmoothieError` if it is missing or leads nowhere."""
    try:
        return cfg[name]
    except OmegaConfBaseException as error:
        raise SmoothieError(f"{name}: {first_line(error)}") from error


def entry_of(cfg: DictConfig, name: str) -> Any:
    """One entry of the configuration, as a value of Python's with its interpolations resolved."""
    value = part(cfg, name)
    try:
        return OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
    except OmegaConfBaseException as error:
        raise SmoothieError(f"{name}: {first_line(error)}") from error


def general(cfg: DictConfig, kind: type[Any]) -> Any:
    """The settings of a command that belong to no group, as the dataclass that describes them."""
    names = [entry.name for entry in dataclasses.fields(kind) if entry.name in cfg]
    return kind(**typed(kind, {name: entry_of(cfg, name) for name in names}, ""))


def plain(cfg: Any, where: str) -> dict[str, Any]:
    """A part of the configuration as a dict, interpolations resolved."""
    if not isinstance(cfg, DictConfig) or cfg._is_none():
        given = OmegaConf.to_container(cfg) if OmegaConf.is_config(cfg) else cfg
        raise SmoothieError(
            f"{where}={as_typed(given)}: expected settings, as in {where}.NAME=VALUE"
        )
    try:
        values = OmegaConf.to_container(cfg, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise SmoothieError(f"{where}: {first_line(error)}") from error
    return typing.cast(dict[str, Any], values)


def as_typed(value: Any) -> str:
    """A value as it stands on a command line, long ones cut short."""
    if isinstance(value, str):
        return shown(value)[1:-1]
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return shown(value)


def first_line(error: Exception) -> str:
    """What an exception says, without the lines that follow."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def plain_file(path: Path) -> dict[str, Any]:
    """A configuration file as a dict, interpolations as they stand."""
    try:
        values = OmegaConf.to_container(OmegaConf.load(path))
    except (OmegaConfBaseException, YAMLError, OSError) as error:
        raise SmoothieError(f"{path}: {first_line(error)}") from error
    if not isinstance(values, dict):
        raise SmoothieError(f"{path}: expected lines of NAME: VALUE")
    return {str(name): value for name, value in values.items()}


def typed(
    kind: type[Any], values: Mapping[str, Any], where: str, given: Iterable[str] = ()
) -> dict[str, Any]:
    """Check parameters against the types of a dataclass's constructor, and convert them.

    Parameters in `given` are not settings. Text is left as it is: what looks like an interpolation
    in it was resolved before, or came from a data file, and is not resolved.

    Equal parameters are checked once, as hundreds of runs share most of theirs.
    """
    key = (kind, repr(values), where, tuple(given))
    if key not in CHECKED:
        if len(CHECKED) >= MOST_CHECKED:
            CHECKED.clear()
        CHECKED[key] = checked(kind, values, where, given)
    return copy.deepcopy(CHECKED[key])


MOST_CHECKED = 4096
CHECKED: dict[tuple[Any, ...], dict[str, Any]] = {}


def checked(
    kind: type[Any], values: Mapping[str, Any], where: str, given: Iterable[str]
) -> dict[str, Any]:
    """Check and convert parameters as `typed` does."""
    schema = schema_of(kind, given)
    names = [str(name) for name in schema]
    hints = typing.get_type_hints(kind)
    prefix = f"{where}." if where else ""
    unknown = [name for name in values if name not in names]
    if unknown:
        known = f"expected one of {', '.join(names)}" if names else "there is nothing to set"
        about = f"{where}: " if where else ""
        raise SmoothieError(f"{about}no setting {shown(unknown[0])}; {known}")
    for name, value in values.items():
        try:
            require_kind(value, hints[name])
            schema[name] = literal(value)
            schema[name]  # a text with ${ is checked when it is looked at
        except (OmegaConfBaseException, TypeError, ValueError, OverflowError) as error:
            place, found, hint = wrong_entry(name, value, hints[name])
            said = f"expected {words_of(hint)}"
            if isinstance(found, str) and found:
                said = said.replace("[a,b]", f"[{as_typed(found)}]")
            raise SmoothieError(f"{prefix}{place}={as_typed(found)}: {said}") from error
    return plain(schema, where)


def wrong_entry(name: str, value: Any, hint: Any) -> tuple[str, Any, Any]:
    """The entry that is of another type than it should be, where a value is names with values.

    Returns
    -------
    name, value, type
        Of the entry; of the whole value if it is no such thing, or no entry is to blame.
    """
    kinds = [
        typing.get_args(kind) for kind in alternatives(hint) if typing.get_origin(kind) is dict
    ]
    if kinds and isinstance(value, Mapping):
        inner = kinds[0][1]
        expected = {str: str | int | float, Any: object}.get(
            inner, typing.get_origin(inner) or inner
        )
        for key, entry in value.items():
            place = f"{name}.{key}"
            if not isinstance(entry, expected):
                return place, entry, inner
            found = wrong_entry(place, entry, inner)
            if found[0] != place:
                return found
    return name, value, hint


def require_kind(value: Any, hint: Any) -> None:
    """Refuse truth values and numbers in each other's place, where OmegaConf would convert them."""
    kinds = set(alternatives(hint))
    if isinstance(value, bool) and not kinds & {bool, Any}:
        raise TypeError("a truth value")
    if isinstance(value, int | float) and bool in kinds and value not in (0, 1):
        raise TypeError("not a truth value")


def alternatives(hint: Any) -> tuple[Any, ...]:
    """The types that a type stands for: those of a union, or itself."""
    united = typing.get_origin(hint) in (typing.Union, types.UnionType)
    return typing.get_args(hint) if united else (hint,)


WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a text",
    type(None): "null",
    list: "a list such as [a,b]",
    dict: "names with values, such as {a: b}",
}


def words_of(hint: Any) -> str:
    """A type as messages name it."""
    kinds = [typing.get_origin(kind) or kind for kind in alternatives(hint)]
    lists = [
        typing.get_args(kind) for kind in alternatives(hint) if typing.get_origin(kind) is list
    ]
    said = [WORDS.get(kind, getattr(kind, "__name__", str(kind))) for kind in kinds]
    if lists and lists[0] != (str,):
        said[kinds.index(list)] = "a list of numbers such as [1,2]"
    return " or ".join(said)


def literal(value: Any) -> Any:
    """A value in which every text stands for itself, whatever OmegaConf would read into it."""
    if isinstance(value, str):
        return re.sub(r"(\\*)\$\{", r"\1\1\\${", value)
    if isinstance(value, Mapping):
        return {name: literal(entry) for name, entry in value.items()}
    return [literal(entry) for entry in value] if isinstance(value, list) else value


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
