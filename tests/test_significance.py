"""Paired tests against loops over what they count, published rules and closed formulas."""

import math
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from experiments.compare import main
from smoothie import SmoothieError
from smoothie.evaluation import CANDIDATE, Bootstrap, evaluate, interval
from smoothie.routers.base import Routing
from smoothie.significance import (
    compare_pairs,
    paired_interval,
    permutation_p,
    smallest_difference,
)
from tests.conftest import make_set, store_vectors, write_results

small = st.lists(st.integers(-3, 3).map(float), min_size=1, max_size=9)


@given(small)
@hypothesis_settings(max_examples=40, deadline=None)
def test_p_counts_all_changes_of_signs(differences):
    """All 2^n of them, those of zeros too, in whole numbers."""
    extreme = [
        abs(sum(sign * value for sign, value in zip(signs, differences, strict=True)))
        >= abs(sum(differences))
        for signs in product((1, -1), repeat=len(differences))
    ]
    assert permutation_p(np.array(differences), 9999, 0) == pytest.approx(np.mean(extreme))


def test_a_sampled_p_is_near_that_of_the_normal_approximation_and_repeats():
    """Of many small differences: the sum of random signs is nearly normal."""
    apart = np.random.default_rng(1).normal(size=400)
    apart += 0.08 - apart.mean()
    z = abs(apart.sum()) / math.sqrt((apart**2).sum())
    expected = math.erfc(z / math.sqrt(2))
    found = permutation_p(apart, 9999, 0)
    assert 0.01 < expected < 0.2
    assert found == pytest.approx(expected, abs=5 * math.sqrt(expected / 9999))
    assert found == permutation_p(apart, 9999, 0) != permutation_p(apart, 9999, 1)


def test_intervals_are_those_of_the_tables_of_a_run():
    """The same resamples, drawn by scipy and by ours."""
    generator = np.random.default_rng(0)
    scores = generator.random((150, 4))
    routing = Routing(generator.integers(4, size=(1, 150)))
    row = evaluate({"one": routing}, scores, Bootstrap()).iloc[0]
    apart = routing.scores(scores) - scores.mean(axis=1)
    expected = [row.difference_low, row.difference_high]
    np.testing.assert_allclose(paired_interval(apart, Bootstrap()), expected, atol=1e-12)
    draws = Bootstrap(300, seed=4).means(apart[:, None])[:, 0]
    np.testing.assert_allclose(paired_interval(apart, Bootstrap(300, 4)), interval(draws))
    assert paired_interval(np.full(5, 2.0), Bootstrap()) == (2, 2)
    assert np.isnan(paired_interval(np.ones(1), Bootstrap())).all()


def test_holm_by_hand():
    """The smallest p times m, the next times m - 1, ..., never less than those before (1979)."""
    generator = np.random.default_rng(2)
    shift = [0, 0.3, 0.5, 2]
    values = pd.DataFrame(generator.normal(size=(40, 4)) + shift, columns=list("abcd"))
    table = compare_pairs(values, resamples=500)
    assert list(zip(table["first"], table["second"], strict=True)) == list(combinations("abcd", 2))
    order, reached, expected = np.argsort(table.p, kind="stable"), 0.0, np.empty(6)
    for rank, place in enumerate(order):
        reached = max(reached, min(1.0, table.p[place] * (6 - rank)))
        expected[place] = reached
    np.testing.assert_allclose(table.p_holm, expected)
    assert (table.p_holm >= table.p).all()


@pytest.mark.parametrize("n", [3, 10, 240, 5000])
def test_the_smallest_difference_has_the_power_that_is_said(n):
    """Power of the paired t-test by the noncentral t distribution."""
    from scipy.stats import nct, t

    apart = np.random.default_rng(n).normal(size=n) * 7
    spread = math.sqrt(sum((x - apart.mean()) ** 2 for x in apart) / (n - 1))
    shift = smallest_difference(apart) * math.sqrt(n) / spread
    edge = t.ppf(0.975, n - 1)
    power = nct.sf(edge, n - 1, shift) + nct.cdf(-edge, n - 1, shift)
    assert power == pytest.approx(0.8, abs=1e-4)  # statsmodels searches for it
    if n == 5000:  # by the normal approximation of textbooks
        assert smallest_difference(apart) == pytest.approx(2.8016 * spread / 5000**0.5, rel=1e-3)


def test_a_pair_counts_the_inputs_that_it_has_in_common():
    nan = np.nan
    values = pd.DataFrame({"a": [1.0, nan, 3, 4], "b": [0.0, 1, nan, 2], "c": [nan] * 4})
    table = compare_pairs(values, [("a", "b"), ("b", "c"), ("a", "a")])
    assert table.n.tolist() == [2, 0, 3]
    assert table.difference[0] == 1.5
    assert table.loc[1, ["difference", "low", "p", "p_holm", "smallest"]].isna().all()
    assert table.loc[2, ["difference", "p", "p_holm"]].tolist() == [0, 1, 1]
    assert table.p_holm[0] == 1  # adjusted for the two that are known
    with pytest.raises(SmoothieError, match="no method 'd'"):
        compare_pairs(values, [("a", "d")])
    with pytest.raises(SmoothieError, match="resamples=0: expected 1 to 1,000,000"):
        compare_pairs(values, resamples=0)


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """The folder of a run of twelve inputs, of which three have no labels."""
    from hydra import compose, initialize_config_dir

    from experiments.groups import CONF, register_groups
    from experiments.pipeline import run

    folder = make_set(tmp_path_factory.mktemp("compared") / "set")
    labels = folder / "labels.jsonl"
    labels.write_text("".join(labels.read_text().splitlines(keepends=True)[:27]))
    vectors = store_vectors(folder, folder.parent / "vectors")
    settings = ["dataset=local", f"dataset.path={folder}", "encoder=stored"]
    settings += [f"encoder.folder={vectors}", "paths.cache=null", "evaluation.draws=50"]
    register_groups()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        result = run(compose("config", overrides=settings))
    write_results(result, folder.parent / "out", plots=False)
    return folder.parent / "out", result


def test_scores_of_inputs_are_gathered_from_the_labels(out):
    folder, result = out
    table = pd.read_csv(folder / "scores_by_input.csv", dtype={"id": str}).set_index("id")
    assert list(table.columns) == list(result.compared)
    values = result.scores.values
    for i, item in enumerate(result.problem.inputs):
        for j, name in enumerate(result.problem.candidates):
            np.testing.assert_equal(table.loc[item.id, f"{CANDIDATE}{name}"], values[i, j])
        chosen = values[i, result.routings["consensus"].choices[0, i]]
        np.testing.assert_equal(table.loc[item.id, "consensus"], chosen)
    means = result.table.set_index("method").score
    pd.testing.assert_series_equal(table.mean()[means.index], means, check_names=False)


def test_a_run_is_compared_from_its_folder(out, tmp_path, capsys):
    folder, result = out
    assert main([str(folder), "--output", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    table = pd.read_csv(tmp_path / "pairs.csv")
    assert (tmp_path / "pairs.md").read_text() == shown
    names = [n for n in result.routings if n not in ("best_single", "oracle")]
    assert list(zip(table["first"], table["second"], strict=True)) == list(combinations(names, 2))
    scores = result.table.set_index("method").score
    for row in table.itertuples():
        assert row.difference == pytest.approx(scores[row.first] - scores[row.second], abs=1e-9)
        assert row.n == 9
    header, *lines = (folder / "scores_by_input.csv").read_text().splitlines()
    moved = tmp_path / "moved"
    moved.mkdir()
    (moved / "scores_by_input.csv").write_text("\n".join([header, *lines[::-1]]) + "\n")
    assert main([str(moved)]) == 0
    assert capsys.readouterr().out == shown
    told = table[table.p_holm < 0.05]
    assert shown.count("**") == 2 * len(told)
    assert shown.count("are not told apart: with 9 inputs") == len(table) - len(told)
    assert main([str(folder), "oracle", "candidate:alpha", "-o", str(tmp_path)]) == 0
    assert pd.read_csv(tmp_path / "pairs.csv")[["first", "second"]].to_numpy().tolist() == [
        ["oracle", "candidate:alpha"]
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere/scores_by_input.csv: not found; expected the output folder"),
        ([".", "consensus", "consensu"], "no method 'consensu'"),
        ([".", "consensus", "consensus"], "consensus is named twice"),
        ([".", "--draws", "0"], "draws=0: expected 1 to 1,000,000"),
    ],
)
def test_what_is_wrong_is_one_sentence(arguments, message, out, monkeypatch):
    monkeypatch.chdir(out[0])
    with pytest.raises(SystemExit, match=message):
        main(arguments)
    assert not (out[0] / "pairs.csv").exists()


def test_a_cell_that_is_no_number_is_named(tmp_path, capsys):
    (tmp_path / "scores_by_input.csv").write_text("id,a,b\nq,1,2\nr,,x\n")
    with pytest.raises(SystemExit, match=r"scores_by_input\.csv:3: b is 'x'; expected a number"):
        main([str(tmp_path)])
    (tmp_path / "scores_by_input.csv").write_text("id,a,candidate:b\nq,1,2\n")
    with pytest.raises(SystemExit, match="only a to compare"):
        main([str(tmp_path)])
    (tmp_path / "scores_by_input.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SystemExit, match="no column id"):
        main([str(tmp_path)])
    with pytest.raises(SystemExit) as error:
        main([str(tmp_path), "a"])
    assert error.value.code == 2
    assert "one method has nothing to be compared with" in capsys.readouterr().err
