"""What readers of benchmarks' own formats share: answers in any order -> a problem."""

from __future__ import annotations

import ast
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from smoothie.errors import SmoothieError, meant, shown
from smoothie.fields import is_finite
from smoothie.inspection.findings import listed
from smoothie.loaders.base import choose_candidates
from smoothie.loaders.local import with_more_texts
from smoothie.problem import Input, Problem, assemble
from smoothie.storage.files import read_jsonl

log = logging.getLogger(__name__)

Select = Mapping[str, str]


@dataclass(frozen=True)
class Wanted:
    """What is wanted of some files.

    Attributes
    ----------
    candidates : sequence of str or None
        Which, in which order; None takes all of them.
    missing : {"error", "drop_inputs", "drop_candidates"}
        What to do where a candidate has no answer.
    columns : mapping of role -> column
        Of tables: which column is what.
    select : mapping of str -> str
        What to take where a format holds several things: a filter, a metric, a task, a split.
    """

    candidates: Sequence[str] | None = None
    missing: str = "error"
    columns: Mapping[str, str] = field(default_factory=dict)
    select: Select = field(default_factory=dict)


@dataclass(frozen=True)
class Format:
    """One way to lay out answers in files.

    Attributes
    ----------
    what : str
        What it is, in a few words.
    looks_like : callable of Path -> bool
        Whether a file or folder, which exists, is laid out so. Looks at as little as it can.
    read : callable of (Path, Wanted) -> Problem
    selects : tuple of str
        The keys of `Wanted.select` that it knows.
    """

    what: str
    looks_like: Callable[[Path], bool]
    read: Callable[[Path, Wanted], Problem]
    selects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What one candidate answered to one input.

    Attributes
    ----------
    candidate : str
    input : Input
    texts : tuple of str
        One or several generations; the first is the answer.
    where : str
        File and line, for messages.
    score : float or None
        How good the first one is.
    cost : float or None
        Of the answer, in USD.
    document : str or None
        What tells whether two candidates answered the same input, where its text does not.
    """

    candidate: str
    input: Input
    texts: tuple[str, ...]
    where: str
    score: float | None = None
    cost: float | None = None
    document: str | None = None


def problem_of_answers(name: str, answers: Iterable[Answer], wanted: Wanted) -> Problem:
    """Align answers by the ids of their inputs, which stand in the order of their first answer.

    Raises
    ------
    SmoothieError
        If a candidate answers an id twice, an id has different inputs, or answers are missing.
    """
    inputs: dict[str, Input] = {}
    first: dict[str, Answer] = {}
    texts: dict[str, dict[str, list[str]]] = defaultdict(dict)
    labels: dict[str, dict[str, float]] = defaultdict(dict)
    costs: dict[str, dict[str, float]] = defaultdict(dict)
    for answer in answers:
        key, own = answer.input.id, texts[answer.candidate]
        if key in own:
            raise SmoothieError(
                f"{answer.where}: a second answer of {answer.candidate} to {shown(key)}"
            )
        before = first.setdefault(key, answer)
        if not same_input(before, answer):
            raise SmoothieError(
                f"{answer.where}: {shown(key)} has another input here than in {before.where}"
            )
        inputs.setdefault(key, answer.input)
        own[key] = list(answer.texts)
        if answer.score is not None:
            labels[answer.candidate][key] = answer.score
        if answer.cost is not None:
            costs[answer.candidate][key] = answer.cost
    names = choose_candidates(list(texts), wanted.candidates, name)
    answered = {candidate: texts[candidate] for candidate in names}
    firsts = {c: {key: several[0] for key, several in own.items()} for c, own in answered.items()}
    some = {c: labels[c] for c in names if labels.get(c)}
    problem = assemble(name, list(inputs.values()), firsts, some, wanted.missing)
    return with_costs(with_generations(problem, answered), costs)


def same_input(first: Answer, second: Answer) -> bool:
    """Whether two answers are to the same input, as far as that is known."""
    if first.document is None and second.document is None:
        return first.input.text == second.input.text
    return first.document is None or second.document is None or first.document == second.document


def with_generations(problem: Problem, texts: Mapping[str, Mapping[str, list[str]]]) -> Problem:
    """Add further generations where every candidate has the same number for every input."""
    counts = {len(texts[c][key]) for c in problem.candidates for key in problem.ids}
    if len(counts) > 1:
        log.warning(
            "%s: %d to %d generations of an answer; only the first of each is read",
            problem.name,
            min(counts),
            max(counts),
        )
        return problem
    return with_more_texts(problem, texts)


def with_costs(problem: Problem, costs: Mapping[str, Mapping[str, float]]) -> Problem:
    """Add costs in USD, if every answer has one."""
    values = np.array(
        [[costs.get(c, {}).get(key, np.nan) for c in problem.candidates] for key in problem.ids]
    )
    lacking = int(np.isnan(values).sum())
    if lacking == values.size:
        return problem
    if lacking:
        log.warning(
            "%s: %d of %d answers have no cost, so costs are left out",
            problem.name,
            lacking,
            values.size,
        )
        return problem
    attributes = {**problem.attributes, "cost": values}
    return replace(problem, attributes=attributes, units={**problem.units, "cost": "USD"})


def understood(problem: Problem) -> str:
    """What was read, in one line."""
    rows, size = problem.texts.shape
    tasks = sorted({task for task in problem.tasks if task})
    parts = [f"{rows} inputs", f"candidates {listed(problem.candidates)}"]
    if tasks:
        parts.append(f"tasks {listed(tasks)}")
    if not problem.has_inputs:
        parts.append("no input texts")
    if problem.has_references:
        parts.append("references")
    if problem.labels is not None:
        parts.append(f"{int(np.isfinite(problem.labels).sum())} of {rows * size} scores")
    if "cost" in problem.attributes:
        parts.append(f"costs in {problem.units.get('cost', 'an unnamed unit')}")
    if problem.more_texts is not None:
        parts.append(f"{1 + problem.more_texts.shape[2]} generations of each")
    return "; ".join(parts)


def selected(select: Select, key: str, available: Iterable[str], where: str) -> str | None:
    """What is selected under a key, if anything is; refused where it is not there."""
    chosen = select.get(key)
    names = list(dict.fromkeys(available))
    if chosen is not None and chosen not in names:
        raise SmoothieError(f"{where}: no {key} {shown(chosen)}; {meant(chosen, names)}")
    return chosen


def as_label(value: Any) -> float | None:
    """A score where a cell holds a finite number, true or false; else None."""
    if isinstance(value, bool | int | float) and is_finite(value):
        return float(value)
    return None


def as_cost(value: Any, where: str) -> float | None:
    """A cost of at least zero; None where there is none."""
    cost = as_label(value)
    if value is not None and (cost is None or isinstance(value, bool) or cost < 0):
        raise SmoothieError(f"{where}: a cost must be a number of at least zero, found {value!r}")
    return cost


def python_list(text: str) -> list[str] | None:
    """The texts of a Python list that was written as text, such as ``"['a', 'b']"``."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    is_list = isinstance(value, list) and value and all(isinstance(part, str) for part in value)
    return value if is_list else None


def first_row(path: Path) -> dict[str, Any]:
    """The first object of a JSON Lines file; none where it is something else."""
    try:
        return next((row for _, row in read_jsonl(path)), {})
    except SmoothieError:
        return {}


def files_in(folder: Path, pattern: str) -> list[Path]:
    """Files by name, without those that are hidden or still being written."""
    return sorted(
        path for path in folder.glob(pattern) if path.is_file() and not path.name.startswith(".")
    )


def some_files(folder: Path, pattern: str, most: int = 3) -> list[Path]:
    """A few of the files, enough to tell what they are."""
    found = (p for p in folder.glob(pattern) if p.is_file() and not p.name.startswith("."))
    return list(islice(found, most))
