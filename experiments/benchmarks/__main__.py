"""Run the benchmarks, print their table and keep it: python -m experiments.benchmarks."""

import sys
from pathlib import Path

from experiments.benchmarks.consensus import consensus_and_local
from experiments.benchmarks.encoding import fast_against_plain
from experiments.benchmarks.estimation import local_against_the_loop, sweep
from experiments.benchmarks.neighbours import approximate_against_exact, exact_against_faiss
from experiments.benchmarks.scoring import scores_against_the_released_way
from experiments.benchmarks.start import start_times
from experiments.benchmarks.timing import machine, table
from smoothie.files import write_text

TABLE = Path(__file__).parents[2] / "results" / "benchmarks.md"


def main() -> None:
    """Print a Markdown table, and what it was measured on."""
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
    write_text(TABLE, f"    python -m experiments.benchmarks\n\n{shown}")
    sys.stdout.write(shown)


if __name__ == "__main__":
    main()
