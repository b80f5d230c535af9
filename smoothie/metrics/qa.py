"""Exact match and F1 of short answers, as in SQuAD's official evaluation script."""

import re
import string
from collections import Counter
from collections.abc import Sequence

from smoothie.metrics.base import register_metric

ARTICLES = re.compile(r"\b(a|an|the)\b")
PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalize_answer(text: str) -> str:
    """Lower case, without ASCII punctuation and articles, words separated by single spaces.

    Notes
    -----
    Rajpurkar et al., "SQuAD: 100,000+ Questions for Machine Comprehension of Text" (EMNLP 2016),
    `normalize_answer` of the official script.
    """
    return " ".join(ARTICLES.sub(" ", text.lower().translate(PUNCTUATION)).split())


@register_metric("exact_match")
def exact_match(text: str, references: Sequence[str]) -> float:
    """1 if the text equals a reference, both normalized.

    Examples
    --------
    >>> from smoothie.metrics.qa import exact_match
    >>> exact_match("The Fox!", ["a dog", "fox"])
    1.0
    """
    answer = normalize_answer(text)
    return float(any(answer == normalize_answer(reference) for reference in references))


@register_metric("f1")
def f1(text: str, references: Sequence[str]) -> float:
    """F-measure of the words shared with a reference, both normalized; the best over references.

    If one of the two is empty once normalized, 1 if the other is, too, as in the script of SQuAD
    2.0.

    Examples
    --------
    >>> from smoothie.metrics.qa import f1
    >>> f1("a red fox", ["the fox"])
    0.6666666666666666
    """
    words = normalize_answer(text).split()
    return max(words_f1(words, normalize_answer(reference).split()) for reference in references)


def words_f1(words: list[str], wanted: list[str]) -> float:
    """F-measure of two bags of words, between 0 and 1."""
    if not words or not wanted:
        return float(words == wanted)
    shared = (Counter(words) & Counter(wanted)).total()
    return 2 * shared / (len(words) + len(wanted))
