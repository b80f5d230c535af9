"""Names beside the lines and points of a figure, moved so that none covers another."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smoothie.report.style import BLACK, SMALL, ink

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

END, POINT = "end of a line", "point"  # mark the texts that `place_names` moves
LIFTS = (0.0, 6.0, -6.0, 10.0, -10.0)  # of the name of a point, in points

Box = tuple[float, float, float, float]  # left, bottom, right, top


def place_names(figure: "Figure") -> None:
    """Move all names apart, once it is known how large the axes are."""
    for ax in figure.axes:
        spread_ends(ax, [text for text in ax.texts if text.get_gid() == END])
        place_points(ax, [text for text in ax.texts if text.get_gid() == POINT])


def label_end(ax: "Axes", name: str, y: float, color: str) -> None:
    """Write the name of a line at the right end of the axes; `place_names` moves it."""
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


def spread_ends(ax: "Axes", texts: Sequence[Any]) -> None:
    """Move the names at the ends of lines up or down, as little as possible."""
    scale = pixels(ax)
    bottom, top = ax.bbox.y0 / scale, ax.bbox.y1 / scale
    heights = [ax.transData.transform((1, text.xy[1]))[1] / scale for text in texts]
    places = spread(np.array(heights), 1.15 * SMALL, bottom, top)
    for text, height, place in zip(texts, heights, places, strict=True):
        text.set_position((text.get_position()[0], place - height))


def pixels(ax: "Axes") -> float:
    """Pixels of a point of type."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    return float(figure.dpi) / 72


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
    >>> from smoothie.report.labels import spread
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
    ax: "Axes",
    names: Sequence[str],
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    colors: Sequence[str] = (),
) -> None:
    """Write the names of points; `place_names` moves them to where there is room."""
    colors = colors or [BLACK] * len(names)
    for name, point, color in zip(names, zip(x, y, strict=True), colors, strict=True):
        ax.annotate(
            name,
            point,
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL - 1,
            color=ink(color),
            in_layout=False,
            parse_math=False,
            gid=POINT,
        )


def place_points(ax: "Axes", texts: Sequence[Any]) -> None:
    """Move the names of points; one for which there is no room is not shown."""
    if not texts:
        return
    scale = pixels(ax)
    points = ax.transData.transform([text.xy for text in texts]) / scale
    boxes = [text.get_window_extent() for text in texts]
    sizes = [(box.width / scale, box.height / scale) for box in boxes]
    marks, lines = obstacles(ax, scale)
    left, bottom, right, top = (value / scale for value in ax.bbox.extents)
    around = (left, bottom, right + 6, top)
    for text, place in zip(texts, name_places(points, sizes, marks, lines, around), strict=True):
        text.set_visible(place is not None)
        if place is not None:
            text.set_position(place)
            text.set_horizontalalignment("left" if place[0] > 0 else "right")


def obstacles(ax: "Axes", scale: float) -> tuple[list[Box], list[Box]]:
    """Boxes around the points, and around the lines between two points, in points of type."""
    marks: list[Box] = []
    lines: list[Box] = []
    for line in ax.lines:
        ends = line.get_transform().transform(line.get_xydata()) / scale
        if line.get_marker() not in (None, "None", ""):
            marks += [(x - 2.5, y - 2.5, x + 2.5, y + 2.5) for x, y in ends.tolist()]
        elif len(ends) == 2:
            (x0, y0), (x1, y1) = ends.tolist()
            lines.append((min(x0, x1), min(y0, y1) - 0.5, max(x0, x1), max(y0, y1) + 0.5))
    return marks, lines


def name_places(
    points: NDArray[np.float64],
    sizes: Sequence[tuple[float, float]],
    marks: Sequence[Box],
    lines: Sequence[Box],
    around: Box,
) -> list[tuple[float, float] | None]:
    """Where to write the names of points, in points of type from them.

    Right or left, level or a little above or below: the first place at which a name covers no
    mark, line or other name; without any such place, it may cover lines. A name that has no place
    is left out.

    Parameters
    ----------
    points : ndarray of shape (n, 2)
    sizes : sequence of (width, height)
    marks, lines : sequence of boxes
    around : box
        Names stay within.
    """
    taken = list(marks)
    places: list[tuple[float, float] | None] = []
    for (x, y), (width, height) in zip(points.tolist(), sizes, strict=True):
        offsets = [(side, lift) for side in (4.0, -4.0) for lift in LIFTS]
        boxes = [
            (start, y + lift - height / 2, start + width, y + lift + height / 2)
            for start, lift in ((x + s if s > 0 else x + s - width, up) for s, up in offsets)
        ]
        free = [
            i
            for i, box in enumerate(boxes)
            if within(box, around) and not any(overlap(box, other) for other in taken)
        ]
        clear = [i for i in free if not any(overlap(boxes[i], other) for other in lines)]
        best = (clear or free)[:1]
        taken += [boxes[i] for i in best]
        places.append(offsets[best[0]] if best else None)
    return places


def within(box: Box, around: Box) -> bool:
    """Whether a box lies inside another."""
    return all(a >= b for a, b in zip(box[:2], around[:2], strict=True)) and all(
        a <= b for a, b in zip(box[2:], around[2:], strict=True)
    )


def overlap(first: Box, second: Box) -> bool:
    """Whether two boxes share an area."""
    return (
        first[0] < second[2]
        and second[0] < first[2]
        and first[1] < second[3]
        and second[1] < first[3]
    )
