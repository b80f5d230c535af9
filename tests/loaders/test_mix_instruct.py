import json

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.loaders import MixInstruct
from smoothie.loaders.mix_instruct import parse_literal, read_ranks
from tests.conftest import write_lines

MODELS = ("one", "two", "three")


def row(i, verdicts, texts=("a", "b", "c"), stored=json.dumps):
    candidates = [{"model": m, "text": t} for m, t in zip(MODELS, texts, strict=True)]
    found = None if verdicts is None else stored(verdicts)
    return {
        "id": f"r{i}",
        "instruction": f"Do {i}",
        "input": " with care ",
        "candidates": candidates,
        "cmp_results": found,
    }


def verdicts(order):
    """Every ordered pair, decided by an order of the models, best first."""
    return {
        f"{a},{b}": "A is better" if order.index(a) < order.index(b) else "B is better"
        for a in order
        for b in order
        if a != b
    }


@pytest.fixture
def folder(tmp_path):
    rows = [
        row(0, verdicts(["two", "one", "three"])),
        row(1, verdicts(["three", "two", "one"]), stored=repr),  # as most rows of the dataset are
        row(2, None),
        row(3, verdicts(["one", "two", "three"]), texts=("same", "b", "same")),
        row(4, {"one,two": "same good", "one,three": "A is better", "two,three": "same bad"}),
    ]
    rows[2]["cmp_results"] = "null"
    write_lines(tmp_path / "test_data_prepared.jsonl", rows)
    return tmp_path


def test_ranks_come_from_comparisons_by_model(folder):
    problem = MixInstruct(folder=str(folder)).load(MODELS)
    assert problem.ids == ("r0", "r1", "r3", "r4")  # r2 was not compared
    assert problem.inputs[0].text == "Do 0\n\nwith care"
    assert problem.lower_is_better
    np.testing.assert_array_equal(problem.labels, [[2, 1, 3], [3, 2, 1], [1, 2, 3], [1, 2, 2]])


def test_by_text_a_later_candidate_s_rank_replaces_that_of_the_same_text(folder):
    problem = MixInstruct(folder=str(folder), ranks_by="text").load(MODELS)
    np.testing.assert_array_equal(problem.labels[2], [3, 2, 3])


def test_all_rows_can_be_routed(folder):
    problem = MixInstruct(folder=str(folder), compared_only=False).load()
    assert len(problem.inputs) == 5
    assert problem.candidates == ("one", "three", "two")
    assert np.isnan(problem.labels[2]).all()


@pytest.mark.parametrize("given", [[3, 1, 2], [0, 0, 0], [2, 2, 1], [1, 3, 3]])
def test_ranks_are_those_of_a_naive_count(given):
    names = list(MODELS)
    pairs = {}
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            if i < j:
                better = "A is better" if given[i] > given[j] else "B is better"
                pairs[f"{a},{b}"] = better if given[i] != given[j] else "same good"
    wins = [sum(given[i] > other for other in given) for i in range(3)]
    expected = [1 + sum(w > wins[i] for w in wins) for i in range(3)]
    found = read_ranks(json.dumps(pairs), "here")
    assert [found[name] for name in names] == expected


def test_nothing_is_evaluated():
    with pytest.raises(SmoothieError, match="row 3: 'cmp_results' is neither JSON nor a literal"):
        parse_literal("__import__('os').getcwd()", "row 3")


@pytest.mark.parametrize(
    ("settings", "change", "message"),
    [
        ({"ranks_by": "luck"}, {}, r"ranks_by=luck: expected model or text"),
        ({"split": "val"}, {}, "val_data_prepared.jsonl: no such file"),
        ({}, {"cmp_results": "[1]"}, "line 1: 'cmp_results' is not a table"),
        ({}, {"cmp_results": '{"a": "A is better"}'}, "compares 'a', not two models"),
        ({}, {"candidates": None}, "line 1: expected a list of"),
        ({}, {"candidates": [{"text": "x"}]}, "line 1: a candidate has no text under 'model'"),
        ({}, {"cmp_results": None}, "comparisons; set compared_only=false"),
    ],
)
def test_faults_are_named(tmp_path, settings, change, message):
    write_lines(tmp_path / "test_data_prepared.jsonl", [row(0, verdicts(list(MODELS))) | change])
    with pytest.raises(SmoothieError, match=message):
        MixInstruct(folder=str(tmp_path), **settings).load()
