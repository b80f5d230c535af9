"""The effect of stacking AlpacaEval outputs by position, from the results of both protocols.

    python -m experiments.paper.stacking

Reads results/reproduced/{as_published,corrected}/reproduced.csv and results/published, writes
results/alpaca_eval/: a table, and a figure with its points, which docs/alpaca-eval.md explains.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smoothie.errors import SmoothieError
from smoothie.report.output import write_table
from smoothie.report.style import BLACK, DARK, LIGHT, PAGE, SMALL, ink, look_of, new_figure, save
from smoothie.report.tables import markdown, number
from smoothie.storage.files import write_text

RESULTS = Path(__file__).parents[2] / "results"
TRIALS = [f"alpaca_eval_{i}" for i in range(10)]
MISPLACED = "gemini-pro"
WRONG_ROWS = 674 / 805  # share of its outputs paired with another instruction


def read_cells(path: Path) -> pd.DataFrame:
    """Cells about AlpacaEval, with a row for each (ensemble, method, quantity, x)."""
    if not path.is_file():
        raise SmoothieError(f"{path}: no such file; run experiments.reproduce into that folder")
    table = pd.read_csv(path, dtype={"x": str, "value": str}, keep_default_na=False)
    table = table[table.experiment == "alpaca_eval"]
    return table.set_index(["ensemble", "method", "quantity", "x"])


def values(
    cells: pd.DataFrame, method: str, quantity: str, x: str, missing: float = np.nan
) -> list[float]:
    """One number for each trial."""
    found = cells["value"].to_dict()
    return [float(found.get((trial, method, quantity, x), missing)) for trial in TRIALS]


def story(published: pd.DataFrame, stacked: pd.DataFrame, joined: pd.DataFrame) -> pd.DataFrame:
    """One row for each trial: results stacked and joined, and the loss of random choice.

    `expected` is the loss of random choice if an output to another instruction never wins: the
    share of picks of the misplaced model, times its misplaced share, times its win rate.
    """
    board = pd.read_csv(RESULTS / "published" / "alpaca_eval_leaderboard.csv", index_col="model")
    rate = float(board["win_rate"].to_dict()[MISPLACED])
    table = pd.DataFrame({"trial": range(10)})
    for name, cells in (("stacked", stacked), ("joined", joined)):
        chosen = cells["value"].to_dict()
        keys = [(trial, "smoothie_global", "selected", "") for trial in TRIALS]
        table[f"selected_{name}"] = [str(chosen[key]) for key in keys]
        table[f"share_{name}"] = values(cells, "smoothie_global", "selected_share", "")
        table[f"weight_{name}"] = values(cells, "smoothie_global", "weight", MISPLACED)
        table[f"rank_{name}"] = values(cells, "smoothie_global", "rank_correlation", "win_rate")
    picks = np.array(values(published, "random", "score", "win_rate"))
    means = np.array(values(published, "ensemble_mean", "score", "win_rate"))
    table["random_above_mean"] = picks - means
    inside = table.weight_stacked.notna()
    table["expected"] = np.where(inside, -WRONG_ROWS * rate / 5, 0.0)
    return table


def as_markdown(table: pd.DataFrame) -> str:
    """The table of the page."""
    rows = []
    for row in table.to_dict("records"):
        same = row["selected_stacked"] == row["selected_joined"]
        rows.append(
            [
                str(row["trial"]),
                f"{row['selected_stacked']} ({row['share_stacked']:.0f}%)",
                "the same" if same else str(row["selected_joined"]),
                f"{row['share_joined']:.0f}%",
                number(row["weight_stacked"], 3),
                number(row["weight_joined"], 3),
                number(row["rank_stacked"], 1),
                number(row["rank_joined"], 1),
                number(row["random_above_mean"], 2, signed=True),
                number(row["expected"], 2, signed=True) if row["expected"] else "",
            ]
        )
    header = ["Trial", "selected, stacked", "selected, joined", "of draws", "weight stacked"]
    header += ["joined", "rank corr. stacked", "joined", "random - mean", "expected"]
    return markdown(header, rows)


def draw(table: pd.DataFrame, folder: Path) -> list[Path]:
    """Weight of the misplaced model, and the loss of random choice, by trial.

    Drawn are the columns weight_stacked, weight_joined, random_above_mean and expected, which
    stacking.csv has with the others.
    """
    figure, (left, right) = new_figure(PAGE, 2.4, 2)
    inside, color = table[table.weight_stacked.notna()], look_of("smoothie_global").color
    places, width = np.arange(len(inside)), 0.38
    left.bar(places - 0.2, inside.weight_stacked, width, fill=False, edgecolor=color)
    left.bar(places + 0.2, inside.weight_joined, width, color=color, edgecolor=color)
    left.axhline(0.2, color=DARK, lw=0.6, ls=":")
    first = (0.0, float(inside.weight_joined.max()))
    note: dict[str, Any] = {"fontsize": SMALL, "textcoords": "offset points"}
    stacked, joined = "hollow: stacked by position", "filled: joined by instruction"
    left.annotate(f"{stacked}\n{joined}", first, xytext=(-8, 6), color=ink(color), **note)
    left.annotate(
        "equal weights", (len(inside) - 0.6, 0.2), xytext=(0, 2), ha="right", color=DARK, **note
    )
    left.set_xticks(places, [str(trial) for trial in inside.trial])
    left.set_xlabel(f"trial, of those with {MISPLACED}")
    left.set_ylabel(f"weight of {MISPLACED}")
    left.set_ylim(0, max(0.22, 1.25 * inside.weight_joined.max()))
    colors = [DARK if loss else LIGHT for loss in table.expected]
    right.bar(table.trial, table.random_above_mean, color=colors)
    expected = table.expected.min()
    right.axhline(expected, color=BLACK, lw=0.8, ls="--")
    words = "expected if an answer to another\ninstruction never wins"
    right.annotate(words, (3.6, expected), xytext=(0, -11), va="top", **note)
    right.axhline(0, color=BLACK, lw=0.6)
    right.set_ylim(min(1.35 * table.random_above_mean.min(), 1.5 * expected), 3)
    right.set_xticks(table.trial)
    right.set_xlabel(f"trial (dark: with {MISPLACED})")
    right.set_ylabel("random picks - ensemble mean\n(win rate, points)")
    write_table(table, folder / "stacking.csv")
    return [*save(figure, folder, "stacking"), folder / "stacking.csv"]


def main() -> None:
    """Command line."""
    try:
        published = read_cells(RESULTS / "published" / "alpaca_eval.csv")
        stacked = read_cells(RESULTS / "reproduced" / "as_published" / "reproduced.csv")
        joined = read_cells(RESULTS / "reproduced" / "corrected" / "reproduced.csv")
    except SmoothieError as error:
        raise SystemExit(f"Error: {error}") from None
    table = story(published, stacked, joined)
    folder = RESULTS / "alpaca_eval"
    write_text(folder / "table.md", as_markdown(table))
    draw(table, folder)
    inside = table.expected < 0
    sys.stdout.write(
        f"{as_markdown(table)}\n"
        f"random - mean: {table.random_above_mean[inside].mean():+.2f} with {MISPLACED}, "
        f"{table.random_above_mean[~inside].mean():+.2f} without; "
        f"expected {table.expected.min():+.2f}\n"
        f"mean rank correlation: {table.rank_stacked.mean():.3f} stacked, "
        f"{table.rank_joined.mean():.3f} joined\n"
    )


if __name__ == "__main__":
    main()
