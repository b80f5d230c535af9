"""Logs of Inspect, written and read by inspect_ai where it is installed."""

import json

import pytest

from smoothie import SmoothieError
from smoothie.loaders.files import guess, read_answers
from smoothie.optional import is_installed

MODELS = ("openai/gpt-4o", "mockllm/a", "mockllm/b")
installed = pytest.mark.skipif(not is_installed("inspect_ai"), reason="needs inspect_ai")


def write_log(folder, number, model, suffix):
    from inspect_ai.log import (
        EvalConfig,
        EvalDataset,
        EvalLog,
        EvalSample,
        EvalSpec,
        write_eval_log,
    )
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser, ModelOutput
    from inspect_ai.scorer import Score

    spec = EvalSpec(
        created="2024-05-01T12:00:00+00:00",
        task="theory",
        dataset=EvalDataset(),
        model=model,
        config=EvalConfig(epochs=2),
    )
    asked = [ChatMessageSystem(content="Be brief."), ChatMessageUser(content="1 + 1?")]
    samples = [
        EvalSample(
            id=key,
            epoch=epoch,
            input=asked if key == 1 else "2 + 2?",
            target=["2", "two"] if key == 1 else "4",
            output=ModelOutput.from_content(model, f"{model} {key} {epoch}"),
            scores={"match": Score(value="C" if number == 0 else "I"), "f1": Score(value=0.5)},
        )
        for epoch in (2, 1)
        for key in (1, 2)
    ]
    log = EvalLog(eval=spec, samples=samples, status="success")
    write_eval_log(log, str(folder / f"2024_theory_{number}.{suffix}"))


@installed
@pytest.mark.parametrize("suffix", ["eval", "json"])
def test_completions_epochs_and_scores(tmp_path, suffix):
    for number, model in enumerate(MODELS):
        write_log(tmp_path, number, model, suffix)
    assert guess(tmp_path) == "inspect"
    problem = read_answers(tmp_path, names=MODELS)
    assert problem.ids == ("theory/1", "theory/2")
    assert problem.tasks == ("theory", "theory")
    assert problem.input_texts == ["Be brief.\n\n1 + 1?", "2 + 2?"]
    assert problem.inputs[0].references == ("2", "two")
    assert problem.texts[1].tolist() == [f"{model} 2 1" for model in MODELS]
    assert problem.more_texts[1, :, 0].tolist() == [f"{model} 2 2" for model in MODELS]
    assert problem.labels.tolist() == [[1, 0, 0]] * 2
    assert read_answers(tmp_path, select={"metric": "f1"}).labels.tolist() == [[0.5] * 3] * 2


@installed
def test_a_damaged_log(tmp_path):
    (tmp_path / "x.eval").write_bytes(b"PK not a zip")
    with pytest.raises(SmoothieError, match=r"x.eval: not a log of Inspect"):
        read_answers(tmp_path / "x.eval")


@pytest.mark.skipif(is_installed("inspect_ai"), reason="inspect_ai is installed")
def test_without_the_package_it_is_named(tmp_path):
    (tmp_path / "x.eval").write_bytes(b"PK")
    log = {"version": 2, "status": "success", "eval": {"model": "a"}, "samples": []}
    (tmp_path / "y.json").write_text(json.dumps(log, indent=2))
    for path in (tmp_path / "x.eval", tmp_path / "y.json", tmp_path):
        assert guess(path) == "inspect"
        with pytest.raises(SmoothieError, match=r"needs inspect_ai: pip install .*\[inspect\]"):
            read_answers(path)
