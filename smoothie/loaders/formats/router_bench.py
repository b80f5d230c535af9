"""RouterBench: a wide table with three columns for each model.

Columns sample_id, prompt, eval_name and, for each model, MODEL (its score), MODEL|model_response
and MODEL|total_cost (in USD). Prompts and responses may be Python lists that were written as texts,
of which the first is taken.

Defined by https://github.com/withmartian/routerbench, convertors/common.py. Its files are published
as pickles, which can run any code when they are loaded: those are refused, with the way to convert
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smoothie.errors import SmoothieError
from smoothie.fields import as_references
from smoothie.loaders.base import choose_candidates
from smoothie.loaders.formats.base import (
    Answer,
    Format,
    Wanted,
    as_cost,
    as_label,
    problem_of_answers,
    python_list,
)
from smoothie.loaders.frames import read_frame
from smoothie.loaders.tables import as_answer, find_columns, is_missing
from smoothie.problem import Input, Problem

if TYPE_CHECKING:
    import pandas as pd

RESPONSE, COST = "|model_response", "|total_cost"


def models_of(columns: Iterable[object]) -> list[str]:
    """Models that have a column of responses."""
    return [str(c).removesuffix(RESPONSE) for c in columns if str(c).endswith(RESPONSE)]


def looks_like(path: Path) -> bool:
    """Whether a file is a pickle, which is then refused; tables are told by their columns."""
    return path.suffix.lower() in (".pkl", ".pickle")


def read(path: Path, wanted: Wanted) -> Problem:
    """Read a table from a file."""
    if looks_like(path):
        raise SmoothieError(
            f"{path}: a pickle can run any code when it is loaded, so that it is not read; if you "
            f"trust it, convert it once: pandas.read_pickle('{path.name}').to_parquet('"
            f"{path.stem}.parquet')"
        )
    return problem_of_frame(read_frame(path), path.stem, str(path), wanted)


def problem_of_frame(table: pd.DataFrame, name: str, where: str, wanted: Wanted) -> Problem:
    """A problem of a table."""
    models = models_of(table.columns)
    if not models:
        raise SmoothieError(f"{where}: no column MODEL{RESPONSE}")
    names = models if wanted.candidates is None else wanted.candidates
    chosen = choose_candidates(models, names, where)
    mine = {name for model in models for name in (model, model + COST)}
    others = [str(column) for column in table.columns if column not in mine]
    given = {"task": "eval_name"} if "eval_name" in others else {}
    responses = [model + RESPONSE for model in models]
    known = find_columns(others, {**given, **wanted.columns}, responses, where)
    roles = {role: getattr(known, role) for role in ("id", "task", "input", "references")}
    found = answers(table.to_dict("records"), chosen, roles, where)
    return problem_of_answers(name, found, Wanted(chosen, wanted.missing))


def answers(
    rows: list[dict[Any, Any]], models: list[str], roles: dict[str, str | None], table: str
) -> Iterator[Answer]:
    """All responses."""
    for number, row in enumerate(rows, start=1):
        where = f"{table}, row {number}"
        cells = {r: None if c is None or is_missing(row[c]) else row[c] for r, c in roles.items()}
        item = Input(
            str(number - 1) if cells["id"] is None else as_answer(cells["id"]),
            "" if cells["task"] is None else as_answer(cells["task"]),
            "" if cells["input"] is None else unwrapped(cells["input"]),
            as_references(cells["references"], where),
        )
        for model in models:
            response = row[model + RESPONSE]
            if not is_missing(response):
                score = as_label(number_of(row.get(model)))
                cost = as_cost(number_of(row.get(model + COST)), where)
                yield Answer(model, item, (unwrapped(response),), where, score, cost)


def unwrapped(value: Any) -> str:
    """A text, also from a list of one that was written as text."""
    text = as_answer(value)
    return (python_list(text) or [text])[0]


def number_of(value: Any) -> Any:
    """A number, also where a table has it as text; None where there is none."""
    if is_missing(value) or value == "":
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


FORMAT = Format(
    "RouterBench table: MODEL, MODEL|model_response, MODEL|total_cost", looks_like, read
)
