"""Run the benchmarks, print their table, keep it and show it in the README.

python -m experiments.benchmarks
"""

import re
import sys
from pathlib import Path

from experiments.benchmarks.consensus import consensus_and_local
from experiments.benchmarks.encoding import fast_against_plain
from experiments.benchmarks.estimation import local_against_the_loop, sweep
from experiments.benchmarks.neighbours import approximate_against_exact, exact_against_faiss
from experiments.benchmarks.scoring import scores_against_the_released_way
from experiments.benchmarks.start import start_times
from experiments.benchmarks.timing import machine, table
from smoothie.files import read_text, write_text

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


if __name__ == "__main__":
    main()
