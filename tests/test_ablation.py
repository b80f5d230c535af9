"""The variants that the ablation compares are those that it says."""

import numpy as np
import pandas as pd
import pytest

from experiments.research.ablation import (
    NAMES,
    VARIANTS,
    best_of,
    draw_ensembles,
    gap_closed,
    gap_table,
    left_out,
    left_out_table,
    support,
)
from smoothie.evidence import Evidence, Votes
from smoothie.routers.consensus import COARSER, Consensus
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
    for name in ("beta 2", "meaning 0.1", "prior 1"):
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


def test_constants_for_a_set_are_chosen_on_the_others():
    """By mean and lowest: with a left out, (1, 0) has 20 + 20, (2, 0) 30 + 0."""
    closed = {
        (1.0, 0.0): {"a": 0, "b": 20, "c": 20},
        (2.0, 0.0): {"a": 90, "b": 0, "c": 60},
        (2.0, 0.5): {"a": 50, "b": 5, "c": 10},
    }
    rows = [(name, *key, gap, gap) for key, gaps in closed.items() for name, gap in gaps.items()]
    grid = pd.DataFrame(rows, columns=["dataset", *NAMES, "over_ensembles", "gap_closed"])
    found, naive = left_out(grid), naive_left_out(closed)
    assert tuple(found.loc["a", list(NAMES)]) == (1.0, 0.0)
    for name, (best, once, drawn) in naive.items():
        assert tuple(found.loc[name, list(NAMES)]) == best
        assert found.once[name] == once
        assert found.drawn[name] == pytest.approx(drawn, abs=6)  # 4 standard errors of 1,000 draws
    table = [split(line) for line in left_out_table(grid).splitlines()]
    assert table[-3][-2] == f"{np.mean([once for _, once, _ in naive.values()]):.1f}"
    assert table[-2][-1] == f"{found.drawn.min():.1f}"


def naive_left_out(closed):
    """The choice on the two others, what it closes, and the mean over all draws of two of them."""
    found = {}
    for name in ("a", "b", "c"):
        one, two = (other for other in ("a", "b", "c") if other != name)

        def best_on(*sets):
            return max(
                closed,
                key=lambda key: (
                    sum(closed[key][other] for other in sets) / len(sets)
                    + min(closed[key][other] for other in sets)
                ),
            )

        draws = [(one, one), (one, two), (two, one), (two, two)]
        drawn = sum(closed[best_on(*sets)][name] for sets in draws) / 4
        best = best_on(one, two)
        found[name] = best, closed[best][name], drawn
    return found


def test_the_tables_are_those_of_the_numbers():
    folder = ROOT / "results" / "ablation"
    gaps = pd.read_csv(folder / "gaps.csv")
    made = gap_table(gaps)
    assert made == (folder / "gaps.md").read_text(encoding="utf-8")
    grid = pd.read_csv(folder / "grid.csv")
    assert left_out_table(grid) == (folder / "left_out.md").read_text(encoding="utf-8")
    every = grid.pivot(index=list(NAMES), columns="dataset", values="over_ensembles")
    assert best_of(every) == (Consensus.beta, COARSER)
    page = (ROOT / "docs" / "research.md").read_text(encoding="utf-8")
    whole = {cells[0]: cells for line in made.splitlines() if (cells := split(line))}
    for table, rows in (("ablation", 10), ("directions", 10)):
        shown = page.split(f"<!-- {table} -->\n")[1].split("<!-- end -->")[0].splitlines()
        for cells in map(split, shown[2:]):
            assert cells == [whole[cells[0]][place] for place in (0, -4, -3, -2, -1)]
        assert len(shown) == 2 + rows


def split(line):
    return [cell.strip() for cell in line.strip("|").split("|")]
