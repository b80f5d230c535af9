"""Run the benchmarks, print their table, and write it to results and the README.

python -m experiments.benchmarks
"""

import sys
import textwrap

from experiments.benchmarks.consensus import consensus_and_local
from experiments.benchmarks.encoding import fast_against_plain
from experiments.benchmarks.estimation import local_against_the_loop, sweep
from experiments.benchmarks.neighbors import approximate_against_exact, exact_against_faiss
from experiments.benchmarks.scoring import scores_against_the_released_way
from experiments.benchmarks.start import start_times
from experiments.benchmarks.static import static_against_models
from experiments.benchmarks.timing import machine, table
from experiments.places import RESULTS, ROOT, keep

COMMAND = "python -m experiments.benchmarks"
RESULT = RESULTS / "benchmarks.md"
PAGE = ROOT / "README.md"
SHOWN = ("Smoothie-Local, N=2,000", "encoder.profile=fast", "a run that finds all in the caches")


def shown_of(text: str) -> str:
    """The lines of the README: the first row of the table of each kind."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    lines = []
    for words in SHOWN:
        what, seconds, rival, theirs, ratio = next(row for row in rows if row[0].startswith(words))
        beside = f", and {theirs} s by {rival} ({ratio})" if rival else ""
        lines += textwrap.wrap(f"- {what}: {seconds} s{beside}.", 118, subsequent_indent="  ")
    return "\n".join([*lines, ""])


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
        *static_against_models(),
        *start_times(),
    ]
    shown = f"{table(rows)}\nMeasured on {machine()}.\n"
    keep(COMMAND, shown, RESULT, PAGE, shown_of(shown))
    sys.stdout.write(shown)


if __name__ == "__main__":
    main()
