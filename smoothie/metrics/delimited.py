r"""Answers between delimiters, as prompts of today ask for them: [[...]], \boxed{...}, JSON."""

import ast
import json
import re
import warnings
from collections.abc import Iterator

from smoothie.metrics import numbers

FIELD = re.compile(r'"(?:final[_ ]?)?answer"\s*:\s*', re.IGNORECASE)  # of a JSON object
BOXED = "\\boxed{"
LONGEST = 2000  # characters of an answer that is read as a value: parsers are slow, and recurse
NOT_A_VALUE = (ValueError, TypeError, SyntaxError, RecursionError, MemoryError)
OPTION = re.compile(r"\(?([A-Ha-h])\)?")
FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
STYLED = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}")
RATIO = re.compile(r"(-?\d{1,15})\s*/\s*(\d{1,15})")
# A number, perhaps with a currency before it and a unit of up to three words behind it
MEASURED = re.compile(rf"[$€£~=]*\s*({numbers.NUMBER.pattern})(?:\s[^\W\d]+\.?){{0,3}}\s*[%°]?")
QUOTES = re.compile("[\"'`]")
PUNCTUATION = re.compile(r" ?([^\w\s]) ?")
AROUND = " \t\n*`'\".,;$"


def delimited_answer(text: str) -> str | None:
    r"""The answer between the last delimiters of a text, in a form in which equal ones are equal.

    Delimiters are ``[[...]]``, ``\boxed{...}`` with nested braces, and the field "answer" or "final
    answer" of JSON, also in a text that is not JSON as a whole.

    Returns
    -------
    str or None
        None where there are no delimiters, or nothing between them. Else a capital letter of an
        option, a number in its shortest form (of ratios and of numbers with a unit, too), a literal
        of Python as Python writes it, or the text in lower case, without quotes and without white
        space around punctuation.

    Examples
    --------
    >>> from smoothie.metrics.delimited import delimited_answer
    >>> delimited_answer('{"reasoning": "...", "answer": "[1,2]"}')
    '[1, 2]'
    >>> delimited_answer("So it is [[ [1, 2] ]].")
    '[1, 2]'
    >>> delimited_answer(r"So it is $\boxed{\frac{3}{4}}$."), delimited_answer("[[0.75]]")
    ('0.75', '0.75')
    >>> delimited_answer("It is [1], as is known.") is None
    True
    """
    found = max(places(text), default=None)
    return None if found is None else canonical(found[1])


def places(text: str) -> Iterator[tuple[int, str]]:
    """Where the last delimiters of each kind begin, with what is between them."""
    start = text.rfind("[[")
    if start >= 0:
        stop = text.find("]]", start)
        if stop >= 0:
            while text[stop + 2 : stop + 3] == "]" and start and text[start - 1] == "[":
                start, stop = start - 1, stop + 1  # [[[1, 2]]] holds [1, 2]
            yield start, text[start + 2 : stop]
    start = text.rfind(BOXED)
    if start >= 0:
        inside = balanced(text[start + len(BOXED) :])
        if inside is not None:
            yield start, inside
    # Most texts quote nothing, which is seen much faster without the pattern.
    fields = list(FIELD.finditer(text)) if '"' in text else []
    if fields:
        field = fields[-1]
        yield field.start(), field_value(text[field.end() : field.end() + LONGEST])


def balanced(text: str) -> str | None:
    """What stands before the brace that closes one that is open; None if there is none."""
    depth = 1
    for place, letter in enumerate(text):
        depth += (letter == "{") - (letter == "}")
        if depth == 0:
            return text[:place]
    return None


def field_value(text: str) -> str:
    """The value of a JSON field, given what follows its colon; of broken JSON, the line."""
    try:
        value, _ = json.JSONDecoder().raw_decode(text)
    except NOT_A_VALUE:
        return text.partition("\n")[0].rstrip(", }")
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def canonical(answer: str) -> str | None:
    """An answer in a form in which equal ones are equal; None if nothing is left of it."""
    plain = STYLED.sub(r"\1", FRACTION.sub(r"\1/\2", answer)).strip(AROUND)
    if option := OPTION.fullmatch(plain):
        return option[1].upper()
    if ratio := RATIO.fullmatch(plain):
        over = int(ratio[2])
        return numbers.shortest(int(ratio[1]) / over) if over else plain
    if measured := MEASURED.fullmatch(plain):
        return numbers.shortest(float(measured[1].replace(",", "")))
    words = " ".join(QUOTES.sub("", plain or answer).split())
    words = PUNCTUATION.sub(r"\1", words).strip().lower()
    return literal(answer.strip()) or words or answer.strip() or None


def literal(text: str) -> str | None:
    """A list, tuple, set or dict of Python as Python writes it; None if a text is none."""
    if text[:1] not in ("[", "(", "{") or len(text) > LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python, about odd literals
            return written(ast.literal_eval(text))
    except NOT_A_VALUE:
        return None


def written(value: object) -> str:
    """A value as Python writes it, with the members of sets and dicts in the order of their text.

    Python's own order of a set differs from process to process.
    """
    if isinstance(value, dict):
        pairs = sorted(f"{written(key)}: {written(member)}" for key, member in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, set):
        return f"{{{', '.join(sorted(map(written, value)))}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(written, value))}]"
    if isinstance(value, tuple) and len(value) != 1:
        return f"({', '.join(map(written, value))})"
    return repr(value)
