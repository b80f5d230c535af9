r"""Answers between delimiters, as prompts of today ask for them: [[...]], \boxed{...}, JSON."""

import ast
import json
import re
import warnings
from collections.abc import Iterator

from smoothie.metrics.values import NUMBER, number_form, value_form

FIELD = re.compile(r'"(?:final[_ ]?)?answer"\s*:\s*', re.IGNORECASE)  # of a JSON object
BOXED = "\\boxed{"
LONGEST_VALUE = 200  # characters of a number or a date, with all that is around it
LONGEST = 2000  # characters of an answer that is read as a value: parsers are slow, and recurse
NOT_A_VALUE = (ValueError, TypeError, SyntaxError, RecursionError, MemoryError)
OPTION = re.compile(r"\(?([A-Ha-h])\)?")
STYLED = re.compile(r"\\(?:text|textbf|mathrm|mathbf)\s*\{([^{}]*)\}")
LATEX = [  # what is written in several ways, and one of them
    (re.compile(pattern), plain)
    for pattern, plain in (
        (r"\\(?:left|right|displaystyle)(?![a-zA-Z])|\\!", ""),
        (r"\\[,;: ]|\\quad(?![a-zA-Z])", " "),
        (r"(?<=\d)\{,\}(?=\d)", ","),
        (r"\\([%${}])", r"\1"),
        (r"\s*\^\s*(?:\\circ|\{\s*\\circ\s*\})", "°"),
        (r"\\[dtc]frac(?![a-zA-Z])", r"\\frac"),
        (r"\\frac\s*(\d)\s*(\d)(?!\d)", r"\\frac{\1}{\2}"),
        (r"(?<=\d)\s*\\frac\s*\{\s*(\d+)\s*\}\s*\{\s*(\d+)\s*\}", r" \1/\2"),
        (r"\\frac\s*\{\s*(-?\d+)\s*\}\s*\{\s*(\d+)\s*\}", r"\1/\2"),
        (r"\\sqrt\s*(\w)", r"\\sqrt{\1}"),
    )
]
UNIT = r"[^\W\d]+(?:/[^\W\d]+)?(?:\^?\{?[23²³]\}?)?\.?"
ATTACHED = "[ckm]m|[km]g|ml|mL|km/h|kmh|mph|m/s|lbs?|ft|hrs?|min|secs?|k?Wh|[KMGT]B|[kMG]?Hz"
# A number, perhaps with a currency before it and a unit of up to three words behind it
MEASURED = re.compile(
    rf"[~≈=]*\s*([-\u2212]?)(?:US)?[$€£¥₹]*\s*({NUMBER})(?:\s?(?:{ATTACHED})[23²³]?)?"
    rf"(?:\s{UNIT}){{0,3}}\s*(?:%|°\s?[CFK]?)?"
)
QUOTES = re.compile("[\"'`]")
PUNCTUATION = re.compile(r" ?([^\w\s]) ?")
AROUND = " \t\n*`'\",;$"  # an answer; behind it also a full stop


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
    inside = undelimited(text)
    return None if inside is None else canonical(inside)


def undelimited(text: str) -> str | None:
    """What stands between the last delimiters of a text, as it is written; None without any."""
    found = max(places(text), default=None)
    return None if found is None else found[1]


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
    latex = ("\\" in answer or "{,}" in answer) and len(answer) <= LONGEST
    plain = trimmed(plain_latex(answer) if latex else answer)
    if len(plain) <= LONGEST_VALUE and (value := value_of(plain)):
        return value
    words = " ".join(QUOTES.sub("", plain or answer).split())
    words = PUNCTUATION.sub(r"\1", words).strip().lower()
    return literal(answer.strip()) or (latex and literal(plain)) or words or answer.strip() or None


def trimmed(text: str) -> str:
    """An answer without quotes, emphasis and punctuation around it."""
    return text.lstrip(AROUND).rstrip(AROUND + ".")


def value_of(text: str) -> str | None:
    """An option, a number or a date; None if a text is more than that."""
    plain = trimmed(text)
    if option := OPTION.fullmatch(plain):
        return option[1].upper()
    return value_form(" ".join(plain.split())) or measured(plain)


def plain_latex(text: str) -> str:
    r"""LaTeX with one way to write fractions, spaces, brackets and degrees.

    Examples
    --------
    >>> from smoothie.metrics.delimited import plain_latex
    >>> plain_latex(r"\left( 1\dfrac12, 90^\circ \right]"), plain_latex(r"5\text{ km}")
    ('( 1 1/2, 90° ]', '5 km')
    """
    text = STYLED.sub(r"\1", text)
    for pattern, plain in LATEX:
        text = pattern.sub(plain, text)
    return text


def measured(text: str) -> str | None:
    """A number without its currency or unit; None if a text is more than that."""
    found = MEASURED.fullmatch(text)
    if found is None or (found[1] and found[2][0] in "-\u2212"):
        return None
    form = number_form(found[2])
    return f"-{form}" if found[1] and form != "0" else form


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
