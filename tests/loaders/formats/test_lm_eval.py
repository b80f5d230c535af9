"""Samples of the lm-evaluation-harness."""

import json
import logging

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.loaders.files import guess, read_answers
from tests.conftest import write_lines

MODELS = ("org__alpha", "org__beta", "org__gamma")
DATE = "2024-07-01T12-00-00.123456"


def sample(doc, text, filter="strict-match", score=1.0, **more):
    """A row as `EvaluationTracker.save_results_samples` writes it."""
    return {
        "doc_id": doc,
        "doc": {"question": f"What is {doc} + {doc}?", "answer": f"#### {doc + doc}"},
        "target": f"#### {doc + doc}",
        "arguments": {
            "gen_args_0": {
                "arg_0": f"Question: {doc} + {doc}?\nAnswer:",
                "arg_1": {"until": ["\n"]},
            }
        },
        "resps": [[text]],
        "filtered_resps": [text.split()[-1]],
        "filter": filter,
        "metrics": ["exact_match"],
        "doc_hash": "d" * 64,
        "prompt_hash": "p" * 64,
        "target_hash": "t" * 64,
        "exact_match": score,
        **more,
    }


def write(folder, model, rows, task="gsm8k", date=DATE):
    write_lines(folder / model / f"samples_{task}_{date}.jsonl", rows)


@pytest.fixture
def folder(tmp_path):
    for number, model in enumerate(MODELS):
        rows = [
            sample(doc, f"It is {doc + doc + number}", name, float(number == 0 or name[0] == "f"))
            for name in ("strict-match", "flexible-extract")
            for doc in (1, 2)
        ]
        write(tmp_path, model, rows)
        (tmp_path / model / f"results_{DATE}.json").write_text('{"results": {}}')
    return tmp_path


def test_what_models_wrote_and_the_scores_of_the_first_filter(folder, caplog):
    caplog.set_level(logging.INFO)
    assert guess(folder) == "lm_eval"
    problem = read_answers(folder)
    assert problem.candidates == MODELS
    assert problem.ids == ("gsm8k/1", "gsm8k/2")
    assert set(problem.tasks) == {"gsm8k"}
    assert problem.input_texts[0] == "Question: 1 + 1?\nAnswer:"
    assert problem.inputs[1].references == ("#### 4",)
    assert problem.texts.tolist() == [
        ["It is 2", "It is 3", "It is 4"],
        ["It is 4", "It is 5", "It is 6"],
    ]
    assert problem.labels.tolist() == [[1, 0, 0], [1, 0, 0]]
    assert "filters strict-match, flexible-extract; scores are of strict-match" in caplog.text


def test_another_filter_and_its_texts(folder):
    select = {"filter": "flexible-extract", "text": "filtered_resps"}
    problem = read_answers(folder, select=select)
    assert problem.labels.tolist() == [[1, 1, 1], [1, 1, 1]]
    assert problem.texts[1].tolist() == ["4", "5", "6"]
    with pytest.raises(SmoothieError, match="no filter 'none'; expected one of strict-match, flex"):
        read_answers(folder, select={"filter": "none"})
    with pytest.raises(SmoothieError, match="select filters: not of format lm_eval; did you mean"):
        read_answers(folder, select={"filters": "none"})


def test_models_that_were_run_into_folders_of_their_own(tmp_path):
    for number, model in enumerate(MODELS):
        write(tmp_path / f"run{number}", model, [sample(1, model)])
    problem = read_answers(tmp_path)
    assert problem.candidates == tuple(problem.texts[0]) == MODELS


def test_the_newest_file_of_each_task(folder, caplog):
    caplog.set_level(logging.INFO)
    for model in MODELS:
        write(folder, model, [sample(doc, "old") for doc in (1, 2)], date="2023-12-31T23-59-59.9")
        write(folder, model, [sample(7, "a_b")], task="my_task_v2")
    problem = read_answers(folder)
    assert problem.ids == ("gsm8k/1", "gsm8k/2", "my_task_v2/7")
    assert "old" not in problem.texts
    assert "3 older files are not read" in caplog.text
    assert read_answers(folder, select={"task": "my_task_v2"}).ids == ("my_task_v2/7",)


def test_several_responses_are_several_generations(folder):
    for model in MODELS:
        rows = [{**sample(1, "a"), "resps": [["first", "second", "third"]]}]
        write(folder, model, rows)
    problem = read_answers(folder)
    assert problem.texts.tolist() == [["first"] * 3]
    assert problem.more_texts[0, 0].tolist() == ["second", "third"]


def test_conversations_and_lists_of_targets(folder):
    messages = json.dumps(
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}]
    )
    for model in MODELS:
        row = sample(1, "a", target="['Paris', 'paris']")
        row["arguments"]["gen_args_0"]["arg_0"] = [messages]
        write(folder, model, [row])
    problem = read_answers(folder)
    assert problem.input_texts == ["Be brief.\n\n2+2?"]
    assert problem.inputs[0].references == ("Paris", "paris")


def test_arguments_and_metrics_of_older_versions(folder):
    for number, model in enumerate(MODELS):
        row = sample(1, "a", score=number)
        del row["metrics"]
        row["arguments"] = [["2+2?", {"until": ["\n"]}]]
        write(folder, model, [row])
    problem = read_answers(folder)
    assert problem.input_texts == ["2+2?"]
    assert problem.labels.tolist() == [[0, 1, 2]]


def test_scores_that_are_no_numbers(folder):
    for model in MODELS:
        write(
            folder,
            model,
            [sample(1, "a", metrics=["bleu", "strict"], bleu=["a", "b"], strict=True)],
        )
    assert read_answers(folder).labels is None
    labels = read_answers(folder, select={"metric": "strict"}).labels
    np.testing.assert_array_equal(labels, [[1, 1, 1]])
    with pytest.raises(SmoothieError, match="line 1: no metric 'x'; expected one of bleu, strict"):
        read_answers(folder, select={"metric": "x"})


def test_multiple_choice_is_refused_in_a_sentence(folder):
    row = sample(0, "x")
    row["arguments"] = {
        f"gen_args_{i}": {"arg_0": "The sky is", "arg_1": said}
        for i, said in enumerate([" blue", " red"])
    }
    row["resps"] = [[["-1.2", "True"]], [["-7.5", "False"]]]
    row["filtered_resps"] = [["-1.2", "True"], ["-7.5", "False"]]
    for model in MODELS:
        write(folder, model, [row], task="arc_easy")
    with pytest.raises(
        SmoothieError, match=r"arc_easy_.*line 1: a multiple-choice row holds log-prob"
    ):
        read_answers(folder)
    assert len(read_answers(folder, select={"task": "gsm8k"}).inputs) == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"doc_id": None}, "under 'id'"),
        ({"arguments": {}}, "expected the prompt under 'arguments'"),
        ({"resps": [[-1.5]]}, "log-probabilities cannot be routed"),
        ({"resps": None}, "expected texts under 'resps'"),
        ({"doc": {"question": "another"}}, "has another input here than in .*alpha"),
    ],
)
def test_a_broken_row_is_named(folder, change, message):
    write(folder, "org__beta", [{**sample(1, "a"), **change}])
    with pytest.raises(
        SmoothieError, match=f"org__beta/samples_gsm8k_{DATE}.jsonl, line 1: .*{message}"
    ):
        read_answers(folder)


def test_a_model_without_a_task(folder):
    write(folder, "org__beta", [sample(7, "a")], task="other")
    with pytest.raises(SmoothieError, match="org__alpha lacks 1 of 3 inputs"):
        read_answers(folder)
    assert read_answers(folder, missing="drop_inputs").ids == ("gsm8k/1", "gsm8k/2")
