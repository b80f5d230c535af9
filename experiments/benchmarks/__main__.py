"""Run the benchmarks, print their table, keep it and show it in the README.

python -m experiments.benchmarks
"""

import os
import platform
import re
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from experiments.benchmarks.consensus import consensus_and_local
from experiments.benchmarks.encoding import fast_against_plain
from experiments.benchmarks.estimation import local_against_the_loop, sweep
from experiments.benchmarks.neighbours import approximate_against_exact, exact_against_faiss
from experiments.benchmarks.scoring import scores_against_the_released_way
from experiments.benchmarks.start import start_times
from experiments.benchmarks.timing import Row
from smoothie.files import read_text, write_text
from smoothie.report.tables import markdown

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "results" / "benchmarks.md"
PAGE = ROOT / "README.md"
BLOCK = re.compile(r"(<!-- benchmarks: .*? -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    """Measure, and write a Markdown table with what it was measured on."""
    rows = [
        *local_against_the_loop(),
        *sweep(),
        *consensus_and_local(),
        *exact_against_faiss(),
        *approximate_against_exact(),
        *scores_against_the_released_way(),
        *fast_against_plain(),
        *start_times(),
    ]
    shown = f"{table(rows)}\nMeasured on {machine()}.\n"
    write_text(RESULT, f"    python -m experiments.benchmarks\n\n{shown}")
    write_text(PAGE, BLOCK.sub(lambda found: found[1] + shown + found[2], read_text(PAGE)))
    sys.stdout.write(shown)


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


if __name__ == "__main__":
    main()
