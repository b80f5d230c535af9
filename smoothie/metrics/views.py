r"""Views: functions that take the answer from a text, to compare texts by it.

Solutions of the same problem may share hardly a word and yet agree. Where texts end in an answer,
they should be compared by that answer. A view takes it from a text, or finds none; texts with equal
answers agree, and a text without an answer agrees with no other.
"""

import re
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.metrics import numbers
from smoothie.metrics.delimited import (
    canonical,
    delimited_answer,
    literal,
    plain_latex,
    value_of,
)
from smoothie.metrics.numbers import shortest
from smoothie.metrics.qa import normalize_answer
from smoothie.metrics.values import NUMBER, number_form, value_around

View = Callable[[str], str | None]

MARKERS = [  # words one of which a text must contain, and a pattern for the rest of the line
    (word, other, re.compile(pattern))
    for word, other, pattern in (
        ("\\boxed", "\\boxed", r"\\boxed\s*\{(?:\\text\s*\{)?([^{}\n]*)"),  # \boxed{72}
        ("####", "####", r"####([^\n]*)"),  # #### 72
        # the answer is (B), Answer: 72
        ("nswer", "NSWER", r"(?:nswer|NSWER)\b[^.:\n]{0,30}?(?:\bis\b|:)([^\n]*)"),
        ("option is", "choice is", r"(?:option|choice) is\b([^\n]*)"),  # the best option is (B)
        ("A:", "A:", r"\n\s*A:([^\n]*)"),  # A: 72
    )
]
SIGNS = ["[[", *dict.fromkeys(sign for *both, _ in MARKERS for sign in both)]
# After a marker, any letter that stands alone: (b), b), B
OPTION_IN_MARKED = re.compile(r"(?<![\w'])(?:\(([A-Ha-h])\)|([A-H])(?![\w'])|([a-h])\))")
# Elsewhere, a letter might be a word: (B), B. or B: after a space, or nothing but the letter
OPTION_IN_SENTENCE = re.compile(r"\(([A-Ha-h])\)|(?<!\S)([A-H])(?=[).:])|^([A-H])$")
IN_MARKED = re.compile(rf"{OPTION_IN_MARKED.pattern}|({NUMBER})")
IN_SENTENCE = re.compile(rf"{OPTION_IN_SENTENCE.pattern}|({NUMBER})")
SEVERAL = re.compile(rf"{NUMBER}(?:\s*[,;]\s*{NUMBER})+(?=\W*$)")  # 1, 2, 3
FORMULA = re.compile(r"\$([^$]+)\$(?!\d)|\\\((.+?)\\\)")
WORDS = re.compile(r"[\w'-]+(?: [\w'-]+){0,4}(?=\W*$|[.,;:)])")
PAUSE = re.compile(r"\s+(?=\S)")
BARE = 40  # characters of a text that may be nothing but a number, a date or an option
LINE = 200  # characters of a line that are read as a literal or a formula
LOOKED_AT_FIRST = 8  # characters at the end of a sentence
SAYING = 1 / 4  # share of the texts of an input that say what their answer is
LOOKED_AT = 100  # inputs checked to decide whether texts end in answers
REMEMBERED = 8192  # texts: a sample of a set whose answers are asked for again and again


def final_answer(text: str) -> str | None:
    r"""The answer that a text ends in, or None.

    In order: what stands between the last delimiters ``[[...]]``, ``\boxed{...}`` or in a field
    "answer" of JSON (`smoothie.metrics.delimited`); what follows the last "####", "answer is",
    "answer:", "option is", "choice is" or "A:": a literal of Python, a formula, the first number,
    date or option, else up to five words; the last number, date or option in the last sentence; one
    that the text begins with.

    Returns
    -------
    str or None
        A capital letter from A to H; a number in one form (`smoothie.metrics.values`), so that
        equal numbers are equal, without its unit; a date; a literal of Python; or words in lower
        case.

    Examples
    --------
    >>> from smoothie.metrics.views import final_answer
    >>> final_answer("2 + 2 = 4, so the answer is (B) 4.0"), final_answer("That makes 72.0.")
    ('B', '72')
    >>> final_answer("It is March 3, 2024"), final_answer("The answer is $\\frac{3}{4}$.")
    ('2024-03-03', '0.75')
    >>> final_answer("I cannot tell") is None
    True
    """
    return read_answer(text)[0]


@lru_cache(maxsize=REMEMBERED)
def read_answer(text: str) -> tuple[str | None, bool]:
    """The final answer, and whether the text says that it is one: by delimiters or a marker.

    A text that is nothing but an option, a number or a date says so, too.
    """
    text = text.strip()
    if (delimited := delimited_answer(text)) is not None:
        return delimited, True
    if len(text) <= BARE and (value := value_of(text)):
        return value, True
    found = None
    if marked := marked_line(text):
        if value := whole_value(marked):
            return value, True
        found = IN_MARKED.search(plain_latex(marked) if "\\" in marked else marked)
        if found is None and (words := WORDS.match(marked.strip(" \t*:\"'"))):
            return canonical(words[0]), True
    found, says = found or last_match(IN_SENTENCE, text), found is not None
    return (None if found is None else form_of(found)), says


def form_of(found: re.Match[str]) -> str:
    """The option, number or date that was found."""
    *letters, number = found.groups()
    if number is None:
        return next(str(letter) for letter in letters if letter).upper()
    start, stop = found.span(found.re.groups)
    return value_around(found.string, start, stop) or number_form(number)


def whole_value(marked: str) -> str | None:
    """The literal, the formula or the list of numbers that a line begins with, or None."""
    line = marked.strip(" \t*:\"'`")[:LINE]
    if formula := FORMULA.match(line):
        return canonical(formula[1] or formula[2])
    if line[:1] in ("[", "{", "("):
        stops = (place + 1 for place, letter in enumerate(line) if letter in "]})")
        return next(filter(None, (literal(line[:stop]) for stop in stops)), None)
    if found := SEVERAL.match(line):
        return canonical(found[0])
    return None


def option_letter(text: str) -> str | None:
    """The letter, A to H, of the option that a text ends in, or None.

    It is searched for where `final_answer` searches, but numbers and words are skipped.

    Examples
    --------
    >>> from smoothie.metrics.views import option_letter
    >>> option_letter("Of the 3 options, the best option is (c)")
    'C'
    """
    found = OPTION_IN_MARKED.search(marked_line(text))
    found = found or last_match(OPTION_IN_SENTENCE, text.strip())
    return None if found is None else next(str(x) for x in found.groups() if x).upper()


def marked_line(text: str) -> str:
    """What follows the last marker of an answer, to the end of its line; empty if none is there."""
    marks = [
        mark
        for word, other, marker in MARKERS
        if word in text or other in text  # much faster than the pattern
        for mark in marker.finditer("\n" + text.strip())
    ]
    return max(marks, key=lambda mark: mark.start())[1] if marks else ""


def last_match(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The last match in the last sentence of a text, else one that the text begins with.

    No match may span white space: so the end of a long sentence is searched first.
    """
    sentence = last_sentence(text.rpartition("\n")[2])
    end = sentence.rfind(" ", 0, max(0, len(sentence) - LOOKED_AT_FIRST)) + 1
    for start in (end, 0):
        *_, found = [None, *pattern.finditer(sentence, start)]
        if found:
            return found
    return pattern.match(text)


def last_sentence(line: str) -> str:
    """What follows the last full stop, exclamation or question mark with white space behind it."""
    stop = len(line)
    while (stop := max(line.rfind(mark, 0, stop) for mark in ".!?")) >= 0:
        if pause := PAUSE.match(line, stop + 1):
            return line[pause.end() :]
    return line


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
        if name not in VIEWS:
            raise SmoothieError(f"view={name}: expected one of {', '.join([*VIEWS, REGEX])}")
        if pattern is not None:
            raise SmoothieError(f"pattern={pattern} needs view={REGEX}, found view={name}")
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
    (`says_answer`). Prose often ends in a number that is none: the other inputs are compared by
    their answers only if most of their texts have one.

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
    candidates = texts.shape[1]
    saying = np.fromiter(map(says_answer, texts.ravel()), bool, texts.size).reshape(texts.shape)
    compared = saying.sum(axis=1) >= max(2, SAYING * candidates)
    if not compared.all() and mostly_answered(texts[~compared], share):
        compared[:] = True
    result = -1 - np.arange(texts.size, dtype=np.intp).reshape(texts.shape)
    found = view_answers(texts[compared], final_answer)
    result[compared] = np.where(found >= 0, found, result[compared])
    return result


def says_answer(text: str) -> bool:
    r"""Whether a text says what its answer is: by delimiters, a marker, or nothing but an answer.

    Examples
    --------
    >>> from smoothie.metrics.views import says_answer
    >>> [says_answer(text) for text in ("The answer is 7", r"\boxed{7}", "7 km", "It was in 1907.")]
    [True, True, True, False]
    """
    looked_at = len(text) <= BARE or any(sign in text for sign in SIGNS)  # most of prose is not
    return looked_at and read_answer(text)[1]


def mostly_answered(texts: NDArray[np.object_], share: float) -> bool:
    """Whether a share of texts (N, K) has an answer, by up to 100 inputs."""
    rows = np.unique(np.linspace(0, len(texts) - 1, LOOKED_AT).astype(np.intp))
    spare = (1 - share) * texts[rows].size  # texts that need not have one
    for text in texts[rows].ravel():
        spare -= final_answer(text) is None
        if spare < 0:
            return False
    return True
