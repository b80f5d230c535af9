"""Run the benchmarks and print their table: python -m experiments.benchmarks."""

import os
import platform
import sys

import numpy as np

from experiments.benchmarks.consensus import consensus_and_local
from experiments.benchmarks.estimation import Row, local_against_the_loop, sweep
from smoothie.report.tables import markdown


def main() -> None:
    """Print a Markdown table, and what it was measured on."""
    rows: list[Row] = [*local_against_the_loop(), *sweep(), *consensus_and_local()]
    cells = []
    for row in rows:
        ratio = rival = ""
        if row.rival_seconds is not None:
            times = row.rival_seconds / row.seconds
            ratio = f"{times:,.{0 if times > 10 else 2}f}x"
            rival = f"{row.rival_seconds:.2f}"
        cells.append([row.what, f"{row.seconds:.3f}", row.rival, rival, ratio])
    sys.stdout.write(markdown(["What", "Seconds", "Rival", "Its seconds", "Ratio"], cells))
    machine = f"{platform.machine()}, {os.cpu_count()} cores, NumPy {np.__version__}"
    sys.stdout.write(f"\nMeasured on {machine}.\n")


if __name__ == "__main__":
    main()
