r"""Answers of mathematics, equal where math-verify finds them equal: 2\sqrt{3} and \sqrt{12}.

Equality is asked of pairs of answers to the same input, and never between inputs. Neither is it
transitive there (0.33 may equal both 1/3 and 0.3300001), so that what counts is its transitive
closure: two answers are one if a chain of equal ones leads from each to the other. Answers that
`smoothie.metrics.final.final_answer` reads alike are equal, whatever math-verify finds.
"""

import json
import logging
import re
import select
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.metrics.delimited import literal, plain_latex, undelimited
from smoothie.metrics.final import FORMULA, final_answer, marked_line
from smoothie.optional import require

log = logging.getLogger(__name__)

WORKER = Path(__file__).with_name("math_worker.py")
LONGEST = 200  # characters of a formula
START, PATIENCE = 120, 3  # seconds until the first answer, and until each other one
MOST_LATE = 10  # pairs that take longer, before no more are compared
COMMAND = re.compile(
    r"\\[a-zA-Z]+|\b(?:sin|cos|tan|log|ln|exp|sqrt|min|max|arcsin|arccos|arctan)\b"
)
WORD = re.compile(r"[^\W\d_]{3}")  # letters in a row would be read as a product


def view_mathematics(texts: NDArray[np.object_]) -> NDArray[np.intp]:
    r"""Number the answers of texts, alike where math-verify finds them equal.

    Parameters
    ----------
    texts : ndarray of shape (N, K), object

    Returns
    -------
    ndarray of shape (N, K)
        Within an input, equal for equal answers; negative, and different for each text, where there
        is none.

    Raises
    ------
    SmoothieError
        If math-verify is missing.

    Notes
    -----
    Up to K (K - 1) / 2 comparisons an input, of milliseconds each, in a process of its own, which
    is ended if one takes longer than three seconds: that pair is unequal. After ten such pairs no
    more are compared, and a warning is logged. Formulas are parsed and not run as code; those of
    more than 200 characters, words, and pairs of integers or of literals are not sent at all.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.metrics.mathematics import view_mathematics
    >>> texts = np.array([[r"\\boxed{2\\sqrt{3}}", r"It is $\\sqrt{12}$.", "The answer is 3."]])
    >>> view_mathematics(texts.astype(object))  # doctest: +SKIP
    array([[0, 0, 2]])
    """
    result = np.empty(texts.shape, dtype=np.intp)
    with Verifier() as verifier:
        for row, of_input in enumerate(texts):
            answers = [final_answer(text) for text in of_input]
            formulas: dict[str, dict[str, None]] = defaultdict(
                dict
            )  # in which an answer is written
            for text, answer in zip(of_input, answers, strict=True):
                if answer is not None:
                    formulas[answer][formula_of(text, answer)] = None
            joined = classes({key: list(of) for key, of in formulas.items()}, verifier.equal)
            for column, answer in enumerate(answers):
                place = row * texts.shape[1] + column
                first = None if answer is None else answers.index(joined[answer])
                result[row, column] = -1 - place if first is None else place - column + first
    return result


def formula_of(text: str, answer: str) -> str:
    """The final answer as the text writes it, where that is known; else its one form."""
    inside = undelimited(text)
    if inside is not None:
        inside = inside.strip(" \n$")
        is_set = inside.startswith("{") and inside.endswith("}")  # braces of LaTeX are no set
        return f"\\{{{inside[1:-1]}\\}}" if is_set else inside
    line = marked_line(text) or text.strip().rpartition("\n")[2]
    formulas = list(FORMULA.finditer(line))
    if formulas and len(line) <= 10 * LONGEST:
        chosen = formulas[0 if marked_line(text) else -1]
        return str(chosen[1] or chosen[2]).strip()
    return answer


def classes(formulas: dict[str, list[str]], equal: Callable[[str, str], bool]) -> dict[str, str]:
    """For each answer, one of its class; classes are those of the transitive closure.

    Parameters
    ----------
    formulas : dict
        How each answer is written.
    equal : callable
        Of two formulas.
    """
    one_of = {answer: answer for answer in formulas}
    for one, other in combinations(formulas, 2):
        if one_of[one] == one_of[other] or (is_decided(one) and is_decided(other)):
            continue
        pairs = ((a, b) for a in formulas[one] for b in formulas[other])
        if any(equal(a, b) for a, b in pairs):
            kept, dropped = one_of[one], one_of[other]
            one_of = {answer: kept if of == dropped else of for answer, of in one_of.items()}
    return one_of


def is_decided(answer: str) -> bool:
    """Whether an answer is equal to others like it in one form: an integer, a literal of Python."""
    return answer.removeprefix("-").isdigit() or literal(answer) is not None


def is_formula(text: str) -> bool:
    """Whether math-verify is to read a text: neither long nor words, which it reads as products."""
    if not 0 < len(text) <= LONGEST or "$" in text:
        return False
    return WORD.search(COMMAND.sub(" ", plain_latex(text))) is None


class Verifier:
    """A process that compares formulas, started when there is something to compare."""

    def __init__(self) -> None:
        require("math_verify", "view=math")
        self.process: subprocess.Popen[bytes] | None = None
        self.known: dict[tuple[str, str], bool] = {}
        self.late = 0

    def __enter__(self) -> "Verifier":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def equal(self, one: str, other: str) -> bool:
        """Whether two formulas are equal; unequal if that cannot be told in time."""
        if not (is_formula(one) and is_formula(other)):
            return False
        pair = (min(one, other), max(one, other))
        if pair not in self.known:
            self.known[pair] = self.late < MOST_LATE and self.ask(pair)
        return self.known[pair]

    def ask(self, pair: tuple[str, str]) -> bool:
        """Send a pair to the process; end it if it takes too long, or is gone."""
        process = self.process or self.start()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(pair).encode() + b"\n")
            said = reply(process, PATIENCE)
        except BrokenPipeError:
            said = b""
        if said:
            return said == b"1\n"
        self.stop()
        self.late += 1
        log.warning("view=math: %s and %s took too long to compare", *(f"{x!r:.60}" for x in pair))
        if self.late == MOST_LATE:
            log.warning("view=math: the rest is compared without math-verify")
        return False

    def start(self) -> subprocess.Popen[bytes]:
        """Start the process and wait until it is ready."""
        # -P: the folder of the worker has modules with names of standard ones
        command = [sys.executable, "-P", str(WORKER)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(  # noqa: S603 - a file of this package
            command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, bufsize=0
        )
        if not reply(self.process, START):
            self.stop()
            raise SmoothieError(f"view=math: the process that compares did not start: {command}")
        return self.process

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def reply(process: subprocess.Popen[bytes], seconds: float) -> bytes:
    """A line that a process writes; nothing if none comes in time."""
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    return process.stdout.readline() if ready else b""
