"""Minimum Bayes risk against the libraries that define the utilities, pair by pair."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu import sentence_chrf

from smoothie import SmoothieError, SmoothieLocal
from smoothie.evidence import Evidence, Votes
from smoothie.metrics.rouge import rouge2
from smoothie.routers.mbr import MBR
from smoothie.routers.mbr_overlap import MBROverlap, chrf_utilities, rouge2_utilities
from tests.naive import naive_distances

TEXTS = st.lists(
    st.text("abÄ .ß\n3", max_size=12) | st.sampled_from(["the red fox ran", "the red fox ran off"]),
    min_size=3,
    max_size=5,
)
LIBRARY = {
    "chrf": lambda text, reference: sentence_chrf(text, [reference]).score / 100,
    "rouge2": lambda text, reference: rouge2(text, [reference]),
}


@pytest.mark.parametrize(("ours", "name"), [(chrf_utilities, "chrf"), (rouge2_utilities, "rouge2")])
@settings(deadline=None, max_examples=60)
@given(texts=TEXTS)
def test_utilities_are_those_of_the_libraries(ours, name, texts):
    expected = [[LIBRARY[name](text, other) for other in texts] for text in texts]
    np.testing.assert_allclose(ours(texts), expected, atol=1e-12)


@pytest.mark.parametrize("utility", ["chrf", "rouge2"])
def test_the_highest_mean_utility_wins(utility):
    words = ["red", "fox", "ran"]
    generator = np.random.default_rng(0)
    texts = np.array(
        [[" ".join(generator.choice(words, 6)) for _ in range(4)] for _ in range(20)], dtype=object
    )
    texts[3, 1] = texts[3, 2]  # each counts for the other
    routing = MBROverlap(utility).route(Evidence(Votes(np.zeros((20, 4, 4)), None, texts)))
    means = np.array(
        [
            [
                np.mean([LIBRARY[utility](row[i], row[j]) for j in range(4) if j != i])
                for i in range(4)
            ]
            for row in texts
        ]
    )
    np.testing.assert_array_equal(routing.choices[0], means.round(9).argmax(axis=1))
    np.testing.assert_allclose(routing.weights, means / means.sum(axis=1, keepdims=True))


@pytest.mark.parametrize("utility", ["chrf", "rouge2"])
@pytest.mark.parametrize("texts", [["same text here"] * 3, [""] * 4, ["x", "y", "z"]])
def test_equal_utilities_are_decided_by_distances(utility, texts):
    far = np.abs(np.subtract.outer(np.arange(len(texts)), np.arange(len(texts)))).astype(float)
    votes = Votes(far[None], None, np.array([texts], dtype=object))
    routing = MBROverlap(utility).route(Evidence(votes))
    assert routing.choices.tolist() == [[int(far.sum(axis=1).argmin())]]
    np.testing.assert_allclose(routing.weights, 1 / len(texts))


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 1000), st.integers(3, 6))
def test_the_medoid_is_the_choice_of_smoothie_local_alone(seed, candidates):
    """Where no error is at or below zero, k = 1 chooses by the row sums of the distances."""
    generations = np.random.default_rng(seed).normal(size=(8, candidates, 12))
    distances = naive_distances(generations)
    routing = MBR().route(Evidence(Votes(distances)))
    local = SmoothieLocal(k=1).fit(generations)
    positive = (local.errors_ > 1e-9).all(axis=1)
    assert positive.any()
    np.testing.assert_array_equal(routing.choices[0][positive], local.choices_[positive])
    means = [[sum(row[i]) / (candidates - 1) for i in range(candidates)] for row in distances]
    np.testing.assert_array_equal(routing.choices[0], np.argmin(means, axis=1))
    expected = 1 / np.array(means)
    np.testing.assert_allclose(routing.weights, expected / expected.sum(axis=1, keepdims=True))


def test_equal_texts_tie_and_the_first_wins():
    routing = MBR().route(Evidence(Votes(np.zeros((2, 3, 3)))))
    assert routing.choices.tolist() == [[0, 0]]
    np.testing.assert_allclose(routing.weights, 1 / 3)


def test_bad_settings_are_named():
    with pytest.raises(SmoothieError, match="utility=bleu: expected one of rouge2, chrf"):
        MBROverlap("bleu")
    with pytest.raises(SmoothieError, match="reads texts"):
        MBROverlap().route(Evidence(Votes(np.zeros((2, 3, 3)))))
    for router in (MBR(), MBROverlap()):
        with pytest.raises(SmoothieError, match="three candidates"):
            router.route(
                Evidence(Votes(np.zeros((1, 2, 2)), None, np.array([["a", "b"]], dtype=object)))
            )
