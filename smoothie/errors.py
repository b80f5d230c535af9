"""The exceptions that the library raises on purpose, and the one sentence that users see of any."""

import difflib
import os
import re
import reprlib
import sys
import traceback
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


class StoppedError(KeyboardInterrupt):
    """Work was interrupted by Ctrl-C; the message is one line that says what is kept.

    Examples
    --------
    >>> from smoothie.errors import StoppedError, stopped
    >>> stopped(StoppedError("stopped; 512 of 959 texts are cached; the same command goes on"))
    'stopped; 512 of 959 texts are cached; the same command goes on'
    >>> stopped(KeyboardInterrupt())
    'stopped; what was computed so far is cached'
    """


def stopped(error: BaseException) -> str:
    """What to say after Ctrl-C."""
    return str(error) if isinstance(error, StoppedError) else STOPPED


def interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind an error: Python and libraries make others of it while they load."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


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

TRACEBACK = "SMOOTHIE_TRACEBACK"  # the environment variable that shows where an error came from
STOPPED = "stopped; what was computed so far is cached"
INTERRUPTED = 130  # exit status after Ctrl-C, as of a shell


def report(error: BaseException) -> str:
    """The sentence for an error that ends a command; the whole trace before it where it is set."""
    if os.environ.get(TRACEBACK):
        traceback.print_exception(error, file=sys.stderr)
    return sentence(error)


def sentence(error: BaseException) -> str:
    """What is wrong, on one line.

    Examples
    --------
    >>> from smoothie.errors import sentence
    >>> sentence(NotADirectoryError(20, "Not a directory", "/dev/null/x"))
    '/dev/null/x: Not a directory'
    >>> sentence(KeyError("x"))
    "unexpected KeyError ('x'); set SMOOTHIE_TRACEBACK=1 to see where, and please report it"
    """
    if isinstance(error, SmoothieError):
        return str(error)
    named = isinstance(error, OSError) and error.filename
    # Such as logging's "unable to configure handler".
    if not named and isinstance(error.__cause__, OSError):
        error = error.__cause__
    if isinstance(error, FileExistsError) and error.filename:
        return printable(f"{error.filename}: a file, where a folder is needed")
    if isinstance(error, OSError) and error.filename:
        return printable(f"{error.filename}: {error.strerror or error.args[0]}")
    reason = printable(next(iter(str(error).strip().splitlines()), ""))
    if isinstance(error, MemoryError):
        return f"not enough memory ({reason})" if reason else "not enough memory"
    if isinstance(error, OSError):
        return reason
    return (
        f"unexpected {type(error).__name__} ({reason}); "
        f"set {TRACEBACK}=1 to see where, and please report it"
    )
