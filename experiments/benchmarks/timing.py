"""Rows of the table of benchmarks, and how they are timed."""

import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from smoothie.report.tables import markdown


@dataclass(frozen=True)
class Row:
    """A line of the table.

    Attributes
    ----------
    what : str
        What was computed.
    rival : str
        What it was compared with, or empty.
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
    """Median times of two alternating calls, so that other load slows both alike."""
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


def table(rows: list[Row]) -> str:
    """The rows as a Markdown table; the ratio is how many times as long the rival takes."""
    cells = []
    for row in rows:
        ratio = rival = ""
        if row.rival_seconds is not None:
            times = row.rival_seconds / row.seconds
            ratio = f"{times:,.{0 if times > 10 else 2}f}x"
            rival = f"{row.rival_seconds:.2f}"
        seconds = "" if np.isnan(row.seconds) else f"{row.seconds:.3f}"
        cells.append([row.what, seconds, row.rival, rival, ratio])
    return markdown(["What", "Seconds", "Rival", "Its seconds", "Ratio"], cells)


def machine() -> str:
    """Processor, cores and versions."""
    packages = []
    for name in ("numpy", "torch", "sentence-transformers", "faiss-cpu", "rouge-score"):
        try:
            packages.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            packages.append(f"no {name}")
    processor = f"{model()}, {os.cpu_count()} cores"
    return f"{processor}, Python {platform.python_version()}, {', '.join(packages)}"


def model() -> str:
    """Name of the processor, with the wide number formats that it knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    entries = dict(
        reversed([[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line])
    )
    flags = set(str(entries.get("flags", "")).split()) & {
        "avx2",
        "avx512f",
        "avx512_bf16",
        "amx_bf16",
    }
    return f"{entries.get('model name', platform.machine())} ({', '.join(sorted(flags))})"
