"""Strings in, choices out: the kinds of answers that people have, from Python."""

import datasets
import numpy as np
import pandas as pd
import pytest

import smoothie
from smoothie import SmoothieError, evaluate, route
from smoothie.answers import as_problem
from smoothie.evaluation import CANDIDATE
from smoothie.front import RoutedTexts
from smoothie.routers import Consensus, MajorityVote

INPUTS = ["Capital of France?", "2 + 2?", "Colour of grass?", "Opposite of up?"]
ANSWERS = {
    "a": ["Paris, of course", "it is 4", "green, I think", "down, surely"],
    "b": ["Paris, I believe", "it is 4", "green, of course", "down, I think"],
    "c": ["Lyon is nice", "five apples", "blue as the sky", "left or right"],
}
LONG = pd.DataFrame(
    [(str(i), q, m, ANSWERS[m][i]) for m in ANSWERS for i, q in enumerate(INPUTS)],
    columns=["qid", "prompt", "model", "response"],
)
WIDE = pd.DataFrame({"id": range(4), "question": INPUTS, **ANSWERS})
KINDS = {
    "dict of lists": (ANSWERS, {"inputs": INPUTS}),
    "dict of dicts": (
        {name: dict(enumerate(texts)) for name, texts in ANSWERS.items()},
        {"inputs": INPUTS},
    ),
    "list of lists": (list(ANSWERS.values()), {"inputs": INPUTS, "names": list(ANSWERS)}),
    "wide": (WIDE, {}),
    "wide, inputs named": (WIDE.rename(columns={"question": "q"}), {"inputs": "q"}),
    "wide, columns named": (
        WIDE.rename(columns={"question": "q", "id": "n"}),
        {"columns": {"input": "q", "id": "n"}},
    ),
    "wide, candidates named": (WIDE.assign(difficulty=1), {"names": list(ANSWERS)}),
    "long": (LONG, {}),
    "long, shuffled": (LONG.iloc[[0, 4, 8, 1, 2, 3, 9, 5, 6, 7, 11, 10]], {}),
    "dataset": (datasets.Dataset.from_pandas(WIDE), {}),
    "nested dataset": (as_problem(ANSWERS, INPUTS).to_dataset(), {}),
    "problem": (as_problem(ANSWERS, INPUTS), {}),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_answers_is_the_same_problem(kind):
    answers, settings = KINDS[kind]
    problem = as_problem(answers, **settings)
    assert problem.candidates == tuple(ANSWERS)
    assert problem.texts.T.tolist() == list(ANSWERS.values())
    assert problem.input_texts == INPUTS
    assert list(problem.ids) == ["0", "1", "2", "3"]
    result = route(answers, encoder=None, **settings)
    assert result.texts == [ANSWERS[name][i] for i, name in enumerate(result.candidates)]


def test_the_answer_that_the_others_support_is_returned():
    result = route(ANSWERS, INPUTS, encoder=None)
    assert "c" not in result.candidates
    assert isinstance(result, RoutedTexts)
    assert result.choices.shape == (4,)
    assert result.weights.shape == (4, 3)
    np.testing.assert_array_equal(result.weights.argmax(axis=1), result.choices)
    assert ((result.confidence >= 0) & (result.confidence <= 1)).all()
    assert sum(result.shares().values()) == pytest.approx(1)


def test_a_router_and_its_settings():
    by_name = route(ANSWERS, encoder=None, beta=1.0, prior=0.0)
    by_router = route(ANSWERS, method=Consensus(beta=1.0, prior=0.0), encoder=None)
    np.testing.assert_array_equal(by_name.weights, by_router.weights)
    votes = route({"a": ["1", "2"], "b": ["1", "3"], "c": ["4", "3"]}, method=MajorityVote())
    assert votes.texts == ["1", "3"]
    assert votes.method == "majority_vote"
    assert votes.encoder is None  # nothing was encoded, although none was forbidden


def test_vectors_are_used_where_there_is_an_encoder(tiny_encoder, monkeypatch, tmp_path):
    monkeypatch.setenv("SMOOTHIE_CACHE", str(tmp_path / "cache"))
    result = route(ANSWERS, INPUTS, method="smoothie_local", encoder=str(tiny_encoder), k=2)
    assert result.encoder.startswith("model@")
    assert result.weights.shape == (4, 3)
    np.testing.assert_array_equal(result.weights.argmax(axis=1), result.choices)


def test_what_is_shown(capsys):
    result = route({**ANSWERS, "<b>d</b>": ["<script>alert(1)</script>"] * 4}, INPUTS, encoder=None)
    assert str(result).startswith("4 inputs routed among 4 candidates by consensus\n")
    assert "0: a: Paris, of course" in str(result) or "0: b: Paris, I believe" in str(result)
    page = result._repr_html_()
    assert "<script>" not in page
    assert "<b>" not in page
    frame = result.to_frame()
    assert list(frame.columns) == ["id", "input", "candidate", "text", "confidence"]
    assert frame.text.tolist() == result.texts
    assert capsys.readouterr().out == ""


def test_choices_are_scored_beside_random_and_the_best():
    result = route(ANSWERS, INPUTS, encoder=None)
    right = {"a": [1, 1, 1, 1], "b": [1, 0, 1, 1], "c": [0, 0, 0, 0]}
    table = evaluate(result, labels=right, draws=50).set_index("method")
    chosen = [right[name][i] for i, name in enumerate(result.candidates)]
    assert table.score["consensus"] == pytest.approx(100 * np.mean(chosen))
    assert table.score["random"] == pytest.approx(100 * 7 / 12)
    assert table.score["best_single"] == table.score["oracle"] == 100
    assert table.score[f"{CANDIDATE}b"] == 75
    same = evaluate(result, labels=np.array(list(right.values())).T, draws=50)
    pd.testing.assert_frame_equal(same, table.reset_index())
    references = [["Paris, of course", "Paris"], "it is 4", "green, I think", "down, surely"]
    exact = evaluate(result, references, metric="exact_match", draws=50).set_index("method")
    assert exact.score[f"{CANDIDATE}a"] == 100
    assert exact.score[f"{CANDIDATE}b"] == 25


@pytest.mark.parametrize(
    ("answers", "settings", "message"),
    [
        ({"a": ["x"], "b": ["y", "z"]}, {}, "expected a text for each input, found a 1, b 2"),
        ({}, {}, "there are no candidates"),
        ({"a": [], "b": []}, {}, "there are no texts"),
        ({"a": "text", "b": "text"}, {}, "answers of 'a': expected a list of texts"),
        ({"a": [["x"]]}, {}, "answers of 'a', 0: expected a text, found"),
        (["x", "y"], {}, "expected one list of texts for each candidate"),
        ("text", {}, "expected candidate -> list of texts"),
        (5, {}, "expected candidate -> list of texts"),
        ([["1", "2"], ["3", "4"], ["5", "6"]], {"names": ["a", "b"]}, "they are lists by input"),
        ({"a": ["x"], "b": ["y"], "c": [None]}, {}, "c lacks 1 of 1 inputs"),
        ({"a": ["x"], "b": ["y"]}, {}, "at least three candidates"),
        (ANSWERS, {"inputs": ["one"]}, "inputs: 1 for 4 answers"),
        (ANSWERS, {"inputs": "question"}, "a column's name goes with a table"),
        (ANSWERS, {"method": "consensos"}, "method=consensos: did you mean consensus"),
        (ANSWERS, {"method": "oracle"}, "method=oracle cannot be used here: it needs scores"),
        (ANSWERS, {"betta": 1}, "no setting 'betta'; did you mean beta"),
        (ANSWERS, {"beta": -1.0}, "beta=-1.0: expected a positive number"),
        (ANSWERS, {"method": "smoothie_local", "k": 9}, "k=9: expected between 1 and"),
        (ANSWERS, {"method": "mbr"}, "name an encoder, such as encoder='minilm'"),
        (ANSWERS, {"method": "smoothie_local", "k": 2, "encoder": "no such/model"}, "no such"),
        (pd.DataFrame(), {}, "no answers found in the columns"),
        (pd.DataFrame({"id": ["1"]}), {}, "no answers found in the columns id"),
        (WIDE, {"inputs": "nope"}, "no column 'nope'; it has id, question"),
        (WIDE, {"columns": {"inpt": "question"}}, "no role 'inpt'; expected one of id"),
        (LONG.drop(columns=["qid", "prompt"]), {}, "need an id or an input"),
        (pd.concat([LONG, LONG.iloc[:1]]), {}, "row 13: a second answer of 'a' to '0'"),
        (LONG.assign(prompt=list("abcdefghijkl")), {}, "another input here than before"),
        (LONG.assign(score=["1"] * 11 + ["x"]), {}, "row 12: the score must be a number"),
    ],
)
def test_errors_are_one_sentence(answers, settings, message):
    with pytest.raises(SmoothieError) as error:
        route(answers, **{"encoder": None, **settings})
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_wrong_labels_are_named():
    result = route(ANSWERS, encoder=None)
    for labels, message in (
        ({"z": [1] * 4}, "labels: no candidate 'z'"),
        ([[1, 2], [3, 4]], "found an array of shape (2, 2)"),
        ({"a": ["x"] * 4}, "labels: expected numbers"),
    ):
        with pytest.raises(SmoothieError) as error:
            evaluate(result, labels=labels)
        assert message in str(error.value)
    with pytest.raises(SmoothieError, match="there is nothing to score with"):
        evaluate(result)


def test_labels_of_some_answers_score_what_they_can(caplog):
    result = route(ANSWERS, INPUTS, encoder=None)
    labels = {"a": [1, None, 0, 1], "b": [0, 1, 1, 1]}  # nobody judged c
    table = evaluate(result, labels=labels, draws=50).set_index("method")
    right = {**labels, "c": [None] * 4}
    known = [right[name][i] for i, name in enumerate(result.candidates)]
    known = [value for value in known if value is not None]
    assert table.score["consensus"] == pytest.approx(100 * np.mean(known))
    assert table.n["consensus"] == len(known)
    assert table.n[f"{CANDIDATE}c"] == 0
    assert table.score["random"] == pytest.approx(100 * 4 / 6)  # of a and b, where both are judged
    assert table.score["oracle"] == 100
    assert caplog.text.count("no score (labels) of c; 1 of 4 inputs lack a score") == 1
    apart = evaluate(result, labels={"a": [1, None, 0, 1], "b": [None, 1, None, None]}, draws=50)
    assert not set(apart.method) & {"oracle", "best_single"}  # no input has both
    assert apart.difference.isna().all()
    with pytest.raises(SmoothieError, match=r"labels: expected 4 of a, None where there is none"):
        evaluate(result, labels={"a": [1]})


def test_labels_of_a_table_come_along():
    score = [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]
    result = route(LONG.assign(score=score), encoder=None)
    table = smoothie.evaluate(result, draws=20).set_index("method")
    assert table.score[f"{CANDIDATE}a"] == 100
    assert table.score["random"] == pytest.approx(100 / 3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"inputs": ["only one"]}, "inputs: 1 for 2 answers"),
        ({"inputs": ["one", 2]}, "inputs, 1: expected a text, found 2"),
        ({"method": Consensus(), "beta": 1.0}, "beta: settings go into the router itself"),
    ],
)
def test_inputs_and_settings_that_do_not_fit(settings, message):
    with pytest.raises(SmoothieError, match=message):
        route({"a": ["1", "2"], "b": ["1", "3"], "c": ["4", "3"]}, encoder=None, **settings)


def test_references_are_one_for_each_input():
    result = route({"a": ["1", "2"], "b": ["1", "3"], "c": ["4", "3"]}, encoder=None)
    for references in ("12", ["1"]):
        with pytest.raises(SmoothieError, match="references: expected one, or a list of them"):
            evaluate(result, references=references)


def test_a_table_with_inputs_beside_it():
    table = pd.DataFrame({"a": ["1", "2"], "b": ["1", "3"], "c": ["4", "3"]})
    result = route(table, inputs=["2 - 1", "6 / 2"], encoder=None)
    assert result.problem.input_texts == ["2 - 1", "6 / 2"]


def test_the_verdict_says_that_labels_were_used():
    answers = {"a": ["1", "2"], "b": ["1", "3"], "c": ["4", "3"]}
    judged = {"a": [0, None], "b": [1, None], "c": [0, None]}
    with_labels = route(answers, encoder=None, labels=judged)
    assert with_labels.verdict().startswith("Labeled inputs that were used: 1. Without them: ")
    assert not route(answers, encoder=None).verdict().startswith("Labeled")
