"""Methods ranked over the sets of sweeps, as a page.

    python -m experiments.leaderboard results/sets/sweep.csv -o results/leaderboard.md

reads sweep.csv, as a sweep writes it, and sweep_comparisons.csv beside it.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import one_sentence_errors
from experiments.sweep import BOUNDS, PROBLEM, with_columns
from smoothie.errors import SmoothieError
from smoothie.report.tables import interval, markdown, number
from smoothie.storage.files import write_text

if TYPE_CHECKING:
    import pandas as pd

HINDSIGHT = [*BOUNDS, "best_single"]  # what no method can be
Z = 1.959964  # of a 95% interval
HEADER = ["Method", "Mean gap closed", "95% interval", "Worst set", "Above random", "Best on"]
NEEDED = ["method", "k", *PROBLEM]
# Sets that the constants of Consensus were chosen on: docs/research.md.
SEEN = [
    *("alpaca_eval_preferences", "crux", "e2e_nlg", "evouna_tq", "gsm8k", "kor_logic"),
    *("kor_operation", "kor_puzzle", "mbpp_seed", "prometheus_instruct", "realsumm_cnndm"),
    *("refchecker_nq", "summeval", "wmt21_zhen", "wmt23_deen"),
]


def leaderboard(paths: Sequence[Path], command: str) -> str:
    """The page of some sweeps.

    Parameters
    ----------
    paths : sequence of Path
        Each a sweep.csv, with sweep_comparisons.csv beside it.
    command : str
        That makes the page.

    Raises
    ------
    SmoothieError
        If a file is missing or holds something else, a set occurs twice, or no method was run on
        all sets.
    """
    import pandas as pd

    both = [read_sweep(path) for path in paths]
    table = pd.concat(both, ignore_index=True)
    methods, columns, _ = with_columns(table[~table["method"].isin(HINDSIGHT)])
    methods["problem"] = methods[PROBLEM].astype(str).agg(" / ".join, axis=1)
    methods = methods.drop_duplicates(["problem", "column", "sweep"])
    twice = methods[methods.duplicated(["problem", "column"])]
    if len(twice):
        raise SmoothieError(f"{twice.problem.iloc[0]}: in more than one of the sweeps")
    problems = list(dict.fromkeys(methods["problem"]))
    gaps = methods.pivot(index="column", columns="problem", values="gap_closed")[problems]
    everywhere = [name for name in columns if gaps.loc[name].notna().all()]
    if not everywhere:
        raise SmoothieError(f"{', '.join(map(str, paths))}: no method was run on all sets")
    rows = {name: of for name, of in methods.groupby("column") if name in everywhere}
    parts = [f"# Leaderboard\n\n    {command}\n", EXPLAINED.format(sets=len(problems))]
    for title, labeled in (("Without labels", False), ("With labels", True)):
        chosen = {name: rows[name] for name in everywhere if uses_labels(rows[name]) == labeled}
        if chosen:
            count = int(max(of["labels_used"].max() for of in chosen.values()))
            title += f" ({count} on each set)" * labeled
            parts.append(f"## {title}\n\n{markdown(HEADER, ranked(chosen))}")
    left = [name for name in columns if name not in everywhere]
    if left:
        parts.append(f"Left out, as they were not run on all sets: {', '.join(left)}.\n")
    return "\n".join([*parts, sets_of(list(dict.fromkeys(methods["dataset"])))])


EXPLAINED = """\
Share of the way from random choice to the oracle that methods close, in percent, averaged over
{sets} sets, the highest first. The interval is of the mean over these sets: it says how much would
change with other inputs from the same sets (normal approximation of the sets' own bootstrap
intervals), not with other sets. *Above random* counts sets whose interval lies above zero, *best
on* those where no other method of the same table closes more.
"""


def sets_of(names: Sequence[str]) -> str:
    """Which sets these are, and on which of them constants were chosen."""
    seen = [name for name in names if name in SEEN]
    others = [name for name in names if name not in SEEN]
    return (
        f"Sets: {', '.join(names)}.\n\n"
        f"The constants of `consensus`, and the delimiters of answers that votes look for, were\n"
        f"chosen by looking at fifteen sets, {len(seen)} of which are among these; not among them: "
        f"{', '.join(others) or 'none'}.\n"
        f"What to expect on other sets is in [docs/research.md](../docs/research.md).\n"
    )


def read_sweep(path: Path) -> pd.DataFrame:
    """The methods of a sweep with their labels, gaps closed and intervals."""
    import pandas as pd

    tables = []
    for file in (path, path.with_name(f"{path.stem}_comparisons.csv")):
        try:
            table = pd.read_csv(file, dtype={"k": "Int64"}, keep_default_na=False, na_values=[""])
        except (OSError, ValueError) as error:
            raise SmoothieError(f"{file}: cannot be read ({str(error).splitlines()[0]})") from error
        tables.append(table)
    for table, more in zip(tables, (["labels_used"], ["gap_closed", "gap_low"]), strict=True):
        lacking = [name for name in [*NEEDED, *more] if name not in table]
        if lacking:
            raise SmoothieError(f"{path}: no column {lacking[0]}; expected what a sweep writes")
    labels = tables[0][[*NEEDED, "labels_used"]].drop_duplicates(NEEDED)
    return tables[1].merge(labels, on=NEEDED, how="left").assign(sweep=str(path))


def uses_labels(rows: pd.DataFrame) -> bool:
    """Whether a method uses labels on any set."""
    return bool((rows["labels_used"] > 0).any())


def ranked(methods: dict[str, pd.DataFrame]) -> list[list[str]]:
    """Cells of a table, the highest mean first."""
    import numpy as np

    gaps = {
        name: dict(zip(rows["problem"], rows["gap_closed"], strict=True))
        for name, rows in methods.items()
    }
    means = {name: sum(of.values()) / len(of) for name, of in gaps.items()}
    best = dict.fromkeys(methods, 0)
    for problem in next(iter(gaps.values())):
        highest = max(of[problem] for of in gaps.values())
        for name, of in gaps.items():
            best[name] += of[problem] == highest
    cells = []
    for name in sorted(methods, key=lambda name: -means[name]):
        rows, mean = methods[name], means[name]
        errors = (rows["gap_high"] - rows["gap_low"]) / (2 * Z)
        half = Z * float(np.sqrt((errors**2).sum())) / len(rows)
        worst = min(gaps[name], key=gaps[name].__getitem__)
        dataset = dict(zip(rows["problem"], rows["dataset"], strict=True))[worst]
        cells.append(
            [
                name,
                number(mean, 1),
                interval(mean - half, mean + half, 1),
                f"{number(gaps[name][worst], 1)} ({dataset})",
                f"{int((rows['gap_low'] > 0).sum())} of {len(rows)}",
                str(best[name]),
            ]
        )
    return cells


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser("python -m experiments.leaderboard", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("sweeps", nargs="+", type=Path, help="sweep.csv of each sweep")
    parser.add_argument("-o", "--output", type=Path, help="page to write; default: the terminal")
    options = parser.parse_args(given)
    with one_sentence_errors():
        page = leaderboard(
            options.sweeps, shlex.join(["python", "-m", "experiments.leaderboard", *given])
        )
        if options.output is None:
            sys.stdout.write(page)
        else:
            write_text(options.output, page)


if __name__ == "__main__":
    main()
