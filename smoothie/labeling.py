"""Which inputs to label next, and the file of verdicts that a person gives on them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError, meant, printable, shown
from smoothie.fields import is_finite
from smoothie.posterior import Floats, Preference, fit, standard
from smoothie.storage.files import read_jsonl

if TYPE_CHECKING:
    from smoothie.problem import Problem

ORDERS = ("random", "disagreement", "certainty")


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What was judged so far.

    Attributes
    ----------
    labels : ndarray of shape (N, K)
        Scores, higher is better; NaN where nobody judged.
    preferences : list of Preference
        Which of two texts is better.
    """

    labels: Floats
    preferences: list[Preference] = field(default_factory=list)

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Inputs with any verdict, (N,)."""
        found: NDArray[np.bool_] = np.asarray((~np.isnan(self.labels)).any(axis=1))
        found[[preference.row for preference in self.preferences]] = True
        return found

    def moved(self, rows: NDArray[np.intp]) -> tuple[Floats, list[Preference]]:
        """Labels and preferences of the same inputs in another order, `rows` being their places."""
        labels = np.empty_like(self.labels)
        labels[rows] = self.labels
        return labels, [given._replace(row=int(rows[given.row])) for given in self.preferences]


def no_verdicts(shape: tuple[int, int]) -> Verdicts:
    """Nothing is judged."""
    return Verdicts(np.full(shape, np.nan))


def next_rows(
    support: Floats, verdicts: Verdicts, count: int, order: str = "certainty", seed: int = 0
) -> NDArray[np.intp]:
    """The inputs to label next.

    Parameters
    ----------
    support : ndarray of shape (N, K)
        Of Consensus.
    verdicts : Verdicts
        Judged inputs are left out.
    count : int
        How many; fewer if there are not so many.
    order : {"certainty", "disagreement", "random"}
        Drawn at random; those with the least support on average; those whose best text is the least
        certain by the posterior so far.
    seed : int
        Of random, and of ties.

    Returns
    -------
    ndarray of shape (n,), int
        In the order in which they should be labeled.

    Raises
    ------
    SmoothieError
        If the order is unknown, or a number is too small.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.labeling import next_rows, no_verdicts
    >>> support = np.array([[0.9, 0.9, 0.9], [0.1, 0.2, 0.1], [0.5, 0.4, 0.2]])
    >>> next_rows(support, no_verdicts((3, 3)), 2, "disagreement")
    array([1, 2])
    """
    if order not in ORDERS:
        raise SmoothieError(f"order={order}: {meant(order, ORDERS)}")
    for name, value, least in (("next", count, 1), ("seed", seed, 0)):
        if value < least:
            raise SmoothieError(f"{name}={value}: expected at least {least}")
    rows = np.random.default_rng(seed).permutation(len(support))
    rows = rows[~verdicts.judged[rows]]
    if order == "disagreement":
        rows = rows[np.argsort(support[rows].mean(axis=1), kind="stable")]
    if order == "certainty":
        scaled = standard(support)
        posterior = fit(scaled, verdicts.labels, verdicts.preferences)
        rows = rows[np.argsort(posterior.certainty(scaled[rows]), kind="stable")]
    return rows[:count]


def read_verdicts(path: Path, problem: Problem) -> Verdicts:
    """Read a file of verdicts, JSON Lines; of several on the same text the last one counts.

    A line is `{"id": ..., "model": ..., "score": ...}`, or
    `{"id": ..., "a": ..., "b": ..., "winner": ...}` with the name of one of the two; a "tie" says
    nothing.

    Raises
    ------
    SmoothieError
        In one sentence that names file and line.
    """
    verdicts = no_verdicts(problem.texts.shape)
    rows = {key: row for row, key in enumerate(problem.ids)}
    columns = {name: column for column, name in enumerate(problem.candidates)}
    for number, line in read_jsonl(path):
        where = f"{path}, line {number}"
        row = known(line, "id", rows, where)
        if line.get("winner") == "tie":
            continue
        if "winner" in line:
            pair = [known(line, side, columns, where) for side in ("a", "b")]
            winner = known(line, "winner", columns, where)
            if winner not in pair or pair[0] == pair[1]:
                raise SmoothieError(f"{where}: winner: expected one of two candidates, a or b")
            verdicts.preferences.append(Preference(row, winner, sum(pair) - winner))
            continue
        score = line.get("score")
        if isinstance(score, bool) or not isinstance(score, int | float) or not is_finite(score):
            raise SmoothieError(f"{where}: score: expected a number, found {shown(score)}")
        verdicts.labels[row, known(line, "model", columns, where)] = score
    return verdicts


def known(line: dict[str, Any], key: str, names: dict[str, int], where: str) -> int:
    """The number of a name in a line."""
    name = line.get(key)
    if str(name) not in names:
        hint = "there is no such input" if key == "id" else meant(str(name), list(names))
        raise SmoothieError(f"{where}: {key}={shown(name)}: {hint}")
    return names[str(name)]


def verdict_lines(problem: Problem, row: int, scores: dict[int, float]) -> str:
    """Scores of an input's texts as lines of a file of verdicts."""
    return "".join(
        json.dumps({"id": problem.ids[row], "model": problem.candidates[j], "score": score}) + "\n"
        for j, score in scores.items()
    )


def page(problem: Problem, row: int, place: str) -> str:
    """An input with all answers, numbered, as text for a terminal."""
    parts = [f"--- {place}: {printable(problem.ids[row])}"]
    if problem.input_texts[row].strip():
        parts.append(safe(problem.input_texts[row].strip()))
    for j, (name, text) in enumerate(zip(problem.candidates, problem.texts[row], strict=True)):
        parts.append(f"[{j + 1}] {printable(name)}\n{safe(text.strip())}")
    return "\n\n".join(parts) + "\n"


def safe(text: str) -> str:
    """A text of a model as a terminal may show it: line breaks stay, control characters do not."""
    return "\n".join(printable(line) for line in text.splitlines())


def ask(
    problem: Problem, rows: NDArray[np.intp], say: Callable[[str], object], hear: Callable[[], str]
) -> Iterator[str]:
    """Ask for the best answers to some inputs.

    Parameters
    ----------
    problem : Problem
    rows : ndarray of shape (n,), int
    say, hear : callable
        Write a text to a terminal, read a line from it (empty at its end).

    Yields
    ------
    str
        Lines for the file of verdicts after each input: 1 for the texts that were named, 0 for the
        others. No line for an input that was skipped.
    """
    say(QUESTION)
    for place, row in enumerate(rows, start=1):
        say(page(problem, int(row), f"{place} of {len(rows)}"))
        while True:
            say("best (numbers, 0 for none, s to skip, q to stop): ")
            line = hear()
            if not line or line.strip() == "q":
                return
            if line.strip() == "s":
                break
            best = numbers_of(line, len(problem.candidates))
            if best is not None:
                given = {j: float(j + 1 in best) for j in range(len(problem.candidates))}
                yield verdict_lines(problem, int(row), given)
                break


QUESTION = "Which answers are right, or the best? Several numbers are all as good.\n\n"


def numbers_of(line: str, most: int) -> set[int] | None:
    """Numbers in a line, such as "1 3" or "1,3"; None if it holds anything else."""
    words = line.replace(",", " ").split()
    if not words or not all(word.isdecimal() and int(word) <= most for word in words):
        return None
    return {int(word) for word in words} - {0}
