"""All that is odd about a problem."""

import logging
from collections.abc import Callable

from smoothie.inspection.copies import copies
from smoothie.inspection.coverage import coverage
from smoothie.inspection.findings import Finding
from smoothie.inspection.shuffled import shuffled
from smoothie.inspection.texts import blanks, languages, lengths, refusals
from smoothie.problem import Problem

log = logging.getLogger(__name__)

BEFORE_RUNS: tuple[Callable[[Problem], list[Finding]], ...] = (blanks, copies, shuffled, languages)
WHEN_ASKED = (*BEFORE_RUNS, refusals, lengths, coverage)


def inspect(problem: Problem, all_of_them: bool = True) -> list[Finding]:
    """What is odd about the texts that are scored and returned: of several generations, the first.

    Parameters
    ----------
    problem : Problem
    all_of_them : bool
        Also what is seldom a mistake, such as refusals and texts of different lengths.

    Notes
    -----
    O(N K b) for texts of b bytes, most of it in samples of the inputs: seconds for 100,000 texts.

    Examples
    --------
    >>> from smoothie.problem import Input, assemble
    >>> said = {"a": {"q1": "4", "q2": ""}, "b": {"q1": "five", "q2": "6"}}
    >>> for finding in inspect(assemble("sums", [Input("q1"), Input("q2")], said)):
    ...     print(finding.kind, "|", finding.odd, "|", *finding.ids)
    blank | blank texts: a on 1 of 2 inputs | q2
    """
    found: list[Finding] = []
    for check in WHEN_ASKED if all_of_them else BEFORE_RUNS:
        found += check(problem)
        if found and found[0].odd.startswith("all "):  # nothing else is worth saying
            break
    return found


def warn_about_texts(problem: Problem) -> None:
    """Warn of what is likely a mistake, before anything is encoded or scored."""
    for finding in inspect(problem, all_of_them=False):
        log.warning("%s: %s", problem.name, finding)
