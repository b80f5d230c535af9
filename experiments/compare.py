"""Which methods of a run differ by more than chance: paired tests between any two.

    python -m experiments.compare OUT
    python -m experiments.compare OUT consensus smoothie_local
    smoothie compare OUT

OUT is the output folder of a run, or of one job of a sweep. Without names, all methods are compared
in pairs, but for candidates and for best_single and oracle, which know the labels: those have to be
named. Writes pairs.csv and pairs.md to that folder.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import one_sentence_errors
from smoothie.errors import SmoothieError, meant
from smoothie.evaluation import CANDIDATE, Bootstrap
from smoothie.problem import sort_key
from smoothie.report.style import BOUNDS
from smoothie.report.tables import interval, markdown, number
from smoothie.significance import ALPHA, POWER, compare_pairs
from smoothie.storage.files import write_text

if TYPE_CHECKING:
    import pandas as pd

SCORES = "scores_by_input.csv"
HEADER = ["First", "Second", "n", "Difference", "95% interval", "p", "p (Holm)", "Smallest"]
EXPLAINED = f"""\
Difference: the mean score of the first less that of the second, on the n inputs where both have
one, with its paired bootstrap interval; bold where p (Holm) is below {ALPHA}. p: of the paired
permutation test, two-sided; p (Holm): adjusted for all pairs of this table. Smallest: the
difference that n inputs, scattering as these do, show with a power of {POWER} at the level {ALPHA}.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        "python -m experiments.compare", description="Compare the methods of a run in pairs."
    )
    parser.add_argument("folder", type=Path, help="output folder of a run")
    parser.add_argument("methods", nargs="*", help="two or more; all of the run unless given")
    parser.add_argument("--resamples", type=int, default=9999, help="permutations; default: 9999")
    parser.add_argument("--draws", type=int, default=2000, help="bootstrap resamples")
    parser.add_argument("--seed", type=int, default=0, help="of both")
    parser.add_argument("-o", "--output", type=Path, help="folder to write to; default: the same")
    given = parser.parse_args(arguments)
    if len(given.methods) == 1:
        parser.error("one method has nothing to be compared with: name two or more, or none")
    with one_sentence_errors():
        values = read_scores(given.folder / SCORES)
        methods = chosen(list(values.columns), given.methods, given.folder)
        bootstrap = Bootstrap(given.draws, given.seed)
        pairs = list(combinations(methods, 2))
        table = compare_pairs(values, pairs, bootstrap=bootstrap, resamples=given.resamples)
        write(table, given.folder if given.output is None else given.output)
        sys.stdout.write(page(table))
    return 0


def read_scores(path: Path) -> pd.DataFrame:
    """The scores of a run: a row for each input, a column for each method.

    Rows are in the order of their ids, so that draws do not depend on the order in the file.

    Raises
    ------
    SmoothieError
        If there is no such file, it has no ids, or something in it is no number.
    """
    import pandas as pd

    if not path.is_file():
        raise SmoothieError(
            f"{path}: not found; expected the output folder of a run that scored its inputs"
        )
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    if "id" not in table:
        raise SmoothieError(f"{path}: no column id; expected what a run has written")
    order = sorted(range(len(table)), key=[sort_key(key) for key in table.pop("id")].__getitem__)
    numbers: pd.DataFrame = table.apply(pd.to_numeric, errors="coerce")
    wrong = numbers.isna() & (table != "")
    if wrong.any(axis=None):
        row, column = (int(place[0]) for place in wrong.to_numpy().nonzero())
        text, method = table.iat[row, column], table.columns[column]
        raise SmoothieError(f"{path}:{row + 2}: {method} is {text!r}; expected a number or nothing")
    return numbers.iloc[order].reset_index(drop=True)


def chosen(known: Sequence[str], asked: Sequence[str], folder: Path) -> list[str]:
    """The methods to compare: those asked for, or all that learned nothing from the scores."""
    for name in asked:
        if name not in known:
            raise SmoothieError(f"{folder}: no method {name!r}: {meant(name, known)}")
        if asked.count(name) > 1:
            raise SmoothieError(f"{name} is named twice; expected different methods")
    names = [name for name in known if not name.startswith(CANDIDATE) and name not in BOUNDS]
    if not asked and len(names) < 2:
        raise SmoothieError(f"{folder}: only {', '.join(names) or 'no method'} to compare")
    return list(asked) or names


def write(table: pd.DataFrame, folder: Path) -> None:
    """Write pairs.csv and pairs.md."""
    from smoothie.report.output import write_table

    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_table(table, folder / "pairs.csv")
        write_text(folder / "pairs.md", page(table))
    except OSError as error:
        reason = error.strerror or error
        raise SmoothieError(f"{folder}: pairs.csv cannot be written ({reason})") from error


def page(table: pd.DataFrame) -> str:
    """The table, what its columns are, and what could not have been shown."""
    rows = []
    for row in table.to_dict("records"):
        difference = number(row["difference"], 2, signed=True)
        told = row["p_holm"] < ALPHA
        rows.append(
            [
                row["first"],
                row["second"],
                str(row["n"]),
                f"**{difference}**" if told else difference,
                interval(row["low"], row["high"], 2, signed=True),
                p_text(row["p"]),
                p_text(row["p_holm"]),
                number(row["smallest"], 2),
            ]
        )
    return "\n".join([markdown(HEADER, rows), EXPLAINED, limits(table)])


def p_text(p: float) -> str:
    """A probability with as many digits as it needs to be seen to differ from zero."""
    return "" if p != p else f"{p:.3f}" if p >= 0.001 else f"{p:.0e}"


def limits(table: pd.DataFrame) -> str:
    """What the inputs could not have shown of each pair that they do not tell apart."""
    lines = [
        f"- {row['first']} and {row['second']} are not told apart: with {row['n']} inputs, "
        f"differences below {row['smallest']:.1f} cannot be told from chance."
        for row in table.to_dict("records")
        if row["p_holm"] >= ALPHA and row["smallest"] == row["smallest"]
    ]
    return "\n".join(lines) + "\n" if lines else ""


if __name__ == "__main__":
    sys.exit(main())
