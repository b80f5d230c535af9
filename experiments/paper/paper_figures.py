"""The figures of the paper: published points hollow, ours filled.

Only panels and series are drawn that have values of ours beside published ones.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.paper.comparison import KEY
from experiments.paper.layouts import WHOLE, Cell, Cells, cells_of
from experiments.paper.names import METHODS, MIXED, NEIGHBORS, PYTHIA, SIZES, TASKS
from smoothie.report.labels import label_end
from smoothie.report.output import write_table
from smoothie.report.style import (
    COLUMN,
    DARK,
    PAGE,
    SMALL,
    look_of,
    new_figure,
    save,
    write_title,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDES = ("published", "ours")
WIDTH = 0.38  # of a bar; two stand beside one another
BOX = ("whisker_low", "q1", "median", "q3", "whisker_high")
READING = "hollow: published; filled: ours"
RATES = {"win_rate": "Win rate", "lc_win_rate": "LC win rate"}
POINTS = ["panel", "series", "x", *SIDES, "ci_low", "ci_high"]

Values = NDArray[np.float64]
Key = dict[str, str]


@dataclass(frozen=True)
class Series:
    """Cells that are drawn together.

    Attributes
    ----------
    name : str
        What it is called in the figure.
    method : str
        Whose look it has.
    keys : sequence of mappings
        Parts of the keys of its cells, as `cell_of` takes them.
    marker : str
        Where it is not the method's own.
    """

    name: str
    method: str
    keys: Sequence[Key]
    marker: str = ""


@dataclass(frozen=True)
class Panel:
    """Axes, and what is drawn in them.

    Attributes
    ----------
    title, xlabel, ylabel : str
    ticks : sequence of str
        Names of the places of the cells of each series.
    series : sequence of Series
    draw : callable
        Draws the points of one series.
    places : sequence of float
        Positions of the ticks, on a logarithmic axis; 0, 1, 2, ... on a linear one unless given.
    limits : tuple of float or None
        Of the vertical axis.
    """

    title: str
    xlabel: str
    ylabel: str
    ticks: Sequence[str]
    series: Sequence[Series]
    draw: Callable[["Axes", Values, pd.DataFrame, Series], None]
    places: Sequence[float] = ()
    limits: tuple[float, float] | None = None

    @property
    def x(self) -> Values:
        """Positions of the ticks."""
        return np.array(self.places or range(len(self.ticks)), dtype=np.float64)


def draw_figures(
    comparison: pd.DataFrame, folder: Path
) -> tuple[dict[str, list[Path]], dict[str, list[str]]]:
    """Write the figures that have values of ours beside published ones, each with its points.

    Parameters
    ----------
    comparison : DataFrame
        What `comparison.compare` returns.
    folder : Path
        Where to write.

    Returns
    -------
    written : dict of experiment -> paths
        PNG, PDF, and a CSV file of the points.
    absent : dict of experiment -> titles
        Panels that are not drawn; all of an experiment that has no figure.
    """
    written, absent = {}, {}
    for experiment, (make, width, height) in FIGURES.items():
        cells = cells_of(comparison, experiment)
        if not cells:
            continue
        panels = make(cells)
        drawn = with_both_sides(cells, panels)
        lost = [p.title for p in panels if p.title not in {panel.title for panel in drawn}]
        if lost:
            absent[experiment] = lost
        if not drawn:
            continue
        figure, points = draw_panels(cells, drawn, width, height)
        paths = save(figure, folder, experiment)
        write_table(points, folder / f"{experiment}.csv")
        written[experiment] = [*paths, folder / f"{experiment}.csv"]
    return written, absent


def with_both_sides(cells: Cells, panels: Sequence[Panel]) -> list[Panel]:
    """The panels, without series that have no value of ours beside a published one."""
    kept = []
    for panel in panels:
        series = [
            one
            for one in panel.series
            if points_of(cells, panel, one)[list(SIDES)].notna().all(axis=1).any()
        ]
        if series:
            kept.append(replace(panel, series=series))
    return kept


def draw_panels(
    cells: Cells, panels: Sequence[Panel], width: float, height: float
) -> tuple["Figure", pd.DataFrame]:
    """A figure, and the table of its points."""
    figure, axes = new_figure(width if len(panels) > 1 else COLUMN, height, len(panels))
    tables = []
    named = {one.name: i for i, panel in enumerate(panels) for one in panel.series}
    for i, (ax, panel) in enumerate(zip(axes, panels, strict=True)):
        for one in panel.series:
            points = points_of(cells, panel, one)
            panel.draw(ax, panel.x, points, one)
            if len(panel.series) > 1 and named[one.name] == i:  # the last of its panels
                last = points["ours"].dropna().iloc[-1]
                label_end(ax, one.name, last, look_of(one.method).color)
            tables.append(points)
        finish(ax, panel)
    figure.supxlabel(READING, fontsize=SMALL, color=DARK)
    return figure, pd.concat(tables, ignore_index=True)


def finish(ax: "Axes", panel: Panel) -> None:
    """Axes and title of a panel."""
    if panel.places:
        ax.set_xscale("log")
    if panel.draw is draw_boxes:
        ax.set_xticks([0, 1], SIDES)
        ax.set_xlim(-0.6, 1.6)
    else:
        crowded = max(map(len, panel.ticks)) > 6
        ax.set_xticks(panel.x, list(panel.ticks), fontsize=SMALL - 1 if crowded else SMALL)
    ax.minorticks_off()
    if panel.limits is not None:
        ax.set_ylim(*panel.limits)
    if ax.get_ylim()[0] < 0:
        ax.axhline(0, color=DARK, lw=0.6, ls=":", zorder=0)
    ax.set_xlabel(panel.xlabel)
    ax.set_ylabel(panel.ylabel)
    write_title(ax, panel.title)


def points_of(cells: Cells, panel: Panel, series: Series) -> pd.DataFrame:
    """A row for each tick, with columns POINTS; NaN where something is not known."""
    rows: list[list[Any]] = []
    for tick, key in zip(panel.ticks, series.keys, strict=True):
        cell = cell_of(cells, key)
        ours = number_of(cell, "reproduced")
        ends = [np.nan, np.nan] if cell is None else [cell["ci_low"], cell["ci_high"]]
        known = ends if np.isfinite(ours) else [np.nan, np.nan]
        rows.append([panel.title, series.name, tick, number_of(cell, "published"), ours, *known])
    return pd.DataFrame(rows, columns=POINTS)


def number_of(cell: Cell | None, side: str) -> float:
    """The published or the reproduced value of a cell, or NaN; quoted values are not ours."""
    if cell is None or (side == "reproduced" and cell["verdict"] == "quoted"):
        return float("nan")
    return float(cell[side])


def cell_of(cells: Cells, key: Key) -> Cell | None:
    """The cell with these parts of the key, or None."""
    experiment = next(iter(cells))[KEY.index("experiment")]
    full = {**WHOLE, "experiment": experiment, **key}
    return cells.get(tuple(full[part] for part in KEY))


def draw_lines(ax: "Axes", x: Values, points: pd.DataFrame, series: Series) -> None:
    """A dotted line through published and one through our points, with our intervals."""
    draw_points(ax, x, points, series, (":", "-"))


def draw_points(
    ax: "Axes",
    x: Values,
    points: pd.DataFrame,
    series: Series,
    lines: tuple[str, str] = ("", ""),
) -> None:
    """Published points and ours, with our intervals."""
    look = look_of(series.method)
    marker, color = series.marker or look.marker, look.color
    theirs, ours = lines
    ax.plot(x, points["published"], marker, ls=theirs, color=color, mfc="white", ms=6, lw=0.9)
    ends = points[["ci_low", "ci_high"]].to_numpy()
    value = points["ours"].to_numpy()
    reach = np.nan_to_num(np.stack([value - ends[:, 0], ends[:, 1] - value])).clip(min=0)
    ax.errorbar(x, value, reach, fmt=marker, ls=ours, color=color, ms=3, lw=1.1, zorder=4)


def draw_bars(ax: "Axes", x: Values, points: pd.DataFrame, series: Series) -> None:
    """Published and our bars side by side."""
    color = look_of(series.method).color
    theirs, ours = (np.nan_to_num(points[side].to_numpy()) for side in SIDES)
    ax.bar(x - WIDTH / 2, theirs, WIDTH * 0.92, fill=False, edgecolor=color, lw=1)
    ax.bar(x + WIDTH / 2, ours, WIDTH * 0.92, color=color, edgecolor=color, lw=1)


def draw_boxes(ax: "Axes", x: Values, points: pd.DataFrame, series: Series) -> None:
    """A box of each side, from its values or from the whiskers and quartiles that are given."""
    color = look_of(series.method).color
    for place, side in enumerate(SIDES):
        values = points[side].dropna().to_numpy()
        given = dict(zip(points["x"], points[side], strict=True))
        box = stats_given(given) if BOX[0] in given else box_of(values)
        if np.isnan([part for name, part in box.items() if name != "mean"]).any():
            continue
        line = {"color": color if side == "published" else DARK, "lw": 1.0}
        ax.bxp(
            [box],
            positions=[place],
            widths=0.45,
            showfliers=False,
            showmeans=bool(np.isfinite(box["mean"])),
            patch_artist=True,
            boxprops={
                "facecolor": "white" if side == "published" else color,
                "edgecolor": line["color"],
                "lw": 1.0,
            },
            medianprops=line,
            whiskerprops=line,
            capprops=line,
            meanprops={"marker": "D", "mfc": "white", "mec": line["color"], "ms": 4},
        )


def stats_given(given: Mapping[Any, float]) -> dict[str, float]:
    """A box whose parts were computed before."""
    names = ("whislo", "q1", "med", "q3", "whishi")
    return {new: given[old] for new, old in zip(names, BOX, strict=True)} | {"mean": given["mean"]}


def box_of(values: Values) -> dict[str, float]:
    """Quartiles, mean, and the farthest values within 1.5 times the box."""
    q1, median, q3 = np.percentile(values, [25, 50, 75])
    reach = 1.5 * (q3 - q1)
    inside = values[(values >= q1 - reach) & (values <= q3 + reach)]
    whiskers = {"whislo": float(inside.min()), "whishi": float(inside.max())}
    return {"q1": q1, "med": median, "q3": q3, "mean": float(values.mean()), **whiskers}


def one_method(method: str, keys: Sequence[Key], marker: str = "", name: str = "") -> Series:
    """The series of a method, under its name in the paper."""
    full = [{"method": method, **key} for key in keys]
    return Series(name or METHODS[method], method, full, marker)


def rank_counts(last: int, title: str) -> Panel:
    """Counts of ranks 1 to `last` of what Smoothie-Global selected."""
    ranks = [str(rank) for rank in range(1, last + 1)]
    keys = [{"quantity": "rank_count", "x": rank} for rank in ranks]
    series = [one_method("smoothie_global", keys)]
    return Panel(title, "rank of the selected model", "cases", ranks, series, draw_bars)


def table1(cells: Cells) -> list[Panel]:
    """How often the selected model has which rank."""
    return [rank_counts(5, "Smoothie-Global, 14 cases")]


def random_ensembles(cells: Cells) -> list[Panel]:
    """Ranks over fifty ensembles and seven tasks, and how often random choice is beaten."""
    keys = [{"dataset": task, "quantity": "share_above_random"} for task in TASKS]
    series = [one_method("smoothie_global_train", keys)]
    title, unit = "Smoothie-Global-Train above random", "share of ensembles"
    names = list(TASKS.values())
    shares = Panel(title, "task", unit, names, series, draw_bars, limits=(0, 1))
    return [rank_counts(7, "Smoothie-Global, 350 cases"), shares]


def figure2a(cells: Cells) -> list[Panel]:
    """Rank correlations as boxes, with their full axis."""
    names = [*BOX, "mean"]
    keys = [{"quantity": f"rank_correlation_{name}"} for name in names]
    series = [one_method("smoothie_global", keys)]
    label = "Spearman's rank correlation"
    title = "Weights and quality (diamond: mean)"
    return [Panel(title, "", label, names, series, draw_boxes, limits=(-1, 1.05))]


def alpaca_eval(cells: Cells) -> list[Panel]:
    """Gain over random choice of each trial, and its spread."""
    panels: list[Panel] = []
    trials = [str(trial) for trial in range(10)]
    for draw, (x, rate) in product((draw_points, draw_boxes), RATES.items()):
        chosen = {"dataset": "alpaca_eval", "quantity": "gain_over_random", "x": x}
        keys = [{**chosen, "ensemble": f"alpaca_eval_{trial}"} for trial in trials]
        spread = "" if draw is draw_points else ", spread"
        series = [one_method("smoothie_global", keys)]
        unit = "" if spread else "points above random"
        panels.append(Panel(rate + spread, "" if spread else "trial", unit, trials, series, draw))
    return panels


def figure3(cells: Cells) -> list[Panel]:
    """Share of inputs at which Smoothie-Local's choice has each rank."""
    panels: list[Panel] = []
    for dataset, size in product(MIXED, SIZES):
        ranks = [str(rank) for rank in range(1, 5 if size == "3b" else 6)]
        chosen = {"dataset": dataset, "ensemble": size, "quantity": "rank_share"}
        series = [one_method("smoothie_local", [{**chosen, "x": rank} for rank in ranks])]
        title = f"{MIXED[dataset]}, {SIZES[size]}"
        unit = "" if panels else "share of inputs"
        panels.append(Panel(title, "rank", unit, ranks, series, draw_bars, limits=(0, 1)))
    return panels


def figure4(cells: Cells) -> list[Panel]:
    """Score against the size of the model."""
    panels: list[Panel] = []
    for dataset in ("e2e_nlg", "xsum", "cnn_dailymail", "squad"):
        keys = [{"dataset": dataset, "ensemble": ensemble} for ensemble in PYTHIA]
        series = [one_method(method, keys) for method in ("random", "smoothie_global")]
        names, sizes = list(PYTHIA.values()), (0.41, 1.0, 2.8, 6.9)
        unit = "" if panels else "mean score"
        title = TASKS[dataset]
        panels.append(Panel(title, "parameters", unit, names, series, draw_lines, sizes))
    return panels


def neighborhood(cells: Cells) -> list[Panel]:
    """Score of Smoothie-Local against k."""
    panels: list[Panel] = []
    names = [str(k) for k in NEIGHBORS]
    for dataset, title in MIXED.items():
        chosen = [{"dataset": dataset, "x": k} for k in names]
        series = [
            one_method("smoothie_local", [{**k, "ensemble": size} for k in chosen], marker, name)
            for (size, name), marker in zip(SIZES.items(), "sD", strict=True)
        ]
        unit = "" if panels else "mean score of Smoothie-Local"
        label = "k, inputs in a neighborhood"
        panels.append(Panel(title, label, unit, names, series, draw_lines, NEIGHBORS))
    return panels


# What is drawn of an experiment, and its width and height in inches.
FIGURES: dict[str, tuple[Callable[[Cells], list[Panel]], float, float]] = {
    "table1": (table1, COLUMN, 2.2),
    "figure2a": (figure2a, COLUMN, 2.5),
    "alpaca_eval": (alpaca_eval, PAGE, 2.3),
    "figure3": (figure3, PAGE, 2.1),
    "figure4": (figure4, PAGE, 2.2),
    "neighborhood": (neighborhood, PAGE, 2.4),
    "random_ensembles": (random_ensembles, PAGE, 2.3),
}
