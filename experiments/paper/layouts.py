"""The rows and columns of tables of cells."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from experiments.paper.comparison import KEY, of_experiment
from experiments.paper.names import head

WIDEST = 10  # columns of a table on a page
WHOLE = {"dataset": "all", "ensemble": "all", "quantity": "score", "x": ""}

Cell = dict[str, Any]
Cells = Mapping[tuple[str, ...], Cell]


@dataclass(frozen=True)
class Line:
    """A row or a column of a table.

    Attributes
    ----------
    title : str
        Its heading.
    key : mapping of str -> str
        The parts of a cell's key that it fixes; the rest comes from the other axis and the layout.
    group : str
        What neighboring lines have in common: a block of rows, a heading over columns.
    low : bool
        Whether lower values of a column are better.
    """

    title: str
    key: Mapping[str, str]
    group: str = ""
    low: bool = False


@dataclass(frozen=True)
class Layout:
    """A table of cells of one experiment.

    Attributes
    ----------
    experiment : str
    columns, rows : sequence of Line
    digits : int or None
        Decimals to show; None for as many as each published value has.
    key : mapping of str -> str
        Parts of the key that all cells share, unless a row or column says otherwise.
    caption : str
        What distinguishes it from the other tables of its experiment.
    name : str
        Name of the file of a table of the paper; empty for the others.
    """

    experiment: str
    columns: Sequence[Line]
    rows: Sequence[Line]
    digits: int | None = 1
    key: Mapping[str, str] = field(default_factory=dict)
    caption: str = ""
    name: str = ""

    def grid(self, cells: Cells) -> list[list[Cell | None]]:
        """The cell of each row and column, or None where neither side has one."""
        return [
            [cells.get(self.place(row, column)) for column in self.columns] for row in self.rows
        ]

    def places(self) -> set[tuple[str, ...]]:
        """The keys of its cells."""
        return {self.place(row, column) for row in self.rows for column in self.columns}

    def place(self, row: Line, column: Line) -> tuple[str, ...]:
        """The key of a cell."""
        parts = {**WHOLE, "experiment": self.experiment, **self.key, **column.key, **row.key}
        return tuple(parts[part] for part in KEY)


def cells_of(comparison: pd.DataFrame, experiment: str) -> Cells:
    """The cells of an experiment by their key."""
    records = of_experiment(comparison, experiment).to_dict("records")
    return {
        tuple(str(record[part]) for part in KEY): {str(name): v for name, v in record.items()}
        for record in records
    }


def crosstab(
    experiment: str, keys: Sequence[Mapping[str, str]], down: Sequence[str], caption: str
) -> list[Layout]:
    """Tables for any cells: some parts of the key on one axis, the rest on the other.

    The axis with more lines becomes the rows, so that the table fits on a page; one long line is
    split. The caption says what all cells share.
    """
    if not keys:
        return []
    shared = {part: keys[0][part] for part in KEY[1:] if len({key[part] for key in keys}) == 1}
    said = {part: value for part, value in shared.items() if value != experiment}
    axes = []
    for parts in (down, [part for part in KEY[1:] if part not in down]):
        values = dict.fromkeys(tuple(key[part] for part in parts) for key in keys)
        fixed = [dict(zip(parts, value, strict=True)) for value in values]
        titles = [head({part: f[part] for part in f if part not in shared}) for f in fixed]
        axes.append([Line(title, f) for title, f in zip(titles, fixed, strict=True)])
    columns, rows = sorted(axes, key=len)
    if len(columns) == 1 and len(rows) > 2 * WIDEST:
        rows, columns = columns, rows
    if len(rows) == 1:
        rows = [Line(head(said), rows[0].key)]
    else:
        caption = ": ".join(text for text in (caption, head(said)) if text)
    if len(columns) == 1:
        columns = [Line("value", columns[0].key)]
    return [
        Layout(experiment, columns[i : i + WIDEST], rows, None, {}, "" if i else caption)
        for i in range(0, len(columns), WIDEST)
    ]
