"""What was understood of a file of answers, what is odd, what follows, and what to run."""

from collections.abc import Callable

import numpy as np

from smoothie.encoders.tokens import Reading, reading, seconds_to_encode, truncated
from smoothie.errors import SmoothieError, printable
from smoothie.inspection.checks import inspect
from smoothie.inspection.findings import Finding, listed
from smoothie.problem import Problem

DEFAULT = "minilm"  # the encoder that is used where no other is named
FEWEST_CANDIDATES = 3


def checked(
    problem: Problem, encoder: str | None, command: Callable[[bool], str] | None = None
) -> str:
    """All that `smoothie check` says.

    Parameters
    ----------
    problem : Problem
    encoder : str, optional
        Take the time that it needs for the texts here; by default tokens are counted alone, and
        only where the encoder is on this machine.
    command : callable of bool -> str, optional
        The command that routes these answers, and leaves incomplete inputs out if True is given.

    Raises
    ------
    SmoothieError
        If an encoder is named that is not there.
    """
    findings = [*missing(problem), *inspect(problem)]
    read = reading(problem, encoder or DEFAULT)
    if read is not None:
        findings += truncated(problem, read)
    parts = [describe(problem), encoding(problem, read, encoder), odd(findings)]
    if len(problem.candidates) < FEWEST_CANDIDATES:
        parts.append(f"next: add candidates, methods need at least {FEWEST_CANDIDATES}\n")
    elif command is not None:
        parts.append(f"next: {command(problem.source_rows > len(problem.inputs))}\n")
    return "".join(parts)


def describe(problem: Problem) -> str:
    """What a problem holds, in a few lines."""
    rows, candidates = problem.texts.shape
    lengths = [sum(map(len, column)) / rows for column in problem.texts.T]
    named = ", ".join(
        f"{name} ({length:.0f} characters)"
        for name, length in zip(problem.candidates, lengths, strict=True)
    )
    tasks = [task for task in dict.fromkeys(problem.tasks) if task]
    with_references = sum(bool(item.references) for item in problem.inputs)
    labeled = 0 if problem.labels is None else int(np.isfinite(problem.labels).sum())
    lines = [
        f"{rows} inputs, {candidates} candidates: {named}",
        f"input texts: {sum(bool(text.strip()) for text in problem.input_texts)} of {rows}",
        f"tasks: {', '.join(tasks) or 'none named'}",
        f"references: {with_references} of {rows} inputs",
        f"labels: {labeled} of {rows * candidates} answers",
    ]
    if problem.more_texts is not None:
        lines.append(f"generations of each: {1 + problem.more_texts.shape[2]}, the first is routed")
    if problem.attributes:
        lines.append(f"known of each answer: {', '.join(problem.attributes)}")
    return "\n".join(lines) + "\n"


def missing(problem: Problem) -> list[Finding]:
    """Inputs that were left out because a candidate has no answer to them."""
    lost = problem.source_rows - len(problem.inputs)
    if not lost:
        return []
    return [
        Finding(
            "missing",
            f"{lost} of {problem.source_rows} inputs lack an answer of some candidate",
            "they are refused unless they are left out with --missing drop_inputs, or those "
            "candidates with --missing drop_candidates; what follows is about the others",
        )
    ]


def encoding(problem: Problem, read: Reading | None, encoder: str | None) -> str:
    """What encoding takes, where the encoder is known here."""
    if read is None:
        if encoder is None:
            return ""
        raise SmoothieError(
            f"--encoder {encoder}: not on this machine, so that nothing can be counted; the first "
            f"smoothie route --encoder {encoder} fetches it"
        )
    line = f"encoding: {read.texts} distinct texts, about {read.tokens} tokens with {read.name}"
    if encoder is None:
        return f"{line} (--encoder {read.name} takes the time)\n"
    return f"{line}, {duration(seconds_to_encode(problem, read))} here unless they are cached\n"


def duration(seconds: float) -> str:
    """A time in a unit that fits.

    Examples
    --------
    >>> duration(0.2), duration(90), duration(9000)
    ('about 1 s', 'about 90 s', 'about 150 min')
    """
    if seconds < 100:
        return f"about {max(1, round(seconds))} s"
    return f"about {round(seconds / 60)} min" if seconds < 10000 else f"{seconds / 3600:.1f} h"


def odd(findings: list[Finding]) -> str:
    """A line for each finding."""
    if not findings:
        return "nothing odd was found\n"
    lines = "".join(f"  - {printable(finding)}\n" for finding in findings)
    return f"odd ({listed(list(dict.fromkeys(f.kind for f in findings)))}):\n{lines}"
