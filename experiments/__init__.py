"""Entry points, run from a checkout with ``python -m experiments.NAME``."""

import os
import sys
from types import TracebackType


def say_stopped(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
    """End in one line, with a shell's status, after Ctrl-C while libraries are still loading."""
    from smoothie.errors import interrupted

    if not interrupted(error):
        sys.__excepthook__(kind, error, at)
        return
    sys.stderr.write("stopped\n")
    sys.stderr.flush()
    os._exit(130)  # nothing has begun that would have to be ended


if sys.argv[:1] == ["-m"]:  # python -m experiments.COMMAND is being looked up
    sys.excepthook = say_stopped
