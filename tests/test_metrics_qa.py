"""Exact match and F1, with the cases that SQuAD's official script settles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothie.metrics.base import METRICS
from smoothie.metrics.qa import exact_match, f1, normalize_answer

WORDS = st.lists(st.sampled_from(["red", "fox", "ran", "the", "off!"]), max_size=5).map(" ".join)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  Eiffel-Tower!", "eiffeltower"),
        ("an apple, a day", "apple day"),
        ("U.S.A.", "usa"),
        ("theatre\n(Åbo)", "theatre åbo"),
        ("the", ""),
        ("“the end”", "“ end”"),  # no ASCII punctuation, as in the script
    ],
)
def test_normalise_answer(text, normal):
    assert normalize_answer(text) == normal


@pytest.mark.parametrize(
    ("text", "references", "exact", "overlap"),
    [
        ("the Denver Broncos", ["Denver Broncos"], 1, 1),
        ("Denver", ["Denver Broncos", "Broncos"], 0, 2 / 3),
        ("Denver Denver", ["Denver Broncos"], 0, 1 / 2),
        ("Carolina", ["Denver Broncos"], 0, 0),
        ("", ["Denver"], 0, 0),
        ("the", ["a"], 1, 1),  # nothing is left of either
        ("18", ["19", "18."], 1, 1),
    ],
)
def test_exact_match_and_f1(text, references, exact, overlap):
    assert METRICS["exact_match"](text, references) == exact_match(text, references) == exact
    assert METRICS["f1"](text, references) == f1(text, references) == pytest.approx(overlap)


@given(WORDS, WORDS)
def test_f1_is_symmetric_and_1_where_words_are_the_same(first, second):
    assert f1(first, [second]) == f1(second, [first])
    same = sorted(normalize_answer(first).split()) == sorted(normalize_answer(second).split())
    assert (f1(first, [second]) == 1) == same
    assert exact_match(first, [second]) <= f1(first, [second])
