import logging

import numpy as np
import pytest

from smoothie import Input, Problem, SmoothieError, assemble

INPUTS = [
    Input("a", "t", "first?", ("one",)),
    Input("b", "u", "second?"),
    Input("c", "t", "third?"),
]


def texts(*keys):
    return {key: f"text of {key}" for key in keys}


def test_generations_are_joined_by_id_not_by_order():
    problem = assemble("p", INPUTS, {"m": {"c": "3", "a": "1", "b": "2"}, "n": texts(*"abc")})
    assert problem.texts[:, 0].tolist() == ["1", "2", "3"]
    assert problem.ids == ("a", "b", "c")
    assert problem.candidates == ("m", "n")
    assert problem.tasks == ("t", "u", "t")
    assert problem.labels is None
    assert problem.has_references


def test_labels_are_joined_by_id_and_missing_ones_are_nan():
    labels = {"n": {"b": 1.0}, "m": {"c": 0.5, "b": 0.0}}
    problem = assemble("p", INPUTS, {"m": texts(*"abc"), "n": texts(*"abc")}, labels)
    np.testing.assert_array_equal(problem.labels, [[np.nan, np.nan], [0, 1], [0.5, np.nan]])
    assert problem.has_labels
    assert not assemble("p", INPUTS, {"m": texts(*"abc")}, {"x": {"a": 1.0}}).has_labels


def test_missing_texts_are_an_error_that_counts_them():
    given = {"m": texts("a"), "n": texts(*"abc")}
    with pytest.raises(SmoothieError, match="m lacks 2 of 3 inputs"):
        assemble("p", INPUTS, given)


def test_missing_texts_can_cost_the_inputs_or_the_candidate():
    given = {"m": texts("a", "c"), "n": texts(*"abc")}
    fewer = assemble("p", INPUTS, given, {"n": {"c": 2.0}}, missing="drop_inputs")
    assert fewer.ids == ("a", "c")
    assert fewer.rows.tolist() == [0, 2]
    assert fewer.source_rows == 3
    assert fewer.labels[1, 1] == 2.0
    assert assemble("p", INPUTS, given, missing="drop_candidates").candidates == ("n",)
    with pytest.raises(SmoothieError, match="no input is left"):
        assemble("p", INPUTS, {"m": {}, "n": texts(*"abc")}, missing="drop_inputs")
    with pytest.raises(SmoothieError, match="expected one of error"):
        assemble("p", INPUTS, given, missing="guess")


def test_texts_of_unknown_ids_are_named(caplog):
    with caplog.at_level(logging.WARNING):
        assemble("p", INPUTS, {"m": texts(*"abcd")})
    assert "m wrote 1 texts for ids that are not among the inputs (first 'd')" in caplog.text


def test_select_and_take():
    problem = assemble("p", INPUTS, {"m": texts(*"abc"), "n": {"a": "1", "b": "2", "c": "3"}})
    assert problem.select(["n", "m"]).texts[0].tolist() == ["1", "text of a"]
    part = problem.take(np.array([False, True, True])).take(slice(1))
    assert part.ids == ("b",)
    assert part.rows.tolist() == [1]
    assert part.source_rows == 3
    with pytest.raises(SmoothieError, match="no candidate 'x'; it has m, n"):
        problem.select(["x"])


@pytest.mark.parametrize(
    ("inputs", "candidates", "shape", "message"),
    [
        ([], ("m",), (0, 1), "no inputs"),
        ([Input("a"), Input("a")], ("m",), (2, 1), "id 'a' occurs twice"),
        ([Input("a")], ("m", "m"), (1, 2), "candidate 'm' occurs twice"),
        ([Input("a")], ("m",), (2, 1), "texts of shape"),
        ([Input("a")], (" ",), (1, 1), "a candidate has no name"),
        ([Input("a")], ("m\n",), (1, 1), r"candidate 'm\\n' holds a control character"),
        ([Input("a\0")], ("m",), (1, 1), r"the id 'a\\x00' holds a NUL"),
        ([Input("a\ud83d")], ("m",), (1, 1), r"the id 'a\\ud83d' holds"),
        ([Input("a", "t\r")], ("m",), (1, 1), r"task 't\\r' holds a control character"),
    ],
)
def test_parts_that_disagree_are_refused(inputs, candidates, shape, message):
    with pytest.raises(SmoothieError, match=message):
        Problem("p", tuple(inputs), candidates, np.full(shape, "x", dtype=object))


def test_halves_of_characters_are_replaced():
    """Texts that a tokenizer cut off can end in a lone surrogate, which no file can hold."""
    given = {"m": {"a": "cut \ud83d", "b": "whole \U0001f600", "c": ""}}
    problem = assemble("p", INPUTS, given)
    assert problem.texts[:, 0].tolist() == ["cut \ufffd", "whole \U0001f600", ""]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"generations": None}, "row 0: 'generations' must map"),
        ({"generations": {"m": 3}}, "row 0: 'generations.m' must be a text"),
        ({"generations": {"m": "x"}, "input": 3}, "row 0: 'input' must be a text"),
        ({"generations": {"m": "x"}, "labels": {"m": "good"}}, "row 0: the score must be"),
        ({"generations": {"m": "x"}, "references": {"a": 1}}, "row 0: references must be"),
        ({"generations": {"m": "x"}, "references": float("nan")}, "row 0: references must be"),
        ({"generations": {"m": "x"}, "labels": {"m": True}}, "row 0: the score must be"),
        ({"generations": {"m": "x"}, "labels": {"m": float("inf")}}, "row 0: the score must be"),
        ({"generations": {"m": "x"}, "labels": {"n": 1.0}}, "row 0: a label of 'n', which has no"),
        ({"generations": {"m": "x"}, "labels": [1.0]}, "row 0: 'labels' must map"),
        ({"generations": {"m": "x"}, "id": None}, "row 0: expected a text or a whole number"),
        ({"generations": {"m": "x"}, "id": True}, "row 0: expected a text or a whole number"),
        ({"generations": {"m": "x"}, "id": " "}, "row 0: expected a text or a whole number"),
        ({"generations": {"m": "x"}, "task": 3}, "row 0: 'task' must be a text"),
        ({"generations": {"m": "x"}, "task": "a\n"}, "row 0: 'task' .* holds a control"),
    ],
)
def test_broken_rows_of_a_hugging_face_dataset_are_named(row, message):
    import datasets

    with pytest.raises(SmoothieError, match=message):
        Problem.from_dataset(datasets.Dataset.from_list([row]), "p")


def test_one_reference_is_a_text_and_blank_ones_are_none():
    import datasets

    rows = [{"generations": {"m": "x"}, "references": text} for text in ("Paris", " ")]
    problem = Problem.from_dataset(datasets.Dataset.from_list(rows), "p")
    assert [item.references for item in problem.inputs] == [("Paris",), ()]


def test_round_trip_through_a_hugging_face_dataset(tmp_path):
    labels = {"m": {"a": 1.0}, "n": {"a": 0.0, "b": 0.5}}
    problem = assemble("p", INPUTS, {"m": texts(*"abc"), "n": texts(*"cab")}, labels)
    dataset = problem.to_dataset()
    assert dataset.column_names == ["id", "task", "input", "references", "generations", "labels"]
    back = Problem.from_dataset(dataset, "p")
    assert back.inputs == problem.inputs
    assert back.candidates == problem.candidates
    np.testing.assert_array_equal(back.texts, problem.texts)
    np.testing.assert_array_equal(back.labels, problem.labels)
    bare = assemble("p", INPUTS, {"m": texts(*"abc")})
    assert Problem.from_dataset(bare.to_dataset(), "p").labels is None
    with pytest.raises(SmoothieError, match="no column 'generations'"):
        Problem.from_dataset(dataset.remove_columns("generations"), "p")
