r"""The final answer of a text: what it says its answer is, else the number or option at its end."""

import re
from functools import lru_cache

from smoothie.metrics.delimited import (
    canonical,
    delimited_answer,
    literal,
    plain_latex,
    value_of,
)
from smoothie.metrics.values import NUMBER, OF_WORD, number_form, value_around

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
# After a marker, any letter that stands alone: (b), b), B
OPTION_IN_MARKED = re.compile(r"(?<![\w'])(?:\(([A-Ha-h])\)|([A-H])(?![\w'])|([a-h])\))")
# Elsewhere, a letter might be a word: (B), B. or B: after a space, or nothing but the letter
OPTION_IN_SENTENCE = re.compile(r"\(([A-Ha-h])\)|(?<!\S)([A-H])(?=[).:])|^([A-H])$")
IN_MARKED = re.compile(rf"{OPTION_IN_MARKED.pattern}|({NUMBER})")
IN_SENTENCE = re.compile(rf"{OPTION_IN_SENTENCE.pattern}|((?<!\w){NUMBER})")  # 4, but no A4
SEVERAL = re.compile(rf"{NUMBER}(?:\s*[,;]\s*{NUMBER})+(?=\W*$)")  # 1, 2, 3
FORMULA = re.compile(r"\$([^$]+)\$(?!\d)|\\\((.+?)\\\)")
WORDS = re.compile(r"[\w'-]+(?: [\w'-]+){0,4}(?=\W*$|[.,;:)])")
PAUSE = re.compile(r"\s+(?=\S)")
DIGIT = re.compile(r"\d")
OPTION_LETTERS = 5  # characters of an option, with what may be around it
BARE = 40  # characters of a text that may be nothing but a number, a date or an option
HEAD, TAIL = 50, 200  # characters of a text in which it says that something is its answer
LINE = 200  # characters of a line that are read as a literal or a formula
LOOKED_AT_FIRST = 8  # characters at the end of a sentence
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
    >>> from smoothie.metrics.final import final_answer
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
    if len(text) <= BARE and may_be_bare(text) and (value := value_of(text)):
        return value, True
    found = None
    if marked := marked_line(text):
        if value := whole_value(marked):
            return value, True
        found = IN_MARKED.search(plain_latex(marked) if "\\" in marked else marked)
        if found is None and (words := WORDS.match(marked.strip(" \t*:\"'"))):
            return canonical(words[0]), True
    if found is not None:
        return form_of(found, found.string), True
    found = last_match(IN_SENTENCE, text)
    return (None if found is None else form_of(found, text)), False


def form_of(found: re.Match[str], text: str) -> str:
    """The option, number or date that was found in a text, or in what a text ends in."""
    *letters, number = found.groups()
    if number is None:
        return next(str(letter) for letter in letters if letter).upper()
    start, stop = found.span(found.re.groups)
    before = len(text) - len(found.string)
    return value_around(text, before + start, before + stop) or number_form(number)


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
    >>> from smoothie.metrics.final import option_letter
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


def says_answer(text: str) -> bool:
    r"""Whether a text says what its answer is: by delimiters, a marker, or nothing but an answer.

    Examples
    --------
    >>> from smoothie.metrics.final import says_answer
    >>> [says_answer(text) for text in ("The answer is 7", r"\boxed{7}", "7 km", "It was in 1907.")]
    [True, True, True, False]
    """
    return may_say(text) and read_answer(text)[1]


def may_say(text: str) -> bool:
    """Whether a text has to be read to know if it says its answer: most of prose has not.

    Of long texts only the beginning and the end are looked at, where answers are.
    """
    text = text.strip()
    if len(text) > HEAD + TAIL:
        text = text[:HEAD] + text[-TAIL:]
    return (  # single letters are found much faster
        "nswer" in text
        or ("[" in text and "[[" in text)
        or ("\\" in text and "\\boxed" in text)
        or ("#" in text and "####" in text)
        or (":" in text and "A:" in text)
        or ("W" in text and "NSWER" in text)
        or "option is" in text
        or "choice is" in text
        or (len(text) <= BARE and may_be_bare(text))
    )


def may_be_bare(text: str) -> bool:
    """Whether a short text may be nothing but a number, a date or an option."""
    return (
        len(text) <= OPTION_LETTERS
        or DIGIT.search(text) is not None
        or text.strip(" \n.*").lower() in OF_WORD
    )
