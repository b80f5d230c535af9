"""Routed answers as one more model, in the format of the others."""

import json

import pandas as pd
import pytest

from smoothie import SmoothieError
from smoothie.loaders.files import read_answers
from tests.conftest import write_lines
from tests.loaders.formats.test_lm_eval import MODELS, sample, write
from tests.test_cli import CSV, smoothie

NO_ENCODER = ("--encoder", "none")


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text(CSV)
    return path


def routed(path, output):
    """The choices that the command makes, id -> (candidate, text)."""
    assert smoothie("route", path, *NO_ENCODER, "-o", output) == 0
    frame = pd.read_csv(output, dtype=str)
    return dict(zip(frame.id, zip(frame.candidate, frame.text, strict=True), strict=True))


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_wide_table_with_one_more_column(table, tmp_path, suffix):
    chosen = routed(table, tmp_path / "choices.csv")
    output = tmp_path / f"wide.{suffix}"
    assert smoothie("route", table, *NO_ENCODER, "-o", output, "--output-format", "wide") == 0
    before, after = read_answers(table), read_answers(output)
    assert after.candidates == (*before.candidates, "smoothie")
    assert after.inputs == before.inputs
    assert after.texts[:, :-1].tolist() == before.texts.tolist()
    assert after.texts[:, -1].tolist() == [chosen[key][1] for key in before.ids]


def test_a_candidate_of_that_name(table, tmp_path, capsys):
    table.write_text(CSV.replace("gpt", "smoothie"))
    output = tmp_path / "wide.csv"
    assert smoothie("route", table, *NO_ENCODER, "-o", output, "--output-format", "wide") == 1
    assert "there is a candidate 'smoothie' already" in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("name", ["smoothie.json", "smoothie/model_outputs.json"])
def test_alpaca_eval(tmp_path, name):
    nested = "/" in name
    results = tmp_path / "results"
    for model, texts in {"a": ["x y", "z"], "b": ["x y", "w"], "c": ["v", "z"]}.items():
        rows = [
            {"dataset": "koala", "instruction": f"Say {i}.", "output": text, "generator": model}
            for i, text in enumerate(texts)
        ]
        path = results / model / "model_outputs.json" if nested else results / f"{model}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows))
    assert smoothie("route", results, *NO_ENCODER, "-o", results / name) == 0
    written = json.loads((results / name).read_text())
    assert [row["output"] for row in written] == ["x y", "z"]
    assert {row["generator"] for row in written} == {"smoothie"}
    assert {row["dataset"] for row in written} == {"koala"}
    assert read_answers(results).candidates == ("a", "b", "c", "smoothie")


def test_alpaca_eval_needs_instructions(tmp_path, capsys):
    write_lines(tmp_path / "a.jsonl", [{"a": "x", "b": "y", "c": "x"}])
    output = tmp_path / "routed.json"
    assert smoothie("route", tmp_path / "a.jsonl", *NO_ENCODER, "-o", output) == 1
    assert "AlpacaEval joins by instruction, and there are no inputs" in capsys.readouterr().err


def test_lm_eval_rows_of_the_chosen_models_with_all_filters(tmp_path):
    said = {"org__alpha": ["it is 2", "so 9"], "org__beta": ["it is 2", "it is 4"]}
    said["org__gamma"] = ["7", "it is 4"]
    out = tmp_path / "out"
    for model in MODELS:
        for task in ("gsm8k", "my_task"):
            rows = [
                sample(doc, said[model][doc - 1], name, score)
                for name, score in (("strict-match", 0.0), ("flexible-extract", 1.0))
                for doc in (1, 2)
            ]
            write(out, model, rows, task=task)
    chosen = routed(out, tmp_path / "choices.csv")
    target = out / "smoothie"
    assert smoothie("route", out, *NO_ENCODER, "-o", target) == 0  # a folder beside the others
    files = sorted(target.iterdir())
    assert [file.name.rsplit("_", 1)[0] for file in files] == ["samples_gsm8k", "samples_my_task"]
    rows = [json.loads(line) for line in files[0].open()]
    assert [(row["doc_id"], row["filter"]) for row in rows] == [
        (doc, name) for doc in (1, 2) for name in ("strict-match", "flexible-extract")
    ]
    assert rows[0] == sample(1, "it is 2", "strict-match", 0.0)
    problem = read_answers(out)
    assert problem.candidates == (*MODELS, "smoothie")
    assert problem.texts[:, 3].tolist() == [chosen[key][1] for key in problem.ids]


def test_lm_eval_needs_samples(table, tmp_path, capsys):
    arguments = ("-o", tmp_path / "out", "--output-format", "lm_eval")
    assert smoothie("route", table, *NO_ENCODER, *arguments) == 1
    assert "no samples_TASK_DATE.jsonl is there" in capsys.readouterr().err


def test_a_wide_table_holds_all_that_is_known(tmp_path, caplog):
    from smoothie.problem import Input, assemble
    from smoothie.report.write_back import wide, write_table

    inputs = [Input("q1", "maths", "1 + 1?", ("2", "two")), Input("q2", "", "", ())]
    problem = assemble("p", inputs, {"a": {"q1": "2", "q2": "x"}, "b": {"q1": "3", "q2": "y"}})
    frame = wide(problem, ["2", "y"], tmp_path / "x.csv")
    assert list(frame.columns) == ["id", "task", "input", "references", "a", "b", "smoothie"]
    assert frame["references"].tolist() == ["2", ""]
    assert "of several references, the first is written" in caplog.text
    lines = wide(problem, ["2", "y"], tmp_path / "x.jsonl")
    assert lines["references"].tolist() == [["2", "two"], []]
    with pytest.raises(SmoothieError, match=r"x.doc: expected a name that ends in .csv"):
        write_table(frame, tmp_path / "x.doc")
    taken = assemble("p", inputs[:1], {"a": {"q1": "2"}, "smoothie": {"q1": "3"}})
    with pytest.raises(SmoothieError, match="there is a candidate 'smoothie' already"):
        wide(taken, ["2"], tmp_path / "x.csv")


def complaints(predictions, dataset, models):
    """What RouterArena's own check would say, by its rules.

    Each entry has a "global index" of the dataset, that entry's prompt (as formatted, if it is)
    and a prediction among the configured models; there are as many as in the dataset.
    """
    known = {entry["global index"]: entry for entry in dataset if entry.get("global index")}
    said = [] if len(predictions) == len(dataset) else ["size"]
    for entry in predictions:
        asked = known.get(entry.get("global index"))
        if asked is None:
            said.append("index")
        elif (entry.get("prompt") or "") != (asked.get("prompt_formatted") or asked["prompt"]):
            said.append("prompt")
        elif entry.get("prediction") not in models:
            said.append("prediction")
    return said


def test_router_arena(tmp_path, caplog):
    models = ["gpt-4o-mini", "claude-3-haiku-20240307", "gemini-2.0-flash-001"]
    dataset = [
        {"global index": f"MMLU_{i}", "prompt": f"{i}?", "prompt_formatted": f"Q: {i}?\n\nA ünd é:"}
        for i in range(11)
    ]
    rows = [
        {"id": entry["global index"], "input": entry["prompt_formatted"]}
        | {model: f"It is {i % (j + 2)}." for j, model in enumerate(models)}
        for i, entry in enumerate(dataset)
    ]
    write_lines(tmp_path / "answers.jsonl", rows)
    chosen = routed(tmp_path / "answers.jsonl", tmp_path / "choices.csv")
    output = tmp_path / "predictions" / "my-router.json"
    given = ("route", tmp_path / "answers.jsonl", *NO_ENCODER, "-o", output)
    assert smoothie(*given, "--output-format", "router_arena") == 0
    predictions = json.loads(output.read_text(encoding="utf-8"))
    assert complaints(predictions, dataset, models) == []
    assert {row["global index"]: row["prediction"] for row in predictions} == {
        key: candidate for key, (candidate, _) in chosen.items()
    }
    assert list(predictions[0]) == [
        *("global index", "prompt", "prediction", "generated_result", "cost", "accuracy")
    ]
    assert predictions[0]["generated_result"] is None
    assert "11 predictions; RouterArena expects 809 or 8400 or 420" in caplog.text
    assert complaints(predictions, dataset, models[:1]) != []
    assert complaints(predictions[:-1], dataset, models) == ["size"]
    assert complaints([{**predictions[0], "prompt": "0?"}], dataset[:1], models) == ["prompt"]


def test_router_arena_needs_prompts(table, tmp_path, capsys):
    table.write_text(CSV.replace("2+2?", " "))
    output = tmp_path / "x.json"
    given = ("route", table, *NO_ENCODER, "-o", output, "--output-format", "router_arena")
    assert smoothie(*given) == 1
    assert "RouterArena needs the prompt of 2, which is blank" in capsys.readouterr().err
    assert not output.exists()
