import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smoothie import SmoothieError, SmoothieLocal
from smoothie.evidence import Evidence, Votes
from smoothie.routers.scorer import ScorerRouter
from smoothie.routers.smoothie_prior import SmoothiePrior, posterior_errors

NAN = np.nan


def votes(rows=20, candidates=4, seed=0):
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(rows, candidates, 3))
    distances = ((points[:, :, None] - points[:, None]) ** 2).sum(axis=-1)
    return Votes(distances, generator.normal(size=(rows, 2)))


def heard(votes, verdicts):
    return Evidence(votes, verdicts=verdicts)


def test_the_highest_score_wins_the_first_of_equal_ones():
    scores = np.array([[1.0, 3, 2], [5, 5, 0], [NAN, -2, -1], [NAN, NAN, -9]])
    chosen = ScorerRouter().route(heard(votes(4, 3), scores)).choices
    assert chosen.tolist() == [[1, 0, 2, 2]]


def test_inputs_without_a_verdict_go_to_the_candidate_that_is_best_elsewhere():
    """Candidate 2 has the highest mean, but only of an easy input, where candidate 1 beat it."""
    scores = np.array([[NAN] * 3, [10, 12, 11], [0, 3, NAN], [1, 1, NAN]])
    assert ScorerRouter().route(heard(votes(4, 3), scores)).choices[0].tolist() == [1, 1, 1, 0]
    one_sided = np.array([[NAN, NAN, 5.0], [NAN] * 3])
    assert ScorerRouter().route(heard(votes(2, 3), one_sided)).choices[0].tolist() == [2, 2]
    with pytest.raises(SmoothieError, match="no verdict about any text"):
        ScorerRouter().route(heard(votes(2, 3), np.full((2, 3), NAN)))


def test_drawn_ties_are_even_seeded_and_only_among_the_best():
    scores = np.tile([0.0, 1, 1, NAN], (6000, 1))
    some = Votes(np.zeros((6000, 4, 4)))
    chosen = ScorerRouter(ties="random").route(heard(some, scores)).choices[0]
    counts = np.bincount(chosen, minlength=4)
    assert counts[0] == counts[3] == 0
    assert abs(counts[1] - 3000) < 4 * np.sqrt(6000 / 4)
    again = ScorerRouter(ties="random").route(heard(some, scores)).choices[0]
    np.testing.assert_array_equal(chosen, again)
    with pytest.raises(SmoothieError, match="ties=last"):
        ScorerRouter(ties="last").route(heard(some, scores))


@pytest.mark.parametrize("k", [1, 5])
def test_a_prior_of_no_strength_is_smoothie(k):
    seen = votes()
    scores = np.random.default_rng(1).normal(size=(20, 4))
    routing = SmoothiePrior(strength=0, k=k).route(heard(seen, scores))
    alone = SmoothieLocal(k).route(Evidence(seen))
    np.testing.assert_array_equal(routing.choices, alone.choices)
    np.testing.assert_array_equal(routing.weights, alone.weights)


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (6, 4), elements=st.integers(-9, 9).map(float)))
def test_a_prior_without_bounds_is_the_scorer(scores):
    seen = votes(6)
    weights = SmoothiePrior(strength=1e12).route(heard(seen, scores)).weights
    np.testing.assert_array_equal(
        np.sign(np.round(weights[:, :, None] - weights[:, None], 9)),
        np.sign(scores[:, :, None] - scores[:, None]),
    )


def test_a_text_without_a_verdict_keeps_its_error():
    errors = np.array([[1.0, 2, 3], [4, 5, 6], [1, 1, 1]])
    scores = np.array([[NAN, 1, 2], [NAN] * 3, [0, 0, 0]])
    posterior = posterior_errors(errors, scores, 3.0, 1)
    assert posterior[0, 0] == 1
    np.testing.assert_array_equal(posterior[1], errors[1])
    np.testing.assert_allclose(posterior[2], 1)
    assert (posterior[0, 1:] != errors[0, 1:]).all()
    level = posterior_errors(errors, np.full((3, 3), 7.0), 1.0, 1)  # no text is preferred
    np.testing.assert_allclose(level, (errors + errors.mean(axis=1, keepdims=True)) / 2)


def test_the_posterior_is_that_of_the_formula():
    """By loops: standard scores among the verdicts of a row, in the unit of all of them."""
    errors = np.random.default_rng(0).uniform(1, 2, size=(5, 4))
    scores = np.random.default_rng(1).normal(size=(5, 4))
    scores[0, :3] = scores[1, :2] = scores[2, 0] = scores[3] = NAN  # 1, 2, 3, no and 4 verdicts
    mean = [np.mean([s for s in row if s == s] or [0]) for row in scores]
    differences = [s - m for row, m in zip(scores, mean, strict=True) for s in row if s == s]
    spread = np.sqrt(np.mean(np.square(differences)))
    found = posterior_errors(errors, scores, 3.0, 2)
    for n in range(5):
        for i in range(4):
            expected = errors[n, i]
            if scores[n, i] == scores[n, i]:
                prior = errors[n].mean() * np.exp((mean[n] - scores[n, i]) / spread)
                expected = (3 * prior + 2 * errors[n, i]) / 5
            assert found[n, i] == pytest.approx(expected)


def test_standard_scores_have_limits():
    """An outlier among 30,000 verdicts is more than 100 deviations away."""
    errors, scores = np.ones((10_000, 3)), np.zeros((10_000, 3))
    for sign in (1.0, -1.0):
        scores[7, 1] = sign
        posterior = posterior_errors(errors, scores, 1e60, 1)
        assert np.log(posterior[7, 1]) == pytest.approx(-sign * 100)


def test_the_unit_of_the_scores_does_not_matter():
    errors = np.random.default_rng(0).uniform(1, 2, size=(9, 4))
    scores = np.random.default_rng(1).normal(size=(9, 4))
    shift = np.random.default_rng(2).normal(size=(9, 1))
    first = posterior_errors(errors, scores, 2.0, 3)
    np.testing.assert_allclose(posterior_errors(errors, 40 * scores + shift, 2.0, 3), first)


def test_the_posterior_is_the_integral():
    """Expected precision by numerical integration of prior times likelihood, on a grid."""
    d, k, strength = 3, 2, 1.5
    errors, scores = np.array([[0.8, 1.3, 2.0]]), np.array([[0.2, 1.0, -0.4]])
    centered = scores - scores.mean()
    prior_mean = errors.mean() * np.exp(-centered / np.sqrt((centered**2).mean()))
    variance = np.exp(np.linspace(-12, 12, 200_001))
    expected = []
    for error, mean in zip(errors[0], prior_mean[0], strict=True):
        # scaled inverse chi-squared: strength * d degrees of freedom, scale mean / d
        log = -(strength * d / 2 + 1) * np.log(variance) - strength * mean / (2 * variance)
        log += -(k * d / 2) * np.log(variance) - k * error / (2 * variance)
        density = np.exp(log - log.max()) * variance  # on a logarithmic grid
        expected.append((density / variance).sum() / density.sum() / d)
    posterior = posterior_errors(errors, scores, strength, k)[0]
    np.testing.assert_allclose(1 / posterior, expected, rtol=1e-6)


def test_bad_strengths_are_named():
    with pytest.raises(SmoothieError, match="strength=-1"):
        SmoothiePrior(strength=-1).route(heard(votes(), np.zeros((20, 4))))
