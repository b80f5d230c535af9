import re

import numpy as np
import pandas as pd
import pytest

from experiments.paper.comparison import KEY, compare
from experiments.paper.layouts import cells_of
from experiments.paper.names import TITLES
from experiments.paper.paper_layouts import PAPER_TABLES, layouts_of
from experiments.paper.paper_tables import paper_table
from tests.paper.conftest import reproduction


def latex_rows(text):
    """The rows of a tabular, each a list of (cell, columns that it spans)."""
    body = text.split("\\toprule\n")[1].split("\\bottomrule")[0]
    body = re.sub(r"\\(midrule|cmidrule\(lr\)\{[\d-]+\})", "", body)
    rows = []
    for line in body.split("\\\\\n"):
        if not line.strip():
            continue
        cells = []
        for cell in re.split(r"(?<!\\)&", line):
            spanned = re.match(r"\s*\\multicolumn\{(\d+)\}", cell)
            cells.append((cell.strip(), int(spanned[1]) if spanned else 1))
        rows.append(cells)
    return rows


def balanced(text):
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", text):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    return depth == 0


def bare(cell):
    return re.sub(r"\\(textbf|underline)\{|\}", "", cell)


@pytest.fixture(scope="module")
def comparison(published):
    return compare(published, reproduction(published))


@pytest.mark.parametrize("layout", PAPER_TABLES, ids=lambda layout: layout.name)
@pytest.mark.parametrize("beside", [False, True])
def test_rows_have_as_many_cells_as_the_table_has_columns(layout, beside, comparison):
    cells = cells_of(comparison, layout.experiment)
    text = paper_table(layout, cells, TITLES[layout.experiment] + " & 50%_#", beside)
    columns = len(re.search(r"\\begin\{tabular\}\{([lr]+)\}", text)[1])
    rows = latex_rows(text)
    assert len(rows) >= 1 + len(layout.rows)
    for row in rows:
        assert sum(width for _, width in row) == columns
    for first, last in re.findall(r"\\cmidrule\(lr\)\{(\d+)-(\d+)\}", text):
        assert 1 < int(first) <= int(last) <= columns
    assert balanced(text)
    assert r"\& 50\%\_\#" in text
    for name in ("table", "tabular"):
        assert text.count(f"\\begin{{{name}}}") == text.count(f"\\end{{{name}}}") == 1


@pytest.mark.parametrize("layout", PAPER_TABLES, ids=lambda layout: layout.name)
def test_every_number_stands_where_the_published_tables_have_it(layout, comparison, published):
    """The reproduction repeats the published numbers, so the table must hold them all."""
    rows = latex_rows(paper_table(layout, cells_of(comparison, layout.experiment), "title"))
    found = [bare(cell) for row in rows[-len(layout.rows) :] for cell, _ in row]
    table = published[published["experiment"] == layout.experiment]
    expected = []
    for row in layout.rows:
        for column in layout.columns:
            key = {"dataset": "all", "ensemble": "all", "quantity": "score", "x": ""}
            key |= {**layout.key, **column.key, **row.key}
            match = table[np.logical_and.reduce([table[k] == v for k, v in key.items()])]
            expected.append(
                f"{float(match['value'].iloc[0]):.{layout.digits}f}" if len(match) else "--"
            )
    assert [c for c in found if re.fullmatch(r"[\d.]+|--", c)] == expected
    assert expected.count("--") <= 1  # random choice has no rank correlation on MixInstruct


def with_intervals(published, reach):
    """The published numbers as ours, with intervals of some width."""
    ours = reproduction(published)
    numbers = pd.to_numeric(ours["value"], errors="coerce")
    return compare(published, ours.assign(ci_low=numbers - reach, ci_high=numbers + reach))


def marked_rows(published, name, reach):
    layout = next(table for table in PAPER_TABLES if table.name == name)
    comparison = compare(published, reproduction(published))
    if reach is not None:
        comparison = with_intervals(published, reach)
    return latex_rows(paper_table(layout, cells_of(comparison, name), "title"))


def test_best_values_are_those_of_the_published_table(published):
    """Read off the paper's Table 2: Smoothie-Local is the best of all in each column."""
    rows = marked_rows(published, "table2", 0.001)
    marked = {row[0][0]: [cell for cell, _ in row[1:]] for row in rows}
    assert all("\\textbf" in cell for cell in marked["Smoothie-Local"])
    assert all("\\underline" in cell for cell in marked["Smoothie-Local"])
    others = [cell for name, row in marked.items() if name != "Smoothie-Local" for cell in row]
    assert not any("textbf" in cell or "underline" in cell for cell in others)


def test_what_cannot_be_told_from_the_best_is_marked_as_it_is(published):
    """3B, DISTR-ACC: 58.7 is the best, then 53.9, 52.3, 51.3, 51.0 and 48.7."""
    for reach, expected in ((2.3, 1), (2.5, 2), (3.8, 4), (100, 0), (None, 0)):
        rows = marked_rows(published, "table2", reach)
        assert sum("textbf" in row[1][0] for row in rows) == expected, reach


def test_a_low_rank_is_a_good_rank_and_all_alike_is_no_best(published):
    text = str(marked_rows(published, "mix_instruct", 0.001))
    assert "textbf{\\\\underline{3.91}}" in text
    assert "textbf{\\\\underline{5.95}}" not in text
    rows = marked_rows(published, "table1", 0.001)
    assert rows[1][-1][0] == rows[2][-1][0] == "4.5"  # XSum, 3B: a tie of both


def test_missing_and_quoted_values_are_dashes(published):
    layout = next(table for table in PAPER_TABLES if table.name == "table1")
    for ours in (reproduction(published).iloc[:0], reproduction(published, note="quoted")):
        cells = cells_of(compare(published, ours), "table1")
        rows = latex_rows(paper_table(layout, cells, "title"))
        assert {cell for row in rows[1:] for cell, _ in row[2:]} == {"--"}
        assert "-- {\\scriptsize(12.9)}" in paper_table(layout, cells, "title", beside=True)


def test_each_published_cell_stands_in_one_table_of_the_page(comparison):
    for experiment in comparison["experiment"].unique():
        cells = cells_of(comparison, experiment)
        places = [place for layout in layouts_of(experiment, cells) for place in layout.places()]
        held = [place for place in places if place in cells]
        assert sorted(held) == sorted(cells), experiment
        assert all(place[KEY.index("experiment")] == experiment for place in places)
