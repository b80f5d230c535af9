"""What an encoder would read, by its tokenizer alone."""

import numpy as np
import pytest

from smoothie.encoders.tokens import reading, truncated
from smoothie.report.check import checked
from tests.test_inspection import problem_of

WORDS = [["one two"] * 12, ["one " * 300] * 12, [f"one {i}" for i in range(12)]]


def test_an_encoder_that_is_not_here_is_no_reason_to_stop(monkeypatch, tmp_path):
    monkeypatch.setenv("SMOOTHIE_ENCODERS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert reading(problem_of(WORDS), str(tmp_path / "nope")) is None
    assert "encoding:" not in checked(problem_of(WORDS), None)


@pytest.mark.slow
def test_tokens_are_counted_and_long_texts_told(encoders):
    minilm = str(encoders / "all-MiniLM-L6-v2")
    problem = problem_of(WORDS)
    read = reading(problem, minilm)
    assert read.limit == 256
    assert read.texts == 14
    assert read.longer.tolist() == [0, 1, 0]
    tokens = np.mean([4, 256, 4])  # with the two that begin and end a text
    assert read.tokens == round(14 * tokens)
    (found,) = truncated(problem, read)
    assert "100% of b" in found.odd
    assert " here unless they are cached\n" in checked(problem, minilm)
