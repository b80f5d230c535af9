"""One style for all figures: sizes of papers, and a fixed look for each method.

Colors are from the palette of Okabe and Ito (2008), which color-blind readers can tell apart, with
a few of Tol's. A method has the same color and marker in all figures.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from zlib import crc32

from smoothie.evaluation import CANDIDATE
from smoothie.optional import require
from smoothie.report.colors import tones
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
OTHERS = tuple(  # of other packages; no color of what is drawn together by default
    Look(color, marker)
    for marker in "DsPXv^"
    for color in (PURPLE, OLIVE, WINE, SAND, "#2E8B9E", "#7A3E00", "#44AA99", "#AA4499")
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


def ink(color: str) -> str:
    """The color, as dark as a text on white has to be to be legible."""
    return tones(color)["ink"]


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

    from smoothie.report.labels import place_names

    # Laid out once, for all formats, and not by savefig, which first draws everything once more.
    canvas = FigureCanvasAgg(figure)
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")
    place_names(figure)
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
