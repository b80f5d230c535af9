import json

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.loaders.local import LocalFolder
from tests.conftest import make_set, write_lines

NAMES = ("alpha", "beta", "gamma")


def test_a_line_of_an_input_takes_precedence_over_that_of_its_candidate(tmp_path):
    folder = make_set(tmp_path / "set", inputs=4)
    rows = [{"candidate": name, "cost": j + 1, "cost_unit": "cent"} for j, name in enumerate(NAMES)]
    rows += [{"candidate": "beta", "id": "q2", "cost": 7.5}]
    rows += [{"candidate": "stranger", "cost": 1}, {"candidate": "alpha", "id": "q99", "cost": 3}]
    write_lines(folder / "candidates.jsonl", rows)
    message = r"costs of 1 candidate without generations \('stranger'\) and costs of 1 id .*'q99'"
    with pytest.raises(SmoothieError, match=message):
        LocalFolder(path=str(folder)).load()
    allowing = {"path": str(folder), "unknown_labels": "ignore"}
    problem = LocalFolder(**allowing).load()
    expected = np.tile([1.0, 2.0, 3.0], (4, 1))
    expected[2, 1] = 7.5
    assert list(problem.attributes) == ["cost"]
    np.testing.assert_array_equal(problem.attributes["cost"], expected)
    assert problem.units == {"cost": "cent"}
    # they stay with their texts
    part = problem.select(["gamma", "beta"]).take(np.array([2, 0]))
    np.testing.assert_array_equal(part.attributes["cost"], [[3, 7.5], [3, 2]])
    limited = LocalFolder(**allowing, limit=2).load(["beta", "alpha", "gamma"])
    np.testing.assert_array_equal(limited.attributes["cost"], [[2, 1, 3]] * 2)


def test_without_the_file_nothing_is_known(tmp_path):
    problem = LocalFolder(path=str(make_set(tmp_path / "set"))).load()
    assert problem.attributes == {}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{"candidate": "alpha", "price": 1}], "line 1: no key 'price'; expected candidate, id"),
        ([{"cost": 1}], "line 1: expected a candidate's name"),
        ([{"candidate": "alpha", "cost": "free"}], "line 1: .*finite number, found 'free'"),
        ([{"candidate": "alpha", "latency": -1}], "line 1: latency must be at least zero"),
        ([{"candidate": "alpha", "cost": 1}] * 2, "line 2: alpha has two lines"),
        ([{"candidate": "alpha", "id": 1, "cost": 1}] * 2, "line 2: alpha has two lines for id"),
        (
            [{"candidate": n, "cost": 1, "cost_unit": n} for n in NAMES],
            "line 2: cost in 'beta', but above in 'alpha'",
        ),
        ([{"candidate": n, "cost": 1} for n in NAMES[:2]], "no cost of gamma for id 'q0'"),
        (
            [
                *({"candidate": n, "latency": 1} for n in NAMES[:2]),
                *({"candidate": "gamma", "id": f"q{i}", "latency": 1} for i in range(11)),
            ],
            "no latency of gamma for id 'q11'",
        ),
    ],
)
def test_faults_are_named(tmp_path, rows, message):
    folder = make_set(tmp_path / "set")
    (folder / "candidates.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    with pytest.raises(SmoothieError, match=f"candidates.jsonl.*{message}"):
        LocalFolder(path=str(folder)).load()
