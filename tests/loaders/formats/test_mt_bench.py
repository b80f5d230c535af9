"""Answers of MT-Bench: model_answer/MODEL.jsonl."""

import json
import logging

import pytest

from smoothie import SmoothieError
from smoothie.loaders.files import guess, read_answers
from tests.conftest import write_lines

MODELS = ("alpaca-13b", "gpt-4", "vicuna-13b")


def answer(model, question, *choices):
    """A row as FastChat's gen_model_answer.py writes it."""
    return {
        "question_id": question,
        "answer_id": "a" * 22,
        "model_id": model,
        "choices": [{"index": index, "turns": list(turns)} for index, turns in enumerate(choices)],
        "tstamp": 1686286924.84,
    }


@pytest.fixture
def folder(tmp_path):
    """As data/mt_bench is."""
    questions = [
        {"question_id": 81, "category": "writing", "turns": ["Write a poem.", "Shorter."]},
        {"question_id": 101, "category": "math", "turns": ["2+2?", "x2?"], "reference": ["4", "8"]},
    ]
    write_lines(tmp_path / "question.jsonl", questions)
    for model in MODELS:
        rows = [
            answer(model, 81, (f"A poem of {model}.", "Poem.")),
            answer(model, 101, ("4", "8")),
        ]
        write_lines(tmp_path / "model_answer" / f"{model}.jsonl", rows)
    return tmp_path


def test_the_first_turn_is_read(folder, caplog):
    caplog.set_level(logging.INFO)
    for path in (folder, folder / "model_answer"):
        assert guess(path) == "mt_bench"
        problem = read_answers(path)
        assert problem.candidates == MODELS
        assert problem.ids == ("81", "101")
        assert problem.tasks == ("writing", "math")
        assert problem.input_texts == ["Write a poem.", "2+2?"]
        assert [item.references for item in problem.inputs] == [(), ("4",)]
        assert problem.texts.tolist() == [[f"A poem of {m}." for m in MODELS], ["4"] * 3]
        assert problem.more_texts is None
    assert "6 answers have later turns, which are not read" in caplog.text


def test_several_choices_are_several_generations(folder):
    for model in MODELS:
        rows = [answer(model, key, ("first", "x"), ("second", "x")) for key in (81, 101)]
        write_lines(folder / "model_answer" / f"{model}.jsonl", rows)
    problem = read_answers(folder)
    assert problem.texts[1, 2] == "first"
    assert problem.more_texts.shape == (2, 3, 1)
    assert problem.more_texts[1, 2, 0] == "second"


def test_other_numbers_of_generations_leave_the_first(folder, caplog):
    path = folder / "model_answer" / "gpt-4.jsonl"
    write_lines(path, [answer("gpt-4", key, ("first",), ("second",)) for key in (81, 101)])
    assert read_answers(folder).more_texts is None
    assert "1 to 2 generations of an answer; only the first of each is read" in caplog.text


def test_a_judge_scores_the_first_turn(folder):
    rows = [
        {"question_id": key, "model": model, "judge": ["gpt-4", "single-v1"], "turn": turn}
        | {"score": -1 if (model, key) == ("gpt-4", 81) else turn * 3 + number}
        for number, model in enumerate(MODELS)
        for key in (81, 101)
        for turn in (1, 2)
    ]
    write_lines(folder / "model_judgment" / "gpt-4_single.jsonl", rows)
    labels = read_answers(folder).labels
    assert labels[1].tolist() == [3, 4, 5]
    assert str(labels[0].tolist()) == "[3.0, nan, 5.0]"  # -1: no score could be read


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"question_id": 81}, "line 2: expected a list of choices under 'choices'"),
        ({"question_id": 81, "choices": [{"turns": []}]}, "line 2: expected a list of texts"),
        ({"question_id": 81, "choices": [{"turns": [5]}]}, "line 2: 'turns' must be a text"),
        ({"choices": []}, "line 2: expected a text or a whole number under 'id'"),
        (answer("gpt-4", 101, ("4",)), "line 2: a second answer of gpt-4 to '101'"),
    ],
)
def test_a_broken_row_is_named(folder, row, message):
    path = folder / "model_answer" / "gpt-4.jsonl"
    path.write_text(json.dumps(answer("gpt-4", 101, ("4",))) + "\n" + json.dumps(row) + "\n")
    with pytest.raises(SmoothieError, match=f"gpt-4.jsonl, {message}"):
        read_answers(folder)
