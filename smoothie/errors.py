"""The exceptions that the library raises on purpose."""


class SmoothieError(ValueError):
    """Input that cannot be used; the message is one sentence that a user can act on."""


class NotFittedError(SmoothieError, AttributeError):
    """A router was asked for choices before it was fitted."""


class NotAvailableError(SmoothieError):
    """A router needs something that is not there: a run leaves the router out and goes on."""
