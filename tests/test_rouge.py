import pytest
from hypothesis import given
from hypothesis import strategies as st
from rouge_score.rouge_scorer import RougeScorer

from smoothie.metrics.rouge import rouge2

SCORER = RougeScorer(["rouge2"])
# Few words, so that pairs repeat; and any text, for what counts as a word.
TEXTS = st.lists(st.sampled_from(["the", "cat", "Cat", "sat-on", "3.5"])).map(" ".join) | st.text()


@given(TEXTS, st.lists(TEXTS, min_size=1, max_size=3))
def test_equals_rouge_score_to_the_last_bit(text, references):
    expected = SCORER.score_multi(references, text)["rouge2"].fmeasure
    assert rouge2(text, references) == expected


@pytest.mark.parametrize("text", ["İstanbul ist schön", "a_b c_d", "x\ny\n", "naïve café", "K2 K2"])
def test_letters_beyond_ascii_separate_words_as_in_rouge_score(text):
    expected = SCORER.score("ist a b c d x y na ve caf k2 k2", text)["rouge2"].fmeasure
    assert rouge2(text, ["ist a b c d x y na ve caf k2 k2"]) == expected
