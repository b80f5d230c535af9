"""Metrics of a text and its references: accuracies, GSM8K's rules and chrF."""

import re
from collections.abc import Sequence

from smoothie.metrics.base import register_metric
from smoothie.metrics.numbers import final_number
from smoothie.optional import require


@register_metric("substring")
def substring(text: str, references: Sequence[str]) -> float:
    """1 if any reference occurs in the text, ignoring case: the paper's accuracy.

    It over-counts, as "19" contains "1"; see `contains_answer`.

    Examples
    --------
    >>> from smoothie.metrics.texts import substring
    >>> substring("It was 19.", ["1"])
    1.0
    """
    lower = text.lower()
    return float(any(reference.lower() in lower for reference in references))


@register_metric("contains_answer")
def contains_answer(text: str, references: Sequence[str]) -> float:
    """1 if any reference occurs in the text as whole words, ignoring case.

    Both are also compared without punctuation and articles: TriviaQA's aliases come without them.

    Examples
    --------
    >>> from smoothie.metrics.texts import contains_answer
    >>> contains_answer("It was 19.", ["1"]), contains_answer("It was 1, or 9.", ["1"])
    (0.0, 1.0)
    """
    lower, plain = text.lower(), without_punctuation(text)
    return float(
        any(
            has_words(lower, reference.lower().strip())
            or has_words(plain, without_punctuation(reference))
            for reference in references
        )
    )


def has_words(text: str, words: str) -> bool:
    """Whether words that are not empty occur in a text, not inside longer words."""
    return bool(words) and bool(re.search(rf"(?<!\w){re.escape(words)}(?!\w)", text))


ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def without_punctuation(text: str) -> str:
    """Words alone, in lower case and without articles, as TriviaQA's aliases are written."""
    words = re.sub(r"[^\w\s]|_", " ", text.lower())
    return " ".join(ARTICLES.sub(" ", words).split())


@register_metric("gsm8k_paper")
def gsm8k_paper(text: str, references: Sequence[str]) -> float:
    """The paper's rule for GSM8K.

    Of the text split at full stops, the first part that holds "the answer is" (in lower case) must
    contain a reference, commas removed. So a decimal is cut at its point, and other phrases fail.

    Examples
    --------
    >>> from smoothie.metrics.texts import gsm8k_paper
    >>> gsm8k_paper("So the answer is 1,200.", ["1200"]), gsm8k_paper("#### 1200", ["1200"])
    (1.0, 0.0)
    """
    for sentence in text.split("."):
        if "the answer is" in sentence:
            found = sentence.lower().replace(",", "")
            return float(any(r.lower().replace(",", "") in found for r in references))
    return 0.0


@register_metric("gsm8k")
def gsm8k(text: str, references: Sequence[str]) -> float:
    """1 if the final number of the text equals that of a reference.

    Examples
    --------
    >>> from smoothie.metrics.texts import gsm8k
    >>> gsm8k("3 boxes of 4: 12 in all", ["#### 12"])
    1.0
    """
    number = final_number(text)
    return float(number is not None and any(number == final_number(r) for r in references))


@register_metric("chrf")
def chrf(text: str, references: Sequence[str]) -> float:
    """ChrF, the F-measure of n-grams of characters with its defaults (Popović, 2015; sacrebleu).

    The best over the references.

    Examples
    --------
    >>> from smoothie.metrics.texts import chrf
    >>> chrf("red fox", ["red fox"])
    1.0
    >>> round(chrf("red foxes", ["red fox"]), 2)
    0.88
    """
    require("sacrebleu", "metric=chrf")
    from sacrebleu import sentence_chrf

    return sentence_chrf(text, list(references)).score / 100
