"""One chart of all sets: what each method closes of the gap, without labels and with five.

    python -m experiments.research.all_sets

Draws the results of the ablation and of the few labels, in results/, into results/all_sets/. What
was chosen by looking at sets is, for each set, what was best on the others: the constants of
Consensus (the mean over draws of these), and the prior of the few labels.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.places import RESULTS
from experiments.research import ablation, labels
from smoothie.report.output import write_table
from smoothie.report.style import FONT, LIGHT, PAGE, SMALL, ink, look_of, new_figure, save
from smoothie.report.tables import markdown, number
from smoothie.storage.files import write_text

FOLDER = RESULTS / "all_sets"
LABELS = 5
LOWEST = -50  # where the axis ends
NAMES = {
    "smoothie_global": "Smoothie-Global",
    "smoothie_local": "Smoothie-Local",
    "consensus": "Consensus",
    "few_labels": f"{LABELS} labels",
}


def table_of(gaps: pd.DataFrame, grid: pd.DataFrame, few: pd.DataFrame) -> pd.DataFrame:
    """Gaps closed, in percent: a row for each set, a column for each method.

    Parameters
    ----------
    gaps, grid, few : DataFrame
        gaps.csv and grid.csv of the ablation, gaps.csv of the few labels.
    """
    full = gaps[gaps.ensemble == 0].pivot(index="dataset", columns="variant", values="gap_closed")
    table = pd.DataFrame(
        {
            "smoothie_global": full["smoothie_global"],
            "smoothie_local": full["smoothie_local k=1"],
            "consensus": ablation.left_out(grid)["drawn"],
            "few_labels": labels.left_out(few)[0][LABELS],
        }
    )
    return table.rename_axis("dataset").sort_values("consensus", ascending=False)


def draw(table: pd.DataFrame, folder: Path) -> None:
    """The chart: a row of points for each set, and one for their mean."""
    shown = pd.concat([table, table.mean().to_frame("mean").T])
    figure, (ax,) = new_figure(PAGE, 3.6)
    rows = np.arange(len(shown)) + (shown.index == "mean") * 0.5
    ax.hlines(rows, LOWEST, 100, color=LIGHT, linewidth=0.4, zorder=0)
    for position, words in ((0, "random"), (100, "oracle")):
        ax.axvline(position, color=LIGHT, linewidth=0.8, zorder=0)
        ax.text(position, -0.9, words, fontsize=SMALL, ha="center", va="bottom")
    for method, name in NAMES.items():
        look = look_of(method)
        size = 48 if look.marker == "*" else 24
        points = ax.scatter(shown[method], rows, size, look.color, marker=look.marker, label=name)
        points.set(zorder=2, clip_on=False)
    ax.set_yticks(rows, list(shown.index), fontsize=SMALL)
    ax.set_xlim(LOWEST, 100)
    ax.set_ylim(rows[-1] + 0.6, -0.8)
    ax.set_xlabel("share of the way from random choice to the oracle, percent", fontsize=FONT)
    ax.spines[["left"]].set_visible(False)
    ax.tick_params(axis="y", length=0)
    legend = figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=SMALL)
    for text, method in zip(legend.get_texts(), NAMES, strict=True):
        text.set_color(ink(look_of(method).color))
    save(figure, folder, "all_sets")


def main() -> None:
    """Command line."""
    folders = ("ablation/gaps", "ablation/grid", "few_labels/gaps")
    table = table_of(*(pd.read_csv(RESULTS / f"{name}.csv") for name in folders))
    rows = [[str(name), *(number(gap, 1) for gap in row)] for name, row in table.iterrows()]
    for name, row in (("mean", table.mean()), ("lowest", table.min())):
        rows.append([name, *(number(gap, 1) for gap in row)])
    text = markdown(["dataset", *NAMES.values()], rows)
    draw(table, FOLDER)
    write_table(table.reset_index(), FOLDER / "all_sets.csv")
    write_text(FOLDER / "all_sets.md", text)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
