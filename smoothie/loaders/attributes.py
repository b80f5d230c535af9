"""What texts took to make: candidates.jsonl of a local folder."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from smoothie.errors import SmoothieError
from smoothie.problem import Problem, as_score, as_text
from smoothie.storage.files import read_jsonl

log = logging.getLogger(__name__)

ATTRIBUTES = ("cost", "latency")
KEYS = ("candidate", "id", *ATTRIBUTES, *(f"{name}_unit" for name in ATTRIBUTES))


def add_attributes(problem: Problem, path: Path) -> Problem:
    """Add costs and latencies to a problem, if the file is there.

    Parameters
    ----------
    problem : Problem
        The candidates and inputs that they are wanted of.
    path : Path
        JSON Lines: a candidate, its cost and latency (numbers of at least zero) and their units
        (any text). A line without an id holds for every input, one with an id for that input, and
        goes before.

    Raises
    ------
    SmoothieError
        If a line is broken, one thing is said twice, or an attribute is given for some texts of the
        problem and not for all.
    """
    if not path.exists():
        return problem
    columns = {name: j for j, name in enumerate(problem.candidates)}
    rows = {key: i for i, key in enumerate(problem.ids)}
    shape = problem.texts.shape
    general = {name: np.full(shape[1], np.nan) for name in ATTRIBUTES}
    single = {name: np.full(shape, np.nan) for name in ATTRIBUTES}
    units: dict[str, str] = {}
    seen = set()
    for number, line in read_jsonl(path):
        where = f"{path}, line {number}"
        unknown = [key for key in line if key not in KEYS]
        if unknown:
            raise SmoothieError(f"{where}: no key {unknown[0]!r}; expected {', '.join(KEYS)}")
        candidate, key = line.get("candidate"), line.get("id")
        if not isinstance(candidate, str):
            raise SmoothieError(f"{where}: expected a candidate's name under 'candidate'")
        key = None if key is None else str(key)
        if (candidate, key) in seen:
            of = "" if key is None else f" for id {key!r}"
            raise SmoothieError(f"{where}: {candidate} has two lines{of}")
        seen.add((candidate, key))
        for name in ATTRIBUTES:
            unit = as_text(line.get(f"{name}_unit"), f"{name}_unit", where)
            if unit and units.setdefault(name, unit) != unit:
                raise SmoothieError(f"{where}: {name} in {unit!r}, but above in {units[name]!r}")
            if line.get(name) is None:
                continue
            value = as_score(line[name], where)
            if value < 0:
                raise SmoothieError(f"{where}: {name} must be at least zero, found {value:g}")
            if candidate in columns and key is None:
                general[name][columns[candidate]] = value
            elif candidate in columns and key in rows:
                single[name][rows[key], columns[candidate]] = value
    attributes = {}
    for name in ATTRIBUTES:
        values = np.where(np.isnan(single[name]), general[name], single[name])
        lacking = np.argwhere(np.isnan(values))
        if len(lacking) == values.size:
            continue
        if len(lacking):
            i, j = lacking[0]
            raise SmoothieError(
                f"{path}: no {name} of {problem.candidates[j]} for id {problem.ids[i]!r}; "
                f"give one of every candidate, or of none"
            )
        attributes[name] = values
    return replace(problem, attributes=attributes, units=units)
