"""Score against labels: the same numbers as single runs, and sentences that say what they show."""

import json

import pandas as pd
import pytest

from experiments.pipeline import run
from experiments.sweep import label_rows
from smoothie import SmoothieError
from smoothie.report.budgets import COLUMNS, curve_over_budgets, overtaken, overtaking
from tests.conftest import make_set, store_vectors, write_results


@pytest.fixture
def settings(tmp_path):
    folder = make_set(tmp_path / "set", inputs=30)
    vectors = store_vectors(folder, tmp_path / "vectors")
    settings = ["dataset=local", f"dataset.path={folder}", "encoder=stored"]
    methods = "methods=[random,best_on_val,labeled_knn,smoothie_local,oracle]"
    return [*settings, f"encoder.folder={vectors}", "evaluation.draws=20", methods]


@pytest.mark.slow
def test_each_point_is_the_score_of_a_run_with_that_budget(compose, settings, tmp_path, caplog):
    result = run(compose(*settings))
    curve = curve_over_budgets(result, [8, 2, 2, 99])
    assert list(curve.columns) == COLUMNS
    free = ["random", "smoothie_local"]
    assert curve.method.tolist() == [*free, *["best_on_val", "labeled_knn"] * 2]
    assert curve.budget.tolist() == [0, 0, 2, 2, 8, 8]
    assert curve.labels_used.tolist() == curve.budget.tolist()
    assert "budgets: 99 is skipped" in caplog.text
    scores = curve.set_index(["method", "budget"]).score
    for budget in (2, 8):
        lower = [f"method.{name}.budget={budget}" for name in ("best_on_val", "labeled_knn")]
        alone = run(compose(*settings, *lower)).table.set_index("method").score
        for name in ("best_on_val", "labeled_knn"):
            assert scores[name, budget] == pytest.approx(alone[name])
    for name in free:
        assert scores[name, 0] == result.table.set_index("method").score[name]
    out = tmp_path / "out"
    shown = write_results(result, out, budgets=[8, 2, 2, 99])
    assert "smoothie_local: " in shown
    pd.testing.assert_frame_equal(pd.read_csv(out / "score_against_labels.csv"), curve)
    for suffix in ("png", "pdf"):
        assert (out / f"score_against_labels.{suffix}").stat().st_size > 1000
    write_results(run(compose(*settings)), out, plots=False)
    assert not list(out.glob("score_against_labels*"))
    assert not (out / "labels_to_overtake.csv").exists()
    listed = json.loads((out / "manifest.json").read_text())["files"]
    assert sorted(path.name for path in out.iterdir()) == sorted([*listed, "manifest.json"])


@pytest.mark.parametrize(
    ("budgets", "message"), [("[0,5]", r"output.budgets=\[0, 5\]"), ("[x]", "output.budgets")]
)
def test_wrong_budgets_are_named(compose, settings, budgets, message):
    with pytest.raises(SmoothieError, match=message):
        run(compose(*settings, f"output.budgets={budgets}"))


def test_without_methods_that_learn_there_is_no_curve(compose, settings):
    settings[-1] = "methods=[random,smoothie_local]"
    assert curve_over_budgets(run(compose(*settings)), [5]) is None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_method_overtakes_where_it_stays_ahead(compose, settings, sign):
    """A lead that is lost again at a larger budget does not count."""
    points = {
        "learned": {1: 3.0, 2: 1.0, 5: 3.0, 9: 4.0},
        "slow": {1: 0.0, 2: 5.0, 5: 5.0, 9: 2.0},
    }
    rows = [("voting", 0, 2.0), ("weak", 0, -1.0)]
    rows += [(name, b, score) for name, line in points.items() for b, score in line.items()]
    curve = pd.DataFrame(rows, columns=["method", "budget", "score"])
    curve["score"] *= sign
    scores = run(compose(*settings)).scores
    object.__setattr__(scores, "lower_is_better", sign < 0)
    table = overtaken(curve, scores)
    assert table.values.tolist() == [
        ["voting", "learned", 5, 9],
        ["voting", "slow", pd.NA, 9],
        ["weak", "learned", 1, 9],
        ["weak", "slow", 1, 9],
    ]
    table = table.assign(dataset="set", ensemble="all", encoder="minilm", job="0")
    assert label_rows(table) == (
        ["dataset", "without labels", "learned", "slow"],
        [["set", "voting", "5", "> 9"], ["set", "weak", "1", "1"]],
    )
    assert overtaking(table) == [
        "voting: overtaken by learned at 5 labels; not overtaken by slow up to 9 labels.",
        "weak: overtaken by learned at 1 labels, by slow at 1 labels.",
    ]
