"""The exceptions that the library raises on purpose, and how their messages show what was found."""

import re
import reprlib
from typing import Any

# Control characters, other ends of lines, and halves of characters.
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class SmoothieError(ValueError):
    """Input that cannot be used; the message is one sentence, on one line, that a user can act on.

    Control characters and halves of characters, as names of files may hold, are shown escaped.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(printable(message))


class NotFittedError(SmoothieError, AttributeError):
    """A router was asked for choices before it was fitted."""


class NotAvailableError(SmoothieError):
    """A router needs something that is not there: a run leaves the router out and goes on."""


def printable(text: object) -> str:
    """A text on one line: line breaks, control characters and halves of characters escaped."""
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), str(text))


def shown(value: Any) -> str:
    """A value as messages show it: on one line, long or deeply nested ones cut short."""
    return BRIEF.repr(value)


BRIEF = reprlib.Repr()
BRIEF.maxlevel, BRIEF.maxlong = 3, 40
BRIEF.maxstring = BRIEF.maxother = 60
