import itertools
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from smoothie import Input, Problem, SmoothieError
from smoothie.scorers import StoredPreferences, StoredScores
from smoothie.scorers.preferences import bradley_terry, win_rates
from tests.conftest import write_lines

NAMES = ("a", "b", "c")


@pytest.fixture
def problem():
    inputs = tuple(Input(f"q{i}") for i in range(3))
    return Problem("tiny", inputs, NAMES, np.full((3, 3), "text", dtype=object))


def test_scores_are_joined_by_id_and_candidate(tmp_path, problem):
    rows = [("q2", "c", 0.5), ("q0", "a", 1), ("q0", "b", None), ("q9", "a", 7), ("q1", "z", 3)]
    lines = [{"id": key, "model": name, "score": value} for key, name, value in rows]
    write_lines(tmp_path / "scores.jsonl", lines)
    nan = np.nan
    expected = [[1, nan, nan], [nan, nan, nan], [nan, nan, 0.5]]
    np.testing.assert_array_equal(StoredScores(str(tmp_path)).score(problem), expected)
    anywhere = StoredScores(None, str(tmp_path / "scores.jsonl"), lower_is_better=True)
    np.testing.assert_array_equal(anywhere.score(problem), -np.array(expected))
    assert anywhere.signature.startswith("scores.jsonl@")
    swapped = StoredScores(str(tmp_path)).score(problem.select(["c", "a", "b"]))
    np.testing.assert_array_equal(swapped, np.array(expected)[:, [2, 0, 1]])


def test_files_without_verdicts(tmp_path, problem):
    with pytest.raises(SmoothieError, match=r"file=scores.jsonl: no such file"):
        StoredScores(str(tmp_path)).score(problem)
    write_lines(tmp_path / "scores.jsonl", [{"id": "q9", "model": "a", "score": 1}])
    with pytest.raises(SmoothieError, match="no verdict about any text of tiny"):
        StoredScores(str(tmp_path)).score(problem)
    write_lines(tmp_path / "preferences.jsonl", [{"id": "q9", "a": "a", "b": "b", "winner": "a"}])
    with pytest.raises(SmoothieError, match="no verdict about any two texts of tiny"):
        StoredPreferences(str(tmp_path)).score(problem)
    with pytest.raises(SmoothieError, match="aggregate=elo"):
        StoredPreferences(aggregate="elo")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"a": "a", "b": "b", "winner": "a"}, "line 1: expected a text or a whole number"),
        ({"id": 1, "a": "a", "winner": "a"}, "line 1: expected two candidates"),
        ({"id": 1, "a": "a", "b": "a", "winner": "a"}, "line 1: expected two candidates"),
        ({"id": 1, "a": "a", "b": "b", "winner": "c"}, "line 1: winner must be a, b or tie"),
        ({"id": 1, "a": "a", "b": "b", "winner": 1}, "line 1: winner must be a, b or tie, found 1"),
        ({"id": 1, "a": "a", "b": "b"}, "line 1: no key 'winner'"),
    ],
)
def test_faults_of_preferences_are_named(tmp_path, problem, line, message):
    write_lines(tmp_path / "preferences.jsonl", [line])
    with pytest.raises(SmoothieError, match=message):
        StoredPreferences(str(tmp_path)).score(problem)


def test_preferences_are_counted(tmp_path, problem):
    verdicts = [("q0", "a", "b", "a"), ("q0", "b", "a", "b"), ("q0", "c", "a", "tie")]
    verdicts += [("q0", "c", "b", None), ("q0", "c", "z", "z"), ("q2", "b", "c", "c")]
    lines = [dict(zip(("id", "a", "b", "winner"), verdict, strict=True)) for verdict in verdicts]
    (tmp_path / "preferences.jsonl").write_text("\n".join(map(json.dumps, lines)))
    rates = StoredPreferences(str(tmp_path), aggregate="win_rate").score(problem)
    nan = np.nan
    np.testing.assert_allclose(rates, [[0.5, 0.5, 0.5], [nan] * 3, [nan, 0, 1]])
    strengths = StoredPreferences(str(tmp_path)).score(problem)
    np.testing.assert_array_equal(np.isnan(strengths), np.isnan(rates))
    assert strengths[0].tolist() == [0, 0, 0]
    assert strengths[2, 1] == -strengths[2, 2] < 0


def test_bradley_terry_is_the_maximum_of_its_posterior():
    """Against a general optimizer on the logarithm of the posterior."""
    from scipy.optimize import minimize

    wins = np.random.default_rng(2).integers(0, 4, size=(3, 4, 4)).astype(float)
    wins[1] *= np.array([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]])  # two groups
    for i in range(3):
        np.fill_diagonal(wins[i], 0)

        def loss(theta, won=wins[i]):
            total = -sum(0.5 * t - np.log1p(np.exp(t)) for t in theta)  # a tie with strength 1
            for a, b in itertools.permutations(range(4), 2):
                total += won[a, b] * np.log1p(np.exp(theta[b] - theta[a]))
            return total

        found = minimize(loss, np.zeros(4), options={"gtol": 1e-9}).x
        np.testing.assert_allclose(bradley_terry(wins[i : i + 1])[0], found, atol=1e-5)


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (2, 4, 4), elements=st.integers(0, 3).map(float)))
def test_a_full_tournament_is_ordered_by_win_rate(drawn):
    """Where every pair was judged equally often, Bradley-Terry and win rates agree in order."""
    upper = np.triu(drawn, k=1)
    lower = np.tril(3 - upper.transpose(0, 2, 1), k=-1)
    wins = upper + lower
    strengths, rates = bradley_terry(wins), win_rates(wins)
    for i, j in itertools.combinations(range(4), 2):
        close = np.isclose(rates[:, i], rates[:, j])
        order = np.where(close, 0, np.sign(rates[:, i] - rates[:, j]))
        np.testing.assert_array_equal(np.sign(strengths[:, i] - strengths[:, j]), order)


def test_mismatched_names_are_reported(tmp_path, problem, caplog):
    """A mistyped candidate has no verdicts; without a warning it would never be chosen."""
    rows = [("q0", "a", 1), ("q1", "b", 0), ("q2", "see", 1), ("q9", "a", 1)]
    lines = [{"id": key, "model": name, "score": value} for key, name, value in rows]
    write_lines(tmp_path / "scores.jsonl", lines)
    StoredScores(str(tmp_path)).score(problem)
    assert "scores.jsonl: no verdict about any text of c, but about 'see'; a text" in caplog.text
    assert "scores.jsonl: verdicts about 1 ids that tiny does not hold ('q9')" in caplog.text
    caplog.clear()
    StoredScores(str(tmp_path)).score(problem.select(["a", "b"]).take(slice(2)))
    assert not caplog.records  # others are known, and not routed
    verdict = {"id": "q0", "a": "a", "b": "bee", "winner": "a"}
    write_lines(tmp_path / "preferences.jsonl", [verdict, verdict | {"b": "c"}])
    StoredPreferences(str(tmp_path)).score(problem)
    assert "preferences.jsonl: no verdict about any text of b, but about 'bee'; a" in caplog.text
