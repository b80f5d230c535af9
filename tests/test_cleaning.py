import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.cleaning import clean_as_paper, clean_corrected, clean_texts, without_tokens


@pytest.mark.parametrize(
    ("text", "paper", "corrected"),
    [
        ("an answer\nQuestion: more", "an answer", "an answer"),
        ("<pad><s> an answer</s>", "an answer", "an answer"),
        ("\\nan answer\\nand more", "an answer", "an answer"),
        ("an answer</eos>", "an answer", "an answer"),
        # what the paper's rule misses (D5)
        ("an answer<eos>", "an answer<eos>", "an answer"),
        ("<eos>", "<eos>", ""),
        ("an answer<|endoftext|>and another", "an answer<|endoftext|>and another", "an answer"),
        # an end token ends the answer, whatever follows
        ("an answer</s> junk", "an answer junk", "an answer"),
        ("", "", ""),
    ],
)
def test_rules(text, paper, corrected):
    assert clean_as_paper(text) == paper
    assert clean_corrected(text) == corrected


def test_arrays_are_cleaned_text_by_text():
    texts = np.array([["a\nb", "c"], [" d ", "<s>e"]], dtype=object)
    assert clean_texts(texts, "paper").tolist() == [["a", "c"], ["d", "e"]]
    assert clean_texts(texts, "none") is texts
    with pytest.raises(SmoothieError, match="cleaning=soap: expected one of none"):
        clean_texts(texts, "soap")


def test_tokens_alone_leaves_all_lines():
    assert without_tokens("<s> first\nsecond<eos>third") == "first\nsecond"
