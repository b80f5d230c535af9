"""The figures of the paper: published points hollow, ours filled."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.paper.comparison import KEY
from experiments.paper.layouts import WHOLE, Cell, Cells, cells_of
from experiments.paper.names import METHODS, MIXED, NEIGHBORS, PYTHIA, SIZES, TASKS
from smoothie.report.style import BLACK, BLUE, GRAY, VERMILION, new_figure, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLORS = {"random": BLACK, "smoothie_global": VERMILION, "smoothie_local": BLUE}
SIDES = ("published", "reproduced")
SIDE_NAMES = {"published": "published", "reproduced": "ours"}
WIDTH = 0.38  # of a bar; two stand beside one another
RATES = {"win_rate": "Win rate", "lc_win_rate": "Length-controlled win rate"}

Values = NDArray[np.float64]


def draw_figures(comparison: pd.DataFrame, folder: Path) -> dict[str, list[Path]]:
    """Write the figures of all experiments that have one, as PNG and PDF.

    Parameters
    ----------
    comparison : DataFrame
        What `comparison.compare` returns; figures without any cell are left out.
    folder : Path
        Where to write.

    Returns
    -------
    dict of experiment -> paths
    """
    written = {}
    for experiment, draw in FIGURES.items():
        cells = cells_of(comparison, experiment)
        if cells:
            written[experiment] = save(draw(cells), folder, experiment)
    return written


def values_of(cells: Cells, side: str, keys: Sequence[dict[str, str]]) -> Values:
    """The values of some cells, NaN where there is none; quoted values are not ours."""
    return np.array([number_of(cell_of(cells, key), side) for key in keys], dtype=np.float64)


def number_of(cell: Cell | None, side: str) -> float:
    """The published or the reproduced value of a cell, or NaN."""
    if cell is None or (side == "reproduced" and cell["verdict"] == "quoted"):
        return float("nan")
    return float(cell[side])


def cell_of(cells: Cells, key: dict[str, str]) -> Cell | None:
    """The cell with these parts of the key, or None."""
    experiment = next(iter(cells))[KEY.index("experiment")]
    full = {**WHOLE, "experiment": experiment, **key}
    return cells.get(tuple(full[part] for part in KEY))


def errors_of(cells: Cells, keys: Sequence[dict[str, str]]) -> Values:
    """Lengths of our intervals below and above our values: (2, n), 0 where there is none."""
    reach = []
    for key in keys:
        cell = cell_of(cells, key)
        value = number_of(cell, "reproduced")
        low, high = (value, value) if cell is None else (cell["ci_low"], cell["ci_high"])
        reach.append(np.nan_to_num([max(value - low, 0.0), max(high - value, 0.0)]))
    return np.array(reach).T


def points(
    ax: "Axes", x: Values, cells: Cells, keys: Sequence[dict[str, str]], color: str, marker: str
) -> None:
    """A line through published and one through our points, with our intervals."""
    ax.plot(
        x,
        values_of(cells, "published", keys),
        marker,
        ls=":",
        color=color,
        mfc="white",
        ms=7,
        mew=1.3,
        lw=1.1,
        zorder=3,
    )
    ours = values_of(cells, "reproduced", keys)
    errors = errors_of(cells, keys)
    ax.errorbar(x, ours, errors, fmt=marker, ls="-", color=color, ms=4, lw=1.3, capsize=2, zorder=4)
    mark_unavailable(ax, ours)


def bars(
    ax: "Axes", cells: Cells, keys: Sequence[dict[str, str]], names: Sequence[str], color: str
) -> None:
    """Published and our bars side by side."""
    x = np.arange(len(keys))
    theirs, ours = (values_of(cells, side, keys) for side in SIDES)
    ax.bar(x - WIDTH / 2, np.nan_to_num(theirs), WIDTH * 0.92, fill=False, edgecolor=color, lw=1.3)
    ax.bar(x + WIDTH / 2, np.nan_to_num(ours), WIDTH * 0.92, color=color, edgecolor=color, lw=1.3)
    ax.set_xticks(x, names)
    mark_unavailable(ax, ours)


def mark_unavailable(ax: "Axes", ours: Values) -> None:
    """Note in a panel without values of ours that they are not available."""
    if np.isnan(ours).all() and not ax.texts:
        corner: dict[str, Any] = {"transform": ax.transAxes, "ha": "right", "va": "bottom"}
        ax.text(1.0, 1.0, "ours: not available", fontsize=8, color=GRAY, **corner)


def legend(figure: "Figure", colors: dict[str, str], style: str = "-") -> None:
    """A legend of markers and of the methods' colors; `style` is that of our lines."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Line2D | Patch] = []
    for side in SIDES:
        hollow = side == "published"
        shape: dict[str, Any] = {"color": GRAY, "marker": "o", "mfc": "white" if hollow else GRAY}
        line = ":" if hollow and style == "-" else style
        handles.append(Line2D([], [], ls=line, label=SIDE_NAMES[side], **shape))
    handles += [Patch(color=color, label=name) for name, color in colors.items()]
    place_legend(figure, handles)


def bar_legend(figure: "Figure", color: str) -> None:
    """A legend of hollow and filled bars."""
    from matplotlib.patches import Patch

    faces = zip(SIDES, ("white", color), strict=True)
    place_legend(
        figure, [Patch(facecolor=f, edgecolor=color, label=SIDE_NAMES[side]) for side, f in faces]
    )


def place_legend(figure: "Figure", handles: Sequence[Any]) -> None:
    """Below the panels, in one row."""
    figure.legend(
        handles=handles, loc="outside lower center", ncols=len(handles), frameon=False, fontsize=8
    )


def table1(cells: Cells) -> "Figure":
    """How often the selected model has which rank."""
    figure, (ax,) = new_figure(4.4, 3.2)
    rank_histogram(ax, cells, 5)
    ax.set_title("Selected model, 14 cases", fontsize=10, loc="left")
    bar_legend(figure, VERMILION)
    return figure


def random_ensembles(cells: Cells) -> "Figure":
    """Ranks over fifty ensembles and seven tasks, and how often random choice is beaten."""
    figure, (left, right) = new_figure(9.4, 3.4, 2)
    rank_histogram(left, cells, 7)
    left.set_title("Selected model, 350 cases", fontsize=10, loc="left")
    chosen = {"method": "smoothie_global_train", "quantity": "share_above_random"}
    keys = [{**chosen, "dataset": task} for task in TASKS]
    bars(right, cells, keys, list(TASKS.values()), VERMILION)
    right.set_ylim(0, 1)
    right.set_ylabel("share of ensembles")
    right.set_title("Smoothie-Global-Train above random", fontsize=10, loc="left")
    right.tick_params(axis="x", labelsize=8)
    bar_legend(figure, VERMILION)
    return figure


def rank_histogram(ax: "Axes", cells: Cells, last: int) -> None:
    """Counts of ranks 1 to `last` of what Smoothie-Global selected."""
    ranks = [str(rank) for rank in range(1, last + 1)]
    chosen = {"method": "smoothie_global", "quantity": "rank_count"}
    bars(ax, cells, [{**chosen, "x": rank} for rank in ranks], ranks, VERMILION)
    ax.set_xlabel("rank in the ensemble")
    ax.set_ylabel("cases")


def figure2a(cells: Cells) -> "Figure":
    """Rank correlations as boxes, with their full axis."""
    figure, (ax,) = new_figure(4.4, 3.8)
    for position, side in enumerate(SIDES):
        names = ("whisker_low", "q1", "median", "q3", "whisker_high", "mean")
        keys = [{"method": "smoothie_global", "quantity": f"rank_correlation_{n}"} for n in names]
        low, q1, median, q3, high, mean = values_of(cells, side, keys)
        if np.isnan([low, q1, median, q3, high]).any():
            continue
        box = {"whislo": low, "q1": q1, "med": median, "q3": q3, "whishi": high, "mean": mean}
        draw_box(ax, box, position, side)
    each = [
        number_of(cell, "reproduced")
        for cell in cells.values()
        if cell["quantity"] == "rank_correlation" and cell["method"] == "smoothie_global"
    ]
    spread = np.linspace(-0.12, 0.12, len(each)) if len(each) > 1 else np.zeros(len(each))
    ax.plot(1.42 + spread, each, "o", color=VERMILION, ms=3.5)
    mark_unavailable(ax, np.array([median, *each]))  # the last median is ours
    ax.axhline(0, color=BLACK, lw=0.8, ls=":", zorder=0)
    ax.set_xlim(-0.5, 1.7)
    ax.set_ylim(-1, 1.05)
    ax.set_xticks([0, 1], ["published", "ours"])
    ax.set_ylabel("Spearman's rank correlation")
    ax.set_title("Weights and quality", fontsize=10, loc="left")
    ax.set_xlabel("diamond: mean; dots: single cases", fontsize=8)
    return figure


def draw_box(ax: "Axes", box: dict[str, float], position: float, side: str) -> None:
    """One box, hollow if published."""
    face = "white" if side == "published" else VERMILION
    line = {"color": VERMILION if side == "published" else BLACK, "lw": 1.3}
    ax.bxp(
        [box],
        positions=[position],
        widths=0.45,
        showfliers=False,
        showmeans=bool(np.isfinite(box["mean"])),
        patch_artist=True,
        boxprops={"facecolor": face, "edgecolor": line["color"], "lw": 1.3},
        medianprops=line,
        whiskerprops=line,
        capprops=line,
        meanprops={"marker": "D", "mfc": "white", "mec": line["color"], "ms": 6},
    )


def alpaca_eval(cells: Cells) -> "Figure":
    """Gain over random choice of each trial, and its spread."""
    figure, axes = new_figure(11.5, 3.8, 3)
    trials = np.arange(10)
    gains = {}
    for ax, (x, title) in zip(axes, RATES.items(), strict=False):
        chosen = {"dataset": "alpaca_eval", "method": "smoothie_global", "x": x}
        keys = [
            {**chosen, "ensemble": f"alpaca_eval_{trial}", "quantity": "gain_over_random"}
            for trial in trials
        ]
        for side in SIDES:
            gains[x, side] = values_of(cells, side, keys)
        ax.plot(trials, gains[x, "published"], "o", color=VERMILION, mfc="white", ms=8, mew=1.4)
        errors = errors_of(cells, keys)
        ax.errorbar(
            trials, gains[x, "reproduced"], errors, fmt="o", color=VERMILION, ms=4, capsize=2
        )
        mark_unavailable(ax, gains[x, "reproduced"])
        ax.set_xticks(trials)
        ax.set_xlabel("trial")
        ax.set_ylabel("points above random")
        ax.set_title(title, fontsize=10, loc="left")
        ax.axhline(0, color=BLACK, lw=0.8, ls=":", zorder=0)
    last = axes[2]
    names = []
    for position, ((x, side), values) in enumerate(gains.items()):
        names.append(f"{'win rate' if x == 'win_rate' else 'controlled'}\n{SIDE_NAMES[side]}")
        known = values[np.isfinite(values)]
        if len(known):
            draw_box(last, box_of(known), position, side)
    mark_unavailable(
        last, np.concatenate([v for (_, side), v in gains.items() if side == "reproduced"])
    )
    last.set_xlim(-0.6, 3.6)
    last.set_xticks(range(4), names, fontsize=8)
    last.set_ylabel("points above random")
    last.set_title("All trials (diamond: mean)", fontsize=10, loc="left")
    last.axhline(0, color=BLACK, lw=0.8, ls=":", zorder=0)
    legend(figure, {METHODS["smoothie_global"]: VERMILION}, "")
    return figure


def box_of(values: Values) -> dict[str, float]:
    """Quartiles, mean, and the farthest values within 1.5 times the box."""
    q1, median, q3 = np.percentile(values, [25, 50, 75])
    reach = 1.5 * (q3 - q1)
    inside = values[(values >= q1 - reach) & (values <= q3 + reach)]
    whiskers = {"whislo": float(inside.min()), "whishi": float(inside.max())}
    return {"q1": q1, "med": median, "q3": q3, "mean": float(values.mean()), **whiskers}


def figure3(cells: Cells) -> "Figure":
    """Share of inputs at which Smoothie-Local's choice has each rank."""
    figure, axes = new_figure(11.5, 3.1, 4)
    panels = [(dataset, size) for dataset in MIXED for size in SIZES]
    for ax, (dataset, size) in zip(axes, panels, strict=True):
        ranks = [str(rank) for rank in range(1, 5 if size == "3b" else 6)]
        chosen = {"dataset": dataset, "ensemble": size, "method": "smoothie_local"}
        keys = [{**chosen, "quantity": "rank_share", "x": rank} for rank in ranks]
        bars(ax, cells, keys, ranks, BLUE)
        ax.set_ylim(0, 1)
        ax.set_xlabel("rank")
        ax.set_title(f"{MIXED[dataset]}, {SIZES[size]}", fontsize=10, loc="left")
    axes[0].set_ylabel("share of inputs")
    bar_legend(figure, BLUE)
    return figure


def figure4(cells: Cells) -> "Figure":
    """Score against the size of the model."""
    figure, axes = new_figure(11.5, 3.3, 4)
    sizes = np.array([0.41, 1.0, 2.8, 6.9])
    for ax, dataset in zip(axes, ("e2e_nlg", "xsum", "cnn_dailymail", "squad"), strict=True):
        for method, marker in (("random", "s"), ("smoothie_global", "o")):
            keys = [{"dataset": dataset, "ensemble": e, "method": method} for e in PYTHIA]
            points(ax, sizes, cells, keys, COLORS[method], marker)
        ax.set_xscale("log")
        ax.set_xticks(sizes, list(PYTHIA.values()))
        ax.minorticks_off()
        ax.set_xlabel("parameters")
        ax.set_title(TASKS[dataset], fontsize=10, loc="left")
    axes[0].set_ylabel("score")
    legend(figure, {METHODS[m]: COLORS[m] for m in ("random", "smoothie_global")})
    return figure


def neighborhood(cells: Cells) -> "Figure":
    """Score of Smoothie-Local against k."""
    figure, axes = new_figure(8.2, 3.5, 2)
    colors = {"3b": BLUE, "7b": VERMILION}
    k = np.array(NEIGHBORS, dtype=np.float64)
    for ax, dataset in zip(axes, MIXED, strict=True):
        for size, marker in (("3b", "s"), ("7b", "o")):
            chosen = {"dataset": dataset, "ensemble": size, "method": "smoothie_local"}
            points(ax, k, cells, [{**chosen, "x": str(n)} for n in NEIGHBORS], colors[size], marker)
        ax.set_xscale("log")
        ax.set_xticks(NEIGHBORS, [str(n) for n in NEIGHBORS])
        ax.minorticks_off()
        ax.set_xlabel("k, inputs in a neighborhood")
        ax.set_title(MIXED[dataset], fontsize=10, loc="left")
    axes[0].set_ylabel("score of Smoothie-Local")
    legend(figure, {SIZES[size]: color for size, color in colors.items()})
    return figure


FIGURES: dict[str, Callable[[Cells], "Figure"]] = {
    "table1": table1,
    "figure2a": figure2a,
    "alpaca_eval": alpaca_eval,
    "figure3": figure3,
    "figure4": figure4,
    "neighborhood": neighborhood,
    "random_ensembles": random_ensembles,
}
