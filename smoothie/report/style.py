"""One style for all figures: sizes of papers, a fixed look for each method, labels beside lines.

Colors are from the palette of Okabe and Ito (2008), which color-blind readers can tell apart, with
a few of Tol's. A method has the same color and marker in all figures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from smoothie.evaluation import CANDIDATE
from smoothie.optional import require
from smoothie.report.registry import FORMATS
from smoothie.storage.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN, PAGE = 3.3, 6.9  # widths of one and two columns of a paper, in inches
FONT, SMALL = 8, 7  # points: of titles and axes, and of ticks and names
DPI = 300
BLUE, SKY, GREEN, ORANGE, VERMILION = "#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00"
PURPLE, INDIGO, WINE, OLIVE, SAND = "#CC79A7", "#332288", "#882255", "#999933", "#B8A04C"
BLACK, DARK, GRAY, LIGHT = "#000000", "#555555", "#999999", "#C8C8C8"
DARKEST = 0.183  # relative luminance of a text that has a contrast of 4.5 with white (WCAG 2)
END = "end label"  # marks the texts that `spread_labels` moves


@dataclass(frozen=True)
class Look:
    """How a method is drawn.

    Attributes
    ----------
    color : str
        As matplotlib reads it.
    marker : str
        Of its points.
    line : str
        Style of its lines.
    """

    color: str
    marker: str = "o"
    line: str = "-"


LOOKS: Mapping[str, Look] = {
    "consensus": Look(VERMILION),
    "smoothie_global": Look(BLUE, "s"),
    "smoothie_local": Look(SKY, "D"),
    "smoothie_global_by_task": Look("#004A74", "p"),
    "smoothie_global_train": Look("#3E5C9A", "<"),
    "smoothie_local_train": Look("#8AC6D0", ">"),
    "smoothie_answers": Look("#2E8B9E", "h"),
    "smoothie_generations": Look("#7B8BD6", "H"),
    "smoothie_prior": Look("#44AA99", "8"),
    "best_on_val": Look(GREEN, "^"),
    "labeled_knn": Look(ORANGE, "v"),
    "logistic_regression": Look(INDIGO, "P"),
    "mlp": Look(WINE, "X"),
    "few_labels": Look("#7A3E00", "*"),
    "majority_vote": Look(OLIVE, "d"),
    "weighted_vote": Look(SAND, "d"),
    "mbr": Look(PURPLE, "p"),
    "mbr_overlap": Look("#AA4499", "h"),
    "mbr_chrf": Look("#E3A8C8", "h"),
    "mbr_rouge2": Look("#9E5A83", "H"),
    "scorer": Look("#C9B400", "*"),
    "pair_rm": Look("#8F8000", "*"),
    "stored": Look("#5E7F3A", "X"),
    "random": Look(GRAY, "x", ":"),
    "best_single": Look(DARK, "o", "--"),
    "oracle": Look(BLACK, "o", "--"),
}
BOUNDS = ("best_single", "oracle")  # their points are hollow
OTHERS = tuple(  # of the methods of other packages
    Look(color, marker)
    for marker in "DsPXv^"
    for color in (PURPLE, INDIGO, OLIVE, WINE, GREEN, "#2E8B9E", "#7A3E00", SAND)
)


def look_of(method: str) -> Look:
    """The look of a method, the same in all figures.

    Parameters
    ----------
    method : str
        A method of any package, or a candidate with its prefix.

    Returns
    -------
    Look
        A light neutral of candidates; of unknown methods one that depends on the name alone.

    Examples
    --------
    >>> from smoothie.report.style import look_of
    >>> look_of("consensus")
    Look(color='#D55E00', marker='o', line='-')
    >>> look_of("mine") == look_of("mine")
    True
    """
    if method.startswith(CANDIDATE):
        return Look(LIGHT)
    return LOOKS.get(method) or OTHERS[crc32(method.encode()) % len(OTHERS)]


def ink(color: str) -> tuple[float, float, float]:
    """The color, as dark as a text on white has to be to be legible."""
    from matplotlib.colors import to_rgb

    given = np.array(to_rgb(color))
    linear = np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)
    luminance = float(linear @ (0.2126, 0.7152, 0.0722))
    linear = linear * min(1.0, DARKEST / max(luminance, 1e-9))
    dark = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    red, green, blue = dark.clip(0, 1).tolist()
    return red, green, blue


def new_figure(
    width: float, height: float, panels: int = 1, across: int | None = None
) -> tuple["Figure", list["Axes"]]:
    """A figure with some axes, without frames on top and right.

    Parameters
    ----------
    width, height : float
        In inches; a width is `COLUMN` or `PAGE`.
    panels : int
        How many axes.
    across : int, optional
        How many of them side by side; all unless given.
    """
    require("matplotlib", "a plot")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    columns = across or panels
    axes = [figure.add_subplot(-(-panels // columns), columns, i + 1) for i in range(panels)]
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.spines[["bottom", "left"]].set_linewidth(0.6)
        ax.tick_params(labelsize=SMALL, width=0.6, length=2.5, pad=2)
        ax.minorticks_off()
        for axis in (ax.xaxis, ax.yaxis):
            axis.label.set_fontsize(FONT)
            axis.labelpad = 2
    return figure, axes


def write_title(ax: "Axes", words: str) -> None:
    """Write a title above some axes that have nothing else on top."""
    # The position is given: to compute it, all labels would be measured again, more than once.
    ax.set_title(words, fontsize=FONT, y=1, pad=4, loc="left", parse_math=False)


def label_end(ax: "Axes", name: str, y: float, color: str) -> None:
    """Write the name of a line at the right end of the axes; `save` moves names apart."""
    ax.annotate(
        name,
        (1, y),
        xycoords=ax.get_yaxis_transform(),
        xytext=(3, 0),
        textcoords="offset points",
        ha="left",
        va="center",
        fontsize=SMALL,
        color=ink(color),
        annotation_clip=False,
        parse_math=False,  # a dollar sign in a name is a dollar sign
        gid=END,
    )


def spread_labels(figure: "Figure") -> None:
    """Move the names at the ends of lines apart, once it is known how high the axes are."""
    gap = 1.15 * SMALL
    for ax in figure.axes:
        texts: list[Any] = [text for text in ax.texts if text.get_gid() == END]
        if not texts:
            continue
        pixels = figure.dpi / 72
        bottom, top = ax.bbox.y0 / pixels, ax.bbox.y1 / pixels
        heights = [ax.transData.transform((1, text.xy[1]))[1] / pixels for text in texts]
        places = spread(np.array(heights), gap, bottom, top)
        for text, height, place in zip(texts, heights, places, strict=True):
            text.set_position((text.get_position()[0], place - height))


def spread(
    positions: NDArray[np.float64], gap: float, low: float, high: float
) -> NDArray[np.float64]:
    """Positions at least a gap apart, as near to the given ones as possible.

    Least squares: without the gaps they only have to ascend, which is isotonic regression, here by
    pooling adjacent violators. The order is kept, ties in the order given.

    Parameters
    ----------
    positions : ndarray of shape (n,)
    gap : float
        The least distance between two of them.
    low, high : float
        Where they have to be; if there is no room, they are centered there.

    Returns
    -------
    ndarray of shape (n,)

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.report.style import spread
    >>> spread(np.array([5.0, 4.0, 9.0]), 2.0, 0.0, 10.0)
    array([5.5, 3.5, 9. ])
    """
    order = np.argsort(positions, kind="stable")
    steps = gap * np.arange(len(positions))
    pools: list[tuple[float, int]] = []  # mean, and how many
    for value in positions[order] - steps:
        mean, size = float(value), 1
        while pools and pools[-1][0] > mean:
            before, count = pools.pop()
            mean, size = (mean * size + before * count) / (size + count), size + count
        pools.append((mean, size))
    last = high - (steps[-1] if len(steps) else 0.0)
    middle = (low + last) / 2
    fitted = np.repeat([mean for mean, _ in pools], [size for _, size in pools])
    result = np.empty(len(positions))
    result[order] = fitted.clip(min(low, middle), max(last, middle)) + steps
    return result


def write_names(
    ax: "Axes", names: Sequence[str], x: NDArray[np.float64], y: NDArray[np.float64]
) -> None:
    """Write the names of points beside them, where there is room."""
    across = np.log(x) if ax.get_xscale() == "log" else x
    for name, point, place in zip(
        names, zip(x, y, strict=True), name_places(names, across, y, panel_size(ax)), strict=True
    ):
        if place is not None:
            ax.annotate(
                name,
                point,
                xytext=place,
                textcoords="offset points",
                ha="left" if place[0] > 0 else "right",
                va="center",
                fontsize=SMALL - 1,
                color=BLACK,
                parse_math=False,
            )


def panel_size(ax: "Axes") -> tuple[float, float]:
    """Width and height of the area of the points of a panel, about, in points."""
    figure, grid = ax.get_figure(root=True), ax.get_subplotspec()
    assert figure is not None
    assert grid is not None
    rows, columns = grid.get_gridspec().get_geometry()
    width, height = figure.get_size_inches()
    return 72 * (width / columns - 0.55) * 0.8, 72 * (height / rows - 0.5) * 0.8


Box = tuple[float, float, float, float]  # left, bottom, right, top


def name_places(
    names: Sequence[str],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    size: tuple[float, float],
) -> list[tuple[float, float] | None]:
    """Where to write the name of each point of a panel, in points from it.

    Right or left of the point, level or a little above or below: the first place at which the name
    covers no other point or name. A name that has no such place is left out.
    """
    width, height = size
    spans = [max(float(np.ptp(values)), 1e-12) for values in (x, y)]
    across = (x - x.min()) / spans[0] * width
    up = (y - y.min()) / spans[1] * height
    taken: list[Box] = [(cx - 3, up[i] - 3, cx + 3, up[i] + 3) for i, cx in enumerate(across)]
    places: list[tuple[float, float] | None] = []
    for i, name in enumerate(names):
        length = 0.6 * (SMALL - 1) * len(name)
        found = None
        for side in (1, -1) if across[i] < width / 2 else (-1, 1):
            for lift in (0.0, 6.0, -6.0):
                left = across[i] + 4 if side > 0 else across[i] - 4 - length
                box = (left, up[i] + lift - 3.5, left + length, up[i] + lift + 3.5)
                inside = box[0] > -0.12 * width and box[2] < 1.12 * width
                if inside and not any(overlap(box, other) for other in taken):
                    found = (4.0 * side, lift)
                    taken.append(box)
                    break
            if found is not None:
                break
        places.append(found)
    return places


def overlap(first: Box, second: Box) -> bool:
    """Whether two boxes share an area."""
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )


def save(figure: "Figure", folder: Path, name: str, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Write a figure, whole and the same each time.

    Parameters
    ----------
    figure : Figure
    folder : Path
    name : str
        Of the files, without their ending.
    formats : sequence of {"png", "pdf"}

    Returns
    -------
    list of Path
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    # Laid out once, for all formats, and not by savefig, which first draws everything once more.
    canvas = FigureCanvasAgg(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")
    spread_labels(figure)
    writers: dict[str, Callable[[Path], None]] = {
        "png": canvas.print_png,
        "pdf": lambda path: print_pdf(figure, path),
    }
    paths = []
    for ending in formats:
        path = folder / f"{name}.{ending}"
        with replacing(path) as temporary, rc_context({"pdf.fonttype": 42}):
            writers[ending](temporary)
        paths.append(path)
    return paths


def print_pdf(figure: "Figure", path: Path) -> None:
    """Write a PDF file with fonts that journals accept."""
    from matplotlib.backends.backend_pdf import FigureCanvasPdf

    # No creation date: the same results give the same file.
    undated = {"CreationDate": None}
    FigureCanvasPdf(figure).print_pdf(path, metadata=undated)  # type: ignore[no-untyped-call]
