"""The style of figures: looks that can be told apart, and names that cover nothing."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothie.report.labels import END, POINT, name_places, spread, write_names
from smoothie.report.style import COLUMN, LOOKS, OTHERS, Look, ink, look_of, new_figure, save
from smoothie.report.trade_offs import plot_budgets
from smoothie.routers.base import ROUTERS

# Machado, Oliveira and Fernandes (2009), table of severity 1.0: of linear RGB.
DEFICIENCIES = {
    "none": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
TO_XYZ = [  # of sRGB, IEC 61966-2-1, with its white
    [0.4124564, 0.3575761, 0.1804375],
    [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
]
WHITE = np.array([0.95047, 1.0, 1.08883])
TOGETHER = ["consensus", "smoothie_global", "smoothie_local", "best_on_val", "labeled_knn"]
TOGETHER += ["logistic_regression"]
NEUTRAL = ["random", "best_single", "oracle", "candidate:x"]


def linear(color):
    given = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(given <= 0.04045, given / 12.92, ((given + 0.055) / 1.055) ** 2.4)


def seen(color, deficiency):
    """CIELAB of a color as a reader sees it."""
    x = TO_XYZ @ np.clip(DEFICIENCIES[deficiency] @ linear(color), 0, 1) / WHITE
    f = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def test_every_method_has_a_look_of_its_own():
    assert set(ROUTERS) <= set(LOOKS)
    assert len({look.color.lower() for look in LOOKS.values()}) == len(LOOKS)
    assert look_of("consensus") == LOOKS["consensus"]
    assert len(set(OTHERS)) == len(OTHERS)
    usual = {look_of(name).color for name in (*TOGETHER, *NEUTRAL)}
    assert not usual & {look.color for look in OTHERS}
    # A constant, so that a method of another package keeps its look from version to version.
    assert look_of("nobody_knows") == Look("#882255", "v")


@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_what_is_drawn_together_can_be_told_apart(deficiency):
    """Distances in CIELAB: 2.3 is just noticeable."""
    for first, second in combinations([*TOGETHER, *NEUTRAL], 2):
        a, b = (seen(look_of(name).color, deficiency) for name in (first, second))
        colored = first in TOGETHER and second in TOGETHER
        assert np.linalg.norm(a - b) > (15 if colored else 10), (first, second)
    assert len({look_of(name).marker for name in TOGETHER}) == len(TOGETHER)


def test_the_recommended_method_is_colored_and_random_is_gray():
    def chroma(method):
        return np.linalg.norm(seen(look_of(method).color, "none")[1:])

    assert chroma("consensus") == max(chroma(m) for m in TOGETHER)
    assert all(chroma(name) < 1 for name in NEUTRAL)


@given(st.tuples(*[st.integers(0, 255)] * 3))
def test_names_are_legible(color):
    """Contrast of at least 4.5 with white, and no change of what is dark enough."""
    code = "#" + "".join(f"{part:02x}" for part in color)
    hex_of_ink = ink(code).lower()
    luminance = linear(hex_of_ink) @ np.array([0.2126, 0.7152, 0.0722])
    assert 1.05 / (luminance + 0.05) > 4.4  # in whole steps of a byte
    if linear(code) @ np.array([0.2126, 0.7152, 0.0722]) < 0.18:
        assert hex_of_ink == code


positions = st.lists(st.floats(-50, 150, width=16), min_size=1, max_size=6)


@given(positions)
def test_spread_positions_keep_their_distance_and_are_the_nearest_such(given_positions):
    """Against the optimum by scipy, of the same constrained least squares."""
    from scipy.optimize import minimize

    given_array = np.array(given_positions, dtype=float)
    gap, low, high = 10.0, 0.0, 100.0
    found = spread(given_array, gap, low, high)
    order = np.argsort(given_array, kind="stable")
    steps = np.diff(found[order])
    assert (steps > gap - 1e-9).all()
    assert found.min() > low - 1e-9
    assert found.max() < high + 1e-9
    ordered, n = given_array[order], len(given_array)
    rules = [{"type": "ineq", "fun": lambda x, i=i: x[i + 1] - x[i] - gap} for i in range(n - 1)]
    start = np.linspace(20, 80, n) if n > 1 else np.array([50.0])
    best = minimize(
        lambda x: ((x - ordered) ** 2).sum(),
        start,
        jac=lambda x: 2 * (x - ordered),
        bounds=[(low, high)] * n,
        constraints=rules,
        method="SLSQP",
        options={"ftol": 1e-10, "maxiter": 200},
    )
    assert ((found[order] - ordered) ** 2).sum() <= best.fun + 1e-3 * max(1, best.fun)


def test_without_room_positions_are_centered():
    found = spread(np.zeros(5), 10.0, 0.0, 20.0)
    np.testing.assert_allclose(found, [-10, 0, 10, 20, 30])
    assert len(spread(np.zeros(0), 10.0, 0.0, 20.0)) == 0


def boxes_of(figure, kind):
    texts = [text for ax in figure.axes for text in ax.texts if text.get_gid() == kind]
    return [text.get_window_extent() for text in texts if text.get_visible()]


def test_names_at_the_ends_of_lines_do_not_overlap_and_lie_in_the_figure(tmp_path):
    """Of nine methods with nearly the same scores."""
    names = ["random", "consensus", "smoothie_local", "smoothie_global", "mbr", "majority_vote"]
    rows = [[name, 0, 50 + i / 100, 49, 51] for i, name in enumerate(names)]
    for i, name in enumerate(["labeled_knn", "best_on_val", "logistic_regression"]):
        rows += [[name, budget, 50 - i / 50, 49, 51] for budget in (5, 10)]
    curve = pd.DataFrame(rows, columns=["method", "budget", "score", "ci_low", "ci_high"])
    figure = plot_budgets(curve, "title", "unit")
    save(figure, tmp_path, "figure", ["png"])
    boxes = boxes_of(figure, END)
    assert len(boxes) == 9
    assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
    width, height = figure.get_size_inches() * figure.dpi
    for box in boxes:
        assert 0 <= box.x0 < box.x1 <= width
        assert 0 <= box.y0 < box.y1 <= height
    assert figure.get_size_inches()[0] == COLUMN


def test_names_of_points_cover_neither_one_another_nor_points(tmp_path):
    """Of sixty points, some on top of one another, as many are named as have room."""
    x, y = np.random.default_rng(0).random((2, 60)).round(1)
    figure, (ax,) = new_figure(COLUMN, 2)
    ax.plot(x, y, "o", ms=4)
    write_names(ax, [f"candidate {i}" for i in range(60)], x, y)
    paths = save(figure, tmp_path, "figure", ["png"])
    assert [path.name for path in paths] == ["figure.png"]
    boxes = boxes_of(figure, POINT)
    assert 10 < len(boxes) < 60
    assert not any(first.overlaps(second) for first, second in combinations(boxes, 2))
    points = ax.transData.transform(np.column_stack([x, y]))
    assert not any(box.contains(*point) for box in boxes for point in points)


def test_a_name_rather_covers_a_line_than_nothing():
    points, around = np.array([[50.0, 50.0]]), (0.0, 0.0, 100.0, 100.0)
    assert name_places(points, [(20, 7)], [], [], around) == [(4.0, 0.0)]
    assert name_places(points, [(20, 7)], [], [(0, 49, 100, 51)], around) == [(4.0, 6.0)]
    assert name_places(points, [(20, 7)], [], [(0, 0, 100, 100)], around) == [(4.0, 0.0)]
    assert name_places(points, [(20, 7)], [(0, 0, 100, 100)], [], around) == [None]
    assert name_places(points, [(60, 7)], [], [], around) == [None]


def test_pages_have_the_size_of_a_column_and_fonts_that_journals_take(tmp_path):
    figure, (ax,) = new_figure(COLUMN, 2)
    ax.set_xlabel("words")
    _, page = save(figure, tmp_path, "figure")
    text = page.read_bytes()
    assert f"/MediaBox [ 0 0 {COLUMN * 72:g} 144 ]".encode() in text
    assert b"/Type3" not in text
    assert b"/FontFile2" in text  # TrueType, embedded
