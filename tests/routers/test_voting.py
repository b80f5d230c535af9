"""Votes about answers against loops written from their definitions."""

from collections import Counter
from math import log, prod

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothie import SmoothieError
from smoothie.evidence import Evidence, Need, Votes
from smoothie.routers.majority_vote import MajorityVote
from smoothie.routers.smoothie_answers import SmoothieAnswers
from smoothie.routers.voting import choose, distance_to_others, tie_break_costs
from smoothie.routers.weighted_vote import WeightedVote, estimate_accuracies
from tests.naive import naive_distances, naive_errors, naive_neighbors

ROUTERS = [MajorityVote("text"), WeightedVote("text"), SmoothieAnswers("text", k=2)]
ROUTERS += [SmoothieAnswers("text")]
ANSWERS = st.lists(
    st.lists(st.sampled_from(["", "a", "b", "c"]), min_size=4, max_size=4), min_size=2, max_size=6
)


def votes_of(texts, seed=0):
    """Votes with random embeddings, the same for equal texts, and random inputs."""
    texts = np.array(texts, dtype=object)
    generator = np.random.default_rng(seed)
    known = {text: generator.normal(size=5) for text in sorted(set(texts.ravel()))}
    vectors = np.array([[known[text] for text in row] for row in texts])
    return Votes(naive_distances(vectors), generator.normal(size=(len(texts), 3)), texts)


def simulated(accuracies, rows, options, seed=0, missing=0.0):
    """Texts of candidates that err independently: the model of the weighted vote."""
    generator = np.random.default_rng(seed)
    truth = generator.integers(options, size=rows)
    shift = generator.integers(1, options, size=(rows, len(accuracies)))
    right = generator.random((rows, len(accuracies))) < accuracies
    said = (truth[:, None] + np.where(right, 0, shift)) % options
    texts = np.array([[f"answer {x}" for x in row] for row in said], dtype=object)
    texts[generator.random(texts.shape) < missing] = ""
    return texts, right


@settings(deadline=None, max_examples=60)
@given(ANSWERS)
def test_majority_against_counting(texts):
    votes = votes_of(texts)
    chosen = MajorityVote("text").route(Evidence(votes)).choices[0]
    for row, choice, distances in zip(texts, chosen, votes.distances, strict=True):
        counts = Counter(text for text in row if text)
        top = [
            i for i in range(4) if not counts or (row[i] and counts[row[i]] == max(counts.values()))
        ]
        spread = [float(distances[i].sum()) for i in top]
        assert choice in top
        assert distances[choice].sum() == pytest.approx(min(spread))


@pytest.mark.parametrize("router", ROUTERS, ids=repr)
@settings(deadline=None, max_examples=40)
@given(texts=ANSWERS, order=st.permutations(range(4)))
def test_laws_of_votes(router, texts, order):
    votes = votes_of(texts)
    routing = router.route(Evidence(votes))
    for row, choice in zip(texts, routing.choices[0], strict=True):
        assert row[choice] or not any(row)  # no text without an answer beats one that has any
    weights = np.broadcast_to(routing.weights, (len(texts), 4))
    assert (weights >= 0).all()
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    permuted = router.route(Evidence(votes.select(np.array(order)))).weights
    permuted = np.broadcast_to(permuted, (len(texts), 4))
    np.testing.assert_allclose(permuted, weights[:, order], atol=1e-6)


@pytest.mark.parametrize("router", ROUTERS, ids=repr)
@pytest.mark.parametrize("texts", [["same"] * 3, [""] * 3, ["", "", "x"], ["x", "y", "z"]])
def test_odd_rows(router, texts):
    chosen = router.route(Evidence(votes_of([texts] * 3))).choices[0]
    assert len(set(chosen)) == 1
    assert texts[chosen[0]] or not any(texts)
    if len(set(texts)) == 1:
        assert chosen[0] == 0


SUM = 0.1 + 0.2  # more than 0.3, by rounding


@pytest.mark.parametrize(
    ("support", "chosen"),
    [
        ([SUM, 0.3], 1),  # equal but for rounding: the lower cost
        ([0.3, SUM], 1),
        ([SUM * 2e9, 0.3 * 2e9], 1),  # relative to the largest
        ([SUM * 1e-30, 0.3 * 1e-30], 1),
        ([-0.3, -SUM], 1),  # support can be negative
        ([1.0, 1 - 0.9e-9], 1),
        ([1.0, 1 - 1.1e-9], 0),  # no rounding error
        ([-1.0, -1 - 1.1e-9], 0),
        ([0.0, 0.0], 1),
    ],
)
def test_support_that_differs_by_rounding_ties(support, chosen):
    cost = np.array([2.0, 1.0])
    assert choose(np.array([support]), cost).tolist() == [chosen]
    assert choose(np.array([support]), cost[None]).tolist() == [chosen]
    assert choose(np.array([support]), np.zeros(2)).tolist() == [0]  # the first
    assert choose(np.array([support[::-1]]), cost[::-1]).tolist() == [1 - chosen]


def naive_posterior(row, accuracies, options):
    """Probability of each answer that a row gives, by the product of the module docstring."""
    given = sorted(set(row) - {""})

    def likelihood(truth):
        return prod(
            a if text == truth else (1 - a) / (options - 1)
            for text, a in zip(row, accuracies, strict=True)
            if text
        )

    unseen = max(options - len(given), 0) * likelihood(None)
    total = sum(map(likelihood, given)) + unseen
    return {answer: likelihood(answer) / total for answer in given}


def test_em_settles_where_a_round_of_the_formula_changes_nothing():
    texts, _ = simulated([0.9, 0.7, 0.5, 0.4], 150, 5, missing=0.1)
    router = WeightedVote("text", options=5)
    answers = router.answers(votes_of(texts))
    accuracies = estimate_accuracies(answers, 5)
    posteriors = [naive_posterior(row, accuracies, 5) for row in texts]
    for j in range(4):
        said = [p[row[j]] for p, row in zip(posteriors, texts, strict=True) if row[j]]
        assert accuracies[j] == pytest.approx((sum(said) + 1) / (len(said) + 2), abs=1e-4)
    chosen = router.route(Evidence(votes_of(texts))).choices[0]
    for row, choice, posterior in zip(texts, chosen, posteriors, strict=True):
        if posterior:
            assert posterior[row[choice]] == pytest.approx(max(posterior.values()))
            same = [accuracies[j] for j in range(4) if row[j] == row[choice]]
            assert accuracies[choice] == max(same)
    expected = np.array([log(4 * a / (1 - a)) for a in accuracies])
    np.testing.assert_allclose(
        router.route(Evidence(votes_of(texts))).weights, expected / expected.sum()
    )


@pytest.mark.parametrize("options", [2, 4, 50])
def test_em_finds_the_accuracies_of_its_own_model(options):
    true = [0.95, 0.8, 0.7, 0.6, 0.55]
    texts, right = simulated(true, 3000, options)
    router = WeightedVote("text", options=options)
    found = estimate_accuracies(router.answers(votes_of(texts)), options)
    np.testing.assert_allclose(found, right.mean(axis=0), atol=0.03)
    chosen = router.route(Evidence(votes_of(texts))).choices[0]
    majority = MajorityVote("text").route(Evidence(votes_of(texts))).choices[0]
    rows = np.arange(len(texts))
    assert right[rows, chosen].mean() > right[rows, majority].mean()


def test_many_who_agree_on_some_inputs_do_not_drown_one_who_answers_others_alone():
    """Alone, an answer is right with the accuracy itself: so a = (200 + 100 a + 1) / 302."""
    texts = np.full((300, 120), "yes", dtype=object)
    texts[200:, 1:] = ""
    router = WeightedVote("text")
    found = estimate_accuracies(router.answers(Votes(np.zeros((300, 120, 120)), texts=texts)), 10)
    np.testing.assert_allclose(found[0], 201 / 202, atol=1e-5)
    np.testing.assert_allclose(found[1:], 201 / 202, atol=1e-5)


def test_costs_are_mean_distances_to_the_others():
    distances = naive_distances(np.random.default_rng(0).normal(size=(3, 4, 2)))
    expected = [[np.mean(np.delete(row[i], i)) for i in range(4)] for row in distances]
    np.testing.assert_allclose(distance_to_others(distances), expected)
    np.testing.assert_allclose(tie_break_costs(Evidence(Votes(distances))), expected)
    texts = np.full((3, 4), "x", dtype=object)
    without = Evidence(Votes(distances, texts=texts)).without(Need.DISTANCES, "none")
    np.testing.assert_array_equal(tie_break_costs(without), np.zeros((3, 4)))


def test_no_candidate_counts_as_worse_than_guessing():
    texts, _ = simulated([0.9, 0.9, 0.9, 0.05], 400, 2)
    routing = WeightedVote("text", options=2).route(Evidence(votes_of(texts)))
    assert routing.weights[3] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("k", [1, 3, None])
def test_smoothie_on_answers_is_smoothie_on_one_hot_vectors(k):
    texts, _ = simulated([0.9, 0.7, 0.5, 0.4], 12, 4, missing=0.1)
    votes = votes_of(texts)
    # one dimension for each answer of the set, one for each text without an answer
    names = [text or f"{i}" for i, text in enumerate(texts.ravel())]
    places = {name: n for n, name in enumerate(dict.fromkeys(names))}
    one_hot = np.zeros((texts.size, len(places)))
    one_hot[np.arange(texts.size), [places[name] for name in names]] = 1 / np.sqrt(2)
    one_hot = one_hot.reshape(*texts.shape, -1)
    size = k or 12
    rows = naive_neighbors(votes.inputs, votes.inputs, size, own=True)
    errors = np.array([naive_errors(one_hot[near]) for near in rows])
    assert (errors > -1e-12).all()
    routing = SmoothieAnswers("text", k=k).route(Evidence(votes))
    for row, error, choice in zip(texts, errors, routing.choices[0], strict=True):
        allowed = [j for j in range(4) if row[j]] or range(4)
        assert error[choice] == pytest.approx(min(error[j] for j in allowed))
    assert routing.weights.shape == ((4,) if k is None else (12, 4))


def test_alone_smoothie_on_answers_is_the_majority_vote():
    texts, _ = simulated([0.8, 0.6, 0.6, 0.5, 0.5], 60, 4)
    votes = votes_of(texts)
    alone = SmoothieAnswers("text", k=1).route(Evidence(votes))
    np.testing.assert_array_equal(
        alone.choices, MajorityVote("text").route(Evidence(votes)).choices
    )


def test_views_make_votes():
    texts = [["we get 7", "#### 9", "it is 9.0"], ["7", "no idea", "7"]]
    assert MajorityVote().route(Evidence(votes_of(texts))).choices[0][0] in (1, 2)
    assert MajorityVote().route(Evidence(votes_of(texts))).choices[0][1] in (0, 2)
    assert MajorityVote("regex", r"i\w").route(Evidence(votes_of(texts))).choices[0].tolist() == [
        2,
        1,
    ]


def test_texts_without_answers_are_counted(caplog):
    MajorityVote("final_number").route(Evidence(votes_of([["1", "2", ""], ["a", "b", "c"]])))
    assert "MajorityVote: 33% of the texts have an answer (view=final_number)" in caplog.text
    caplog.clear()
    MajorityVote("final_number").route(Evidence(votes_of([["1", "2", "3"], ["a", "b", "c"]])))
    assert not caplog.records  # half of them have one


def test_bad_settings_are_named():
    with pytest.raises(SmoothieError, match="view=colour"):
        MajorityVote("colour")
    with pytest.raises(SmoothieError, match="options=1"):
        WeightedVote(options=1)
    with pytest.raises(SmoothieError, match="k=0: expected at least 1"):
        SmoothieAnswers(k=0)
    with pytest.raises(SmoothieError, match="k=4: expected between 1 and"):
        SmoothieAnswers(k=4).route(Evidence(votes_of([["1", "2", "3"]] * 3)))
    with pytest.raises(SmoothieError, match="reads texts"):
        MajorityVote().route(Evidence(Votes(np.zeros((2, 3, 3)))))
    with pytest.raises(SmoothieError, match="three candidates"):
        MajorityVote().route(Evidence(votes_of([["a", "b"]])))
