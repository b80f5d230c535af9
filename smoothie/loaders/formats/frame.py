"""A DataFrame, of whatever columns -> a problem."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from smoothie.loaders.base import choose_candidates
from smoothie.loaders.formats import router_bench
from smoothie.loaders.formats.base import Wanted
from smoothie.loaders.tables import find_columns, problem_of_table
from smoothie.problem import Problem

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)


def problem_of_frame(table: pd.DataFrame, name: str, where: str, wanted: Wanted) -> Problem:
    """A wide or long table, or one of RouterBench, as its columns tell."""
    columns = [str(column) for column in table.columns]
    if router_bench.models_of(columns):
        log.info("%s: a table of RouterBench", where)
        return router_bench.problem_of_frame(table, name, where, wanted)
    names = wanted.candidates
    found = find_columns(columns, wanted.columns, None, where) if names else None
    if found is not None and found.is_long and not set(names or ()) <= set(columns):
        log.info("%s: %s", where, found)
        problem = problem_of_table(table, name, found, wanted.missing, where)
        return problem.select(choose_candidates(problem.candidates, names, where))
    found = find_columns(columns, wanted.columns, names, where)
    log.info("%s: %s", where, found)
    return problem_of_table(table, name, found, wanted.missing, where)
