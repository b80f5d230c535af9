"""Plots of score against labels, cost and latency."""

from typing import TYPE_CHECKING

import pandas as pd

from smoothie.evaluation import CANDIDATE
from smoothie.report.plots import (
    BLACK,
    BLUE,
    COLORS,
    GRAY,
    GREEN,
    ORANGE,
    kind_of,
    new_figure,
    write_names,
    write_title,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PURPLE, YELLOW, SKY = "#CC79A7", "#E69F00", "#56B4E9"
LEARNED = (ORANGE, GREEN, PURPLE, YELLOW, SKY)
STYLES = ("-", "--", "-.")


def plot_budgets(curve: pd.DataFrame, title: str, unit: str) -> "Figure":
    """Score of labeled methods against their number of labels, label-free ones as horizontal lines.

    Parameters
    ----------
    curve : DataFrame with columns method, budget, score, ci_low, ci_high
        Label-free methods have a budget of 0.
    title, unit : str
        Title, and label of the score axis.
    """
    figure, (ax,) = new_figure(5.6, 4.2)
    budgets = sorted({int(budget) for budget in curve["budget"] if budget > 0})
    learned = curve[curve["budget"] > 0].groupby("method", sort=False)
    for i, (method, rows) in enumerate(learned):
        color = LEARNED[i % len(LEARNED)]
        beside = rows["budget"] * 1.05 ** (i - (len(learned) - 1) / 2)  # intervals side by side
        low, high = rows["score"] - rows["ci_low"], rows["ci_high"] - rows["score"]
        spread = [low.clip(lower=0), high.clip(lower=0)]
        ax.errorbar(beside, rows["score"], spread, color=color, fmt="none", elinewidth=0.7)
        ax.plot(beside, rows["score"], "o-", color=color, ms=4, label=method)
    levels = curve[curve["budget"] == 0]
    others = [name for name in levels["method"] if name != "random"]
    for method, score in zip(levels["method"], levels["score"], strict=True):
        if method == "random":
            color, style = BLACK, ":"
        else:
            place = others.index(method)
            color = BLUE if method.startswith("smoothie") else GRAY
            style = STYLES[place % len(STYLES)]
        ax.axhline(score, color=color, ls=style, lw=1.4, label=method)
    ax.set_xscale("log")
    ax.set_xticks(budgets, [str(budget) for budget in budgets])
    ax.minorticks_off()
    ax.set_xlabel("labeled inputs")
    ax.set_ylabel(unit)
    write_title(ax, title)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=3)
    return figure


def plot_costs(results: pd.DataFrame, costs: pd.DataFrame, title: str, unit: str) -> "Figure":
    """Score of methods and candidates against their cost and latency, a panel for each.

    Parameters
    ----------
    results : DataFrame with columns method, score, labels_used
        What `evaluation.evaluate` returns.
    costs : DataFrame with columns method, NAME, NAME_asked, NAME_unit, for cost, latency or both
        A full point is at the mean of the returned answer; a line leads to a hollow one at the mean
        of all that had to be generated.
    title, unit : str
        Title, and label of the score axis.
    """
    table = results.merge(costs.drop(columns="n"), on="method", how="left")
    alone = table["method"].str.startswith(CANDIDATE)
    table = pd.concat([table[alone], table[~alone]])  # methods are drawn over candidates
    names = [name for name in ("cost", "latency") if name in costs]
    figure, axes = new_figure(0.6 + 4.6 * len(names), 4.2, len(names))
    colors = [
        COLORS[kind_of(method, used)]
        for method, used in zip(table["method"], table["labels_used"], strict=True)
    ]
    shown = [name.removeprefix(CANDIDATE) for name in table["method"]]
    for ax, name in zip(axes, names, strict=True):
        returned, asked = table[name].to_numpy(), table[f"{name}_asked"].to_numpy()
        score = table["score"].to_numpy()
        wide = min(returned.min(), asked.min()) > 0 and asked.max() > 10 * returned.min()
        ax.set_xscale("log" if wide else "linear")
        for x, end, y, color in zip(returned, asked, score, colors, strict=True):
            if end > x:
                ax.plot([x, end], [y, y], color=color, lw=0.8, ls=":")
                ax.plot(end, y, "o", color=color, ms=5, mfc="white")
        ax.scatter(returned, score, color=colors, s=24, zorder=3)
        write_names(ax, shown, returned, score)
        ax.margins(0.12)
        measure = table[f"{name}_unit"].iloc[0]
        ax.set_xlabel(f"mean {name} an input" + (f" ({measure})" if measure else ""))
        ax.set_ylabel(unit)
    for kind in dict.fromkeys(zip(table["method"], table["labels_used"], strict=True)):
        axes[0].plot([], [], "o", color=COLORS[kind_of(*kind)], ms=5, label=kind_of(*kind))
    axes[0].plot([], [], "o", color=BLACK, mfc="white", ms=5, label="with all that is asked")
    handles, labels = axes[0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(
        unique.values(), unique, fontsize=8, frameon=False, loc="outside lower center", ncols=3
    )
    figure.suptitle(title, fontsize=10, parse_math=False)
    return figure
