"""Instance files of Every Eval Ever."""

import logging

import pytest

from smoothie import SmoothieError
from smoothie.loaders.files import guess, read_answers
from tests.conftest import write_lines

MODELS = ("meta/llama", "microsoft/phi", "openai/gpt2")


def instance(model, sample, text, score, evaluation="gsm8k", raw=None, result=None):
    """A row by instance_level_eval.schema.json."""
    row = {
        "schema_version": "0.2.1",
        "evaluation_id": f"{evaluation}/{model}/1706000000",
        "model_id": model,
        "evaluation_name": evaluation,
        "sample_id": sample,
        "interaction_type": "single_turn",
        "input": {"raw": raw or f"What is {sample}?", "reference": ["42", "forty-two"]},
        "output": {"raw": [text], "reasoning_trace": []},
        "messages": None,
        "answer_attribution": [],
        "evaluation": {"score": score, "is_correct": score > 0.5},
    }
    return row | ({"evaluation_result_id": result} if result else {})


@pytest.fixture
def folder(tmp_path):
    for number, model in enumerate(MODELS):
        rows = [
            instance(model, f"q{i}", f"{model} says {i}", value, result=metric)
            for i in range(2)
            for metric, value in (("exact_match", number / 2), ("f1", 0.75))
        ]
        write_lines(tmp_path / "data" / "gsm8k" / model / f"{number}_samples.jsonl", rows)
    return tmp_path / "data"


def test_one_answer_of_several_metrics(folder, caplog):
    caplog.set_level(logging.INFO)
    assert guess(folder) == "every_eval_ever"
    problem = read_answers(folder)
    assert problem.candidates == MODELS
    assert problem.ids == ("q0", "q1")
    assert problem.tasks == ("gsm8k", "gsm8k")
    assert problem.input_texts == ["What is q0?", "What is q1?"]
    assert problem.inputs[0].references == ("42", "forty-two")
    assert problem.texts[1].tolist() == [f"{model} says 1" for model in MODELS]
    assert problem.labels.tolist() == [[0, 0.5, 1]] * 2
    assert problem.more_texts is None
    assert "6 rows are further metrics" in caplog.text
    assert read_answers(folder, select={"metric": "f1"}).labels.tolist() == [[0.75] * 3] * 2
    with pytest.raises(SmoothieError, match="no metric 'exact'; did you mean exact_match"):
        read_answers(folder, select={"metric": "exact"})


def test_a_single_file_and_texts_that_are_no_lists(tmp_path):
    rows = [instance(model, 4, "x", 1.0) for model in MODELS]
    for row in rows:
        row["input"]["reference"] = row["output"]["raw"] = "x = 5"  # as version 0.2.0 has them
    write_lines(tmp_path / "all.jsonl", rows)
    assert guess(tmp_path / "all.jsonl") == "every_eval_ever"
    problem = read_answers(tmp_path / "all.jsonl")
    assert problem.ids == ("4",)
    assert problem.texts.tolist() == [["x = 5"] * 3]
    assert problem.inputs[0].references == ("x = 5",)


def test_samples_of_several_evaluations_that_are_numbered_alike(tmp_path):
    for model in MODELS:
        rows = [instance(model, "0", name, 1.0, name, raw=f"{name}?") for name in ("gsm8k", "mmlu")]
        write_lines(tmp_path / f"{model.split('/')[1]}_samples.jsonl", rows)
    assert read_answers(tmp_path).ids == ("gsm8k/0", "mmlu/0")


def test_other_answers_of_the_same_result_are_generations(tmp_path):
    for model in MODELS:
        rows = [
            instance(model, "0", f"{model} {run}", 1.0, result=metric)
            for run in range(2)
            for metric in ("exact_match", "f1")
        ]
        write_lines(tmp_path / f"{model.split('/')[1]}_samples.jsonl", rows)
    problem = read_answers(tmp_path)
    assert problem.texts[0].tolist() == [f"{model} 0" for model in MODELS]
    assert problem.more_texts[0, :, 0].tolist() == [f"{model} 1" for model in MODELS]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"output": None}, "line 1: expected a text under 'output', 'raw'"),
        ({"input": None}, "line 1: expected an object under 'input'"),
        ({"sample_id": None}, "line 1: expected a text or a whole number under 'id'"),
        ({"model_id": 5}, "line 1: 'model_id' must be a text"),
    ],
)
def test_a_broken_row_is_named(tmp_path, change, message):
    write_lines(tmp_path / "x.jsonl", [{**instance("a", "0", "b", 1.0), **change}])
    with pytest.raises(SmoothieError, match=f"x.jsonl, {message}"):
        read_answers(tmp_path / "x.jsonl", format="every_eval_ever")
