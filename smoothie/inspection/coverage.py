"""Inputs, references and labels that are there for some only."""

import numpy as np

from smoothie.inspection.findings import Finding, examples, listed
from smoothie.inspection.texts import is_blank
from smoothie.problem import Problem

REPEATED = 0.01  # share of inputs from which repeated ones are told


def coverage(problem: Problem) -> list[Finding]:
    """What is missing for some inputs or some candidates."""
    return [*missing_inputs(problem), *missing_references(problem), *missing_labels(problem)]


def missing_inputs(problem: Problem) -> list[Finding]:
    """Inputs without a text, where others have one; and inputs that occur several times."""
    rows = len(problem.inputs)
    blank = np.array([is_blank(text) for text in problem.input_texts])
    found = []
    if blank.any() and not blank.all():
        found.append(
            Finding(
                "inputs",
                f"{blank.sum()} of {rows} inputs have no text",
                "methods that look for similar inputs take them to be equal; fill them in",
                examples(problem.ids, np.flatnonzero(blank)),
                serious=False,
            )
        )
    first: dict[str, int] = {}
    again = [
        i for i, t in enumerate(problem.input_texts) if t.strip() and first.setdefault(t, i) != i
    ]
    if len(again) >= REPEATED * rows and again:
        found.append(
            Finding(
                "inputs",
                f"{len(again)} of {rows} inputs have the text of an earlier one",
                "each counts as an input of its own, and intervals are narrower than they should "
                "be; leave them out unless they are meant",
                examples(problem.ids, again),
                serious=False,
            )
        )
    return found


def missing_references(problem: Problem) -> list[Finding]:
    """Inputs without references, where others have some."""
    lacking = np.array([not item.references for item in problem.inputs])
    if lacking.all() or not lacking.any():
        return []
    return [
        Finding(
            "references",
            f"{lacking.sum()} of {len(lacking)} inputs have no reference",
            "they are routed, but references score the others alone",
            examples(problem.ids, np.flatnonzero(lacking)),
            serious=False,
        )
    ]


def missing_labels(problem: Problem) -> list[Finding]:
    """Candidates with fewer labels than others."""
    if problem.labels is None:
        return []
    given = np.isfinite(problem.labels)
    counts = given.sum(axis=0)
    if not given.any() or given.all():
        return []
    rows = len(given)
    fewest = [int(j) for j in np.argsort(counts, kind="stable") if counts[j] < rows]
    named = [f"{problem.candidates[j]} on {counts[j]}" for j in fewest]
    return [
        Finding(
            "labels",
            f"labels of some answers only: of {rows} inputs, {listed(named)}",
            "every score is of the inputs that have its labels, and comparisons are of fewer "
            f"inputs (all of a row: {given.all(axis=1).sum()}); label the others, too",
            examples(problem.ids, np.flatnonzero(~given[:, fewest[0]])),
            serious=False,
        )
    ]
