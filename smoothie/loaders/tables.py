"""Tables of answers -> a problem: wide (one column a candidate) or long (one row an answer)."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from smoothie.errors import SmoothieError
from smoothie.fields import as_references, as_score
from smoothie.problem import Input, Problem, assemble

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

# What columns are commonly called, the most telling names first. Compared in small letters.
KNOWN = {
    "id": ("id", "qid", "question_id", "sample_id", "doc_id", "example_id", "uid", "index"),
    "task": ("task", "category", "subset", "domain"),
    "input": ("input", "prompt", "question", "instruction", "query", "source", "document"),
    "references": ("references", "reference", "target", "gold", "ground_truth"),
    "candidate": ("candidate", "model", "model_id", "model_name", "generator", "system", "llm"),
    "text": ("text", "generation", "response", "output", "answer", "completion", "prediction"),
    "score": ("score", "label", "rating", "correct"),
}
OF_INPUTS = ("id", "task", "input", "references")
OF_ANSWERS = ("candidate", "text", "score")


@dataclass(frozen=True)
class Columns:
    """Which column of a table is what; None where there is no such column.

    Attributes
    ----------
    id, task, input, references : str or None
        What is known of each input.
    candidate, text, score : str or None
        Of a long table: who wrote the answer, the answer, and its label.
    candidates : tuple of str
        Of a wide table: the columns that hold answers.
    """

    id: str | None = None
    task: str | None = None
    input: str | None = None
    references: str | None = None
    candidate: str | None = None
    text: str | None = None
    score: str | None = None
    candidates: tuple[str, ...] = ()

    @property
    def is_long(self) -> bool:
        """Whether each row holds one answer."""
        return not self.candidates

    def __str__(self) -> str:
        """What was understood, in one line."""
        parts = [
            f"{role} from {column!r}"
            for role in (*OF_INPUTS, *(OF_ANSWERS if self.is_long else ()))
            if (column := getattr(self, role)) is not None
        ]
        if not self.is_long:
            parts.append(f"candidates {', '.join(self.candidates)}")
        return f"{'long' if self.is_long else 'wide'} table: {'; '.join(parts)}"


def find_columns(
    names: Sequence[str],
    given: Mapping[str, str] | None = None,
    candidates: Sequence[str] | None = None,
    where: str = "table",
) -> Columns:
    """Determine which column is what.

    Parameters
    ----------
    names : sequence of str
        Columns of the table.
    given : mapping of role -> column, optional
        What the user says: {"input": "prompt", "id": "qid"}.
    candidates : sequence of str, optional
        Of a wide table: the columns that hold answers. By default all that are nothing else.
    where : str
        What messages call the table.

    Raises
    ------
    SmoothieError
        If a named column does not exist, or there are no answers.
    """
    given = dict(given or {})
    for role, column in given.items():
        if role not in KNOWN:
            raise SmoothieError(f"columns: no role {role!r}; expected one of {', '.join(KNOWN)}")
        if column not in names:
            raise SmoothieError(f"{where}: no column {column!r}; it has {', '.join(names)}")
    for column in candidates or ():
        if column not in names:
            raise SmoothieError(f"{where}: no column {column!r}; it has {', '.join(names)}")
    taken = {*given.values(), *(candidates or ())}
    by_small = {name.lower().strip(): name for name in reversed(names) if name not in taken}
    found = {**{role: find(aliases, by_small) for role, aliases in KNOWN.items()}, **given}
    inputs: dict[str, Any] = {role: found[role] for role in OF_INPUTS}
    long = found["candidate"] is not None and found["text"] is not None and candidates is None
    if long:
        answers: dict[str, Any] = {role: found[role] for role in OF_ANSWERS}
        return replace(Columns(), **inputs, **answers)
    others = [name for name in names if name not in inputs.values()]
    chosen = tuple(candidates or others)
    if not chosen:
        raise SmoothieError(
            f"{where}: no answers found in the columns {', '.join(names)}; expected a column for "
            f"each candidate, or the columns candidate and text"
        )
    return replace(Columns(), **inputs, candidates=chosen)


def find(aliases: Iterable[str], by_small: Mapping[str, str]) -> str | None:
    """The first of some names that is there."""
    return next((by_small[alias] for alias in aliases if alias in by_small), None)


def problem_of_table(
    table: pd.DataFrame,
    name: str,
    columns: Columns,
    missing: str = "error",
    where: str | None = None,
) -> Problem:
    """Align the answers of a table by input.

    Parameters
    ----------
    table : DataFrame
    name : str
        Of the problem.
    columns : Columns
        As `find_columns` tells.
    missing : {"error", "drop_inputs", "drop_candidates"}
        What to do where a candidate has no answer for an input. An empty cell is no answer; an
        empty text is one.

    Raises
    ------
    SmoothieError
        If an id occurs twice with different inputs, a candidate answers an id twice, or answers
        are missing.
    """
    where = where or name
    if not len(table):
        raise SmoothieError(f"{where}: no rows")
    rows = [
        {str(key): None if is_missing(value) else value for key, value in row.items()}
        for row in table.to_dict("records")
    ]
    read = read_long if columns.is_long else read_wide
    inputs, generations, labels = read(rows, where, columns)
    return assemble(name, inputs, generations, labels or None, missing)


Generations = dict[str, dict[str, str]]
Labels = dict[str, dict[str, float]]


def read_wide(
    rows: Sequence[Mapping[str, Any]], table: str, columns: Columns
) -> tuple[list[Input], Generations, Labels]:
    """One input a row."""
    inputs: list[Input] = []
    generations: Generations = {candidate: {} for candidate in columns.candidates}
    for number, row in enumerate(rows, start=1):
        item = read_input(row, columns, str(number - 1), f"{table}, row {number}")
        inputs.append(item)
        for candidate in columns.candidates:
            if row[candidate] is not None:
                generations[candidate][item.id] = as_answer(row[candidate])
    return inputs, generations, {}


def read_long(
    rows: Sequence[Mapping[str, Any]], table: str, columns: Columns
) -> tuple[list[Input], Generations, Labels]:
    """One answer a row; without ids, equal inputs are the same input."""
    assert columns.candidate is not None
    assert columns.text is not None
    key = columns.id or columns.input
    if key is None:
        raise SmoothieError(
            f"{table}: the rows of a long table need an id or an input, to tell which answers "
            f"belong together; name one with columns={{id: COLUMN}}"
        )
    inputs: dict[str, Input] = {}
    generations: Generations = {}
    labels: Labels = {}
    for number, row in enumerate(rows, start=1):
        where = f"{table}, row {number}"
        if row[key] is None or row[columns.candidate] is None:
            lacking = key if row[key] is None else columns.candidate
            raise SmoothieError(f"{where}: no {lacking!r}")
        item = read_input(row, columns, str(row[key]), where)
        first = inputs.setdefault(item.id, item)
        if (first.text, first.task) != (item.text, item.task):
            raise SmoothieError(f"{where}: id {item.id!r} has another input here than before")
        candidate = as_answer(row[columns.candidate])
        answers = generations.setdefault(candidate, {})
        if item.id in answers:
            raise SmoothieError(f"{where}: a second answer of {candidate!r} to {item.id!r}")
        if row[columns.text] is not None:
            answers[item.id] = as_answer(row[columns.text])
        score = None if columns.score is None else row[columns.score]
        if score is not None and str(score).strip():  # of text, an empty cell is no label
            labels.setdefault(candidate, {})[item.id] = as_number(score, where)
    return list(inputs.values()), generations, labels


def read_input(row: Mapping[str, Any], columns: Columns, number: str, where: str) -> Input:
    """The input of a row."""
    cells = {role: row.get(str(getattr(columns, role))) for role in OF_INPUTS}
    references = cells["references"]
    if references is not None and not isinstance(references, str | int | float | list):
        references = list(references)  # pyarrow and numpy have lists of their own
    return Input(
        id=number if cells["id"] is None else as_answer(cells["id"]),
        task="" if cells["task"] is None else as_answer(cells["task"]),
        text="" if cells["input"] is None else as_answer(cells["input"]),
        references=as_references(references, where),
    )


def as_answer(value: Any) -> str:
    """A cell as text; whole numbers that pandas read as fractions are whole again."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def as_number(value: Any, where: str) -> float:
    """A label, also where a table has it as text."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise SmoothieError(f"{where}: the score must be a number, found {value!r}") from None
    return as_score(value.item() if hasattr(value, "item") else value, where)


def is_missing(value: Any) -> bool:
    """Whether a cell is empty: None, NaN or pandas' NA; lists and texts are not."""
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(value, float) and math.isnan(value)
