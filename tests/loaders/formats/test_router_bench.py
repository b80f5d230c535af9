"""Wide tables of RouterBench."""

import pandas as pd
import pytest

from smoothie import SmoothieError
from smoothie.loaders.files import read_answers

MODELS = ("gpt-4", "mistralai/mixtral", "claude")


@pytest.fixture
def table():
    columns = {
        "sample_id": ["mmlu.val.1", "mmlu.val.2"],
        "prompt": ["['What is 1 + 1?']", "['He said \"no\". Why?']"],
        "eval_name": ["mmlu", "mtbench"],
    }
    for number, model in enumerate(MODELS):
        columns[model] = [1.0, number / 2]
    for number, model in enumerate(MODELS):
        columns[f"{model}|model_response"] = [f"['answer {number}']", f"[{number}]"]
        columns[f"{model}|total_cost"] = [0.01 * number, 0.02]
    return pd.DataFrame(columns | {"oracle_model_to_route_to": ["gpt-4", "claude"]})


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl", "json"])
def test_scores_costs_and_texts(table, tmp_path, suffix):
    path = tmp_path / f"routerbench.{suffix}"
    if suffix == "csv":
        table.to_csv(path, index=False)
    elif suffix == "parquet":
        table.to_parquet(path)
    else:
        table.to_json(path, orient="records", lines=suffix == "jsonl")
    for format in (None, "router_bench"):
        problem = read_answers(path, format=format)
        assert problem.candidates == MODELS
        assert problem.ids == ("mmlu.val.1", "mmlu.val.2")
        assert problem.tasks == ("mmlu", "mtbench")
        assert problem.input_texts == ["What is 1 + 1?", 'He said "no". Why?']
        assert problem.texts.tolist() == [
            ["answer 0", "answer 1", "answer 2"],
            ["[0]", "[1]", "[2]"],
        ]
        assert problem.labels.tolist() == [[1, 1, 1], [0, 0.5, 1]]
        assert problem.attributes["cost"].tolist() == [[0, 0.01, 0.02], [0.02] * 3]
        assert problem.units == {"cost": "USD"}
    assert read_answers(path, names=["claude", "gpt-4"]).labels[1].tolist() == [1, 0]


def test_a_pickle_is_refused_with_a_way_out(tmp_path):
    path = tmp_path / "routerbench_0shot.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch owned'\ntR.")
    with pytest.raises(SmoothieError, match=r"a pickle can run any code.*read_pickle"):
        read_answers(path)


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("gpt-4|total_cost", "dear", "row 1: a cost must be a number of at least zero"),
        ("sample_id", "mmlu.val.2", "row 2: a second answer of gpt-4 to 'mmlu.val.2'"),
    ],
)
def test_a_broken_row_is_named(table, tmp_path, column, value, message):
    table[column] = [value, *table[column][1:].astype(str)]
    table.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(SmoothieError, match=f"x.csv, {message}"):
        read_answers(tmp_path / "x.csv")


def test_a_missing_response_and_a_missing_score(table, tmp_path):
    table.loc[0, "claude|model_response"] = None
    table.loc[1, "gpt-4"] = None
    table.to_parquet(tmp_path / "x.parquet")
    with pytest.raises(SmoothieError, match="claude lacks 1 of 2 inputs"):
        read_answers(tmp_path / "x.parquet")
    problem = read_answers(tmp_path / "x.parquet", missing="drop_inputs")
    assert str(problem.labels.tolist()) == "[[nan, 0.5, 1.0]]"
