"""Convert answers held in Python objects to a problem."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from smoothie.errors import SmoothieError
from smoothie.fields import as_references
from smoothie.loaders.tables import as_answer, find_columns, is_missing, problem_of_table
from smoothie.problem import Input, Problem, assemble

if TYPE_CHECKING:
    import datasets
    import pandas as pd

    Answers: TypeAlias = (
        Problem
        | Mapping[str, Sequence[str]]
        | Mapping[str, Mapping[str, str]]
        | Sequence[Sequence[str]]
        | pd.DataFrame
        | datasets.Dataset
    )

NAME = "answers"


def as_problem(
    answers: Answers,
    inputs: Sequence[str] | str | None = None,
    *,
    names: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    references: Sequence[Any] | None = None,
    missing: str = "error",
    name: str = NAME,
) -> Problem:
    """Align answers of several candidates to the same inputs.

    Parameters
    ----------
    answers : mapping, sequence, DataFrame, Dataset or Problem
        - candidate -> list of N texts, or candidate -> {id: text};
        - a list of K lists of N texts, one list for each candidate;
        - a table, wide (a column for each candidate) or long (columns id, candidate and text);
        - a problem, which is returned as it is.
    inputs : sequence of N str, or str, optional
        What the candidates answered; of a table, the name of its column.
    names : sequence of str, optional
        Names of the candidates of a list of lists; of a wide table, the columns that hold answers.
    columns : mapping of role -> column, optional
        Of a table: which column is the id, task, input, references, candidate, text or score.
        By default inferred from their names.
    references : sequence of N, optional
        A right answer for each input, or a list of them.
    missing : {"error", "drop_inputs", "drop_candidates"}
        What to do where a candidate has no answer (None) to an input.
    name : str
        Of the problem.

    Returns
    -------
    Problem

    Raises
    ------
    SmoothieError
        If the answers are of another kind, or do not fit together.

    Examples
    --------
    >>> from smoothie.answers import as_problem
    >>> problem = as_problem({"a": ["4", "Paris"], "b": ["5", "Rome"]}, ["2 + 2?", "Capital?"])
    >>> problem.candidates, problem.texts.shape
    (('a', 'b'), (2, 2))
    """
    if isinstance(answers, Problem):
        problem = answers
    elif is_table(answers):
        problem = of_table(answers, inputs, names, columns, missing, name)
        inputs = None
    elif isinstance(answers, Mapping):
        problem = of_columns(answers, missing, name, inputs)
    else:
        problem = of_columns(named_lists(answers, names), missing, name, inputs)
    if isinstance(inputs, str):
        raise SmoothieError("inputs: expected a list of texts; a column's name goes with a table")
    if inputs is not None:
        problem = with_inputs(problem, inputs)
    return problem if references is None else with_references(problem, references)


def is_table(answers: object) -> bool:
    """Whether something is a DataFrame or a Dataset, without importing either package."""
    return type(answers).__module__.split(".")[0] in ("pandas", "datasets", "pyarrow", "polars")


def of_table(
    answers: Any,
    inputs: Sequence[str] | str | None,
    names: Sequence[str] | None,
    columns: Mapping[str, str] | None,
    missing: str,
    name: str,
) -> Problem:
    """A problem of a table."""
    if hasattr(answers, "column_names") and "generations" in answers.column_names:
        return Problem.from_dataset(answers, name, missing)
    table = answers.to_pandas() if hasattr(answers, "to_pandas") else answers
    if not hasattr(table, "to_dict"):
        raise SmoothieError(f"answers: expected a DataFrame or a Dataset, found {type(answers)}")
    given = dict(columns or {})
    if isinstance(inputs, str):
        given["input"] = inputs
    found = find_columns([str(column) for column in table.columns], given, names, name)
    problem = problem_of_table(table.rename(columns=str), name, found, missing)
    if inputs is None or isinstance(inputs, str):
        return problem
    return with_inputs(problem, inputs)


def named_lists(answers: Any, names: Sequence[str] | None) -> dict[str, Any]:
    """A list of lists as a mapping."""
    if isinstance(answers, str | bytes) or not isinstance(answers, Iterable):
        raise SmoothieError(
            f"answers: expected candidate -> list of texts, a list of lists, a table or a Problem, "
            f"found {answers!r:.60}"
        )
    lists = list(answers)
    if not lists or any(isinstance(texts, str) for texts in lists):
        raise SmoothieError("answers: expected one list of texts for each candidate")
    names = [f"candidate_{j}" for j in range(1, len(lists) + 1)] if names is None else list(names)
    if len(names) != len(lists):
        hint = "; they are lists by input: pass dict(zip(names, zip(*answers)))"
        by_input = all(isinstance(t, Sequence) and len(t) == len(names) for t in lists)
        raise SmoothieError(
            f"answers: {len(lists)} lists and {len(names)} names{hint if by_input else ''}"
        )
    return dict(zip(names, lists, strict=True))


def of_columns(
    answers: Mapping[str, Any], missing: str, name: str, inputs: Sequence[str] | str | None
) -> Problem:
    """A problem of candidate -> texts, by position or by id."""
    if not answers:
        raise SmoothieError("answers: there are no candidates")
    generations: dict[str, dict[str, str]] = {}
    by_id = all(isinstance(texts, Mapping) for texts in answers.values())
    ids: dict[str, None] = {}
    lengths: dict[str, int] = {}
    for candidate, texts in answers.items():
        if isinstance(texts, str) or not isinstance(texts, Iterable):
            raise SmoothieError(
                f"answers of {candidate!r}: expected a list of texts, found {texts!r:.60}"
            )
        pairs = list(texts.items() if isinstance(texts, Mapping) and by_id else enumerate(texts))
        lengths[str(candidate)] = len(pairs)
        ids |= dict.fromkeys(str(key) for key, _ in pairs)
        generations[str(candidate)] = {
            str(key): as_text_of(text, candidate, key)
            for key, text in pairs
            if not is_missing(text)
        }
    if not by_id and len(set(lengths.values())) > 1:
        listed = ", ".join(f"{candidate} {length}" for candidate, length in lengths.items())
        raise SmoothieError(f"answers: expected a text for each input, found {listed}")
    if not ids:
        raise SmoothieError("answers: there are no texts")
    given = [] if inputs is None or isinstance(inputs, str) else list(inputs)
    if given and len(given) != len(ids):
        raise SmoothieError(f"inputs: {len(given)} for {len(ids)} answers of each candidate")
    return assemble(name, [Input(id=key) for key in ids], generations, None, missing)


def as_text_of(text: Any, candidate: str, key: Any) -> str:
    """An answer as text: numbers are what they look like."""
    if isinstance(text, str | int | float | np.number) and not isinstance(text, bool):
        return as_answer(text)
    raise SmoothieError(f"answers of {candidate!r}, {key!r}: expected a text, found {text!r:.60}")


def with_inputs(problem: Problem, inputs: Sequence[str]) -> Problem:
    """A problem with these inputs, in the order of the answers."""
    texts = list(inputs)
    if len(texts) != problem.source_rows:
        raise SmoothieError(f"inputs: {len(texts)} for {problem.source_rows} answers")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise SmoothieError(f"inputs, {i}: expected a text, found {text!r:.60}")
    items = zip(problem.inputs, problem.rows, strict=True)
    return replace(problem, inputs=tuple(replace(item, text=texts[row]) for item, row in items))


def with_references(problem: Problem, references: Sequence[Any]) -> Problem:
    """A problem with these references, in the order of the answers."""
    given = list(references)
    if isinstance(references, str) or len(given) != problem.source_rows:
        raise SmoothieError(
            f"references: expected one, or a list of them, for each of {problem.source_rows} "
            f"inputs, found {len(given)}"
        )
    items = zip(problem.inputs, problem.rows, strict=True)
    return replace(
        problem,
        inputs=tuple(
            replace(item, references=as_references(given[row], f"references, {row}"))
            for item, row in items
        ),
    )
