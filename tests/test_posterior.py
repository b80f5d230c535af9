"""The posterior of a few labels against Gaussian conditioning written from its definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothie import SmoothieError
from smoothie.posterior import (
    PRIOR,
    Posterior,
    Preference,
    Prior,
    checked,
    design,
    estimate,
    fit,
    posterior,
    standard,
    standard_scores,
)


def drawn(seed, rows=8, candidates=4):
    """Support and scores that depend on it."""
    generator = np.random.default_rng(seed)
    support = standard(generator.normal(size=(rows, candidates)))
    scores = generator.normal(size=candidates) + support + generator.normal(size=support.shape)
    return support, scores


def contrasts(candidates):
    """An orthonormal basis of the differences between candidates, (K - 1, K)."""
    differences = np.eye(candidates)[:-1] - np.eye(candidates)[1:]
    return np.linalg.qr(differences.T)[0].T


def observed(support, scores):
    """Independent observations with what they are made of: y = H w + noise, row by row."""
    basis = contrasts(support.shape[1])
    values = np.concatenate([basis @ row for row in scores])
    blocks = [np.column_stack([basis, basis @ row]) for row in support]
    return values, np.concatenate(blocks)


def conditioned(values, H, variances, slope=PRIOR.slope):
    """Mean and covariance of w given the observations, by the joint normal distribution."""
    candidates = H.shape[1] - 1
    mean = np.r_[np.zeros(candidates), slope]
    prior = np.diag([variances[0]] * candidates + [variances[1]])
    joint = H @ prior @ H.T + variances[2] * np.eye(len(values))
    gain = prior @ H.T @ np.linalg.inv(joint)
    return mean + gain @ (values - H @ mean), prior - gain @ H @ prior


@given(st.integers(0, 2**32 - 1), st.integers(3, 6), st.integers(1, 9))
@settings(max_examples=30, deadline=None)
def test_given_the_variances_it_is_gaussian_conditioning(seed, candidates, rows):
    support, scores = drawn(seed, rows, candidates)
    variances = np.random.default_rng(seed).uniform(0.1, 2, size=3)
    X, degrees = design(support, np.ones(scores.shape, bool))
    assert degrees == rows * (candidates - 1)
    centered = (scores - scores.mean(axis=1, keepdims=True)).ravel()
    start = np.r_[np.zeros(candidates), PRIOR.slope]
    mean, covariance = posterior(X.T @ X, X.T @ (centered - X @ start), variances)
    expected, spread = conditioned(*observed(support, scores), variances)
    np.testing.assert_allclose(start + mean, expected, atol=1e-9)
    np.testing.assert_allclose(covariance, spread, atol=1e-9)


def log_posterior(logs, values, H):
    """Log density of the observations and of the priors of the variances, of their logarithms."""
    variances = np.exp(logs)
    candidates = H.shape[1] - 1
    mean = np.r_[np.zeros(candidates), PRIOR.slope]
    prior = np.diag([variances[0]] * candidates + [variances[1]])
    joint = H @ prior @ H.T + variances[2] * np.eye(len(values))
    rest = values - H @ mean
    density = -0.5 * (np.linalg.slogdet(joint)[1] + rest @ np.linalg.solve(joint, rest))
    scales = np.array([PRIOR.of_candidates, PRIOR.of_slope, PRIOR.of_noise])
    return density - 0.5 * PRIOR.worth * (logs + scales / variances).sum()


@pytest.mark.parametrize("seed", range(4))
def test_variances_are_the_most_probable_ones(seed):
    support, scores = drawn(seed, rows=12)
    unit = np.sqrt(((scores - scores.mean(axis=1, keepdims=True)) ** 2).sum() / (12 * 3))
    values, H = observed(support, scores / unit)
    found = fit(support, scores)
    assert found.unit == pytest.approx(unit)

    def variances_of(noise):
        """The other two: by their share in the posterior, looked for on a fine grid."""
        grid = np.linspace(-8, 3, 45)
        pairs = [(a, c) for a in grid for c in grid]
        return max(pairs, key=lambda pair: log_posterior(np.r_[pair, np.log(noise)], values, H))

    best = variances_of(found.noise)
    mean, _ = conditioned(values, H, np.exp(np.r_[best, np.log(found.noise)]))
    np.testing.assert_allclose(found.mean, mean, atol=0.06)  # a step of the grid is 0.25
    step = 1e-4  # and no other noise is more probable, the others at their best
    at = [log_posterior(np.r_[best, np.log(found.noise) + d], values, H) for d in (-0.3, 0, 0.3)]
    assert at[1] >= max(at[0], at[2]) - step


def test_no_variance_can_be_moved_to_a_more_probable_one():
    support, scores = drawn(11, rows=10)
    found = fit(support, scores)
    values, H = observed(support, scores / found.unit)
    own = np.linalg.inv(found.covariance) - H.T @ H / found.noise  # of the prior alone
    variances = 1 / np.diag(own)
    np.testing.assert_allclose(variances[:4], variances[0], rtol=1e-6)
    at = np.log([variances[0], variances[4], found.noise])
    for step in 1e-3 * np.eye(3):
        slope = log_posterior(at + step, values, H) - log_posterior(at - step, values, H)
        assert abs(slope) / 2e-3 < 1e-3


def test_a_prior_that_is_worth_much_is_left_as_it_is():
    support, scores = drawn(12)
    prior = Prior(slope=0.7, of_candidates=0.2, of_slope=0.05, of_noise=0.4, worth=1e9)
    found = fit(support, scores, prior=prior)
    values, H = observed(support, scores / found.unit)
    mean, covariance = conditioned(values, H, (0.2, 0.05, 0.4), slope=0.7)
    np.testing.assert_allclose(found.mean, mean, atol=1e-6)
    np.testing.assert_allclose(found.covariance, covariance, atol=1e-6)


def test_standard_support_has_a_deviation_of_one_within_rows():
    support = np.random.default_rng(0).normal(size=(6, 4)) * 3 + np.arange(6)[:, None]
    squares = sum((value - sum(row) / 4) ** 2 for row in support for value in row)
    expected = [[(v - sum(row) / 4) / (squares / 18) ** 0.5 for v in row] for row in support]
    np.testing.assert_allclose(standard(support), expected)
    np.testing.assert_array_equal(standard(np.full((3, 4), 0.5)), np.zeros((3, 4)))


def test_the_model_of_partial_labels_is_centered_over_what_is_known():
    support, _ = drawn(2, rows=3)
    known = np.array([[1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0]], dtype=bool)
    X, degrees = design(support, known)
    assert degrees == 3 + 1
    for n in range(3):
        rows = {i: [*np.eye(4)[i], support[n, i]] for i in range(4) if known[n, i]}
        for i in range(4):
            expected = np.zeros(5)
            if i in rows:
                expected = np.array(rows[i]) - sum(map(np.array, rows.values())) / len(rows)
            np.testing.assert_allclose(X[4 * n + i], expected, atol=1e-12)


def test_equal_scores_are_those_of_a_row_in_its_own_unit():
    labels = np.array([[1e-13, 2e-13, np.nan], [1e3, 1e3, 1e3 + 1e-12], [np.nan, 4.0, np.nan]])
    scores, _ = standard_scores(labels)
    assert np.isnan(scores).all(axis=1).tolist() == [False, True, True]  # one label: no difference
    assert standard_scores(labels[1:])[1] == 1


def test_no_label_leaves_the_prior():
    support, _ = drawn(0)
    for labels in (np.full(support.shape, np.nan), np.ones(support.shape)):
        found = fit(support, labels)
        np.testing.assert_allclose(found.mean, [0, 0, 0, 0, PRIOR.slope], atol=1e-12)
        assert (found.expected(support).argmax(1) == support.argmax(1)).all()


def test_many_labels_tend_to_the_means():
    generator = np.random.default_rng(0)
    quality = np.array([0.1, 0.5, 0.2, 0.4])
    scores = quality + generator.normal(size=(20_000, 4))
    found = fit(standard(generator.normal(size=scores.shape)), scores)
    means = scores.mean(axis=0)
    np.testing.assert_allclose(found.mean[:-1] * found.unit, means - means.mean(), atol=0.005)
    assert abs(found.mean[-1]) < 0.02


@given(st.integers(0, 2**32 - 1), st.permutations(range(4)))
@settings(max_examples=30, deadline=None)
def test_candidates_are_treated_alike_and_units_do_not_matter(seed, order):
    support, scores = drawn(seed)
    found = fit(support, scores).expected(support)
    moved = fit(support[:, order], 3 * scores[:, order] + 7).expected(support[:, order])
    np.testing.assert_allclose(moved, found[:, order], atol=1e-6)


def test_partial_labels_are_differences_of_what_is_labeled():
    """A row of two labels says what one difference says; one label, or equal ones, say nothing."""
    support, scores = drawn(3)
    partial = scores.copy()
    partial[2:4, 1:3] = np.nan
    partial[4:6, 1:] = np.nan  # one label
    partial[6] = 2.0
    scaled, unit = standard_scores(partial)
    differences = [row[~np.isnan(row)] for row in partial[[0, 1, 2, 3, 7]]]
    squares = sum(((row - row.mean()) ** 2).sum() for row in differences)
    assert unit == pytest.approx(np.sqrt(squares / (3 + 3 + 1 + 1 + 3)))
    assert np.isnan(scaled[4:7]).all()
    without = partial.copy()
    without[4:7] = np.nan
    np.testing.assert_array_equal(fit(support, partial).mean, fit(support, without).mean)


def test_a_preference_is_a_difference_of_two():
    support, _ = drawn(5)
    none = np.full(support.shape, np.nan)
    found = fit(support, none, [Preference(0, 1, 2), Preference(3, 1, 0)])
    H = np.zeros((2, 5))
    H[0, [1, 2]], H[1, [1, 0]] = (1, -1), (1, -1)
    H[:, -1] = support[0, 1] - support[0, 2], support[3, 1] - support[3, 0]
    values = np.full(2, 2 / np.sqrt(np.pi))  # a difference has twice the variance of a score
    H, values = H / np.sqrt(2), values / np.sqrt(2)
    by_hand = estimate(H, values, 2)
    np.testing.assert_allclose(found.mean, by_hand.mean, atol=1e-9)
    assert found.mean[1] > max(found.mean[[0, 2]])
    assert by_hand.unit == 1
    for wrong in ((0, 1, 4), (0, 4, 1), (0, -1, 1), (0, 1, -1), (8, 0, 1), (-1, 0, 1)):
        with pytest.raises(SmoothieError, match=r"^preference 0: "):
            fit(support, none, [Preference(*wrong)])
    fit(support, none, [Preference(0, 0, 3), Preference(7, 3, 0)])  # the ends of what there is


def test_preferences_join_labels():
    support, scores = drawn(6)
    scores[4:] = np.nan
    found = fit(support, scores, [Preference(5, 2, 0)])
    scaled, unit = standard_scores(scores)
    values, H = observed(support[:4], scaled[:4])
    pair = np.zeros(5)
    pair[[2, 0]], pair[-1] = (1, -1), support[5, 2] - support[5, 0]
    H = np.vstack([H, pair / np.sqrt(2)])
    values = np.r_[values, 2 / np.sqrt(np.pi) / np.sqrt(2)]
    by_hand = estimate(H, values, 4 * 3 + 1)
    assert found.unit == unit
    np.testing.assert_allclose(found.mean, by_hand.mean, atol=1e-9)
    assert found.noise == pytest.approx(by_hand.noise)


def test_certainty_is_the_share_of_draws_that_keep_the_order():
    support, scores = drawn(7)
    found = fit(support, scores)
    generator = np.random.default_rng(0)
    draws = generator.multivariate_normal(found.mean, found.covariance, size=20_000)
    for row, certainty in zip(support, found.certainty(support), strict=True):
        quality = found.expected(row[None, :])[0]
        second, first = np.argsort(quality)[-2:]
        kept = draws[:, first] - draws[:, second] + draws[:, -1] * (row[first] - row[second]) > 0
        assert certainty == pytest.approx(kept.mean(), abs=0.02)


def test_certainty_of_equal_texts_is_even():
    even = Posterior(np.array([0.0, 0.0, 0.0, 1.0]), np.zeros((4, 4)), 1.0)
    np.testing.assert_allclose(even.certainty(np.zeros((1, 3))), 0.5)


@given(st.integers(0, 2**32 - 1), st.integers(3, 6), st.integers(2, 12))
@settings(max_examples=60, deadline=None)
def test_the_best_candidate_is_taken_if_it_did_better_by_one_standard_error(seed, candidates, rows):
    generator = np.random.default_rng(seed)
    support = standard(generator.normal(size=(rows, candidates)))
    slopes = generator.uniform(-2, 2, size=candidates)  # not one for all, as the model has it
    scores = slopes * support + generator.normal(size=candidates) + generator.normal()
    fitted = fit(support, scores)
    found = checked(fitted, support, scores)
    best = max(range(candidates), key=lambda j: sum(scores[n, j] for n in range(rows)))
    lead, differing = 0.0, 0
    for n in range(rows):
        expected = [fitted.mean[j] + fitted.mean[-1] * support[n, j] for j in range(candidates)]
        chosen = expected.index(max(expected))
        if chosen != best:
            differing += 1
            lead += (scores[n, best] - scores[n, chosen]) / fitted.unit
    if lead > (2 * fitted.noise * (differing + 4)) ** 0.5:
        assert (found.expected(support).argmax(axis=1) == best).all()
    else:
        assert found is fitted


def test_the_check_leaves_out_what_is_not_labeled():
    support = standard(np.tile([3.0, 2.0, 1.0, 0.0], (8, 1)))
    labels = np.tile([0.0, 0.2, 1.0, np.nan], (8, 1))
    labels[0] = [np.nan, np.nan, 0.1, 1.0]  # the last candidate was best, but once
    labels[1] = [0.5, 0.5, 0.5, 0.5]
    steep = Posterior(np.array([0.0, 0, 0, 0, 2]), np.eye(5), noise=0.5)
    found = checked(steep, support, labels)
    assert (found.expected(support).argmax(axis=1) == 2).all()
    scores, _ = standard_scores(labels)
    for j in range(4):
        seen = [score for score in scores[:, j] if not np.isnan(score)]
        assert found.mean[j] == pytest.approx(sum(seen) / (len(seen) + 1))
    assert found.mean[-1] == 0
    nothing = np.full(labels.shape, np.nan)
    assert checked(steep, support, nothing) is steep
