"""Plots of the scores of a run, of its curve over k, and of weights."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from smoothie.evaluation import CANDIDATE
from smoothie.report.labels import label_end, write_names
from smoothie.report.style import (
    BLACK,
    BOUNDS,
    COLUMN,
    DARK,
    FONT,
    PAGE,
    SMALL,
    ink,
    look_of,
    new_figure,
    write_title,
)
from smoothie.report.tables import interval, number

LONGEST_NAME = 30  # characters, beside the axes of one column
RANKS = ["rank_correlation", "rank_low", "rank_high"]

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def plot_methods(results: pd.DataFrame, title: str, unit: str) -> "Figure":
    """Scores of methods and candidates with their intervals, best on top; unknown ones left out.

    Parameters
    ----------
    results : DataFrame with columns method, score, ci_low, ci_high, labels_used
        What `evaluation.evaluate` returns.
    title, unit : str
        Title, and what the scores are.
    """
    ordered = (
        results.dropna(subset="score").sort_values("score", kind="stable").reset_index(drop=True)
    )
    names = list(map(described, ordered["method"], ordered["labels_used"]))
    width = COLUMN if max(map(len, names)) <= LONGEST_NAME else PAGE
    figure, (ax,) = new_figure(width, 0.65 + 0.155 * len(ordered))
    reach = reach_of(ordered)
    for row, (method, score) in enumerate(zip(ordered["method"], ordered["score"], strict=True)):
        look = look_of(method)
        ax.errorbar(
            [score],
            [row],
            xerr=reach[:, row : row + 1],
            fmt=look.marker,
            ms=4,
            mfc="white" if method in BOUNDS else look.color,
            lw=1.1,
            color=look.color,
            label=method,
        )
    ax.set_yticks(range(len(ordered)), names, parse_math=False)
    for text, method in zip(ax.get_yticklabels(), ordered["method"], strict=True):
        text.set_color(ink(DARK if method.startswith(CANDIDATE) else look_of(method).color))
    random = ordered.loc[ordered["method"] == "random", "score"]
    if len(random):
        ax.axvline(random.iloc[0], color=look_of("random").color, lw=0.8, ls=":", zorder=0)
    ax.set_ylim(-0.7, len(ordered) - 0.3)
    ax.set_xlabel(f"mean {unit}")
    write_title(ax, title)
    return figure


def described(method: str, labels_used: int) -> str:
    """The name of a method, with what it knows of the labels."""
    if method.startswith(CANDIDATE):
        return method.removeprefix(CANDIDATE)
    if method in BOUNDS:
        return f"{method} (bound)"
    return f"{method} ({labels_used} labels)" if labels_used else method


def reach_of(table: pd.DataFrame) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Lengths of the intervals below and above the scores: (2, n)."""
    score = table["score"].to_numpy(dtype=np.float64)
    ends = table[["ci_low", "ci_high"]].to_numpy(dtype=np.float64)
    return np.stack([score - ends[:, 0], ends[:, 1] - score]).clip(min=0)


def plot_k(curve: pd.DataFrame, lines: Mapping[str, float], title: str, unit: str) -> "Figure":
    """Score of Smoothie-Local against k.

    Parameters
    ----------
    curve : DataFrame with columns k, score, ci_low, ci_high
    lines : mapping of method -> score
        Methods that do not depend on k.
    title, unit : str
        Title, and what the scores are.
    """
    figure, (ax,) = new_figure(COLUMN, 2.3)
    look, k, score = look_of("smoothie_local"), curve["k"], curve["score"]
    ax.fill_between(k, curve["ci_low"], curve["ci_high"], color=look.color, alpha=0.2, lw=0)
    ax.plot(k, score, look.marker, ls="-", color=look.color, ms=3, lw=1.3, label="smoothie_local")
    label_end(ax, "smoothie_local", score.iloc[-1], look.color)
    for place, (method, level) in enumerate(lines.items()):
        draw_level(ax, method, level, place)
    draw_sizes(ax, k.tolist())
    ax.set_xlabel("k, inputs in a neighborhood")
    ax.set_ylabel(f"mean {unit}")
    write_title(ax, title)
    return figure


def draw_level(ax: "Axes", method: str, level: float, place: int) -> None:
    """A horizontal line of a method that does not depend on x, with its name.

    The dashes of every other `place` begin later, so that lines on top of one another are seen.
    """
    look = look_of(method)
    style = ":" if look.line == ":" else (4.0 * (place % 2), (4.0, 4.0))
    ax.axhline(level, color=look.color, ls=style, lw=1.0, label=method, zorder=1.5)
    label_end(ax, method, level, look.color)


def draw_sizes(ax: "Axes", sizes: list[int]) -> None:
    """A logarithmic axis of whole numbers."""
    ax.set_xscale("log")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()


def plot_weights(points: pd.DataFrame, unit: str) -> "Figure":
    """Mean weight of each candidate against its mean score, one panel for each method.

    Parameters
    ----------
    points : DataFrame with columns method, candidate, score, weight, and those of `RANKS`
        A row for each method and candidate; rank correlations are those of the method.
    unit : str
        What the scores are.
    """
    methods = list(dict.fromkeys(points["method"]))
    across = min(len(methods), 3)
    width = COLUMN if across == 1 else PAGE
    figure, axes = new_figure(width, 2.2 * -(-len(methods) // across), len(methods), across)
    for ax, method in zip(axes, methods, strict=True):
        rows = points[points["method"] == method]
        quality, weights = rows["score"].to_numpy(), rows["weight"].to_numpy()
        look = look_of(method)
        ax.plot(quality, weights, look.marker, ls="", color=look.color, ms=4, label=method)
        write_names(ax, rows["candidate"].tolist(), quality, weights)
        ax.axhline(1 / len(rows), color=BLACK, lw=0.6, ls=":", zorder=0)
        ax.margins(0.12)
        rho, low, high = (rows[name].iloc[0] for name in RANKS)
        known = f"\nrank correlation {number(rho, 2)} {interval(low, high, 2)}".rstrip()
        write_title(ax, method if np.isnan(rho) else method + known)
        ax.set_xlabel(f"mean {unit}", fontsize=FONT if across < 3 else SMALL)
    for ax in axes[::across]:
        ax.set_ylabel("mean weight")
    return figure
