import numpy as np
import pandas as pd
import pytest

from smoothie.evaluation import Bootstrap, evaluate, fixed
from smoothie.report.plots import described, plot_k, plot_methods, plot_weights
from smoothie.report.style import save
from smoothie.report.tables import interval, latex, markdown, number, summary_rows
from smoothie.report.trade_offs import plot_budgets, plot_costs

WEIGHTS = pd.DataFrame(
    {
        "method": ["smoothie_local"] * 3 + ["mine"] * 3,
        "candidate": ["a", "b", "c"] * 2,
        "score": [1.0, 2, 3, 1, 2, 3],
        "weight": [0.2, 0.3, 0.5, 0.4, 0.35, 0.25],
        "rank_correlation": [1.0] * 3 + [-1.0] * 3,
        "rank_low": 0.5,
        "rank_high": np.nan,
    }
)


@pytest.fixture
def results():
    scores = np.random.default_rng(0).random((40, 3)) * 100
    routings = {
        "random": fixed(0, 40),
        "smoothie_local": fixed(1, 40),
        "candidate:a_b": fixed(2, 40),
    }
    return evaluate(routings, scores, Bootstrap(draws=50))


def test_numbers():
    assert number(1.25, 1) == "1.2"
    assert number(1.0, 2, signed=True) == "+1.00"
    assert number(float("nan"), 1) == ""
    assert interval(-1, 2, 1, signed=True) == "[-1.0, +2.0]"


def test_markdown_is_a_table_that_can_be_read_back(results):
    header, rows = summary_rows(results, 1)
    lines = markdown(header, rows).splitlines()
    assert len({len(line) for line in lines}) == 1
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[0] == header
    assert cells[2:] == rows
    assert rows[0][3] == ""  # random is not compared with itself
    assert float(rows[1][1]) == pytest.approx(results.score[1], abs=0.05)
    assert markdown(["a"], [["x|y"]]).splitlines()[2] == "| x\\|y |"


def test_latex_escapes_and_has_as_many_cells_as_columns(results):
    header, rows = summary_rows(results, 1)
    text = latex(header, rows, "50% of a_b & more")
    assert r"50\% of a\_b \& more" in text
    assert r"candidate:a\_b" in text
    body = text.split("\\midrule\n")[1].split("\n\\bottomrule")[0].splitlines()
    assert all(line.count(" & ") == len(header) - 1 for line in body)
    assert f"{{l{'r' * (len(header) - 1)}}}" in text


def test_names_say_what_a_method_knows():
    assert described("candidate:x", 0) == "x"
    assert described("oracle", 9) == "oracle (bound)"
    assert described("labeled_knn", 50) == "labeled_knn (50 labels)"
    assert described("smoothie_local", 0) == "smoothie_local"


def test_plots_are_written_whole_and_the_same_each_time(results, tmp_path):
    curve = pd.DataFrame({"k": [1, 5], "score": [2.0, 3], "ci_low": [1.0, 2], "ci_high": [3.0, 4]})
    for folder in (tmp_path / "a", tmp_path / "b"):
        figures = {
            "methods": plot_methods(results, "title", "unit"),
            "k": plot_k(curve, {"random": 1.0}, "title", "unit"),
            "weights": plot_weights(WEIGHTS, "unit"),
        }
        paths = [path for name, figure in figures.items() for path in save(figure, folder, name)]
        assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
        assert {path.suffix for path in paths} == {".png", ".pdf"}
    for path in (tmp_path / "a").iterdir():
        magic = b"\x89PNG" if path.suffix == ".png" else b"%PDF"
        assert path.read_bytes().startswith(magic)
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def points_of(ax, label):
    """What a line of this label shows."""
    (line,) = [line for line in ax.lines if line.get_label() == label]
    return line.get_xydata()


def test_what_is_drawn_of_methods_is_their_table(results):
    (ax,) = plot_methods(results, "title", "unit").axes
    ordered = results.sort_values("score").reset_index(drop=True)
    for place, row in ordered.iterrows():
        (bar,) = [b for b in ax.containers if b.get_label() == row.method]
        np.testing.assert_allclose(bar.lines[0].get_xydata(), [[row.score, place]])
        (segment,) = bar.lines[2][0].get_segments()
        np.testing.assert_allclose(segment[:, 0], [row.ci_low, row.ci_high])
    names = [text.get_text() for text in ax.get_yticklabels()]
    assert names == [
        described(m, n) for m, n in zip(ordered.method, ordered.labels_used, strict=True)
    ]
    assert ax.get_xlabel() == "mean unit"


def test_what_is_drawn_of_curves_is_their_table():
    curve = pd.DataFrame({"k": [1, 5], "score": [2.0, 3], "ci_low": [1.0, 2], "ci_high": [3.0, 4]})
    (ax,) = plot_k(curve, {"random": 1.5, "smoothie_global": 2.5}, "title", "unit").axes
    np.testing.assert_allclose(points_of(ax, "smoothie_local"), curve[["k", "score"]])
    assert points_of(ax, "random")[0, 1] == 1.5
    band = ax.collections[0].get_paths()[0].vertices
    for row in curve.itertuples():
        assert [row.k, row.ci_low] in band.tolist()
        assert [row.k, row.ci_high] in band.tolist()
    rows = [["random", 0, 1.5, 1.0, 2.0], ["knn", 5, 2.0, 1.5, 2.5], ["knn", 10, 3.0, 2.5, 3.5]]
    budgets = pd.DataFrame(rows, columns=["method", "budget", "score", "ci_low", "ci_high"])
    (ax,) = plot_budgets(budgets, "title", "unit").axes
    np.testing.assert_allclose(points_of(ax, "knn"), [[5, 2], [10, 3]])
    assert points_of(ax, "random")[0, 1] == 1.5
    segments = ax.collections[0].get_segments()
    np.testing.assert_allclose([s[:, 1] for s in segments], [[1.5, 2.5], [2.5, 3.5]])


def test_what_is_drawn_of_weights_and_costs_is_their_table():
    figure = plot_weights(WEIGHTS, "unit")
    for ax, (method, rows) in zip(figure.axes, WEIGHTS.groupby("method", sort=False), strict=True):
        np.testing.assert_allclose(points_of(ax, method), rows[["score", "weight"]])
    rows = [["consensus", 3.0, 0.5, 2.0, "USD"], ["candidate:a", 2.0, 0.7, 0.7, "USD"]]
    costs = pd.DataFrame(rows, columns=["method", "score", "cost", "cost_asked", "cost_unit"])
    (ax,) = plot_costs(costs, "title", "unit").axes
    for row in costs.itertuples():
        np.testing.assert_allclose(points_of(ax, row.method), [[row.cost, row.score]])
    drawn = [tuple(point) for line in ax.lines for point in line.get_xydata()]
    assert (2.0, 3.0) in drawn  # the hollow end, of all that is asked
    assert ax.get_xlabel() == "mean cost an input (USD)"
