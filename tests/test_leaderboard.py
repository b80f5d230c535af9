"""The leaderboard: the committed page, against plain Python over the committed files."""

import csv
import math
import re
from collections import defaultdict

import pytest

from experiments.leaderboard import leaderboard, main
from smoothie import SmoothieError
from tests.conftest import ROOT

SWEEP = ROOT / "results" / "sets" / "sweep.csv"
PAGE = ROOT / "results" / "leaderboard.md"


def test_the_page_is_what_its_command_writes():
    (command,) = re.findall(
        r"^    python -m experiments\.leaderboard (.*)$", PAGE.read_text(), re.M
    )
    assert command == "results/sets/sweep.csv -o results/leaderboard.md"
    said = leaderboard([SWEEP], f"python -m experiments.leaderboard {command}")
    assert PAGE.read_text(encoding="utf-8") == said


def cells(page):
    """Cells of all tables, by method."""
    lines = [line for line in page.splitlines() if line.startswith("| ") and "---" not in line]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows if row[0] != "Method"}


def test_numbers_are_those_of_a_loop():
    gaps = defaultdict(dict)
    with (SWEEP.with_name("sweep_comparisons.csv")).open(newline="") as file:
        for row in csv.DictReader(file):
            name = row["method"]
            if name in ("random", "oracle", "best_single") or name.startswith("candidate:"):
                continue
            name += f" k={row['k']}" if name == "smoothie_local" else ""
            numbers = [float(row[key]) for key in ("gap_closed", "gap_low", "gap_high")]
            gaps[name].setdefault(row["dataset"], numbers)
    with SWEEP.open(newline="") as file:
        labeled = {row["method"] for row in csv.DictReader(file) if float(row["labels_used"]) > 0}
    found = cells(PAGE.read_text())
    assert set(found) == set(gaps)
    order = {True: [], False: []}
    for name, (mean, interval, worst, above, best) in found.items():
        of = gaps[name]
        middle = sum(numbers[0] for numbers in of.values()) / 7
        half = math.sqrt(sum((high - low) ** 2 for _, low, high in of.values())) / 2 / 7
        assert mean == f"{middle:.1f}"
        assert interval == f"[{middle - half:.1f}, {middle + half:.1f}]"
        lowest = min(of, key=lambda name: of[name][0])
        assert worst == f"{of[lowest][0]:.1f} ({lowest})"
        assert above == f"{sum(low > 0 for _, low, _ in of.values())} of 7"
        rivals = [other for other in gaps if (other in labeled) == (name in labeled)]
        wins = sum(of[key][0] == max(gaps[other][key][0] for other in rivals) for key in of)
        assert best == str(wins)
        order[name in labeled].append(middle)
    for means in order.values():
        assert means == sorted(means, reverse=True)


def test_a_method_that_was_not_run_everywhere_is_left_out(tmp_path):
    for name in ("sweep.csv", "sweep_comparisons.csv"):
        lines = SWEEP.with_name(name).read_text().splitlines()
        kept = [line for line in lines if not line.startswith("gsm8k,all,mbr,")]
        (tmp_path / name).write_text("\n".join(kept) + "\n")
    page = leaderboard([tmp_path / "sweep.csv"], "")
    assert "Left out, as they were not run on all sets: mbr.\n" in page
    assert "mbr" not in cells(page)
    assert "consensus" in cells(page)


def test_sets_that_nothing_was_chosen_on_are_named(tmp_path):
    for name in ("sweep.csv", "sweep_comparisons.csv"):
        content = SWEEP.with_name(name).read_text()
        (tmp_path / name).write_text(content.replace("gsm8k,", "new_set,"))
    page = leaderboard([tmp_path / "sweep.csv"], "")
    assert "6 of which are among these; not among them: new_set." in page


def test_what_is_wrong_is_said(tmp_path, capsys):
    with pytest.raises(SmoothieError, match="in more than one of the sweeps"):
        leaderboard([SWEEP, ROOT / "results" / ".." / "results" / "sets" / "sweep.csv"], "")
    (tmp_path / "sweep.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SmoothieError, match=r"sweep_comparisons\.csv: cannot be read"):
        leaderboard([tmp_path / "sweep.csv"], "")
    (tmp_path / "sweep_comparisons.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SmoothieError, match=r"sweep\.csv: no column method; expected what a sweep"):
        leaderboard([tmp_path / "sweep.csv"], "")
    with pytest.raises(SystemExit, match=r"Error: .*nothing\.csv: cannot be read"):
        main([str(tmp_path / "nothing.csv")])
    main([str(SWEEP)])
    assert capsys.readouterr().out.startswith("# Leaderboard\n\n    python -m experiments.lea")
