import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from smoothie import SmoothieError
from smoothie.evaluation import (
    Bootstrap,
    evaluate,
    evaluate_candidates,
    fixed,
    on_common_inputs,
    spearman,
    spearman_rows,
)
from smoothie.evidence import Evidence, Votes
from smoothie.parallel.local import matrix_libraries
from smoothie.routers.base import Routing
from smoothie.routers.oracle import Oracle
from smoothie.routers.random import Random


def in_hindsight(scores):
    return Evidence(Votes(np.zeros((*scores.shape, scores.shape[1]))), scores)


@pytest.fixture
def scores():
    values = np.random.default_rng(0).normal(size=(200, 3)) + np.arange(3)
    values[5] = np.nan
    return values


def test_scores_are_gathers_over_the_same_inputs(scores):
    choices = np.random.default_rng(1).integers(3, size=(4, 200))
    routings = {
        "trials": Routing(choices, labels_used=7),
        "one": fixed(2, 200),
        "random": Random().route(Evidence(Votes(np.zeros((200, 3, 3))))),
        "oracle": Oracle().route(in_hindsight(scores)),
    }
    table = evaluate(routings, scores, Bootstrap(draws=200)).set_index("method")
    keep = [i for i in range(200) if i != 5]
    by_hand = np.mean([[scores[i, trial[i]] for i in keep] for trial in choices])
    assert table.score["trials"] == pytest.approx(by_hand)
    assert table.score["one"] == pytest.approx(scores[keep, 2].mean())
    assert table.score["random"] == pytest.approx(scores[keep].mean())
    assert table.score["oracle"] == pytest.approx(scores[keep].max(axis=1).mean())
    assert (table.n == 199).all()
    assert table.labels_used["trials"] == 7
    assert table.gap_closed["random"] == pytest.approx(0)
    assert table.gap_closed["oracle"] == pytest.approx(100)
    assert table.difference["one"] == pytest.approx(table.score["one"] - table.score["random"])
    assert (table.ci_low <= table.score).all()
    assert (table.score <= table.ci_high).all()


def test_intervals_are_those_of_a_normal_mean():
    """For many inputs the bootstrap interval is the mean +- 1.96 standard errors."""
    values = np.random.default_rng(0).normal(size=(2000, 1)) * 3 + 10
    means = Bootstrap(draws=4000).means(values)[:, 0]
    error = values.std() / np.sqrt(2000)
    low, high = np.percentile(means, [2.5, 97.5])
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_differences_are_paired():
    """A method that is random plus a constant differs by exactly that constant."""
    noise = np.random.default_rng(0).normal(size=(50, 1)) * 100
    scores = noise + np.array([-1.0, 0.0, 1.0])
    table = evaluate({"best": fixed(2, 50)}, scores, Bootstrap(draws=100))
    row = table.iloc[0]
    assert row.difference_low == pytest.approx(1)
    assert row.difference_high == pytest.approx(1)
    assert row.ci_high - row.ci_low > 10


def test_draws_do_not_depend_on_blocks(monkeypatch):
    values = np.random.default_rng(0).normal(size=(30, 2))
    whole = Bootstrap(draws=50).means(values)
    monkeypatch.setattr("smoothie.evaluation.BLOCK_COUNTS", 200)
    np.testing.assert_allclose(Bootstrap(draws=50).means(values), whole)
    assert not np.allclose(Bootstrap(draws=50, seed=1).means(values), whole)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([1, 2, 3], [10, 20, 40], 1.0),
        ([1, 2, 3], [3, 2, 1], -1.0),
        # with ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: Pearson by hand is 4.5 / sqrt(4.5 * 5)
        ([1, 2, 2, 3], [1, 2, 3, 4], 4.5 / np.sqrt(22.5)),
    ],
)
def test_spearman(first, second, expected):
    assert spearman(np.array(first), np.array(second)) == pytest.approx(expected)


@given(st.lists(st.tuples(st.integers(0, 4), st.floats(-1e3, 1e3)), min_size=2, max_size=12))
def test_spearman_is_that_of_scipy(pairs):
    stats = pytest.importorskip("scipy.stats")
    first, second = np.array(pairs, dtype=float).T
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        assert np.isnan(spearman(first, second))
    else:
        expected = stats.spearmanr(first, second).statistic
        assert spearman(first, second) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [([1, 2], [5, 3], -1), ([1, 2], [0.5, 1.5], 1), ([1, 2, 3], [1, 1, 2], np.sqrt(0.75))],
)
def test_spearman_of_few(first, second, expected):
    assert spearman(np.array(first), np.array(second)) == pytest.approx(expected)
    assert spearman(np.array(second), np.array(first)) == pytest.approx(expected)


def test_spearman_of_a_constant_is_not_a_number():
    with warnings.catch_warnings(action="error"):
        assert np.isnan(spearman(np.ones(3), np.arange(3)))
        assert np.isnan(spearman(np.arange(3), np.ones(3)))
        assert np.isnan(spearman(np.ones(1), np.ones(1)))
        assert np.isnan(spearman(np.ones(0), np.ones(0)))


@pytest.mark.parametrize("lower", [False, True])
def test_intervals_are_percentiles_over_the_same_resamples(lower):
    """By a loop over the resamples, each with its own random, oracle and gap."""
    scores = np.random.default_rng(0).normal([0, 0.3, 0.1], size=(30, 3))
    choices = np.random.default_rng(1).integers(3, size=30)
    routings = {"mixed": Routing(choices[None]), "second": fixed(1, 30)}
    table = evaluate(routings, scores, Bootstrap(draws=400, seed=7), lower_is_better=lower)
    own, differences, gaps = [], [], []
    for rows in np.random.default_rng(7).integers(30, size=(400, 30)):
        chosen = np.mean([scores[i, choices[i]] for i in rows])
        random = np.mean([scores[i].mean() for i in rows])
        oracle = np.mean([scores[i].min() if lower else scores[i].max() for i in rows])
        own.append(chosen)
        differences.append(chosen - random)
        gaps.append(100 * (chosen - random) / (oracle - random))
    for name, values in (("ci", own), ("difference", differences), ("gap", gaps)):
        expected = np.percentile(values, [2.5, 97.5])
        found = table.loc[0, [f"{name}_low", f"{name}_high"]].astype(float)
        np.testing.assert_allclose(found, expected, atol=1e-9)


def test_one_method_is_one_trial_of_a_candidate():
    assert fixed(2, 5).choices.tolist() == [[2] * 5]


def test_settings_of_the_bootstrap_have_limits():
    assert Bootstrap(draws=1_000_000).draws == 1_000_000
    assert Bootstrap(draws=1).draws == 1
    for draws in (0, 1_000_001):
        with pytest.raises(SmoothieError, match=f"^draws={draws}: expected 1 to 1,000,000$"):
            Bootstrap(draws=draws)


def test_local_weights_are_averaged_before_they_are_ranked(scores):
    weights = np.tile([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]], (100, 1))  # means 0.3, 0.25, 0.45
    routing = Routing(np.zeros((1, 200), dtype=int), weights=weights)
    table = evaluate({"m": routing}, scores, Bootstrap(draws=10))
    assert table.rank_correlation[0] == pytest.approx(0.5)


@pytest.mark.parametrize("lower", [False, True])
def test_intervals_of_rank_correlations_are_those_of_a_loop(lower):
    """With the same resamples, and scipy's correlation."""
    from scipy.stats import spearmanr

    generator = np.random.default_rng(3)
    scores = generator.normal(size=(30, 4)) + np.arange(4)
    scores[4] = np.nan
    scores[7, 2] = np.nan  # scored, but not by all
    routings = {
        "each": Routing(np.zeros((1, 30), dtype=int), weights=generator.random((30, 4))),
        "one": Routing(np.zeros((1, 30), dtype=int), weights=generator.random(4)),
        "none": fixed(1, 30),
    }
    table = evaluate(routings, scores, Bootstrap(draws=60, seed=5), lower)
    rows = [i for i in range(30) if i != 4]
    draws = np.random.default_rng(5).integers(29, size=(60, 29))
    for name in ("each", "one"):
        weights, values = routings[name].weights, []
        for draw in draws:
            drawn = [rows[j] for j in draw]
            quality = scores[[i for i in drawn if i != 7]].mean(axis=0) * (-1 if lower else 1)
            trusted = weights if name == "one" else weights[drawn].mean(axis=0)
            values.append(spearmanr(trusted, quality).statistic)
        row = table[table.method == name].iloc[0]
        expected = np.percentile(values, [2.5, 97.5])
        np.testing.assert_allclose([row.rank_low, row.rank_high], expected, atol=1e-12)
    assert table.rank_low.isna().tolist() == [False, False, True]


def test_rows_are_correlated_as_by_scipy():
    """Also with ties, without columns that nobody scored, and where one side is constant."""
    from scipy.stats import spearmanr

    generator = np.random.default_rng(0)
    first, second = generator.integers(4, size=(2, 50, 6)).astype(float)
    second[:, 2] = np.nan
    kept = [0, 1, 3, 4, 5]
    first[9] = 1.0
    found = spearman_rows(first, second)
    for i, value in enumerate(found):
        constant = np.ptp(first[i, kept]) * np.ptp(second[i, kept]) == 0
        assert np.isnan(value) == constant
        if not constant:
            assert value == pytest.approx(spearmanr(first[i, kept], second[i, kept]).statistic)


def test_all_candidates_alike_close_no_gap():
    table = evaluate({"one": fixed(0, 5)}, np.ones((5, 3)), Bootstrap(draws=10))
    assert np.isnan(table.gap_closed[0])
    assert table.difference[0] == 0


def test_nothing_to_compare():
    with pytest.raises(SmoothieError, match="nothing has a score"):
        evaluate({"one": fixed(0, 2)}, np.full((2, 2), np.nan), Bootstrap())
    with pytest.raises(SmoothieError, match=r"draws=0"):
        evaluate({"one": fixed(0, 2)}, np.ones((2, 2)), Bootstrap(draws=0))


def test_ranks_are_judged_as_their_negatives(scores):
    """Where lower is better, all is as for the negated scores, reported in the ranks' own unit."""
    weights = np.array([0.2, 0.5, 0.3])
    routings = {
        "one": Routing(np.full((1, 200), 2), weights=weights),
        "oracle": Oracle().route(in_hindsight(-scores)),
    }
    ranks = evaluate(routings, scores, Bootstrap(draws=200), lower_is_better=True)
    negated = evaluate(routings, -scores, Bootstrap(draws=200))
    np.testing.assert_allclose(ranks.score, -negated.score)
    np.testing.assert_allclose(ranks.ci_low, -negated.ci_high)
    np.testing.assert_allclose(ranks.ci_high, -negated.ci_low)
    np.testing.assert_allclose(ranks.difference, -negated.difference)
    np.testing.assert_allclose(ranks.difference_low, -negated.difference_high)
    for column in ("gap_closed", "gap_low", "gap_high", "rank_correlation"):
        np.testing.assert_allclose(ranks[column], negated[column])
    keep = [i for i in range(200) if i != 5]
    assert ranks.score[1] == pytest.approx(scores[keep].min(axis=1).mean())


def test_a_leaderboard_scores_whole_candidates_alone():
    board = np.array([10.0, 30, 20])
    mixed = Routing(np.array([[0, 1, 2, 0]]))
    trials = Routing(np.array([[1, 1, 1, 1], [2, 2, 2, 2]]))
    random = Random().route(Evidence(Votes(np.zeros((4, 3, 3)))))
    routings = {"mixed": mixed, "trials": trials, "random": random, "first": fixed(0, 4)}
    table = evaluate_candidates(routings, board, 4, lower=False).set_index("method")
    assert table.score.to_dict() == pytest.approx({"trials": 25, "random": 20, "first": 10})
    assert table.gap_closed["trials"] == pytest.approx(50)
    assert table.ci_low.isna().all()
    lower = evaluate_candidates(routings, board, 4, lower=True).set_index("method")
    assert lower.gap_closed["first"] == pytest.approx(100)


@pytest.mark.parametrize("lower", [False, True])
def test_the_table_of_a_leaderboard(lower):
    routing = Routing(np.full((1, 1), 2), weights=np.array([0.2, 0.3, 0.5]), labels_used=3)
    table = evaluate_candidates({"m": routing}, np.array([-10.0, 30, 10]), 500, lower)
    unknown = ["ci_low", "ci_high", "difference_low", "difference_high", "gap_low", "gap_high"]
    unknown += ["rank_low", "rank_high"]
    assert table.loc[0].drop(unknown).to_dict() == {
        "method": "m",
        "score": 10,
        "n": 500,
        "labels_used": 3,
        "difference": 0,
        "gap_closed": 0,
        "rank_correlation": pytest.approx(-0.5 if lower else 0.5),
        "difference_n": 500,
    }
    assert table[unknown].isna().all(axis=None)
    same = evaluate({"m": fixed(0, 2)}, np.eye(2), Bootstrap(2))
    assert list(table.columns) == list(same.columns)
    row = evaluate_candidates({"m": routing}, np.array([0.0, 30, 90]), 500, lower).loc[0]
    assert (row.difference, row.gap_closed) == (50, pytest.approx(-125 if lower else 100))
    alike = evaluate_candidates({"m": routing}, np.full(3, 5.0), 500, lower).loc[0]
    assert np.isnan(alike[["gap_closed", "rank_correlation"]].astype(float)).all()


def test_the_last_bits_do_not_depend_on_the_limit_blas_threads():
    """Else a sweep in one process and the same in many would write different tables."""
    values = np.random.default_rng(0).random((5000, 20))
    alone = Bootstrap(500).means(values)
    with matrix_libraries().limit(limits=1, user_api="blas"):
        limited = Bootstrap(500).means(values)
    np.testing.assert_array_equal(alone, limited)


def test_draws_that_all_miss_the_one_difference_have_no_interval():
    scores = np.ones((50, 3))
    scores[0, 1] = 0
    for seed in range(5):  # the input is missed by a draw with a probability of 0.36
        table = evaluate({"best": fixed(0, 50)}, scores, Bootstrap(draws=1, seed=seed))
        assert table.gap_closed[0] == pytest.approx(100)
        drawn = np.random.default_rng(seed).integers(50, size=(1, 50))
        assert np.isnan(table.gap_low[0]) == (0 not in drawn)


def sparse(draw, rows, candidates, share):
    values = draw.normal(size=(rows, candidates))
    values[draw.random(values.shape) > share] = np.nan
    values[0, 0] = 1.0
    return values


def naive_row(scores, trials):
    """Score, n, difference, gap and their n from loops over inputs: what is known counts."""
    rows, candidates = scores.shape
    named = [j for j in range(candidates) if np.isfinite(scores[:, j]).any()]
    own, pairs = [], []
    for i in range(rows):
        picked = [scores[i, trial[i]] for trial in trials]
        if any(np.isnan(value) for value in picked):
            continue
        own.append(np.mean(picked))
        every = [scores[i, j] for j in named]
        if not any(np.isnan(value) for value in every):
            pairs.append((own[-1], np.mean(every), max(every)))
    mean, random, oracle = np.mean(pairs, axis=0) if pairs else [np.nan] * 3
    gap = 100 * (mean - random) / (oracle - random) if pairs and oracle > random else np.nan
    return np.mean(own) if own else np.nan, len(own), mean - random, gap, len(pairs)


@given(
    st.integers(1, 30), st.integers(2, 5), st.sampled_from([0.2, 0.7, 0.95, 1.0]), st.integers(0)
)
@hypothesis_settings(deadline=None, max_examples=60)
def test_what_is_known_counts(rows, candidates, share, seed):
    draw = np.random.default_rng(seed)
    scores = sparse(draw, rows, candidates, share)
    trials = draw.integers(candidates, size=(2, rows))
    routings = {"one": Routing(trials[:1]), "two": Routing(trials)}
    table = evaluate(routings, scores, Bootstrap(draws=20)).set_index("method")
    columns = ["score", "n", "difference", "gap_closed", "difference_n"]
    for method, routing in routings.items():
        expected = naive_row(scores, routing.choices)
        np.testing.assert_allclose(table.loc[method, columns].astype(float), expected, atol=1e-9)


@given(st.integers(0))
@hypothesis_settings(deadline=None, max_examples=20)
def test_a_candidate_that_nobody_scored_takes_nothing_from_the_others(seed):
    """All rows are as without it, in unit and bootstrap, but for inputs that go to it."""
    draw = np.random.default_rng(seed)
    scores = sparse(draw, 40, 3, 0.8)
    with_silent = np.insert(scores, 1, np.nan, axis=1)
    choices, votes = draw.integers(3, size=(1, 40)), Votes(np.zeros((40, 3, 3)))
    weights = draw.random(3)
    among = {"m": Routing(choices, weights=weights), "random": Random().route(Evidence(votes))}
    wider = {
        "m": Routing(choices + (choices > 0), weights=np.insert(weights, 1, 0.9)),
        "random": Random().route(Evidence(Votes(np.zeros((40, 4, 4))))),
    }
    if np.isfinite(scores).all(axis=1).any():
        among["oracle"] = Oracle().route(in_hindsight(scores))
        wider["oracle"] = Oracle().route(in_hindsight(with_silent))
    pd.testing.assert_frame_equal(
        evaluate(wider, with_silent, Bootstrap(50)), evaluate(among, scores, Bootstrap(50))
    )


def test_intervals_of_incomplete_scores_are_those_of_the_scored_inputs():
    """The share of labels that a resample has varies, and the mean over them is of a known n."""
    draw = np.random.default_rng(0)
    scores = draw.normal(size=(3000, 3))
    scores[draw.random(3000) > 0.4, 0] = np.nan
    row = evaluate({"first": fixed(0, 3000)}, scores, Bootstrap(4000)).iloc[0]
    kept = scores[np.isfinite(scores[:, 0]), 0]
    error = kept.std() / np.sqrt(len(kept))
    assert row.n == row.difference_n == len(kept)
    assert row.ci_low == pytest.approx(kept.mean() - 1.96 * error, abs=0.2 * error)
    assert row.ci_high == pytest.approx(kept.mean() + 1.96 * error, abs=0.2 * error)


def test_a_best_of_few_is_no_oracle():
    """Where one label of an input is known, its best is no bound; choices of it still count."""
    scores = np.array([[1.0, 0.0], [np.nan, 5.0], [0.0, 1.0]])
    routings = {"oracle": Oracle().route(in_hindsight(scores)), "second": fixed(1, 3)}
    table = evaluate(routings, scores, Bootstrap(20)).set_index("method")
    assert table.score.to_dict() == {"oracle": 1.0, "second": 2.0}
    assert table.n.to_dict() == {"oracle": 2, "second": 3}
    assert table.difference["second"] == 0  # of the first and the last input


def test_without_common_inputs_there_is_no_comparison():
    scores = np.array([[1.0, np.nan], [np.nan, 0.5]])
    weighted = Routing(np.zeros((1, 2), dtype=int), weights=np.array([0.6, 0.4]))
    row = evaluate({"first": weighted}, scores, Bootstrap(20)).iloc[0]
    assert (row.score, row.n, row.difference_n) == (1, 1, 0)
    assert np.isnan([row.difference, row.difference_low, row.gap_closed, row.gap_high]).all()
    assert np.isnan(row.rank_correlation)


def test_curves_are_of_the_same_inputs():
    scores = np.array([[1.0, 0.0], [1.0, np.nan], [np.nan, np.nan]])
    routings = {"first": fixed(0, 3), "second": fixed(1, 3)}
    np.testing.assert_array_equal(
        on_common_inputs(routings, scores), [[1, 0], [np.nan, np.nan], [np.nan, np.nan]]
    )
    np.testing.assert_array_equal(
        on_common_inputs(dict(reversed(routings.items())), scores),
        [[1, 0], [np.nan, np.nan], [np.nan, np.nan]],
    )
