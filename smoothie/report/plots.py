"""Plots of results, as PNG and PDF."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from smoothie.evaluation import CANDIDATE
from smoothie.optional import require
from smoothie.storage.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# The first colors of the Okabe-Ito palette, which color-blind readers can tell apart.
BLUE, ORANGE, GREEN, GRAY, BLACK = "#0072B2", "#D55E00", "#009E73", "#999999", "#222222"
COLORS = {"label-free": BLUE, "with labels": ORANGE, "in hindsight": GREEN, "one candidate": GRAY}
DPI = 160
HINDSIGHT = ("best_single", "oracle")


def new_figure(width: float, height: float, panels: int = 1) -> tuple["Figure", list["Axes"]]:
    """A figure with some axes side by side, without frames on top and right."""
    require("matplotlib", "a plot")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    axes = [figure.add_subplot(1, panels, i + 1) for i in range(panels)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def write_title(ax: "Axes", words: str) -> None:
    """Write a title above some axes that have nothing else on top."""
    # The position is given: to compute it, all labels would be measured again, more than once.
    ax.set_title(words, fontsize=10, y=1, parse_math=False)


def save(figure: "Figure", folder: Path, name: str) -> list[Path]:
    """Write a figure as PNG and PDF."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    # Not by savefig, which first draws everything once without writing it.
    image, page = folder / f"{name}.png", folder / f"{name}.pdf"
    with replacing(image) as temporary:
        FigureCanvasAgg(figure).print_png(temporary)  # type: ignore[no-untyped-call]
    figure.set_layout_engine("none")  # laid out once for both
    with replacing(page) as temporary:
        # No creation date: the same results give the same file.
        undated = {"CreationDate": None}
        FigureCanvasPdf(figure).print_pdf(temporary, metadata=undated)  # type: ignore[no-untyped-call]
    return [image, page]


def kind_of(method: str, labels_used: int) -> str:
    """The group of a method, by the labels that it uses."""
    if method.startswith(CANDIDATE):
        return "one candidate"
    if method in HINDSIGHT:
        return "in hindsight"
    return "with labels" if labels_used else "label-free"


def plot_methods(results: pd.DataFrame, title: str, unit: str) -> "Figure":
    """Scores of methods and candidates with their intervals, best on top; unknown ones left out."""
    ordered = (
        results.dropna(subset="score").sort_values("score", kind="stable").reset_index(drop=True)
    )
    figure, (ax,) = new_figure(6.4, 1.4 + 0.27 * len(ordered))
    low = (ordered["score"] - ordered["ci_low"]).clip(lower=0)
    high = (ordered["ci_high"] - ordered["score"]).clip(lower=0)
    kinds = pd.Series(map(kind_of, ordered["method"], ordered["labels_used"]), dtype=object)
    for kind in kinds.unique():
        rows = np.flatnonzero(kinds == kind)
        ax.errorbar(
            ordered["score"][rows],
            rows,
            xerr=[low[rows], high[rows]],
            fmt="o",
            ms=5,
            capsize=2.5,
            color=COLORS[kind],
            label=kind,
        )
    names = [name.removeprefix(CANDIDATE) for name in ordered["method"]]
    ax.set_yticks(range(len(ordered)), names, fontsize=8, parse_math=False)
    random = ordered.loc[ordered["method"] == "random", "score"]
    if len(random):
        ax.axvline(random.iloc[0], color=BLACK, lw=0.8, ls=":", zorder=0)
    ax.set_xlabel(unit)
    write_title(ax, title)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=4)
    return figure


def plot_k(curve: pd.DataFrame, lines: Mapping[str, float], title: str, unit: str) -> "Figure":
    """Score of Smoothie-Local against k.

    Parameters
    ----------
    curve : DataFrame with columns k, score, ci_low, ci_high
    lines : mapping of method -> score
        Methods that do not depend on k.
    title, unit : str
        Title, and label of the score axis.
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
        color, style = styles.get(method, (GRAY, "-"))
        ax.axhline(score, color=color, ls=style, lw=1.2, label=method)
    ax.set_xscale("log")
    ax.set_xticks(curve["k"], [str(k) for k in curve["k"]])
    ax.minorticks_off()
    ax.set_xlabel("k, inputs in a neighborhood")
    ax.set_ylabel(unit)
    write_title(ax, title)
    figure.legend(fontsize=8, frameon=False, loc="outside lower center", ncols=2)
    return figure


def plot_weights(
    weights: Mapping[str, NDArray[np.float64]],
    quality: NDArray[np.float64],
    candidates: Sequence[str],
    correlations: Mapping[str, float],
    unit: str,
) -> "Figure":
    """Mean weight of each candidate against its true mean score, one panel for each method."""
    figure, axes = new_figure(0.6 + 4.2 * len(weights), 3.8, len(weights))
    for ax, (method, values) in zip(axes, weights.items(), strict=True):
        ax.scatter(quality, values, color=BLUE, s=22, zorder=3)
        write_names(ax, candidates, quality, values)
        ax.axhline(1 / len(candidates), color=BLACK, lw=0.8, ls=":", zorder=0)
        ax.margins(0.12)
        rho = correlations[method]
        write_title(ax, method if np.isnan(rho) else f"{method} (rank correlation {rho:.2f})")
        ax.set_xlabel(f"true {unit}")
        ax.set_ylabel("mean weight")
    return figure


def write_names(
    ax: "Axes", names: Sequence[str], x: NDArray[np.float64], y: NDArray[np.float64]
) -> None:
    """Write the names of points beside them, where there is room."""
    across = np.log(x) if ax.get_xscale() == "log" else x
    for name, point, place in zip(
        names, zip(x, y, strict=True), name_places(names, across, y), strict=True
    ):
        if place is not None:
            ax.annotate(
                name,
                point,
                xytext=place,
                textcoords="offset points",
                ha="left" if place[0] > 0 else "right",
                va="center",
                fontsize=7,
                color=BLACK,
                parse_math=False,  # a dollar sign in a name is a dollar sign
            )


def name_places(
    names: Sequence[str], x: NDArray[np.float64], y: NDArray[np.float64]
) -> list[tuple[float, float] | None]:
    """Where to write the name of each point of a panel, in points from it.

    Right or left of the point, level or a little above or below: the first place at which the name
    covers no other point or name. A name that has no such place is left out.
    """
    width, height = 250.0, 200.0  # of a panel, about, in points
    spans = [max(float(np.ptp(values)), 1e-12) for values in (x, y)]
    across = (x - x.min()) / spans[0] * width
    up = (y - y.min()) / spans[1] * height
    taken = [(cx - 3, up[i] - 3, cx + 3, up[i] + 3) for i, cx in enumerate(across)]
    places: list[tuple[float, float] | None] = []
    for i, name in enumerate(names):
        length = 4.0 * len(name)
        found = None
        for side in (1, -1) if across[i] < width / 2 else (-1, 1):
            for lift in (0.0, 7.0, -7.0):
                left = across[i] + 6 if side > 0 else across[i] - 6 - length
                box = (left, up[i] + lift - 4, left + length, up[i] + lift + 4)
                inside = box[0] > -25 and box[2] < width + 25
                if inside and not any(overlap(box, other) for other in taken):
                    found = (6.0 * side, lift)
                    taken.append(box)
                    break
            if found is not None:
                break
        places.append(found)
    return places


def overlap(
    first: tuple[float, float, float, float], second: tuple[float, float, float, float]
) -> bool:
    """Whether two boxes (left, bottom, right, top) share an area."""
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )
