"""Shared wording against loops over sets of n-grams."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothie import ngrams, wording
from smoothie.ngrams import distinct_ngrams
from smoothie.wording import shared_wording


def naive_ngrams(text: str, kept: float = 1.0) -> set[bytes]:
    """N-grams of four bytes; of a sample, those whose Fibonacci hash is small."""
    folded = b"  " + text.encode(errors="replace").lower().translate(ngrams.FOLD) + b"  "
    found = {folded[i : i + 4] for i in range(len(folded) - 3)} - {b"    "}
    return {ngram for ngram in found if hash_of(ngram) <= int(kept * 0xFFFFFFFF)}


def hash_of(ngram: bytes) -> int:
    return int.from_bytes(ngram, "little") * 2654435769 % 2**32


def naive_shared_wording(texts: list[list[str]], beta: float, kept: float = 1.0) -> np.ndarray:
    """The formula of the module, one loop for each index."""
    sets = [[naive_ngrams(text, kept) for text in row] for row in texts]
    inputs_with: dict[bytes, int] = {}
    for row in sets:
        for ngram in set().union(*row):
            inputs_with[ngram] = inputs_with.get(ngram, 0) + 1

    def size(held: set[bytes]) -> float:
        return sum(math.log(1 + len(texts) / inputs_with[ngram]) for ngram in held)

    result = np.zeros((len(texts), len(texts[0])))
    for s, row in enumerate(sets):
        for i, own in enumerate(row):
            for j, other in enumerate(row):
                if j != i and own & other:
                    precision = size(own & other) / size(own)
                    recall = size(own & other) / size(other)
                    both = beta**2 * precision + recall
                    result[s, i] += (1 + beta**2) * precision * recall / both / (len(row) - 1)
    return result


def array(texts):
    return np.array(texts, dtype=object)


TEXTS = [
    ["The cat sat on the mat.", "the  cat\nsat", "A dog stood on the mat.", ""],
    ["No.", "no", "B", "B"],
    ["Straße und Ärger", "Straße", "大変ですね", "大変です"],
    ["", "", "", ""],
    ["a\0b cd", "a b cd", "xyz", "The cat sat on the mat."],
]


@pytest.mark.parametrize("beta", [0.5, 1, 2, 10])
def test_against_loops(beta, monkeypatch):
    folded = [[text.replace("\0", " ") for text in row] for row in TEXTS]
    expected = naive_shared_wording(folded, beta)
    np.testing.assert_allclose(shared_wording(array(TEXTS), beta), expected, atol=1e-6)
    monkeypatch.setattr(wording, "BLOCK_CHARACTERS", 10)  # several blocks give the same
    np.testing.assert_allclose(shared_wording(array(TEXTS), beta), expected, atol=1e-6)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.lists(st.text("abc \n", max_size=12), min_size=4, max_size=4), min_size=1),
    st.permutations(range(4)),
)
def test_laws(texts, order):
    support = shared_wording(array(texts), 2)
    assert (support >= 0).all()
    assert (support <= 1 + 1e-12).all()
    again = shared_wording(array(texts)[:, order], 2)
    np.testing.assert_allclose(again, support[:, order], atol=1e-12)
    for row, values in zip(texts, support, strict=True):
        for i in range(4):
            for j in range(i):
                assert row[i] != row[j] or values[i] == values[j]


def test_ends_of_the_scale():
    same, different = ["to be", "to be", "to be"], ["abcd", "efgh", "ijkl"]
    support = shared_wording(array([same, different]), 2)
    np.testing.assert_allclose(support, [[1, 1, 1], [0, 0, 0]])


def test_a_sample_of_long_texts_estimates_the_same_shares():
    generator = np.random.default_rng(0)
    words = ["".join(generator.choice(list("abcdefghij"), 6)) for _ in range(3000)]
    texts = [[" ".join(generator.choice(words[:900], 400)) for _ in range(4)] for _ in range(5)]
    texts[0][1] = texts[0][0][:1400] + texts[0][1][1400:]
    sampled = shared_wording(array(texts), 2)
    kept = 128 * 20 / sum(len(text) for row in texts for text in row)
    assert kept < 0.06
    np.testing.assert_allclose(sampled, naive_shared_wording(texts, 2, kept), atol=1e-6)
    np.testing.assert_allclose(sampled, naive_shared_wording(texts, 2), atol=0.1)
    assert sampled[0].argmax() in (0, 1)


@pytest.mark.parametrize("kept", [1.0, 0.3, 0.04])
def test_each_ngram_of_an_input_is_found_once_for_a_text(kept):
    texts = [[*row, "a lone \ud800 surrogate"] for row in TEXTS[:4]]
    found = distinct_ngrams(array(texts), kept)
    expected = [
        (row, column, hash_of(ngram) >> 12)
        for row, answers in enumerate(texts)
        for column, text in enumerate(answers)
        for ngram in naive_ngrams(text, kept)
    ]
    rows, columns = np.divmod(found.text, 8)  # five candidates, rounded up
    listed = zip(rows.tolist(), columns.tolist(), found.entry.tolist(), strict=True)
    assert sorted(listed) == sorted(expected)
    once = {(row, ngram) for row, _, ngram in expected}
    assert sorted(found.of_inputs.tolist()) == sorted(entry for _, entry in once)


def test_a_sample_gives_no_meaning_to_white_space():
    """The hash of blanks is among the smallest, and they would be shared by all."""
    assert hash_of(b"    ") < 0.06 * 2**32
    texts = [["abcd" + " " * 700 + "efgh", "ijkl" + " " * 700 + "mnop", "qrst" + " " * 700]]
    np.testing.assert_array_equal(shared_wording(array(texts), 2), np.zeros((1, 3)))


def test_ngrams_are_counted_in_some_of_many_inputs(monkeypatch):
    """Blocks that all say the same give the same, whichever of them are counted."""
    generator = np.random.default_rng(0)
    words = ["".join(generator.choice(list("abcdefgh"), 5)) for _ in range(40)]
    block = [[" ".join(generator.choice(words, 12)) for _ in range(4)] for _ in range(3)]
    expected = naive_shared_wording(block * 12, 2)
    monkeypatch.setattr(wording, "COUNTED_BLOCKS", 4)
    monkeypatch.setattr(wording, "BLOCK_CHARACTERS", sum(len(x) + 1 for row in block for x in row))
    np.testing.assert_allclose(shared_wording(array(block * 12), 2), expected, rtol=0.05)
    different = block + [[" ".join(generator.choice(words, 12)) for _ in range(4)]] * 90
    sampled = shared_wording(array(different), 2)
    np.testing.assert_allclose(sampled, naive_shared_wording(different, 2), atol=0.1)
