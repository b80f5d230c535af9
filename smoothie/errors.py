"""The exceptions that the library raises on purpose."""

import difflib
from collections.abc import Iterable


class SmoothieError(ValueError):
    """Input that cannot be used; the message is one sentence that a user can act on.

    Examples
    --------
    >>> from smoothie import SmoothieError, SmoothieLocal
    >>> try:
    ...     SmoothieLocal(k=0)
    ... except SmoothieError as error:
    ...     print(error)
    k=0: expected at least 1
    """


class NotFittedError(SmoothieError, AttributeError):
    """A router was asked for choices before it was fitted.

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
    """A router needs something that is not there: a run leaves the router out and goes on.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.errors import NotAvailableError
    >>> from smoothie.evidence import Evidence, Votes
    >>> try:
    ...     Evidence(Votes(np.zeros((2, 3, 3)))).texts
    ... except NotAvailableError as error:
    ...     print(error)
    it reads texts, and there are distances alone
    """


def meant(name: str, known: Iterable[str]) -> str:
    """What somebody may have meant by a name that is not known, or all that there is."""
    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    return f"did you mean {near[0]}?" if near else f"expected one of {', '.join(names)}"
