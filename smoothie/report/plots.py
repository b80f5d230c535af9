"""Plots of results, as PNG and PDF."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smoothie.files import replacing
from smoothie.report.tables import CANDIDATE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The first colours of the Okabe-Ito palette, which colour-blind readers can tell apart.
BLUE, ORANGE, GREEN, GREY, BLACK = "#0072B2", "#D55E00", "#009E73", "#999999", "#222222"
COLOURS = {"label-free": BLUE, "with labels": ORANGE, "in hindsight": GREEN, "one candidate": GREY}
HINDSIGHT = ("best_single", "oracle")


def new_figure(width: float, height: float, panels: int = 1) -> tuple["Figure", list["Axes"]]:
    """A figure with some axes side by side, without frames on top and right."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = [figure.add_subplot(1, panels, i + 1) for i in range(panels)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def save(figure: "Figure", folder: Path, name: str) -> list[Path]:
    """Write a figure as PNG and PDF."""
    paths = [folder / f"{name}.png", folder / f"{name}.pdf"]
    for path in paths:
        with replacing(path) as temporary:
            # No creation date: the same results give the same file.
            dated = {"CreationDate": None} if path.suffix == ".pdf" else {}
            figure.savefig(temporary, dpi=160, metadata=dated)
    return paths


def kind_of(method: str, labels_used: int) -> str:
    """What a method may know."""
    if method.startswith(CANDIDATE):
        return "one candidate"
    if method in HINDSIGHT:
        return "in hindsight"
    return "with labels" if labels_used else "label-free"


def plot_methods(results: pd.DataFrame, title: str, unit: str, folder: Path) -> list[Path]:
    """Scores of methods and candidates with their intervals, best on top."""
    ordered = results.sort_values("score", kind="stable").reset_index(drop=True)
    figure, (ax,) = new_figure(6.4, 1.4 + 0.27 * len(ordered))
    shown = set()
    for y, row in enumerate(ordered.to_dict("records")):
        kind = kind_of(row["method"], row["labels_used"])
        score = row["score"]
        low, high = max(score - row["ci_low"], 0.0), max(row["ci_high"] - score, 0.0)
        ax.errorbar(
            score,
            y,
            xerr=[[low], [high]],
            fmt="o",
            ms=5,
            capsize=2.5,
            color=COLOURS[kind],
            label=kind if kind not in shown else None,
        )
        shown.add(kind)
    names = [name.removeprefix(CANDIDATE) for name in ordered["method"]]
    ax.set_yticks(range(len(ordered)), names, fontsize=8, parse_math=False)
    random = ordered.loc[ordered["method"] == "random", "score"]
    if len(random):
        ax.axvline(random.iloc[0], color=BLACK, lw=0.8, ls=":", zorder=0)
    ax.set_xlabel(unit)
    ax.set_title(title, fontsize=10, parse_math=False)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=4)
    return save(figure, folder, "methods")


def plot_k(
    curve: pd.DataFrame, lines: Mapping[str, float], title: str, unit: str, folder: Path
) -> list[Path]:
    """Score of Smoothie-Local against k.

    Parameters
    ----------
    curve : DataFrame with columns k, score, ci_low, ci_high
    lines : mapping of method -> score
        Methods that do not depend on k.
    title, unit : str
        Title, and label of the score axis.
    folder : Path
        Where to write.
    """
    figure, (ax,) = new_figure(5.2, 3.6)
    ax.fill_between(curve["k"], curve["ci_low"], curve["ci_high"], color=BLUE, alpha=0.15, lw=0)
    ax.plot(curve["k"], curve["score"], "o-", color=BLUE, ms=4, label="smoothie_local")
    styles = {
        "smoothie_global": (ORANGE, "--"),
        "random": (BLACK, ":"),
        "best_single": (GREEN, "-."),
    }
    for method, score in lines.items():
        colour, style = styles.get(method, (GREY, "-"))
        ax.axhline(score, color=colour, ls=style, lw=1.2, label=method)
    ax.set_xscale("log")
    ax.set_xticks(curve["k"], [str(k) for k in curve["k"]])
    ax.minorticks_off()
    ax.set_xlabel("k, inputs in a neighbourhood")
    ax.set_ylabel(unit)
    ax.set_title(title, fontsize=10, parse_math=False)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=2)
    return save(figure, folder, "score_against_k")


def plot_weights(
    weights: Mapping[str, NDArray[np.float64]],
    quality: NDArray[np.float64],
    candidates: Sequence[str],
    correlations: Mapping[str, float],
    unit: str,
    folder: Path,
) -> list[Path]:
    """Mean weight of each candidate against its true mean score, one panel for each method."""
    figure, axes = new_figure(0.6 + 4.2 * len(weights), 3.8, len(weights))
    for ax, (method, values) in zip(axes, weights.items(), strict=True):
        ax.scatter(quality, values, color=BLUE, s=22, zorder=3)
        for name, x, y in zip(candidates, quality, values, strict=True):
            # Names of points in the right half go to their left, so that they stay in the frame.
            right = x > (quality.min() + quality.max()) / 2
            ax.annotate(
                name,
                (x, y),
                xytext=(-5 if right else 5, 4),
                textcoords="offset points",
                ha="right" if right else "left",
                fontsize=7,
                color=BLACK,
                parse_math=False,  # a dollar sign in a name is a dollar sign
            )
        ax.axhline(1 / len(candidates), color=BLACK, lw=0.8, ls=":", zorder=0)
        ax.margins(0.12)
        rho = correlations[method]
        ax.set_title(
            method if np.isnan(rho) else f"{method} (rank correlation {rho:.2f})", fontsize=10
        )
        ax.set_xlabel(f"true {unit}")
        ax.set_ylabel("mean weight")
    return save(figure, folder, "weights_against_scores")
