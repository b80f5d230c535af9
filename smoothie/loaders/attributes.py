"""Costs and latencies of texts: candidates.jsonl of a local folder."""

import logging
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from smoothie.errors import SmoothieError, printable, shown
from smoothie.fields import as_id, as_name, as_score
from smoothie.loaders.base import check_known
from smoothie.problem import Problem
from smoothie.storage.files import is_there, read_jsonl

log = logging.getLogger(__name__)

ATTRIBUTES = ("cost", "latency")
KEYS = ("candidate", "id", *ATTRIBUTES, *(f"{name}_unit" for name in ATTRIBUTES))


def add_attributes(
    problem: Problem,
    path: Path,
    known: tuple[Collection[str], Collection[str]],
    unknown: str = "error",
) -> Problem:
    """Add costs and latencies to a problem, if the file exists.

    Parameters
    ----------
    problem : Problem
        Its candidates and inputs are looked up.
    path : Path
        JSON Lines: a candidate, its cost and latency (numbers of at least zero) and their units
        (any text). A line without an id applies to every input; one with an id applies to that
        input and takes precedence.
    known : (collection, collection) of str
        All candidates and ids of the dataset, including those that are not routed.
    unknown : {"error", "ignore"}
        What to do about lines of other candidates or ids.

    Raises
    ------
    SmoothieError
        If a line is invalid or repeats an earlier one, an attribute is given for some texts of the
        problem and not for all, or lines name something unknown and `unknown` is "error".
    """
    if not is_there(path):
        return problem
    lines, units = read_attributes(path)
    ids = (key for _, key in lines if key is not None)
    check_known(path, "costs", (name for name, _ in lines), ids, known, unknown)
    if not lines:
        log.warning("%s: holds no costs and is ignored", printable(path))
    columns = {name: j for j, name in enumerate(problem.candidates)}
    rows = {key: i for i, key in enumerate(problem.ids)}
    attributes = {}
    for name in ATTRIBUTES:
        values = np.full(problem.texts.shape, np.nan)
        general_first = sorted(lines, key=lambda line: line[1] is not None)
        for candidate, key in general_first:
            value = lines[candidate, key].get(name)
            if value is not None and candidate in columns and (key is None or key in rows):
                values[slice(None) if key is None else rows[key], columns[candidate]] = value
        lacking = np.argwhere(np.isnan(values))
        if len(lacking) == values.size:
            continue
        if len(lacking):
            i, j = lacking[0]
            raise SmoothieError(
                f"{path}: no {name} of {problem.candidates[j]} for id {shown(problem.ids[i])}; "
                f"give one of every candidate, or of none"
            )
        attributes[name] = values
    return replace(problem, attributes=attributes, units=units)


def read_attributes(
    path: Path,
) -> tuple[dict[tuple[str, str | None], dict[str, float]], dict[str, str]]:
    """Read candidates.jsonl.

    Returns
    -------
    dict of (candidate, id or None) -> attribute -> number
        What the lines say.
    dict of attribute -> unit
    """
    lines: dict[tuple[str, str | None], dict[str, float]] = {}
    units: dict[str, str] = {}
    for number, line in read_jsonl(path):
        where = f"{path}, line {number}"
        extra = [key for key in line if key not in KEYS]
        if extra:
            raise SmoothieError(f"{where}: no key {shown(extra[0])}; expected {', '.join(KEYS)}")
        candidate, key = line.get("candidate"), line.get("id")
        if not isinstance(candidate, str):
            raise SmoothieError(f"{where}: expected a candidate's name under 'candidate'")
        key = None if key is None else as_id(key, where)
        if (candidate, key) in lines:
            of = "" if key is None else f" for id {shown(key)}"
            raise SmoothieError(f"{where}: {candidate} has two lines{of}")
        values = lines[candidate, key] = {}
        for name in ATTRIBUTES:
            unit = as_name(line.get(f"{name}_unit"), f"{name}_unit", where)
            if unit and units.setdefault(name, unit) != unit:
                raise SmoothieError(
                    f"{where}: {name} in {shown(unit)}, but above in {shown(units[name])}"
                )
            if line.get(name) is not None:
                values[name] = as_score(line[name], where, name)
                if values[name] < 0:
                    raise SmoothieError(
                        f"{where}: {name} must be at least zero, found {values[name]:g}"
                    )
    return lines, units
