"""The exceptions that the library raises on purpose, and how their messages show what was found."""

import difflib
import re
import reprlib
from collections.abc import Iterable
from typing import Any

# Control characters, other ends of lines, and lone surrogates.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class SmoothieError(ValueError):
    """Input that cannot be used; the message is one sentence, on one line, that a user can act on.

    Control characters and lone surrogates, as names of files may hold, are shown escaped.

    Examples
    --------
    >>> from smoothie import SmoothieError, SmoothieLocal
    >>> try:
    ...     SmoothieLocal(k=0)
    ... except SmoothieError as error:
    ...     print(error)
    k=0: expected at least 1
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class NotFittedError(SmoothieError, AttributeError):
    """A router is used before it is fitted.

    Examples
    --------
    >>> from smoothie import NotFittedError, SmoothieLocal
    >>> try:
    ...     SmoothieLocal().predict()
    ... except NotFittedError as error:
    ...     print(error)
    SmoothieLocal is not fitted yet: call fit first
    """


class NotAvailableError(SmoothieError):
    """Evidence that a router needs is missing; a run skips the router and goes on.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.errors import NotAvailableError
    >>> from smoothie.evidence import Evidence, Votes
    >>> try:
    ...     Evidence(Votes(np.zeros((2, 3, 3)))).texts
    ... except NotAvailableError as error:
    ...     print(error)
    it reads texts, and only distances are available
    """


def meant(name: str, known: Iterable[str]) -> str:
    """A suggestion for an unknown name, or the list of the known ones."""
    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(names)}"


def printable(text: object) -> str:
    """A text on one line: line breaks, control characters and lone surrogates escaped."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), str(text))


def shown(value: Any) -> str:
    """A value as messages show it: on one line, long or deeply nested ones truncated."""
    return BRIEF.repr(value)


BRIEF = reprlib.Repr()
BRIEF.maxlevel, BRIEF.maxlong = 3, 40
BRIEF.maxstring = BRIEF.maxother = 60
