"""The variants that the ablation compares are those that it says."""

import numpy as np
import pandas as pd
import pytest

from experiments.research.ablation import (
    VARIANTS,
    draw_ensembles,
    gap_closed,
    gap_table,
    left_out_table,
    support,
)
from smoothie.evidence import Evidence, Votes
from smoothie.routers.consensus import Consensus
from tests.conftest import ROOT
from tests.naive import naive_distances


@pytest.fixture
def votes():
    generator = np.random.default_rng(0)
    words = np.array(["the", "cat", "sat", "on", "a", "mat", "and", "1", "2", "3"])
    texts = np.array(
        [[" ".join(generator.choice(words, 6)) for _ in range(4)] for _ in range(9)], dtype=object
    )
    return Votes(naive_distances(generator.normal(size=(9, 4, 3))), None, texts)


def test_support_is_what_consensus_chooses_by(votes):
    chosen = Consensus().route(Evidence(votes)).choices[0]
    np.testing.assert_array_equal(support(votes).argmax(axis=1), chosen)
    for name in ("beta 2", "meaning 0.2", "prior 1"):
        np.testing.assert_array_equal(VARIANTS[name](votes).argmax(axis=1), chosen)


def test_gap_closed_has_its_ends():
    quality = np.array([[0.0, 1.0, 2.0], [3.0, 0.0, 0.0]])
    assert gap_closed(quality.argmax(axis=1), quality) == 100
    assert gap_closed(np.array([1, 1]), np.ones((2, 3))) != gap_closed(np.array([1, 1]), quality)
    assert gap_closed(np.array([1, 1]), quality) == pytest.approx(100 * (0.5 - 1) / (2.5 - 1))


def test_ensembles_are_smaller_than_the_whole():
    drawn = draw_ensembles(12, 40, seed=1)
    assert {len(columns) for columns in drawn} == {3, 4, 5, 6, 7, 8}
    assert all(len(set(columns)) == len(columns) for columns in drawn)
    assert draw_ensembles(3, 40, seed=1) == []


def test_the_constant_for_a_set_is_chosen_on_the_others():
    gaps = pd.DataFrame(
        [
            (name, 0, variant, value)
            for variant, values in {
                "beta 1": {"a": 90, "b": 10, "c": 10},
                "beta 2": {"a": 0, "b": 20, "c": 20},
                "meaning 0": {"a": 1, "b": 1, "c": 1},
            }.items()
            for name, value in values.items()
        ],
        columns=["dataset", "ensemble", "variant", "gap_closed"],
    )
    rows = [[c.strip() for c in line.split("|")[1:-1]] for line in left_out_table(gaps).split("\n")]
    chosen = {row[1]: (row[2], row[3]) for row in rows[2:] if row and row[0] == "beta"}
    assert chosen == {
        "a": ("beta 2", "0.0"),
        "b": ("beta 1", "10.0"),
        "c": ("beta 1", "10.0"),
        "mean": ("", "6.7"),
    }


def test_the_tables_are_those_of_the_numbers():
    folder = ROOT / "results" / "ablation"
    gaps = pd.read_csv(folder / "gaps.csv")
    made = gap_table(gaps)
    assert made == (folder / "gaps.md").read_text(encoding="utf-8")
    assert left_out_table(gaps) == (folder / "left_out.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "research.md").read_text(encoding="utf-8")
    whole = {cells[0]: cells for line in made.splitlines() if (cells := split(line))}
    for table, rows in (("ablation", 8), ("directions", 10)):
        shown = page.split(f"<!-- {table} -->\n")[1].split("<!-- end -->")[0].splitlines()
        for cells in map(split, shown[2:]):
            assert cells == [whole[cells[0]][place] for place in (0, -4, -3, -2, -1)]
        assert len(shown) == 2 + rows


def split(line):
    return [cell.strip() for cell in line.strip("|").split("|")]
