"""The source `files`: what the command line reads, as a dataset of a run."""

import json
import logging

import numpy as np
import pandas as pd
import pytest

from experiments.pipeline import run
from smoothie import SmoothieError
from smoothie.loaders import SOURCES
from smoothie.loaders.files import AnswerFiles, read_answers

ROWS = {
    "qid": ["x", "y", "z"],
    "asked": ["2+2?", "Capital of France?", "3+3?"],
    "right": ["4", "Paris", "6"],
    "gpt": ["4", "Paris", "7"],
    "llama": ["5", "Paris", "6"],
    "phi": ["4", "Rome", "6"],
}
COLUMNS = {"id": "qid", "input": "asked", "references": "right"}


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "answers.csv"
    pd.DataFrame(ROWS).to_csv(path, index=False)
    return path


def test_columns_are_mapped_and_settings_of_all_sources_hold(table):
    assert SOURCES["files"] is AnswerFiles
    problem = AnswerFiles(path=str(table), columns=COLUMNS, name="mine", limit=2).load()
    assert problem.name == "mine"
    assert problem.ids == ("x", "y")
    assert problem.input_texts == ROWS["asked"][:2]
    assert problem.candidates == ("gpt", "llama", "phi")
    with pytest.raises(SmoothieError, match="path=null: expected a file or a folder"):
        AnswerFiles().load()


def test_a_run_by_configuration(table, tmp_path, compose):
    for number, name in enumerate(("gpt", "llama", "phi")):
        vectors = np.array([[len(text), ord(text[0])] for text in ROWS[name]], dtype=np.float32)
        np.save(tmp_path / f"{name}.npy", vectors + number / 100)
    np.save(tmp_path / "inputs.npy", np.eye(3, dtype=np.float32))
    mapped = "{" + ", ".join(f"{role}: {column}" for role, column in COLUMNS.items()) + "}"
    settings = ["dataset=files", f"dataset.path={table}", f"dataset.columns={mapped}"]
    settings += ["encoder=stored", f"encoder.folder={tmp_path}", "evaluation.draws=10"]
    settings += ["methods=[random,smoothie_global]", "metric=exact_match"]
    result = run(compose(*settings))
    assert result.problem.ids == ("x", "y", "z")
    scores = result.table.set_index("method").score
    assert scores["candidate:phi"] == pytest.approx(100 * 2 / 3)
    assert scores["random"] == pytest.approx(100 * 6 / 9)
    result = run(
        compose(*settings[:-1], "metric=exact_match", "ensemble.candidates=[phi,gpt,llama]")
    )
    assert result.problem.candidates == ("phi", "gpt", "llama")


def test_some_candidates_of_a_long_table(table, tmp_path):
    long = pd.read_csv(table, dtype=str).melt(["qid", "asked", "right"], var_name="model")
    long.rename(columns={"value": "answer"}).to_csv(tmp_path / "long.csv", index=False)
    problem = read_answers(tmp_path / "long.csv", None, COLUMNS, ["phi", "gpt"])
    assert problem.candidates == ("phi", "gpt")
    assert problem.texts[1].tolist() == ["Rome", "Paris"]
    with pytest.raises(SmoothieError, match="no candidate 'x'; there are gpt, llama, phi"):
        read_answers(tmp_path / "long.csv", None, COLUMNS, ["phi", "x"])


def test_what_was_understood_is_logged(table, caplog):
    caplog.set_level(logging.INFO)
    read_answers(table, columns=COLUMNS)
    assert f"{table}: format csv (guessed)" in caplog.messages
    assert f"{table}: 3 inputs; candidates gpt, llama, phi; references" in caplog.messages


def test_what_cannot_be_selected(table):
    with pytest.raises(SmoothieError, match="select filter: not of format csv; there is nothing"):
        read_answers(table, select={"filter": "x"})


def test_a_folder_of_no_known_layout(tmp_path):
    (tmp_path / "notes.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(SmoothieError, match="a folder of no known layout"):
        read_answers(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.jsonl", "\n", "x.jsonl: "),
        (
            "x.jsonl",
            '{"id": "1", "responses": {"a": "1", "b": "2", "c": "3"}}\n{"id": "2", "responses": 5}',
            "row 2: 'responses' must map candidates to texts",
        ),
        (
            "x.jsonl",
            '{"id": "1", "a": "0", "responses": {"a": "1", "b": "2", "c": "3"}}',
            "row 1: 'a' occurs in 'responses' and beside it",
        ),
        ("x.json", '{"a": ["1"], "b": ["1", "2"]}', "lists under its keys have different lengths"),
        ("x.json", "5", "expected a list of objects, or lists of equal length"),
    ],
)
def test_faults_of_tables_are_named(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(SmoothieError, match=message):
        read_answers(tmp_path / name)


def test_columns_of_equal_length_in_json(tmp_path):
    (tmp_path / "x.json").write_text(json.dumps(ROWS))
    problem = read_answers(tmp_path / "x.json", columns=COLUMNS)
    assert problem.ids == ("x", "y", "z")
    assert problem.candidates == ("gpt", "llama", "phi")


@pytest.mark.parametrize(
    ("format", "message"),
    [
        ("mt_bench", "no MODEL.jsonl is there"),
        ("alpaca_eval", "neither MODEL/model_outputs.json nor MODEL.json is there"),
        ("every_eval_ever", "no file of instances is there"),
        ("llm_router_bench", "no DATASET/SPLIT/MODEL/.*json is there"),
        ("lm_eval", "no "),
    ],
)
def test_a_folder_that_is_not_of_the_named_format(tmp_path, format, message):
    with pytest.raises(SmoothieError, match=message):
        read_answers(tmp_path, format=format)


@pytest.mark.parametrize("format", ["llm_router_bench", "lm_eval"])
def test_texts_that_a_format_does_not_hold(tmp_path, format):
    with pytest.raises(SmoothieError, match="select text=nothing: expected "):
        read_answers(tmp_path, format=format, select={"text": "nothing"})
