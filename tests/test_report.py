import numpy as np
import pandas as pd
import pytest

from smoothie.evaluation import Bootstrap, evaluate, fixed
from smoothie.report.plots import kind_of, name_places, plot_k, plot_methods, plot_weights, save
from smoothie.report.tables import interval, latex, markdown, number, summary_rows


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


def test_kinds():
    assert kind_of("candidate:x", 0) == "one candidate"
    assert kind_of("oracle", 9) == "in hindsight"
    assert kind_of("labeled_knn", 50) == "with labels"
    assert kind_of("smoothie_local", 0) == "label-free"


def test_plots_are_written_whole_and_the_same_each_time(results, tmp_path):
    curve = pd.DataFrame({"k": [1, 5], "score": [2.0, 3], "ci_low": [1.0, 2], "ci_high": [3.0, 4]})
    quality = np.array([1.0, 2, 3])
    for folder in (tmp_path / "a", tmp_path / "b"):
        weights = {"smoothie_local": np.array([0.2, 0.3, 0.5])}
        correlations = {"smoothie_local": 1.0}
        figures = {
            "methods": plot_methods(results, "title", "unit"),
            "k": plot_k(curve, {"random": 1.0}, "title", "unit"),
            "weights": plot_weights(weights, quality, ["a", "b", "c"], correlations, "unit"),
        }
        paths = [path for name, figure in figures.items() for path in save(figure, folder, name)]
        assert sorted(path.name for path in folder.iterdir()) == sorted(path.name for path in paths)
        assert {path.suffix for path in paths} == {".png", ".pdf"}
    for path in (tmp_path / "a").iterdir():
        magic = b"\x89PNG" if path.suffix == ".png" else b"%PDF"
        assert path.read_bytes().startswith(magic)
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_names_do_not_cover_one_another():
    """Of points on top of one another, as many are named as there is room for."""
    apart = name_places(["a", "b", "c"], np.array([0.0, 1, 2]), np.array([0.0, 1, 2]))
    assert None not in apart
    names = [f"candidate {i}" for i in range(20)]
    crowded = name_places(names, np.zeros(20), np.zeros(20))
    named = [place for place in crowded if place is not None]
    assert 1 <= len(named) < 20
    assert len(set(named)) == len(named)
