"""Runs a command as the command line does, and sends itself a signal in the middle of it.

    python -m tests.disturbed store|encode SIGNAL COUNT ARGUMENT...

At the COUNT-th call of the function that stores or encodes; every batch is stored as soon as it is
computed.
"""

import os
import signal
import sys
from functools import wraps

from experiments import run
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.storage import cache, work

PLACES = {"store": (cache, "write_array"), "encode": (SentenceEncoder, "_encode")}


def disturbed(function, number: int, count: int):
    """A function that sends a signal to this process when it is called for the COUNT-th time."""
    calls = 0

    @wraps(function)
    def counted(*given, **named):
        nonlocal calls
        calls += 1
        if calls == count:
            os.kill(os.getpid(), number)
        return function(*given, **named)

    return counted


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in what a shell runs aside
    work.FLUSH_SECONDS = 0.0
    place, name = PLACES[sys.argv[1]]
    setattr(place, name, disturbed(getattr(place, name), int(sys.argv[2]), int(sys.argv[3])))
    del sys.argv[1:4]
    run.command()
