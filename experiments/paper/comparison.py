"""Published against reproduced numbers, cell by cell."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from smoothie.errors import SmoothieError

KEY = ["experiment", "dataset", "ensemble", "method", "quantity", "x"]
PUBLISHED = ["value", "precision", "tolerance", "source"]  # columns besides the key
REPRODUCED = ["value", "ci_low", "ci_high", "n", "note", "command"]
VERDICTS = [
    "equal",
    "within our interval",
    "differs",
    "quoted",
    "another machine",
    "not available",
]
OURS_ONLY = "ours only"
TEXTS = ("selected",)  # quantities whose values are names
SLACK = 1e-9  # rounding error of floats; relative to the value, where that is above 1


def read_published(folder: Path) -> pd.DataFrame:
    """Read the published cells of all experiments.

    Parameters
    ----------
    folder : Path
        Its CSV files with the columns of a key are read, other tables ignored.

    Returns
    -------
    pandas.DataFrame
        The columns of the files, all as text.

    Raises
    ------
    SmoothieError
        If no file of the folder has cells.
    """
    tables = []
    for path in sorted(folder.glob("*.csv")):
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        if set(KEY) <= set(table.columns):
            tables.append(table)
    if not tables:
        raise SmoothieError(f"{folder}: no CSV file with the columns {', '.join(KEY)}")
    return pd.concat(tables, ignore_index=True)


def compare(published: pd.DataFrame, reproduced: pd.DataFrame) -> pd.DataFrame:
    """Compare each published number with ours.

    Parameters
    ----------
    published : DataFrame
        Columns of `KEY`, value, precision, tolerance (half the width of what the published digits
        can mean; empty for a time on another machine) and source.
    reproduced : DataFrame
        Columns of `KEY`, value, ci_low, ci_high, n, note ("quoted" for a value that was only
        carried over), command. It may be empty, without columns even.

    Returns
    -------
    pandas.DataFrame
        One row for each key, the published ones first: `KEY`, published, reproduced, difference
        (reproduced minus published), ci_low, ci_high, n, verdict (one of `VERDICTS`, or
        `OURS_ONLY`), precision, tolerance, source, note, command. Values are numbers, or names
        where the quantity is one of `TEXTS`.

    Raises
    ------
    SmoothieError
        If a column is missing, a key occurs twice, or a value is not a number where one is
        expected.
    """
    left = by_key(published, PUBLISHED, "published")
    right = by_key(reproduced, REPRODUCED, "reproduced")
    rows = [
        compared(key, left.get(key), right.get(key))
        for key in (*left, *(key for key in right if key not in left))
    ]
    columns = [*KEY, "published", "reproduced", "difference", "ci_low", "ci_high", "n", "verdict"]
    columns += ["precision", "tolerance", "source", "note", "command"]
    return pd.DataFrame(rows, columns=columns).astype({"published": object, "reproduced": object})


def by_key(
    table: pd.DataFrame, columns: list[str], name: str
) -> dict[tuple[str, ...], dict[str, Any]]:
    """Rows of a table by their key, values checked."""
    if table.empty:
        return {}
    missing = [column for column in [*KEY, *columns] if column not in table]
    if missing:
        raise SmoothieError(f"the {name} cells lack the column {missing[0]}")
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    for record in table.to_dict("records"):
        key = tuple(as_text(record[part]) for part in KEY)
        if key in rows:
            raise SmoothieError(f"the {name} cells hold {describe(key)} twice")
        row: dict[str, Any] = {column: as_text(record[column]) for column in columns}
        for column in {"value", "tolerance", "ci_low", "ci_high", "n"} & set(columns):
            if column != "value" or key[KEY.index("quantity")] not in TEXTS:
                row[column] = as_number(record[column], f"the {name} {column} of {describe(key)}")
        rows[key] = row
    return rows


def compared(
    key: tuple[str, ...], published: dict[str, Any] | None, reproduced: dict[str, Any] | None
) -> dict[str, Any]:
    """One row of the comparison."""
    empty = "" if key[KEY.index("quantity")] in TEXTS else np.nan
    row: dict[str, Any] = dict(zip(KEY, key, strict=True))
    row |= {"published": empty, "precision": "", "tolerance": np.nan, "source": ""}
    row |= {"reproduced": empty, "ci_low": np.nan, "ci_high": np.nan, "n": np.nan}
    row |= {"note": "", "command": "", "difference": np.nan}
    if published is not None:
        row |= published | {"published": published["value"]}
    if reproduced is not None:
        row |= reproduced | {"reproduced": reproduced["value"]}
    if not isinstance(empty, str):
        row["difference"] = row["reproduced"] - row["published"]
    row["verdict"] = OURS_ONLY if published is None else verdict(row)
    return row


def verdict(row: dict[str, Any]) -> str:
    """One of `VERDICTS`, for a row with a published value."""
    ours, theirs, tolerance = row["reproduced"], row["published"], row["tolerance"]
    if row["note"] == "quoted":
        return "quoted"
    if is_absent(ours):
        return "not available"
    if isinstance(theirs, str):
        return "equal" if ours == theirs else "differs"
    if np.isnan(tolerance):
        return "another machine"
    reach = tolerance + SLACK * max(1.0, abs(theirs))
    if abs(ours - theirs) <= reach:
        return "equal"
    if row["ci_low"] - reach <= theirs <= row["ci_high"] + reach:  # false where these are NaN
        return "within our interval"
    return "differs"


def counts(comparison: pd.DataFrame) -> pd.DataFrame:
    """How many cells have which verdict.

    Returns
    -------
    pandas.DataFrame
        One row for each experiment, in the order in which they occur, and a last one named "all":
        experiment, cells (published ones), each of `VERDICTS`, `OURS_ONLY`.
    """
    names = [*VERDICTS, OURS_ONLY]
    rows = []
    for experiment in [*dict.fromkeys(comparison["experiment"]), "all"]:
        chosen = comparison if experiment == "all" else of_experiment(comparison, experiment)
        found = {name: int((chosen["verdict"] == name).sum()) for name in names}
        rows.append({"experiment": experiment, "cells": len(chosen) - found[OURS_ONLY], **found})
    return pd.DataFrame(rows, columns=["experiment", "cells", *names])


def summary_line(comparison: pd.DataFrame) -> str:
    """All verdicts in one line, such as "412 cells: 31 equal, 381 not available"."""
    total = counts(comparison).iloc[-1]
    cells = int(total["cells"])
    found = [(int(total[name]), name) for name in VERDICTS if total[name]]
    words = {("differs", False): "differ", ("another machine", False): "from another machine"}
    words[("another machine", True)] = "from another machine"
    parts = [f"{count} {words.get((name, count == 1), name)}" for count, name in found]
    line = f"{cells or 'No'} published {'cell' if cells == 1 else 'cells'}"
    line += f": {', '.join(parts)}" if parts else ""
    extra = int(total[OURS_ONLY])
    return line + (f"; {extra} of ours only" if extra else "")


def of_experiment(comparison: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """The rows of one experiment."""
    return comparison[comparison["experiment"] == experiment]


def is_absent(value: Any) -> bool:
    """Whether a cell has no value."""
    return value == "" or bool(pd.isna(value))


def as_text(value: Any) -> str:
    """What a CSV file would hold: nothing for NaN, "5" for 5.0."""
    if is_absent(value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def as_number(value: Any, what: str) -> float:
    """A finite number, or NaN for an empty cell."""
    if is_absent(value):
        return float("nan")
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("inf")
    if np.isinf(number):
        raise SmoothieError(f"{what} is {value!r}: expected a number")
    return number


def describe(key: Iterable[str]) -> str:
    """A key as text, for messages."""
    return ", ".join(f"{part} {value!r}" for part, value in zip(KEY, key, strict=True) if value)
