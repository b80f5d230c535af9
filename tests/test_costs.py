"""Costs of what is returned and of what has to be generated, by a loop over the choices."""

import json

import numpy as np
import pandas as pd
import pytest

from experiments.pipeline import run
from smoothie.report.costs import compare_costs
from tests.conftest import make_set, store_vectors, write_lines, write_results

METHODS = ["random", "best_on_val", "labeled_knn", "smoothie_global", "smoothie_local"]
ONE = ["random", "best_on_val", "labeled_knn", "best_single"]


@pytest.fixture
def settings(tmp_path):
    folder = make_set(tmp_path / "set")
    vectors = store_vectors(folder, tmp_path / "vectors")
    settings = ["dataset=local", f"dataset.path={folder}", "encoder=stored"]
    return [*settings, f"encoder.folder={vectors}", "evaluation.draws=20"]


@pytest.mark.slow
def test_costs_by_hand(compose, settings, tmp_path):
    cost = np.random.default_rng(0).uniform(1, 2, size=(12, 3))
    names = ["alpha", "beta", "gamma"]
    rows = [
        {"candidate": name, "id": f"q{i}", "cost": cost[i, j], "cost_unit": "USD"}
        for i in range(12)
        for j, name in enumerate(names)
    ]
    latency = {"alpha": 0.5, "beta": 2.0, "gamma": 1.0}
    rows += [{"candidate": name, "latency": value} for name, value in latency.items()]
    write_lines(tmp_path / "set" / "candidates.jsonl", rows)
    labels = tmp_path / "set" / "labels.jsonl"
    labels.write_text("".join(labels.read_text().splitlines(keepends=True)[:27]))  # nine inputs
    result = run(compose(*settings))
    out = tmp_path / "out"
    shown = write_results(result, out)
    table = pd.read_csv(out / "costs.csv").set_index("method")
    assert set(table.n) == {9}
    assert set(table.cost_unit) == {"USD"}
    texts = [
        [
            json.loads(line)["generation"]
            for line in (tmp_path / f"set/generations/{n}.jsonl").open()
        ]
        for n in names
    ]
    for method, routing in result.routings.items():
        picked, length = [], []
        for trial in routing.choices:
            for i, j in enumerate(trial[:9]):
                picked.append(cost[i, j])
                length.append(len(texts[j][i]))
        if method == "random":  # the exact expectation
            picked, length = cost[:9].ravel(), [len(t) for row in texts for t in row[:9]]
        assert table.cost[method] == pytest.approx(np.mean(picked))
        assert table.length[method] == pytest.approx(np.mean(length))
        asked = np.mean(picked) if method in ONE else cost[:9].sum(axis=1).mean()
        assert table.cost_asked[method] == pytest.approx(asked)
        if method not in ONE:
            assert table.latency_asked[method] == 2.0
    for j, name in enumerate(names):
        assert table.cost[f"candidate:{name}"] == pytest.approx(cost[:9, j].mean())
        assert table.cost_asked[f"candidate:{name}"] == table.cost[f"candidate:{name}"]
        assert table.latency[f"candidate:{name}"] == latency[name]
    assert "Cost (USD)" in shown
    assert "Cost (USD)" in (out / "costs.md").read_text()
    points = pd.read_csv(out / "quality_against_cost.csv").set_index("method")
    scores = result.table.set_index("method").score
    for method in points.index:
        assert points.score[method] == pytest.approx(scores[method])
        assert points.cost_asked[method] == table.cost_asked[method]
    assert set(points.index) == set(table.index)
    for suffix in ("png", "pdf"):
        assert (out / f"quality_against_cost.{suffix}").stat().st_size > 1000


def test_methods_that_need_no_test_answers_ask_for_one(compose, settings, tmp_path, tiny_encoder):
    folder = tmp_path / "set"
    names = ("alpha", "beta", "gamma")
    write_lines(folder / "candidates.jsonl", [{"candidate": n, "cost": 1} for n in names])
    train = make_set(tmp_path / "train", inputs=9)
    settings = [*settings[:2], "encoder=minilm", f"encoder.model={tiny_encoder}"]
    methods = "methods=[smoothie_global_train,smoothie_local_train,smoothie_global,best_on_val]"
    table = compare_costs(run(compose(*settings, f"dataset.train_path={train}", methods)))
    asked = table.set_index("method").cost_asked
    assert asked[:4].tolist() == [1, 1, 3, 1]


def test_without_attributes_length_alone_is_written(compose, settings, tmp_path):
    out = tmp_path / "out"
    write_results(run(compose(*settings)), out)
    assert list(pd.read_csv(out / "costs.csv").columns) == ["method", "length", "n"]
    assert not (out / "costs.md").exists()
    assert not (out / "quality_against_cost.png").exists()
