"""Plots of score against what it takes: labels."""

from pathlib import Path

import pandas as pd

from smoothie.report.plots import BLACK, BLUE, GREEN, GREY, ORANGE, new_figure, save

PURPLE, YELLOW, SKY = "#CC79A7", "#E69F00", "#56B4E9"
LEARNT = (ORANGE, GREEN, PURPLE, YELLOW, SKY)
STYLES = ("-", "--", "-.", (0, (6, 2, 1, 2, 1, 2)), (0, (1, 1)))


def plot_budgets(curve: pd.DataFrame, title: str, unit: str, folder: Path) -> list[Path]:
    """Score of labelled methods against their number of labels, label-free ones as levels.

    Parameters
    ----------
    curve : DataFrame with columns method, budget, score, ci_low, ci_high
        Label-free methods have a budget of 0.
    title, unit : str
        Title, and label of the score axis.
    folder : Path
        Where to write.
    """
    figure, (ax,) = new_figure(5.6, 4.2)
    budgets = sorted({int(budget) for budget in curve["budget"] if budget > 0})
    learnt = curve[curve["budget"] > 0].groupby("method", sort=False)
    for i, (method, rows) in enumerate(learnt):
        colour = LEARNT[i % len(LEARNT)]
        beside = rows["budget"] * 1.05 ** (i - (len(learnt) - 1) / 2)  # intervals side by side
        low, high = rows["score"] - rows["ci_low"], rows["ci_high"] - rows["score"]
        spread = [low.clip(lower=0), high.clip(lower=0)]
        ax.errorbar(beside, rows["score"], spread, color=colour, fmt="none", elinewidth=0.7)
        ax.plot(beside, rows["score"], "o-", color=colour, ms=4, label=method)
    levels = curve[curve["budget"] == 0]
    others = [name for name in levels["method"] if name != "random"]
    for method, score in zip(levels["method"], levels["score"], strict=True):
        if method == "random":
            colour, style = BLACK, ":"
        else:
            place = others.index(method)
            colour = BLUE if method.startswith("smoothie") else GREY
            style = STYLES[place % len(STYLES)]
        ax.axhline(score, color=colour, ls=style, lw=1.4, label=method)
    ax.set_xscale("log")
    ax.set_xticks(budgets, [str(budget) for budget in budgets])
    ax.minorticks_off()
    ax.set_xlabel("labelled inputs")
    ax.set_ylabel(unit)
    ax.set_title(title, fontsize=10, parse_math=False)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=3)
    return save(figure, folder, "score_against_labels")
