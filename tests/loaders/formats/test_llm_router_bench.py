"""Results of LLMRouterBench: DATASET/SPLIT/MODEL/*.json."""

import json

import pytest

from smoothie import SmoothieError
from smoothie.loaders.files import guess, read_answers

MODELS = ("Qwen3-8B", "gpt-5", "nemo")


def result(records, demo=False):
    """A file as `ResultsStorage.save_result` writes it."""
    return {
        "performance": 0.5,
        "time_taken": 1.0,
        "prompt_tokens": 50,
        "completion_tokens": 20,
        "cost": 0.1,
        "counts": len(records),
        "demo": demo,
        "extra_metrics": {},
        "records": records,
    }


def record(index, model, **more):
    return {
        "index": index,
        "origin_query": f"What is {index}?",
        "prompt": f"Question: what is {index}?",
        "prompt_tokens": 50,
        "completion_tokens": 20,
        "cost": 0.001 * len(model),
        "score": float(model == "gpt-5"),
        "prediction": f"{model} {index}",
        "ground_truth": str(index),
        "raw_output": f"{model} thinks that it is {index}",
        "extra_fields": {},
        **more,
    }


def write(bench, model, content, dataset="aime", split="test", date="20250801_120000"):
    path = bench / dataset / split / model / f"{dataset}-{split}-{model}-{date}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


@pytest.fixture
def bench(tmp_path):
    folder = tmp_path / "results" / "bench"
    for model in MODELS:
        write(folder, model, result([record(i, model) for i in (1, 2)]))
        write(folder, model, result([record(1, model, ground_truth=7)]), dataset="bbh")
    return folder


@pytest.mark.parametrize("place", [".", "results", "results/bench", "results/bench/aime"])
def test_predictions_scores_and_costs(bench, place):
    path = bench.parents[1] / place
    assert guess(path) == "llm_router_bench"
    problem = read_answers(path)
    bbh = not place.endswith("aime")
    assert problem.ids == ("aime/test/1", "aime/test/2", *(["bbh/test/1"] if bbh else []))
    assert problem.tasks[:2] == ("aime", "aime")
    assert problem.candidates == MODELS
    assert problem.input_texts[0] == "Question: what is 1?"
    assert problem.texts[1].tolist() == [f"{model} 2" for model in MODELS]
    assert problem.labels[0].tolist() == [0, 1, 0]
    assert problem.attributes["cost"][1].tolist() == [0.001 * len(model) for model in MODELS]
    assert problem.units == {"cost": "USD"}
    assert problem.inputs[-1].references == (("7",) if bbh else ("2",))


def test_the_newest_run_that_is_no_demonstration(bench):
    for model in MODELS:
        new = result([record(1, model, prediction="new")])
        write(bench, model, new, date="20250802_000000")
        demo = result([record(1, model, prediction="demo")], demo=True)
        write(bench, model, demo, date="20250803_000000")
    problem = read_answers(bench, select={"task": "aime", "text": "prediction"})
    assert problem.texts.tolist() == [["new"] * 3]


def test_what_a_model_wrote_in_full(bench):
    problem = read_answers(bench, select={"text": "raw_output"})
    assert problem.texts[0, 1] == "gpt-5 thinks that it is 1"


def test_costs_of_some_are_left_out(bench, caplog):
    write(bench, "nemo", result([record(i, "nemo", cost=None) for i in (1, 2)]))
    problem = read_answers(bench)
    assert problem.attributes == {}
    assert "2 of 9 answers have no cost" in caplog.text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"records": []}, "expected a list of records"),
        (result([5]), "record 1: expected an object"),
        (result([record(1, "nemo", prediction=None)]), "record 1: expected a text under 'pred"),
        (result([record(1, "nemo", cost=-1)]), "record 1: a cost must be a number of at least"),
        (result([record(1, "nemo"), record(1, "nemo")]), "record 2: a second answer of nemo"),
        (result([record(1, "nemo", prompt="x")]), "record 1: 'aime/test/1' has another input"),
    ],
)
def test_what_is_broken_is_named(bench, content, message):
    write(bench, "nemo", content)
    with pytest.raises(SmoothieError, match=f"aime-test-nemo-20250801_120000.json(, |: ){message}"):
        read_answers(bench)
