"""Tables in files: CSV, TSV, Parquet, JSON Lines and JSON -> a DataFrame."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smoothie.errors import SmoothieError, shown
from smoothie.fields import has_lone_surrogates
from smoothie.optional import require
from smoothie.storage.files import read_json, read_jsonl, read_text

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
}


def read_csv(path: Path, separator: str = ",") -> pd.DataFrame:
    """A table with a header; every cell is text, and an empty one is an empty answer."""
    import pandas as pd

    text = read_text(path)  # says in one sentence what is wrong with the file
    if not text.strip():
        raise SmoothieError(f"{path}: the file is empty")
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # answers may be long
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            if row and len(row) != len(rows[0] if rows else row):
                raise SmoothieError(
                    f"{path}, line {reader.line_num}: {len(row)} cells, but the header has "
                    f"{len(rows[0])}; a cell with a separator in it has to be quoted"
                )
            rows += [row] if row else []
    except csv.Error as error:
        raise SmoothieError(f"{path}, line {reader.line_num}: not a table ({error})") from error
    header = rows[0]
    twice = [name for i, name in enumerate(header) if name in header[:i]]
    if twice:
        raise SmoothieError(f"{path}: column {twice[0]!r} occurs twice")
    return pd.DataFrame(rows[1:], columns=header, dtype=object)


def read_tsv(path: Path) -> pd.DataFrame:
    """A table with tabs between its columns."""
    return read_csv(path, "\t")


def read_parquet(path: Path) -> pd.DataFrame:
    """A Parquet file."""
    import pandas as pd

    require("pyarrow", f"{path}: a Parquet file")
    try:
        return pd.read_parquet(path)
    except Exception as error:  # pyarrow's many kinds
        reason = str(error).strip().split("\n")[0]
        raise SmoothieError(f"{path}: not a Parquet file ({reason})") from error


def read_objects(path: Path) -> pd.DataFrame:
    """JSON Lines: one object a row; a dict of responses becomes one column a candidate."""
    return of_objects([row for _, row in read_jsonl(path)], path)


def read_array(path: Path) -> pd.DataFrame:
    """JSON: a list of objects, or columns of equal length."""
    value = read_json(path)
    if isinstance(value, list) and all(isinstance(row, dict) for row in value):
        return of_objects(value, path)
    if isinstance(value, dict) and value and all(isinstance(v, list) for v in value.values()):
        if len({len(column) for column in value.values()}) > 1:
            raise SmoothieError(f"{path}: the lists under its keys have different lengths")
        return as_frame(value, value, path)
    raise SmoothieError(f"{path}: expected a list of objects, or lists of equal length under keys")


def of_objects(rows: list[dict[str, Any]], path: Path) -> pd.DataFrame:
    """Objects as a table."""
    if not rows:
        raise SmoothieError(f"{path}: the file has no rows")
    nested = [
        key
        for key, value in rows[0].items()
        if isinstance(value, dict)
        and value
        and all(isinstance(text, str) or text is None for text in value.values())
    ]
    flat = []
    for number, row in enumerate(rows, start=1):
        plain = {key: value for key, value in row.items() if key not in nested}
        for key in nested:
            inner = row.get(key) or {}
            if not isinstance(inner, dict):
                raise SmoothieError(f"{path}, row {number}: {key!r} must map candidates to texts")
            for candidate, text in inner.items():
                if candidate in plain:
                    raise SmoothieError(
                        f"{path}, row {number}: {candidate!r} occurs in {key!r} and beside it"
                    )
                plain[candidate] = text
        flat.append({k: json.dumps(v) if isinstance(v, dict) else v for k, v in plain.items()})
    return as_frame(flat, dict.fromkeys(key for row in flat for key in row), path)


def as_frame(data: Any, columns: Iterable[str], path: Path) -> pd.DataFrame:
    """Rows or columns as a table of these columns, texts as they are."""
    import pandas as pd

    for name in columns:
        if has_lone_surrogates(name):
            raise SmoothieError(f"{path}: {shown(name)} is no name of a column")
    return pd.DataFrame(data, dtype=object)  # other types check or change texts


TABLES: dict[str, Callable[[Path], Any]] = {
    "csv": read_csv,
    "tsv": read_tsv,
    "parquet": read_parquet,
    "jsonl": read_objects,
    "json": read_array,
}


def read_frame(path: Path, format: str | None = None) -> pd.DataFrame:
    """Read a table.

    Parameters
    ----------
    path : Path
    format : str, optional
        One of `TABLES`; by default the one that the name ends in.

    Raises
    ------
    SmoothieError
        If the name tells no format, or the file is no such table.
    """
    known = format or SUFFIXES.get(path.suffix.lower())
    if known is None:
        raise SmoothieError(
            f"{path}: no known format; name it with format=, one of {', '.join(TABLES)}"
        )
    table: pd.DataFrame = TABLES[known](path).rename(columns=str)
    return table
