"""The calibration's numbers, against loops and constructed cases."""

import numpy as np
import pandas as pd
import pytest

from experiments.research.calibration import SIGNALS, best_threshold, judge, run
from experiments.research.confidences import halves, lead
from tests.conftest import make_set, store_vectors


def test_a_threshold_parts_gains_from_losses():
    values = np.array([0.1, 0.2, 0.3, 0.4, 0.5])
    gained = np.array([False, False, True, True, True])
    assert best_threshold(values, gained, np.ones(5)) == 0.3
    assert best_threshold(values, np.ones(5, dtype=bool), np.ones(5)) == -np.inf
    assert best_threshold(values, np.zeros(5, dtype=bool), np.ones(5)) == np.inf
    # A set with many runs counts no more than another one.
    gained = np.array([False, True, False, True, True])
    assert best_threshold(values, gained, np.array([1, 1, 9, 1, 1])) == 0.4
    assert best_threshold(values, gained, np.array([9, 9, 1, 1, 1])) == 0.2


def test_a_set_is_judged_by_the_others():
    table = pd.DataFrame(
        {
            "dataset": ["a", "a", "b", "b", "c"],
            "signal": [0.1, 0.9, 0.2, 0.8, 0.5],
            "gap_closed": [-1.0, 2.0, -3.0, 1.0, np.nan],
        }
    )
    judged = judge(table[:4], "signal")
    assert judged.safe.tolist() == [False, True, False, False]  # from 0.8 (b), from 0.9 (a)
    table.loc[0, "gap_closed"] = 5.0  # a's own outcome does not move a's threshold
    assert judge(table[:4], "signal").safe.tolist()[:2] == [False, True]


def test_halves_are_those_of_a_naive_loop():
    generator = np.random.default_rng(0)
    quality = generator.random((11, 3))
    choices = generator.integers(3, size=11)
    confidence = generator.random(11)
    scored = np.ones(11, dtype=bool)
    scored[4] = False
    order = sorted((n for n in range(11) if n != 4), key=lambda n: -confidence[n])
    gains = [quality[n, choices[n]] - quality[n].mean() for n in order]
    way = np.mean([quality[n].max() - quality[n].mean() for n in order])
    expected = 100 * (np.mean(gains[:5]) - np.mean(gains[5:])) / way
    found = halves("x", confidence, choices, quality, scored)
    assert found == {"x": pytest.approx(expected)}
    assert halves("x", None, choices, quality, scored) == {"x": None}
    assert halves("x", confidence, choices, np.ones((11, 3)), scored) == {"x": None}


def test_a_lead_is_over_rivals_alone():
    weights = np.array([[0.5, 0.4, 0.1], [0.0, 0.0, 0.0]])
    others = np.array([[False, True, True]] * 2)
    np.testing.assert_allclose(lead(weights, np.array([0, 0]), others), [0.2, 0])
    rivals = np.array([[False, False, True]] * 2)
    np.testing.assert_allclose(lead(weights, np.array([0, 0]), rivals), [0.8, 0])


def test_the_command_writes_its_tables(tmp_path, compose):
    names = ("alpha", "beta", "gamma", "delta", "epsilon")
    folders = [make_set(tmp_path / name, 9, names) for name in ("one", "two")]
    vectors = store_vectors(folders[0], tmp_path / "vectors")
    cfg = compose(
        f"folders=[{folders[0]},{folders[1]}]",
        "encoder=stored",
        f"encoder.folder={vectors}",
        "sub_ensembles=3",
        "evaluation.draws=20",
        "+limits.two=9",
        name="calibration",
    )
    page = run(cfg, tmp_path / "out")
    signals = pd.read_csv(tmp_path / "out" / "signals.csv")
    assert set(signals.dataset) == {"one", "two"}
    assert set(SIGNALS) <= set(signals.columns)
    assert (tmp_path / "out" / "calibration.md").read_text() == page
    assert signals.groupby(["dataset", "ensemble"]).size().eq(3).all()
