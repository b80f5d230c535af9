"""Consensus against loops written from its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothie import SmoothieError
from smoothie.errors import NotAvailableError
from smoothie.evidence import Evidence, Votes
from smoothie.metrics.views import final_answers
from smoothie.routers.consensus import Consensus, consistency, shared_answers, shared_meaning
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.wording import shared_wording
from tests.naive import naive_distances


def votes_of(texts, seed=0):
    """Votes with random embeddings, the same for equal texts."""
    texts = np.array(texts, dtype=object)
    generator = np.random.default_rng(seed)
    known = {text: generator.normal(size=5) for text in sorted(set(texts.ravel()))}
    return Votes(naive_distances(np.array([[known[t] for t in row] for row in texts])), None, texts)


def naive_meaning(distances):
    rows, candidates = distances.shape[:2]
    pairs = [distances[s, i, j] for s in range(rows) for i in range(candidates) for j in range(i)]
    scale = np.median(pairs)
    result = np.zeros((rows, candidates))
    for s in range(rows):
        for i in range(candidates):
            others = [np.exp(-distances[s, i, j] / scale) for j in range(candidates) if j != i]
            result[s, i] = sum(others) / len(others)
    return result


def naive_answers(answers):
    rows, candidates = len(answers), len(answers[0])
    trust = [
        np.mean(
            [answers[s][i] == answers[s][j] for s in range(rows) for j in others(i, candidates)]
        )
        for i in range(candidates)
    ]
    result = np.zeros((rows, candidates))
    for s in range(rows):
        for i in range(candidates):
            given = sum(trust[j] for j in others(i, candidates) if answers[s][i] == answers[s][j])
            result[s, i] = given / sum(trust[j] for j in others(i, candidates))
    return result


def naive_consistency(support, prior):
    """From the mean squares of an analysis of variance: candidates, inputs and what is left."""
    rows, candidates = support.shape
    whole = sum(map(sum, support)) / support.size
    of_rows = [sum(row) / candidates for row in support]
    of_columns = [sum(support[:, i]) / rows for i in range(candidates)]
    columns = rows * sum((mean - whole) ** 2 for mean in of_columns) / (candidates - 1)
    left = sum(
        (support[s, i] - of_rows[s] - of_columns[i] + whole) ** 2
        for s in range(rows)
        for i in range(candidates)
    ) / ((rows - 1) * (candidates - 1))
    between = prior * max(0, (columns - left) / rows)
    return between / (between + left)


def naive_prior(support, prior):
    share = naive_consistency(support, prior)
    return (1 - share) * support + share * support.mean(axis=0)


def others(i, candidates):
    return [j for j in range(candidates) if j != i]


def test_meaning_against_loops():
    distances = naive_distances(np.random.default_rng(0).normal(size=(7, 4, 3)))
    np.testing.assert_allclose(shared_meaning(distances), naive_meaning(distances))


def test_answers_against_loops():
    answers = np.random.default_rng(0).integers(4, size=(9, 5))
    np.testing.assert_allclose(shared_answers(answers), naive_answers(answers.tolist()))
    assert (shared_answers(np.arange(12).reshape(3, 4)) == 0).all()


def test_views_decide_in_their_order():
    """Wording decides between texts; where it ties, meaning; answers before both."""
    prose = votes_of([["the red fox ran", "the red fox sat", "a blue bird"], ["x", "y", "z"]])
    routing = Consensus().route(Evidence(prose))
    expected = shared_wording(prose.texts, 2) + 0.1 * naive_meaning(prose.distances)
    expected = naive_prior(expected, 1)
    np.testing.assert_array_equal(routing.choices[0], expected.argmax(axis=1))
    np.testing.assert_allclose(routing.weights, expected / expected.sum(axis=1, keepdims=True))

    sums = votes_of([["we add and get 7", "we add and get 9", "#### 9", "9 or so: we add, 6"]] * 2)
    chosen = Consensus().route(Evidence(sums)).choices[0]
    assert set(chosen) == {1}
    assert set(Consensus(answered=1).route(Evidence(sums)).choices[0]) == {1}
    same_words = votes_of([["we add and get 7", "we add and get 7!", "9", "The answer is 9", "9."]])
    assert Consensus().route(Evidence(same_words)).choices[0] in (2, 3, 4)


@pytest.mark.parametrize("prior", [0, 0.5, 1, 30, 1e9])
def test_without_texts_meaning_decides(prior):
    distances = naive_distances(np.random.default_rng(1).normal(size=(6, 5, 3)))
    chosen = Consensus(prior=prior).route(Evidence(Votes(distances))).choices[0]
    expected = naive_prior(naive_meaning(distances), prior)
    np.testing.assert_array_equal(chosen, expected.argmax(axis=1))


def test_the_prior_leads_from_each_text_alone_to_one_candidate_for_all():
    red = ["it is red", "it was red", "so it is"]
    votes = votes_of([red] * 9 + [["no", "no way", "way, no way"]])
    alone = Consensus(prior=0).route(Evidence(votes))
    assert len(set(alone.choices[0])) > 1
    support = shared_wording(votes.texts, 2) + 0.1 * naive_meaning(votes.distances)
    assert naive_consistency(support, 1) > 0
    assert set(Consensus(prior=1e12).route(Evidence(votes)).choices[0]) == {
        support.mean(axis=0).argmax()
    }


def test_consistency_is_that_of_shrout_and_fleiss():
    """Their table 2, four judges of six targets, for which they give ICC(3,1) = .71."""
    judged = [[9, 6, 8, 7, 10, 6], [2, 1, 4, 1, 5, 2], [5, 3, 6, 2, 6, 4], [8, 2, 8, 6, 9, 7]]
    assert consistency(np.array(judged, dtype=float)) == pytest.approx(0.71, abs=0.005)


@given(st.integers(0, 1000), st.integers(2, 9), st.integers(3, 7))
def test_laws_of_consistency(seed, rows, candidates):
    generator = np.random.default_rng(seed)
    noise = generator.normal(size=(rows, candidates))
    assert consistency(noise) == pytest.approx(naive_consistency(noise, 1))
    moved = 3 * noise + generator.normal(size=(rows, 1))  # inputs may be easy or hard
    assert consistency(moved) == pytest.approx(consistency(noise), abs=1e-9)
    assert consistency(noise + 1e9 * np.arange(candidates)) == pytest.approx(1)
    assert consistency(noise[:1]) == 0
    assert consistency(np.zeros((rows, candidates))) == 0


@pytest.mark.parametrize("prior", [0, 1, 5])
def test_where_answers_are_counted_a_candidate_is_believed_for_others(prior):
    texts = [["so 7", "so 7", "we get 8", "we get 8"], ["so 7", "so 7", "we get 7", "I say 9"]] * 3
    votes = votes_of(texts)
    answers = [[7, 7, 8, 8], [7, 7, 7, 9]] * 3
    words = shared_wording(votes.texts, 2) + 0.1 * naive_meaning(votes.distances)
    expected = naive_prior(naive_answers(answers) + 0.1 * words, prior)
    found = Consensus(prior=prior).route(Evidence(votes))
    np.testing.assert_allclose(found.weights, expected / expected.sum(axis=1, keepdims=True))


def test_answers_decide_on_the_inputs_that_end_in_them():
    texts = [
        ["so it is \\boxed{7}", "so it is \\boxed{8}", "7.0", "[[7]]"],
        ["the red fox ran", "the red fox sat", "a blue bird", "the red one in 1907"],
    ]
    votes = votes_of(texts)
    words = shared_wording(votes.texts, 2) + 0.1 * naive_meaning(votes.distances)
    answers = np.array(naive_answers([[7, 8, 7, 7], [1, 2, 3, 4]]))
    expected = naive_prior(np.array([answers[0] + 0.1 * words[0], words[1]]), 1)
    np.testing.assert_allclose(Consensus().support(Evidence(votes)), expected)


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.lists(st.text("ab1 ", max_size=6), min_size=4, max_size=4), min_size=1, max_size=5),
    st.permutations(range(4)),
)
def test_candidates_are_treated_alike(texts, order):
    votes = votes_of(texts)
    weights = Consensus().route(Evidence(votes)).weights
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    permuted = Consensus().route(Evidence(votes.select(np.array(order)))).weights
    np.testing.assert_allclose(permuted, weights[:, order], atol=1e-9)


@pytest.mark.parametrize("texts", [[["same"] * 3], [[""] * 3] * 4, [["1", "1", "1"]] * 2])
def test_equal_texts_tie_and_the_first_wins(texts):
    routing = Consensus().route(Evidence(votes_of(texts)))
    assert (routing.choices == 0).all()
    np.testing.assert_allclose(routing.weights, 1 / 3)


def test_a_sub_ensemble_is_a_slice():
    texts = [["it is red", "it is green", "red it is", "green", "blue"]] * 3
    columns = np.array([4, 0, 2])
    part = votes_of(texts).select(columns)
    assert part.texts.tolist() == np.array(texts)[:, columns].tolist()
    assert Consensus().route(Evidence(part)).choices.tolist() == [[1, 1, 1]]


def test_bad_settings_are_named():
    for wrong, message in (
        ({"beta": -1}, "^beta=-1"),
        ({"beta": float("inf")}, "^beta=inf"),
        ({"prior": -1}, "^prior=-1"),
        ({"answered": 2}, "^answered=2"),
    ):
        with pytest.raises(SmoothieError, match=message):
            Consensus(**wrong)
    with pytest.raises(SmoothieError, match="three candidates"):
        Consensus().route(Evidence(votes_of([["a", "b"]])))


def test_shared_wording_is_computed_once_for_all_that_may_see_the_texts():
    prose = votes_of([["a red fox", "a red dog", "no"], ["one two", "one", "two one"]])
    evidence = Evidence(prose)
    first = evidence.limited_to(Consensus()).wording(2.0)
    assert evidence.wording(2.0) is first
    np.testing.assert_array_equal(first, shared_wording(prose.texts, 2.0))
    assert not np.array_equal(evidence.wording(1.0), first)
    answers = evidence.limited_to(Consensus()).answers(2 / 3)
    assert evidence.answers(2 / 3) is answers
    np.testing.assert_array_equal(answers, final_answers(prose.texts, 2 / 3))
    with pytest.raises(NotAvailableError, match=r"does not declare Need\.TEXTS"):
        evidence.limited_to(SmoothieGlobal()).wording(2.0)
