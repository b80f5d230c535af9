"""Lines of the table, and how their time is taken."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes
    ----------
    what : str
        What was computed.
    rival : str
        What it was compared with, or nothing.
    seconds : float
        Ours, the median of the repetitions.
    rival_seconds : float or None
        The rival's.
    """

    what: str
    rival: str
    seconds: float
    rival_seconds: float | None = None


def median_seconds(function: Callable[[], object], repetitions: int = 5) -> float:
    """Median time of a call, after one that is not counted."""
    function()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def side_by_side(
    ours: Callable[[], object], rival: Callable[[], object], repetitions: int = 5
) -> tuple[float, float]:
    """Median times of two calls in turn, so that what else the machine does slows both alike."""
    ours()
    rival()
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        ours()
        middle = time.perf_counter()
        rival()
        times.append([middle - start, time.perf_counter() - middle])
    first, second = np.median(times, axis=0)
    return float(first), float(second)
