"""Objects by name: those of this package, of entry points, and those that other code registers.

A configuration chooses among registered names and can never name a callable: only installed Python
code registers objects.
"""

import importlib
import inspect
import logging
import pkgutil
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import MISSING, fields
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

from smoothie.errors import SmoothieError

log = logging.getLogger(__name__)

Thing = TypeVar("Thing")
NAME = re.compile(r"[a-z][a-z0-9_]*")


class Registry(Mapping[str, Thing], Generic[Thing]):
    """Objects of one kind by name, in the order of their names.

    Parameters
    ----------
    kind : str
        What one of them is called in messages.
    group : str
        Group of entry points that other packages add to.
    check : callable
        Given an object, says in a few words what is wrong with it, or None.
    package : str, optional
        A package of which every module is imported at the first look-up, so that a new object is
        one new file.
    reserved : collection of str
        Names that stand for something else.

    Examples
    --------
    >>> from smoothie.registry import Registry
    >>> def wrong_color(thing):
    ...     return None if callable(thing) else "expected a function"
    >>> colors = Registry("color", "my_package.colors", wrong_color)
    >>> @colors.register("red")
    ... def red():
    ...     return "#f00"
    >>> colors["red"]()
    '#f00'
    >>> colors.require("blue")
    Traceback (most recent call last):
    ...
    smoothie.errors.SmoothieError: color=blue: expected one of red
    """

    def __init__(
        self,
        kind: str,
        group: str,
        check: Callable[[Any], str | None],
        package: str | None = None,
        reserved: Collection[str] = (),
    ) -> None:
        self.kind = kind
        self.group = group
        self._check = check
        self._package = package
        self._reserved = reserved
        self._things: dict[str, Thing] = {}
        self._complete = False

    def register(self, name: str) -> Callable[[Any], Any]:
        """A decorator that registers a class or function.

        Raises
        ------
        SmoothieError
            If the name is taken, reserved or not one (small letters, digits and underscores), or
            the object is not of this kind.

        Examples
        --------
        >>> from smoothie.routers import register_router
        >>> register_router("Not A Name")
        Traceback (most recent call last):
        ...
        smoothie.errors.SmoothieError: router 'Not A Name': expected a name such as my_router
        """
        if not NAME.fullmatch(name):
            raise SmoothieError(f"{self.kind} {name!r}: expected a name such as my_{self.kind}")
        if name in self._reserved:
            raise SmoothieError(f"{self.kind} {name!r}: the name is reserved; choose another")

        def add(thing: Any) -> Any:
            wrong = self._check(thing)
            if wrong is not None:
                raise SmoothieError(f"{self.kind} {name!r}: {wrong}")
            taken = self._things.get(name)
            if taken is not None and not same(taken, thing):
                raise SmoothieError(
                    f"{self.kind} {name!r} is registered already, by {place(taken)}; "
                    f"{place(thing)} needs another name"
                )
            self._things[name] = thing
            return thing

        return add

    def unregister(self, name: str) -> None:
        """Remove an object."""
        self._things.pop(name, None)

    def __getitem__(self, name: str) -> Thing:
        """The object of a name."""
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        """All names, ascending."""
        return iter(sorted(self._all()))

    def __len__(self) -> int:
        """Their number."""
        return len(self._all())

    def name_of(self, thing: Any) -> str:
        """The name that an object is registered under."""
        return next(name for name, known in self._all().items() if known is thing)

    def require(self, name: str) -> Thing:
        """The object of a name; an unknown name is an error that lists the known ones."""
        if name not in self:
            raise SmoothieError(f"{self.kind}={name}: expected one of {', '.join(self)}")
        return self[name]

    def _all(self) -> dict[str, Thing]:
        if not self._complete:
            self._complete = True  # first: modules may look things up while they are imported
            if self._package is not None:
                package = importlib.import_module(self._package)
                for module in pkgutil.iter_modules(package.__path__, f"{self._package}."):
                    importlib.import_module(module.name)
            for entry in entry_points(group=self.group):
                self._load(entry)
        return self._things

    def _load(self, entry: EntryPoint) -> None:
        """Load what another package offers: an object that it registers itself, or a bare one.

        One that cannot be used only causes a warning: the others still work.
        """
        try:
            thing = entry.load()
            if not any(known is thing for known in self._things.values()):
                self.register(entry.name)(thing)
        except Exception as error:  # another package's module may raise anything
            log.warning(
                "entry point %s = %s of %s cannot be used (%s: %s)",
                entry.name,
                entry.value,
                self.group,
                type(error).__name__,
                error,
            )


def wrong_dataclass(thing: type[Any]) -> str | None:
    """Why the fields of a class cannot be settings; None if they can."""
    if "__dataclass_fields__" not in vars(thing):  # its own, not those that it inherits
        return "expected a dataclass (@dataclass goes below the decorator that registers)"
    return None


def setting_without_default(thing: type[Any]) -> str | None:
    """Why a dataclass cannot be created without arguments; None if it can."""
    for entry in fields(thing):
        if entry.init and entry.default is MISSING and entry.default_factory is MISSING:
            return f"its setting {entry.name!r} has no default"
    return None


def wrong_function(thing: Any, arguments: Collection[str]) -> str | None:
    """Why a function cannot be called with these positional arguments; None if it can."""
    expected = f"expected a function of {' and '.join(arguments)}"
    if not callable(thing) or isinstance(thing, type):
        return expected
    try:
        inspect.signature(thing).bind(*arguments)
    except TypeError:
        return expected
    except ValueError:  # of one in C, which does not say
        return None
    return None


def place(thing: Any) -> str:
    """Where a class or function is defined."""
    return f"{getattr(thing, '__module__', '?')}.{getattr(thing, '__qualname__', thing)}"


def same(first: Any, second: Any) -> bool:
    """Whether two objects are the same definition, as when a module is run again."""
    return first is second or (
        place(first) == place(second) and getattr(first, "__module__", "") == "__main__"
    )
