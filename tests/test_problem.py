import itertools
import logging
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothie import Input, Problem, SmoothieError, assemble
from smoothie.problem import common_rows, range_of, scored_columns, sort_key

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
    with pytest.raises(SmoothieError, match=r"^p: m lacks 2 of 3 inputs; set missing="):
        assemble("p", INPUTS, given)


def test_missing_texts_can_cost_the_inputs_or_the_candidate():
    given = {"m": texts("a", "c"), "n": texts(*"abc")}
    fewer = assemble("p", INPUTS, given, {"n": {"c": 2.0}}, missing="drop_inputs")
    assert fewer.ids == ("a", "c")
    assert fewer.rows.tolist() == [0, 2]
    assert fewer.source_rows == 3
    assert fewer.labels[1, 1] == 2.0
    assert assemble("p", INPUTS, given, missing="drop_candidates").candidates == ("n",)
    for name, left, what in (
        ("drop_inputs", "abc", "input"),
        ("drop_candidates", "ab", "candidate"),
    ):
        with pytest.raises(SmoothieError, match=f"with missing={name} no {what} is left"):
            assemble("p", INPUTS, {"m": {}, "n": texts(*left)}, missing=name)
    with pytest.raises(SmoothieError, match=r"^p: no inputs$"):
        assemble("p", [], given)
    with pytest.raises(SmoothieError, match=r"^p: no candidates$"):
        assemble("p", INPUTS, {})
    with pytest.raises(SmoothieError, match="expected one of error"):
        assemble("p", INPUTS, given, missing="guess")


def test_texts_of_unknown_ids_are_named(caplog):
    with caplog.at_level(logging.WARNING):
        assemble("p", INPUTS, {"m": texts(*"abcd")})
    assert (
        "p: candidate m wrote 1 texts for ids that are not among the inputs (first 'd')"
        in caplog.text
    )


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
        ([Input("b"), Input("a"), Input("a")], ("m",), (3, 1), "id 'a' occurs twice"),
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
    with pytest.raises(SmoothieError, match=rf"^p: .*{message}"):
        Problem("p", tuple(inputs), candidates, np.full(shape, "x", dtype=object))


def test_the_name_of_a_dataset_is_printable():
    with pytest.raises(SmoothieError, match=r"^dataset: name 'p\\n' holds a control character"):
        Problem("p\n", (Input("a"),), ("m",), np.full((1, 1), "x", dtype=object))


def test_names_of_columns_of_results_are_no_candidates():
    for name in ("id", "method", "inputs"):
        with pytest.raises(SmoothieError, match=f"^p: no candidate can be called '{name}'"):
            Problem("p", (Input("a"),), ("m", name), np.full((1, 2), "x", dtype=object))


def whole_problem():
    """All parts that a problem can have: each value names its input and its candidate."""
    place = np.arange(4)[:, None] * 10 + np.arange(3)
    texts = np.vectorize(str, otypes=[object])(place)
    return Problem(
        "p",
        tuple(Input(name, "t") for name in ("q10", "q9", "q2", "q02")),
        ("m", "n", "o"),
        texts,
        labels=place / 100,
        label_range=(-5.0, 5.0),
        leaderboard=np.array([0.0, 1.0, 2.0]),
        lower_is_better=True,
        rows=np.array([7, 3, 5, 4]),
        source_rows=9,
        more_texts=np.stack([texts + "b", texts + "c"], axis=2),
        attributes={"cost": place * 2.0},
        units={"cost": "USD"},
    )


def require_parts(found, rows, columns):
    """Every part is that of these inputs and candidates."""
    whole = whole_problem()
    place = np.ix_(rows, columns)
    assert found.ids == tuple(whole.ids[i] for i in rows)
    assert found.candidates == tuple(whole.candidates[i] for i in columns)
    np.testing.assert_array_equal(found.texts, whole.texts[place])
    np.testing.assert_array_equal(found.more_texts, whole.more_texts[place])
    np.testing.assert_array_equal(found.labels, whole.labels[place])
    np.testing.assert_array_equal(found.leaderboard, whole.leaderboard[columns])
    np.testing.assert_array_equal(found.rows, whole.rows[rows])
    assert list(found.attributes) == ["cost"]
    np.testing.assert_array_equal(found.attributes["cost"], whole.attributes["cost"][place])
    assert (found.name, found.source_rows, found.units) == ("p", 9, {"cost": "USD"})
    assert (found.label_range, found.lower_is_better) == ((-5, 5), True)


def test_all_parts_are_selected_taken_and_sorted_together():
    whole = whole_problem()
    require_parts(whole.select(["o", "m"]), [0, 1, 2, 3], [2, 0])
    require_parts(whole.take(np.array([2, 0])), [2, 0], [0, 1, 2])
    require_parts(whole.take(np.array([False, True, False, True])), [1, 3], [0, 1, 2])
    require_parts(whole.take(slice(1, None)).select(["n"]), [1, 2, 3], [1])
    require_parts(whole.by_id(), [3, 2, 1, 0], [0, 1, 2])  # q02, q2, q9, q10
    require_parts(whole.by_id().by_id(), [3, 2, 1, 0], [0, 1, 2])
    order = whole.by_id().source_order
    require_parts(whole.by_id().take(order), [1, 3, 2, 0], [0, 1, 2])  # rows 3, 4, 5, 7
    assert whole.by_id().take(slice(0, 1)).by_id().ids == ("q02",)
    for order in itertools.permutations([3, 2, 1, 0]):
        require_parts(whole.take(np.array(order)).by_id(), [3, 2, 1, 0], [0, 1, 2])


def test_bare_problems_stay_bare():
    bare = Problem("p", (Input("b"), Input("a")), ("m",), np.array([["1"], ["2"]], dtype=object))
    for found in (bare, bare.select(["m"]), bare.by_id(), bare.take(slice(1))):
        assert found.more_texts is found.labels is found.leaderboard is found.label_range is None
        assert not found.attributes
    assert bare.by_id().rows.tolist() == [1, 0]
    assert bare.rows.tolist() == [0, 1]
    assert bare.source_rows == 2
    other = bare.with_texts(np.array([["3"], ["4"]], dtype=object))
    assert other.texts.tolist() == [["3"], ["4"]]
    assert other.inputs is bare.inputs


def test_ids_are_sorted_as_a_person_would():
    keys = ["", "7", "10", "Q1", "a2b9", "a2b10", "a10b1", "q", "q01", "q1", "q9", "q10", "q10a"]
    for seed in range(5):
        shuffled = np.random.default_rng(seed).permutation(keys).tolist()
        assert sorted(shuffled, key=sort_key) == keys
    large = ["q" + "9" * 19, "q1" + "0" * 19, "q9" + "0" * 19]  # up to 20 digits
    for seed in range(5):
        shuffled = np.random.default_rng(seed).permutation(large).tolist()
        assert sorted(shuffled, key=sort_key) == large


@pytest.mark.parametrize(
    ("part", "value", "message"),
    [
        ("labels", np.zeros((4, 2)), r"4 inputs and 3 candidates, but labels of shape \(4, 2\)"),
        ("labels", np.zeros((3, 4)), "but labels of shape"),
        ("more_texts", np.zeros((4, 2, 1), dtype=object), r"but more texts of shape \(4, 2, 1\)"),
        ("more_texts", np.zeros((4, 3), dtype=object), r"but more texts of shape \(4, 3\)"),
        ("leaderboard", np.zeros(4), r"3 candidates, but a leaderboard of shape \(4,\)"),
        ("leaderboard", np.zeros((1, 3)), "but a leaderboard of shape"),
        ("attributes", {"cost": np.zeros((4, 3)), "x": np.zeros(4)}, r"but x of shape \(4,\)"),
    ],
)
def test_parts_of_another_shape_are_refused(part, value, message):
    with pytest.raises(SmoothieError, match=f"^p: .*{message}"):
        replace(whole_problem(), **{part: value})


def test_the_range_of_labels_is_that_of_those_that_are_given():
    nan = np.nan
    labels = np.array([[nan, 0.5], [2.0, -1.0]])
    texts = np.full((2, 2), "x", dtype=object)
    problem = Problem("p", (Input("a"), Input("b")), ("m", "n"), texts, labels)
    assert problem.label_range == (-1, 2)
    assert replace(problem, labels=labels * nan, label_range=None).label_range is None
    assert replace(problem, label_range=(0.0, 9.0)).label_range == (0, 9)
    assert range_of(iter([3, 1, 2])) == (1, 3)
    assert range_of([0.25]) == (0.25, 0.25)
    assert range_of([]) is None
    given = {"m": {"a": 0.5, "elsewhere": 7.0}, "other": {"a": -3.0}}  # the whole source
    assert assemble("p", INPUTS, {"m": dict.fromkeys("abc", "x")}, given).label_range == (-3, 7)


VALUES = st.lists(
    st.lists(st.sampled_from([np.nan, 0.0, 1.0]), min_size=3, max_size=3), min_size=1, max_size=6
)


@settings(deadline=None)
@given(VALUES)
def test_common_rows_and_what_compares_candidates(values):
    """By loops over the candidates that anybody scored."""
    rows, columns = range(len(values)), range(3)
    scored = [any(values[i][j] == values[i][j] for i in rows) for j in columns]
    named = [j for j in columns if scored[j]]
    common = [bool(named) and all(values[i][j] == values[i][j] for j in named) for i in rows]
    labels = np.array(values)
    assert scored_columns(labels).tolist() == scored
    assert common_rows(labels).tolist() == common
    inputs = tuple(Input(str(i)) for i in rows)
    for size in (3, 2, 1):
        texts = np.full((len(values), size), "x", dtype=object)
        some = [j for j in named if j < size]
        every = [all(values[i][j] == values[i][j] for j in some) for i in rows]
        expected = len(some) >= min(2, size) and any(every)
        problem = Problem("p", inputs, ("m", "n", "o")[:size], texts, labels[:, :size])
        assert problem.has_labels == expected
        assert not replace(problem, labels=None).has_labels


def test_there_are_inputs_where_one_has_a_text_that_is_not_blank():
    def of(*given):
        inputs = tuple(Input(str(i), text=text) for i, text in enumerate(given))
        return Problem("p", inputs, ("m",), np.full((len(given), 1), "x", dtype=object))

    assert of("", "why?").has_inputs
    assert not of("", " \n").has_inputs
    assert of("", "why?").input_texts == ["", "why?"]


def test_halves_of_characters_are_replaced():
    """Texts that a tokenizer cut off can end in a lone surrogate, which no file can hold."""
    given = {"m": {"a": "cut \ud83d", "b": "whole \U0001f600", "c": ""}}
    problem = assemble("p", INPUTS, given)
    assert problem.texts[:, 0].tolist() == ["cut \ufffd", "whole \U0001f600", ""]
    cut = [Input("a", "t", "why\ud83d", ("one\ud83d", "two")), *INPUTS[1:]]
    first = assemble("p", cut, given).inputs[0]
    assert first == Input("a", "t", "why\ufffd", ("one\ufffd", "two"))


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


def test_null_texts_of_a_hugging_face_dataset_are_missing_ones():
    import datasets

    rows = [{"generations": {"m": "x", "n": None}}, {"generations": {"m": "y", "n": "z"}}]
    dataset = datasets.Dataset.from_list(rows)
    with pytest.raises(SmoothieError, match="n lacks 1 of 2 inputs"):
        Problem.from_dataset(dataset, "p")
    assert Problem.from_dataset(dataset, "p", missing="drop_inputs").ids == ("1",)
    assert Problem.from_dataset(dataset, "p", missing="drop_candidates").candidates == ("m",)


def test_columns_have_types_also_where_they_are_empty():
    import datasets

    inputs = [Input("a"), Input("b")]
    labels = {"m": {"a": 1.0}, "n": {}}
    given = {"m": {"a": "x", "b": "y"}, "n": {"a": "x", "b": "y"}}
    features = assemble("p", inputs, given, labels).to_dataset().features
    assert features["references"] == datasets.List(datasets.Value("string"))
    both = {name: datasets.Value("float64") for name in given}
    assert features["labels"] == both
    assert "labels" not in assemble("p", inputs, given).to_dataset().features


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
