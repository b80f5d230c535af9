import io
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.paper.comparison import (
    KEY,
    OURS_ONLY,
    VERDICTS,
    compare,
    counts,
    read_published,
    summary_line,
)
from smoothie.errors import SmoothieError
from tests.paper.conftest import ROOT, reproduction

PLACE = {
    "experiment": "table1",
    "dataset": "squad",
    "ensemble": "3b",
    "method": "random",
    "quantity": "score",
    "x": "",
}


def cell(value, tolerance, **key):
    row = {**PLACE, **key, "value": value, "precision": "", "tolerance": tolerance, "source": "s"}
    return pd.DataFrame([row])


def ours(value, low="", high="", note="", **key):
    row = {**PLACE, **key, "value": value, "ci_low": low, "ci_high": high}
    return pd.DataFrame([{**row, "n": 10, "note": note, "command": "c"}])


def verdict_of(published, reproduced):
    (row,) = compare(published, reproduced).to_dict("records")
    return row["verdict"]


@pytest.mark.parametrize(
    ("theirs", "tolerance", "value", "expected"),
    [
        ("14.3", "0.05", 14.25, "equal"),  # 14.3 - 14.25 is a little above 0.05 in floats
        ("14.3", "0.05", 14.35, "equal"),
        ("14.3", "0.05", 14.2499, "differs"),
        ("14.3", "0.05", 14.3501, "differs"),
        ("9", "0", 9.0, "equal"),
        ("9", "0", 8.0, "differs"),
        ("2.14", "", 0.01, "another machine"),
        ("14.3", "0.05", "14.31", "equal"),  # as CSV files hold it
    ],
)
def test_numbers_are_equal_within_the_tolerance(theirs, tolerance, value, expected):
    assert verdict_of(cell(theirs, tolerance), ours(value)) == expected


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (14.0, 16.0, "within our interval"),
        (14.35, 16.0, "within our interval"),  # 14.3 may be 14.35
        (14.36, 16.0, "differs"),
        (12.0, 14.25, "within our interval"),
        (12.0, 14.24, "differs"),
        (np.nan, 16.0, "differs"),
        ("", "", "differs"),
    ],
)
def test_the_interval_counts_where_the_value_differs(low, high, expected):
    assert verdict_of(cell("14.3", "0.05"), ours(15.0, low, high)) == expected


@given(st.floats(-100, 100), st.floats(-100, 100), st.sampled_from([0.005, 0.05, 0.5]))
def test_verdicts_are_the_same_both_ways_and_grow_milder_with_the_tolerance(a, b, tolerance):
    first = verdict_of(cell(a, tolerance), ours(b))
    assert first == verdict_of(cell(b, tolerance), ours(a))
    if first == "equal":
        assert verdict_of(cell(a, 2 * tolerance), ours(b)) == "equal"
    if abs(a - b) > tolerance + 1e-6:
        assert first == "differs"


def test_names_quotations_and_gaps():
    names = cell("yi-large", "", quantity="selected")
    assert verdict_of(names, ours("yi-large", quantity="selected")) == "equal"
    assert verdict_of(names, ours("claude-2", quantity="selected")) == "differs"
    assert verdict_of(names, ours("", quantity="selected")) == "not available"
    number = cell("14.3", "0.05")
    assert verdict_of(number, ours(14.3, note="quoted")) == "quoted"
    assert verdict_of(number, ours(14.3, note="879 of 1,000")) == "equal"
    assert verdict_of(number, ours(np.nan)) == "not available"
    assert verdict_of(number, pd.DataFrame()) == "not available"
    both = compare(number, ours(5.0, method="oracle"))
    assert list(both["verdict"]) == ["not available", OURS_ONLY]
    assert both["reproduced"].isna().tolist() == [True, False]


def test_a_key_is_the_same_as_text_and_as_number():
    """Read by pandas, a column of k holds 5, 5.0 or "5"."""
    for k in (5, 5.0, "5"):
        assert verdict_of(cell("14.3", "0.05", x="5"), ours(14.3, x=k)) == "equal"
    assert verdict_of(cell("14.3", "0.05", x=np.nan), ours(14.3, x="")) == "equal"


def test_bad_cells_are_refused_in_one_sentence():
    twice = pd.concat([ours(1.0), ours(2.0)])
    with pytest.raises(SmoothieError, match=r"reproduced cells hold .*'squad'.* twice"):
        compare(cell("14.3", "0.05"), twice)
    with pytest.raises(SmoothieError, match=r"published cells hold .* twice"):
        compare(pd.concat([cell("1", "0"), cell("1", "0")]), pd.DataFrame())
    with pytest.raises(SmoothieError, match="lack the column tolerance"):
        compare(cell("1", "0").drop(columns="tolerance"), pd.DataFrame())
    for value in ("many", float("inf")):
        with pytest.raises(SmoothieError, match=r"reproduced value of .* expected a number"):
            compare(cell("1", "0"), ours(value))


def test_published_cells_of_the_repository(published):
    """Other tables of the folder hold no cells; every key occurs once."""
    assert {"table1", "alpaca_eval", "run_time"} <= set(published["experiment"])
    assert len(published) == sum(
        len(pd.read_csv(ROOT / "results" / "published" / f"{name}.csv"))
        for name in published["experiment"].unique()
    )
    assert not published.duplicated(KEY).any()


def test_a_folder_without_cells_is_refused(tmp_path):
    with pytest.raises(SmoothieError, match="no CSV file with the columns"):
        read_published(tmp_path)


def test_what_repeats_the_publication_is_equal(published):
    comparison = compare(published, reproduction(published))
    assert set(comparison["verdict"]) == {"equal", "another machine"}
    numbers = comparison["quantity"] != "selected"
    assert (comparison.loc[numbers, "difference"] == 0).all()


def test_counts_and_the_line_agree_with_a_count_by_hand(published):
    ours_too = reproduction(published).iloc[::3]
    ours_too = ours_too.assign(note=["quoted", ""] * (len(ours_too) // 2))
    comparison = compare(published, ours_too)
    table = counts(comparison).set_index("experiment")
    by_hand = Counter(zip(comparison["experiment"], comparison["verdict"], strict=True))
    for experiment in published["experiment"].unique():
        for verdict in VERDICTS:
            assert table.loc[experiment, verdict] == by_hand[experiment, verdict]
    assert (table.drop("all").sum() == table.loc["all"]).all()
    assert table.loc["all", "cells"] == len(published)
    line = summary_line(comparison)
    assert line.startswith(f"{len(published)} published cells: ")
    assert sum(int(part.split()[0]) for part in line.split(": ")[1].split(", ")) == len(published)


def test_lines_of_few_cells():
    assert summary_line(compare(cell("1", "0"), ours(2.0))) == "1 published cell: 1 differs"
    assert summary_line(compare(pd.DataFrame(), ours(2.0))) == (
        "No published cells; 1 of ours only"
    )
    nothing = compare(pd.DataFrame(), pd.DataFrame())
    assert summary_line(nothing) == "No published cells"
    assert counts(nothing)["experiment"].tolist() == ["all"]


def test_a_comparison_survives_a_csv_file(published):
    """Our table written, read and compared again gives the same comparison."""
    first = compare(published, reproduction(published).iloc[::2])
    again = pd.read_csv(io.StringIO(reproduction(published).iloc[::2].to_csv(index=False)))
    second = compare(published, again)
    pd.testing.assert_frame_equal(first, second)
    text = first.to_csv(index=False)
    read = pd.read_csv(io.StringIO(text), dtype=str, keep_default_na=False)
    assert read["verdict"].tolist() == first["verdict"].tolist()
    numbers = first["quantity"] != "selected"
    np.testing.assert_array_equal(
        pd.to_numeric(read.loc[numbers, "reproduced"]).to_numpy(),
        first.loc[numbers, "reproduced"].to_numpy(dtype=float),
    )
