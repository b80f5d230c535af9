"""Plots of score against labels, cost and latency."""

from typing import TYPE_CHECKING

import pandas as pd

from smoothie.evaluation import CANDIDATE
from smoothie.report.labels import label_end, write_names
from smoothie.report.plots import draw_level, draw_sizes, reach_of
from smoothie.report.style import (
    BOUNDS,
    COLUMN,
    DARK,
    PAGE,
    look_of,
    new_figure,
    write_title,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def plot_budgets(curve: pd.DataFrame, title: str, unit: str) -> "Figure":
    """Score of labeled methods against their number of labels, label-free ones as horizontal lines.

    Parameters
    ----------
    curve : DataFrame with columns method, budget, score, ci_low, ci_high
        Label-free methods have a budget of 0.
    title, unit : str
        Title, and what the scores are.
    """
    learned = curve[curve["budget"] > 0].groupby("method", sort=False)
    levels = curve[curve["budget"] == 0]
    figure, (ax,) = new_figure(COLUMN, max(2.4, 0.8 + 0.13 * (len(learned) + len(levels))))
    for i, (method, rows) in enumerate(learned):
        look = look_of(str(method))
        beside = rows["budget"] * 1.05 ** (i - (len(learned) - 1) / 2)  # intervals side by side
        ax.errorbar(
            beside, rows["score"], reach_of(rows), color=look.color, fmt="none", elinewidth=0.5
        )
        ax.plot(
            beside, rows["score"], look.marker, ls="-", color=look.color, ms=3, lw=1, label=method
        )
        label_end(ax, str(method), rows["score"].iloc[-1], look.color)
    for place, (method, score) in enumerate(zip(levels["method"], levels["score"], strict=True)):
        draw_level(ax, method, score, place)
    draw_sizes(ax, sorted({int(budget) for budget in curve["budget"] if budget > 0}))
    ax.set_xlabel("labeled inputs")
    ax.set_ylabel(f"mean {unit}")
    write_title(ax, title)
    return figure


def plot_costs(points: pd.DataFrame, title: str, unit: str) -> "Figure":
    """Score of methods and candidates against their cost and latency, a panel for each.

    Parameters
    ----------
    points : DataFrame with columns method, score, NAME, NAME_asked, NAME_unit
        NAME is cost, latency or both. A full point is at the mean of the returned answer; a line
        leads to a hollow one at the mean of all that had to be generated.
    title, unit : str
        Title, and what the scores are.
    """
    alone = points["method"].str.startswith(CANDIDATE)
    table = pd.concat([points[alone], points[~alone]])  # methods are drawn over candidates
    names = [name for name in ("cost", "latency") if name in points]
    figure, axes = new_figure(COLUMN if len(names) == 1 else PAGE, 2.6, len(names))
    colors = [DARK if m.startswith(CANDIDATE) else look_of(m).color for m in table["method"]]
    shown = [name.removeprefix(CANDIDATE) for name in table["method"]]
    for ax, name in zip(axes, names, strict=True):
        returned, asked = table[name].to_numpy(), table[f"{name}_asked"].to_numpy()
        score = table["score"].to_numpy()
        wide = min(returned.min(), asked.min()) > 0 and asked.max() > 10 * returned.min()
        ax.set_xscale("log" if wide else "linear")
        for method, x, end, y in zip(table["method"], returned, asked, score, strict=True):
            look = look_of(method)
            face = "white" if method in BOUNDS else look.color
            if end > x:
                ax.plot([x, end], [y, y], color=look.color, lw=0.6, ls=":")
                ax.plot(end, y, look.marker, color=look.color, ms=4, mfc="white")
            ax.plot(x, y, look.marker, color=look.color, mfc=face, ms=4, zorder=3, label=method)
        write_names(ax, shown, returned, score, colors)
        ax.margins(0.12)
        measure = table[f"{name}_unit"].iloc[0]
        ax.set_xlabel(f"mean {name} an input" + (f" ({measure})" if measure else ""))
        write_title(ax, f"{title}: full, of the answer; hollow, of all that is asked")
    axes[0].set_ylabel(f"mean {unit}")
    return figure
