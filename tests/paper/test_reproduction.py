import re

import numpy as np
import pandas as pd
import pytest

from experiments.paper.comparison import KEY, compare
from experiments.paper.layouts import cells_of
from experiments.paper.names import TITLES
from experiments.paper.pages import digits_of, report, shown, size_of_move, switch_section
from experiments.paper.paper_figures import FIGURES, box_of, draw_figures, draw_panels
from experiments.paper.reproduction import write_report
from smoothie.errors import SmoothieError
from tests.paper.conftest import reproduction

FETCH = "python -m experiments.fetch"


def section_of(page, title):
    return page.split(f"## {title}\n")[1].split("\n## ")[0]


def tables_of(text):
    """Markdown tables as lists of rows of cells, without the rules."""
    tables = []
    for block in re.findall(r"(?:^\|.*\n?)+", text, flags=re.MULTILINE):
        lines = block.strip().split("\n")
        assert len({len(line) for line in lines}) == 1
        rows = [[cell.strip() for cell in line[1:-1].split(" | ")] for line in lines]
        tables.append([rows[0], *rows[2:]])
    return tables


@pytest.fixture(scope="module")
def empty(published, tmp_path_factory):
    """A report of which nothing is available, over an older one."""
    folder = tmp_path_factory.mktemp("empty")
    for name in ("tables/table1.tex", "switches.csv", "figures/notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("old")
    lacking = {name: [f"The answers are missing; `{FETCH}` gets them."] for name in TITLES}
    signature = {"protocol": "paper", "versions": {"numpy": "2.4", "torch": "2.13"}}
    return folder, write_report(folder, published, pd.DataFrame(), lacking, None, signature)


@pytest.mark.slow
def test_a_report_of_nothing_is_complete(empty, published):
    folder, written = empty
    page = (folder / "report.md").read_text(encoding="utf-8")
    assert "- versions: numpy 2.4, torch 2.13" in page
    assert f"{len(published)} published cells: {len(published)} not available" in page
    for title in TITLES.values():
        assert FETCH in section_of(page, title)
    for image in re.findall(r"!\[.*?\]\((.*?)\)", page):
        assert (folder / image) in written
    assert "![" not in page  # nothing of ours to draw
    names = [TITLES[name].split(".")[0] for name in FIGURES]
    line = f"Not drawn, as they have no value of ours beside a published one: {', '.join(names)}."
    assert line in page.splitlines()
    (table,) = tables_of(section_of(page, TITLES["table2"]))[:1]
    assert table[0][1:] == ["3B DISTR-ACC", "3B DISTR-ROUGE2", "7B DISTR-ACC", "7B DISTR-ROUGE2"]
    assert table[-1] == ["Smoothie-Local", "58.7", "20.2", "75.0", "26.9"]


@pytest.mark.slow
def test_files_are_those_that_are_listed_and_stale_ones_go(empty):
    folder, written = empty
    found = {path for path in folder.rglob("*") if path.is_file()}
    assert found == {*written, folder / "figures" / "notes.txt"}  # not ours, so left alone
    assert "old" not in (folder / "tables" / "table1.tex").read_text()
    for path in written:
        magic = {".png": b"\x89PNG", ".pdf": b"%PDF"}.get(path.suffix, b"")
        assert path.read_bytes().startswith(magic)
        assert path.stat().st_size > 0
    header = (folder / "reproduced.csv").read_text().split("\n")[0].split(",")
    assert header[: len(KEY)] == KEY


def test_written_cells_give_the_same_comparison(published, tmp_path):
    chosen = published[published["experiment"].isin(["gsm8k", "mix_instruct"])]
    ours = reproduction(chosen, ci_low=1.0, ci_high=99.0).iloc[1:]
    write_report(tmp_path, chosen, ours)
    again = pd.read_csv(tmp_path / "reproduced.csv")
    pd.testing.assert_frame_equal(compare(chosen, ours), compare(chosen, again))
    assert len(pd.read_csv(tmp_path / "comparison.csv")) == len(chosen)
    assert not (tmp_path / "tables" / "table1.tex").exists()


def test_bad_cells_leave_an_old_report_as_it_was(published, tmp_path):
    (tmp_path / "report.md").write_text("old")
    with pytest.raises(SmoothieError, match="twice"):
        write_report(tmp_path, pd.concat([published, published]), pd.DataFrame())
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


def test_a_page_with_both_sides(published):
    ours = reproduction(published[published["experiment"] == "table2"], note="400 of 4,000")
    ours.loc[ours["method"] == "pair_rm", "value"] = "99.9"
    ours.loc[ours["method"] == "random", "note"] = "quoted"
    extra = ours.iloc[:1].assign(experiment="new_one", value=1.25, ci_low=1, ci_high=2)
    comparison = compare(published, pd.concat([ours, extra]))
    page = report(comparison, {}, None, {}, TITLES, {})
    section = section_of(page, TITLES["table2"])
    rows = {row[0]: row[1:] for row in tables_of(section)[0]}
    assert rows["Smoothie-Local"][0] == "58.7 / 58.7 ="
    assert rows["PairRM"][0] == "53.9 / 99.9 ≠"
    assert rows["Random"][0] == "48.7 / 48.7 q"
    assert "400 of 4,000 (22 cells)" in section
    assert "`python -m experiments.run`" in section
    assert "1.25 [1.00, 2.00]" in section_of(page, "new_one")
    ours["note"] = [f"note {i}" for i in range(len(ours))]
    page = report(compare(published, ours), {}, None, {}, TITLES, {})
    section = section_of(page, TITLES["table2"])
    assert "note 5 (1 cell)" in section
    assert "note 6" not in section
    assert f"and {len(ours) - 6} more in comparison.csv" in section


def cell(published, reproduced, tolerance, verdict):
    limits = {"ci_low": np.nan, "ci_high": np.nan, "tolerance": tolerance}
    return {"published": published, "reproduced": reproduced, "verdict": verdict, **limits}


def test_numbers_that_differ_are_seen_to_differ():
    assert shown(cell(0.5, 0.5004, 5e-5, "differs"), 2, (True, True)) == "0.5000 / 0.5004 ≠"
    assert shown(cell("a", "a", np.nan, "equal"), 2, (True, True)) == "a ="
    assert shown(cell("a", "b", np.nan, "differs"), 2, (True, True)) == "a / b ≠"
    assert shown(cell(1.0, np.nan, 0.05, "not available"), 1, (True, True)) == "1.0 / \N{EN DASH}"
    assert shown(None, 1, (True, True)) == ""


@pytest.mark.parametrize(
    ("tolerance", "digits"),
    [(0.5, 0), (0.05, 1), (0.02, 2), (0.005, 2), (5e-5, 4), (1e-4, 4), (0.0, 0), (np.nan, 2)],
)
def test_decimals_follow_the_precision(tolerance, digits):
    assert digits_of(cell(1.0, 1.0, tolerance, "equal")) == digits


def test_switches():
    key = dict(zip(KEY, ["table1", "squad", "3b", "random", "score", ""], strict=True))
    moves = [("a", 1.0, 1.5), ("a", 2.0, 2.0), ("a", 10.0, 7.0), ("b", 1.0, 1.0 + 1e-13)]
    rows = [
        {**key, "switch": s, "from": "off", "to": "on", "value_before": v, "value_after": w}
        for s, v, w in moves
    ]
    rows.append({**rows[0], "switch": "c", "value_before": "yi", "value_after": "claude"})
    rows.append({**rows[0], "switch": "b", "value_before": np.nan, "value_after": np.nan})
    summary, first, *rest = tables_of(switch_section(pd.DataFrame(rows)))
    assert summary[1:] == [
        ["`a`", "off", "on", "2 of 3 cells"],
        ["`b`", "off", "on", "nothing"],
        ["`c`", "off", "on", "1 of 1 cells"],
    ]
    assert [row[3] for row in first[1:]] == ["-3.00", "+0.50"]  # the largest first
    assert rest[0][1][1:] == ["yi", "claude", ""]
    assert len(rest) == 1
    small = pd.DataFrame([{**rows[0], "value_after": 1.0015, "about": "of the ensemble"}])
    page = switch_section(small)
    assert "`a` (of the ensemble) from off to on moves 1 cell:" in page
    assert tables_of(page)[1][1][1:] == ["1.0000", "1.0015", "+0.0015"]


def test_moves():
    assert size_of_move("1.0", 1.5) == 0.5
    assert size_of_move("a", "a") == 0.0
    assert size_of_move("a", "b") == np.inf
    assert size_of_move("", 1.0) == np.inf
    assert np.isnan(size_of_move("", np.nan))


def one_more(published):
    """Cells of ours that are all one larger than the published ones, with intervals."""
    ours = reproduction(published)
    numbers = pd.to_numeric(ours["value"], errors="coerce") + 1
    ours["value"] = numbers.astype(object).where(numbers.notna(), ours["value"])
    return ours.assign(ci_low=numbers - 0.5, ci_high=numbers + 2)


def drawn_of(ax):
    """All points that are drawn, as (x, y), and all heights of bars."""

    points = {tuple(point) for line in ax.lines for point in np.round(line.get_xydata(), 9)}
    return points, sorted(
        float(bar.get_height()) for bar in ax.patches if hasattr(bar, "get_height")
    )


@pytest.mark.parametrize("name", FIGURES)
def test_figures_hold_published_and_our_points(name, published):
    cells = cells_of(compare(published, one_more(published)), name)
    make, width, height = FIGURES[name]
    panels = make(cells)
    figure, table = draw_panels(cells, panels, width, height)
    for ax, panel in zip(figure.axes, panels, strict=True):
        points, bars = drawn_of(ax)
        rows = table[table.panel == panel.title]
        assert len(rows) == sum(len(series.keys) for series in panel.series)
        assert ax.get_xlabel() == panel.xlabel
        if bars:
            assert bars == pytest.approx(sorted([*rows.published, *rows.ours]))
        elif "spread" not in panel.title and name != "figure2a":  # boxes, tested below
            at = dict(zip(panel.ticks, panel.x, strict=True))
            for side in ("published", "ours"):
                for x, y in zip(rows.x, rows[side], strict=True):
                    assert (round(at[x], 9), round(y, 9)) in points
            (caps,) = [c for c in ax.collections if len(c.get_segments()) == len(panel.ticks)][:1]
            ends = np.array([segment[:, 1] for segment in caps.get_segments()])
            first = rows[rows.series == panel.series[0].name]
            np.testing.assert_allclose(ends, first[["ci_low", "ci_high"]].to_numpy(), atol=1e-9)
    known = published[published.experiment == name].set_index("value").index.astype(str)
    assert {f"{float(value):g}" for value in table.published} <= {
        f"{float(value):g}" for value in known if re.fullmatch(r"-?[\d.]+", value)
    }


def test_panels_without_values_of_ours_are_not_drawn(published, tmp_path):
    ours = one_more(published)
    kept = (ours.experiment == "figure4") & (ours.dataset == "xsum")
    kept &= ours.method == "random"
    kept |= ours.experiment == "table1"
    comparison = compare(published, ours[kept])
    written, absent = draw_figures(comparison, tmp_path)
    assert set(written) == {"table1", "figure4"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"{name}.{ending}" for name in ("figure4", "table1") for ending in ("csv", "pdf", "png")
    ]
    table = pd.read_csv(tmp_path / "figure4.csv")
    assert set(table.panel) == {"XSum"}
    assert set(table.series) == {"Random"}
    assert absent["figure4"] == ["E2E", "CNN", "SQuAD"]
    assert set(absent) == set(FIGURES) - {"table1"}
    heights = pd.read_csv(tmp_path / "table1.csv")
    assert heights.published.tolist() == [9, 4, 1, 0, 0]
    assert heights.ours.tolist() == [10, 5, 2, 1, 1]


def test_correlations_are_shown_on_their_whole_axis(published):
    cells = cells_of(compare(published, one_more(published)), "figure2a")
    figure, _ = draw_panels(cells, FIGURES["figure2a"][0](cells), 3.3, 2.5)
    low, high = figure.axes[0].get_ylim()
    assert low <= -1
    assert high >= 1


def test_boxes_are_those_of_matplotlib():
    from matplotlib.cbook import boxplot_stats

    values = np.random.default_rng(0).standard_t(2, size=41)
    (expected,) = boxplot_stats(values)
    for name, value in box_of(values).items():
        assert value == pytest.approx(expected[name])
