"""The exceptions that the library raises on purpose."""

import difflib
from collections.abc import Iterable


class SmoothieError(ValueError):
    """Input that cannot be used; the message is one sentence that a user can act on."""


class NotFittedError(SmoothieError, AttributeError):
    """A router was asked for choices before it was fitted."""


class NotAvailableError(SmoothieError):
    """A router needs something that is not there: a run leaves the router out and goes on."""


def meant(name: str, known: Iterable[str]) -> str:
    """What somebody may have meant by a name that is not known, or all that there is."""
    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(names)}"
