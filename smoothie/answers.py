r"""The final answer that a text comes to: a number, the letter of an option, or a few words.

Solutions of the same problem may share hardly a word and yet agree. Where texts end in an answer,
that answer is what they should be compared by.
"""

import re

import numpy as np
from numpy.typing import NDArray

from smoothie.metrics import NUMBER

MARKERS = [  # what follows them, to the end of the line, is an answer
    re.compile(pattern)
    for pattern in (
        r"\\boxed\s*\{(?:\\text\s*\{)?([^{}\n]*)",  # \boxed{72}
        r"####([^\n]*)",  # #### 72
        r"(?:nswer|NSWER)\b[^.:\n]{0,30}?(?:\bis\b|:)([^\n]*)",  # the answer is (B), Answer: 72
        r"(?:option|choice) is\b([^\n]*)",  # the best option is (B)
        r"\n\s*A:([^\n]*)",  # A: 72
    )
]
# After a marker, any letter that stands alone: (b), b), B
IN_MARKED = re.compile(
    rf"(?<![\w'])(?:\(([A-Ha-h])\)|([A-H])(?![\w'])|([a-h])\))|({NUMBER.pattern})"
)
# Elsewhere, a letter might be a word: (B), B. or B: after a space, or nothing but the letter
IN_SENTENCE = re.compile(rf"\(([A-Ha-h])\)|(?<!\S)([A-H])(?=[).:])|^([A-H])$|({NUMBER.pattern})")
WORDS = re.compile(r"[\w'-]+(?: [\w'-]+){0,4}(?=\W*$|[.,;:)])")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")
LOOKED_AT = 100  # inputs whose texts tell whether the texts of a set end in answers


def final_answer(text: str) -> str | None:
    r"""The answer that a text ends in, or None.

    In order: the first number or option after the last ``\boxed``, "####", "answer is", "answer:",
    "option is", "choice is" or "A:"; up to five words that stand there instead; the last number
    or option in the last sentence; one that the text begins with.

    Returns
    -------
    str or None
        A capital letter from A to H; a number in its shortest form, so that equal numbers are
        equal; or words in lower case.
    """
    text = "\n" + text.strip()
    marks = [mark for marker in MARKERS for mark in marker.finditer(text)]
    found = None
    if marks:
        marked = max(marks, key=lambda mark: mark.start())[1]
        found = IN_MARKED.search(marked)
        if found is None and (words := WORDS.match(marked.strip(" \t*:\"'"))):
            return words[0].lower()
    if found is None:
        text = text.strip()
        sentence = SENTENCE_END.split(text.rpartition("\n")[2])[-1]
        *_, found = [IN_SENTENCE.match(text), *IN_SENTENCE.finditer(sentence)]
    if found is None:
        return None
    *letters, number = found.groups()
    if number is not None:
        return f"{float(number.replace(',', '')):.15g}"
    return next(str(letter) for letter in letters if letter).upper()


def final_answers(texts: NDArray[np.object_], share: float) -> NDArray[np.intp] | None:
    """Final answers as whole numbers, or None where the texts do not end in answers.

    Parameters
    ----------
    texts : ndarray of shape (N, K), object
    share : float
        Of the texts, as many must have an answer; up to 100 inputs, evenly spread, are looked at.

    Returns
    -------
    ndarray of shape (N, K) or None
        Equal for equal answers; negative, and different for each text, where there is none.
    """
    rows = np.unique(np.linspace(0, len(texts) - 1, LOOKED_AT).astype(np.intp))
    spare = (1 - share) * texts[rows].size  # texts that need not have one
    for text in texts[rows].ravel():
        spare -= final_answer(text) is None
        if spare < 0:
            return None
    numbers: dict[str, int] = {}
    result = np.empty(texts.shape, dtype=np.intp)
    for place, text in enumerate(texts.ravel()):
        answer = final_answer(text)
        result.flat[place] = -1 - place if answer is None else numbers.setdefault(answer, place)
    return result
