"""The number that a solution ends in."""

import re

NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?|-?\.\d+")
BOXED = re.compile(r"\\boxed\{(?:\\text\{)?([^{}]*)")
MARKED = re.compile(
    r"(?:####|^\s*A:|answer(?: \(arabic numerals\))?(?: is|:))([^\n]*)",
    re.IGNORECASE | re.MULTILINE,
)


def final_number(text: str) -> float | None:
    r"""The number that a solution ends in.

    In order: the last ``\boxed{x}``; the last "#### x", "A: x" or "answer is x"; the last number.
    """
    for pattern in (BOXED, MARKED):
        marked = pattern.findall(text)
        numbers = NUMBER.findall(marked[-1]) if marked else []
        if numbers:
            return float(numbers[0].replace(",", ""))
    numbers = NUMBER.findall(text)
    return float(numbers[-1].replace(",", "")) if numbers else None


def shortest(number: float) -> str:
    """A number in its shortest form: 72 for 72.0, 0 for -0."""
    return f"{number + 0.0:.15g}"
