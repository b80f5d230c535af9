"""The curve of few labels: a trial against loops, and the command on two small sets."""

import statistics

import numpy as np
import pandas as pd
import pytest

from experiments.research.labels import PRIORS, Trial, curve_table, left_out_table, run
from experiments.research.parents import ROUTED, compared, parents_table
from smoothie.posterior import PRIOR, checked, fit, standard
from tests.conftest import ROOT, make_set, store_vectors


@pytest.fixture
def trial():
    generator = np.random.default_rng(0)
    order = generator.permutation(60)
    support = standard(generator.normal(size=(60, 4)))
    return Trial(support, generator.normal(size=(60, 4)), None, order[:30], order[30:])


def test_a_trial_never_labels_what_it_is_scored_on(trial):
    for order in ("random", "disagreement", "certainty"):
        rows = trial.order(order, 30, seed=3)
        assert sorted(rows) == sorted(trial.pool)
        np.testing.assert_array_equal(trial.order(order, 10, seed=3), rows[:10])


def test_a_gap_is_that_of_a_loop(trial):
    labeled = trial.pool[:12]
    support, quality = trial.support[labeled], trial.quality[labeled]
    posterior = checked(fit(support, quality), support, quality)
    chosen = random = best = 0.0
    for row in trial.asked:
        place = posterior.expected(trial.support[row][None])[0].argmax()
        chosen += trial.quality[row, place]
        random += trial.quality[row].mean()
        best += trial.quality[row].max()
    assert trial.by(labeled).mean() == pytest.approx(100 * (chosen - random) / (best - random))


def test_the_least_certain_are_labeled_five_at_a_time(trial):
    rows = trial.order("certainty", 15, seed=0)
    for start in (5, 10):
        known = rows[:start]
        rest = np.setdiff1d(trial.pool, known)
        labels = np.full((60, 4), np.nan)
        labels[known] = trial.quality[known]
        pool = trial.support[trial.pool]
        posterior = fit(standard(pool), labels[trial.pool])
        certainty = posterior.certainty(standard(pool))[np.isin(trial.pool, rest)]
        taken = posterior.certainty(standard(pool))[
            [int(np.flatnonzero(trial.pool == row)[0]) for row in rows[start : start + 5]]
        ]
        np.testing.assert_allclose(np.sort(taken), np.sort(certainty)[:5])


def test_differences_to_the_parents_and_their_noise():
    trials = []
    generator = np.random.default_rng(0)
    for _ in range(5):
        asked = generator.permutation(8)[:4]
        few, best, without = generator.normal(size=(3, 4))
        closed = {("consensus", 0): without, (ROUTED, 5): few, ("best_on_val", 5): best}
        trials.append((asked, closed))
    table = compared("set", trials)
    assert list(table.parent) == ["consensus", "best_on_val"]  # there were no vectors
    for parent, key in (("consensus", ("consensus", 0)), ("best_on_val", ("best_on_val", 5))):
        of_inputs, of_trials = {}, []
        for asked, closed in trials:
            leads = [a - b for a, b in zip(closed[ROUTED, 5], closed[key], strict=True)]
            of_trials.append(sum(leads) / 4)
            for row, lead in zip(asked, leads, strict=True):
                of_inputs.setdefault(row, []).append(lead)
        means = [sum(leads) / len(leads) for leads in of_inputs.values()]
        error = (
            statistics.variance(means) / len(means) + statistics.variance(of_trials) / 5
        ) ** 0.5
        row = table[table.parent == parent].iloc[0]
        assert row.difference == pytest.approx(sum(of_trials) / 5)
        assert row.error == pytest.approx(error)


def test_what_is_worse_than_a_parent_by_more_than_noise_is_named():
    rows = [
        ("a", "consensus", 5, 1.0, 1.0),
        ("b", "consensus", 5, -1.9, 1.0),
        ("c", "consensus", 5, -2.1, 1.0),
    ]
    columns = ["dataset", "parent", "labels", "difference", "error"]
    page = parents_table(pd.DataFrame(rows, columns=columns))
    assert "| consensus       | -1.0 (2, 1) |" in page
    assert page.endswith(
        "Beyond noise, of 3 comparisons:\n\n- c, 5 labels, consensus: -2.1 (standard error 1.0)\n"
    )


def test_a_prior_for_a_set_is_chosen_on_the_others():
    one, two = list(PRIORS)[:2]
    values = {one: {"a": 90, "b": 10, "c": 10}, two: {"a": 0, "b": 20, "c": 20}}
    rows = [
        (name, 0, 4, method, 5, value)
        for method, of_sets in values.items()
        for name, value in of_sets.items()
    ]
    names = ["dataset", "ensemble", "candidates", "method", "labels", "gap_closed"]
    table = left_out_table(pd.DataFrame(rows, columns=names))
    assert "6.7" in table  # 0 on a, by the second; 10 on b and on c, by the first
    assert f"{one}: 2, {two}: 1" in table
    assert PRIOR in PRIORS.values()


def test_the_command_writes_its_tables(tmp_path, compose):
    names = ("alpha", "beta", "gamma", "delta", "epsilon")
    folders = [make_set(tmp_path / name, 14, names) for name in ("one", "two")]
    vectors = store_vectors(folders[0], tmp_path / "vectors")
    cfg = compose(
        f"folders=[{folders[0]},{folders[1]}]",
        "encoder=stored",
        f"encoder.folder={vectors}",
        "budgets=[2,5,50]",
        "trials=2",
        "sub_ensembles=2",
        "+limits.two=14",
        name="labels",
    )
    page = run(cfg, tmp_path / "out")
    gaps = pd.read_csv(tmp_path / "out" / "gaps.csv")
    assert (tmp_path / "out" / "labels.md").read_text() == page
    full = gaps[gaps.ensemble == 0]
    assert sorted(full.labels.unique()) == [0, 2, 5]  # there are no 50 inputs
    usual = full[full.method == "few_labels, random"].set_index(["dataset", "labels"]).gap_closed
    same = next(name for name, prior in PRIORS.items() if prior == PRIOR)
    again = full[full.method == same].set_index(["dataset", "labels"]).gap_closed
    pd.testing.assert_series_equal(usual, again)
    assert {"consensus", "best_on_val", "labeled_knn"} < set(full.method)
    parents = pd.read_csv(tmp_path / "out" / "parents.csv")
    assert set(parents.parent) == {"consensus", "best_on_val", "labeled_knn"}
    means = full.set_index(["dataset", "method", "labels"]).gap_closed
    for row in parents.itertuples():
        parent = means[row.dataset, row.parent, 0 if row.parent == "consensus" else row.labels]
        lead = means[row.dataset, ROUTED, row.labels] - parent
        assert row.difference == pytest.approx(lead, abs=0.002)
    assert parents_table(parents) in page


def test_the_page_shows_the_results():
    gaps = pd.read_csv(ROOT / "results" / "few_labels" / "gaps.csv")
    full = gaps[gaps.ensemble == 0]
    made = curve_table(full, lambda name: name not in PRIORS)
    page = (ROOT / "docs" / "research.md").read_text(encoding="utf-8")
    assert page.split("<!-- few labels -->\n")[1].split("<!-- end -->")[0] == made
    report = (ROOT / "results" / "few_labels" / "labels.md").read_text(encoding="utf-8")
    assert made in report
    assert left_out_table(full) in report
