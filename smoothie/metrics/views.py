r"""Views: functions that take the answer from a text, to compare texts by it.

Solutions of the same problem may share hardly a word and yet agree. Where texts end in an answer,
they should be compared by that answer. A view takes it from a text, or finds none; texts with equal
answers agree, and a text without an answer agrees with no other.
"""

import re
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.metrics import numbers
from smoothie.metrics.final import final_answer, may_say, option_letter, read_answer
from smoothie.metrics.numbers import shortest
from smoothie.metrics.qa import normalize_answer

View = Callable[[str], str | None]

SAYING = 1 / 4  # share of the texts of an input that say what their answer is
LOOKED_AT = 100  # inputs checked to decide whether texts end in answers


def final_number(text: str) -> str | None:
    """The number that a text ends in (`smoothie.metrics.numbers`), in its shortest form.

    Examples
    --------
    >>> from smoothie.metrics.views import final_number
    >>> final_number("6 times 12 is 72.0, answer: 72.0")
    '72'
    """
    number = numbers.final_number(text)
    return None if number is None else shortest(number)


def first_line(text: str) -> str | None:
    r"""The first line that is not blank, without white space around it.

    Examples
    --------
    >>> from smoothie.metrics.views import first_line
    >>> first_line("\n  Paris \nQuestion: next")
    'Paris'
    """
    return whole_text(text.strip().partition("\n")[0])


def short_answer(text: str) -> str | None:
    """The text as SQuAD compares answers (`smoothie.metrics.qa.normalize_answer`).

    Examples
    --------
    >>> from smoothie.metrics.views import short_answer
    >>> short_answer("The Eiffel Tower.")
    'eiffel tower'
    """
    return normalize_answer(text) or None


def whole_text(text: str) -> str | None:
    """The text without white space around it.

    Examples
    --------
    >>> from smoothie.metrics.views import whole_text
    >>> whole_text("  Paris ")
    'Paris'
    """
    return text.strip() or None


VIEWS: dict[str, View] = {
    "final_answer": final_answer,
    "final_number": final_number,
    "option_letter": option_letter,
    "first_line": first_line,
    "short_answer": short_answer,
    "text": whole_text,
}
REGEX = "regex"  # the view that takes a pattern
MATH = "math"  # compares pairs: smoothie.metrics.mathematics


def make_view(name: str, pattern: str | None = None) -> View:
    r"""The view of a name.

    Parameters
    ----------
    name : str
        One of `VIEWS`, or "regex".
    pattern : str, optional
        For "regex": the answer is the first matching group of the first match of this regular
        expression, or the whole match if there is none.

    Raises
    ------
    SmoothieError
        If the name is unknown, or the pattern is missing, unexpected or not a regular expression.

    Examples
    --------
    >>> from smoothie.metrics.views import make_view
    >>> make_view("regex", r"It is (\w+)")("It is green today")
    'green'
    """
    if name != REGEX:
        if name not in (*VIEWS, MATH):
            raise SmoothieError(f"view={name}: expected one of {', '.join([*VIEWS, MATH, REGEX])}")
        if pattern is not None:
            raise SmoothieError(f"pattern={pattern} needs view={REGEX}, found view={name}")
        if name == MATH:
            raise SmoothieError(
                f"view={MATH} is no view of one text: it compares those of an input"
            )
        return VIEWS[name]
    if pattern is None:
        raise SmoothieError(f"view={REGEX} needs a pattern, such as pattern='Answer: (.*)'")
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise SmoothieError(f"pattern={pattern}: not a regular expression ({error})") from error

    def matched(text: str) -> str | None:
        found = compiled.search(text)
        if found is None:
            return None
        groups = [group for group in found.groups() if group is not None]
        return whole_text([*groups, found[0]][0])

    return matched


def view_answers(texts: NDArray[np.object_], view: View) -> NDArray[np.intp]:
    """Number the answers of texts.

    Parameters
    ----------
    texts : ndarray of shape (N, K), object
    view : callable
        From a text to its answer, or None; called once for each distinct text.

    Returns
    -------
    ndarray of shape (N, K)
        Equal for equal answers; negative, and different for each text, where there is none.
    """
    answers = {text: view(text) for text in dict.fromkeys(texts.ravel())}
    numbers: dict[str, int] = {}
    result = np.empty(texts.shape, dtype=np.intp)
    for place, text in enumerate(texts.ravel()):
        answer = answers[text]
        result.flat[place] = -1 - place if answer is None else numbers.setdefault(answer, place)
    return result


def final_answers(texts: NDArray[np.object_], share: float) -> NDArray[np.intp]:
    """Final answers as `view_answers` numbers them; none where texts do not end in answers.

    That is decided input by input, so that mathematics and prose may be in one set. Texts of an
    input are compared by their answers if two of them, and a quarter, say what their answer is
    (`smoothie.metrics.final.says_answer`). Prose often ends in a number that is none: so the other
    inputs are compared by their answers only if most of their texts have one.

    Parameters
    ----------
    texts : ndarray of shape (N, K), object
    share : float
        As many texts of inputs where few say what their answer is must have one, for these inputs
        to be compared; up to 100 of them, evenly spread, are checked.

    Returns
    -------
    ndarray of shape (N, K)
        Negative for all texts of an input that is not compared.
    """
    flat = texts.ravel().tolist()
    maybe = [place for place, text in enumerate(flat) if may_say(text)]
    read = {flat[place]: read_answer(flat[place]) for place in maybe}
    says = np.zeros(texts.size, dtype=bool)
    says[maybe] = [read[flat[place]][1] for place in maybe]
    compared = says.reshape(texts.shape).sum(axis=1) >= max(2, SAYING * texts.shape[1])
    if not compared.all() and mostly_answered(texts[~compared], share):
        compared[:] = True
    result = -1 - np.arange(texts.size, dtype=np.intp).reshape(texts.shape)
    found = view_answers(texts[compared], lambda text: (read.get(text) or read_answer(text))[0])
    result[compared] = np.where(found >= 0, found, result[compared])
    return result


def mostly_answered(texts: NDArray[np.object_], share: float) -> bool:
    """Whether a share of texts (N, K) has an answer, by up to 100 inputs."""
    rows = np.unique(np.linspace(0, len(texts) - 1, LOOKED_AT).astype(np.intp))
    spare = (1 - share) * texts[rows].size  # texts that need not have one
    for text in texts[rows].ravel():
        spare -= final_answer(text) is None
        if spare < 0:
            return False
    return True
