"""Files of AlpacaEval, in both of its layouts."""

import json

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.loaders.files import guess, read_answers

ASKED = ["Name a colour.", "What is 2 + 2?"]
SAID = {"gpt": ["Red.", "4"], "llama": ["Blue.", "four"], "phi": ["Green.", "5"]}


def rows_of(model, backwards=False):
    """As `alpaca_eval` writes them: a list, in any order."""
    rows = [
        {"dataset": "helpful_base", "instruction": asked, "output": said, "generator": model}
        for asked, said in zip(ASKED, SAID[model], strict=True)
    ]
    return rows[::-1] if backwards else rows


@pytest.fixture(params=["nested", "flat"])
def folder(request, tmp_path):
    for number, model in enumerate(SAID):
        nested = tmp_path / "results" / model / "model_outputs.json"
        path = nested if request.param == "nested" else tmp_path / "results" / f"{model}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(rows_of(model, backwards=number == 1)))
    return tmp_path / "results"


def test_outputs_are_joined_by_instruction(folder):
    assert guess(folder) == "alpaca_eval"
    problem = read_answers(folder)
    assert problem.candidates == tuple(SAID)
    assert problem.input_texts == ASKED
    assert problem.tasks == ("helpful_base",) * 2
    assert problem.texts.T.tolist() == list(SAID.values())
    assert problem.labels is None


def test_some_candidates_in_their_order(folder):
    assert read_answers(folder, names=["phi", "gpt"]).candidates == ("phi", "gpt")
    with pytest.raises(SmoothieError, match="no candidate 'x'; there are gpt, llama, phi"):
        read_answers(folder, names=["x"])


def test_preferences_come_along(tmp_path):
    for model, preference in zip(SAID, (2.0, 1.25, 1.0), strict=True):
        home = tmp_path / model
        for annotator in ("weighted_gpt4", *(["other"] if model == "gpt" else [])):
            (home / annotator).mkdir(parents=True)
            verdicts = [{"instruction": ASKED[1], "preference": preference}]
            (home / annotator / "annotations.json").write_text(json.dumps(verdicts))
        (home / "model_outputs.json").write_text(json.dumps(rows_of(model)))
    problem = read_answers(tmp_path)
    np.testing.assert_array_equal(problem.labels, [[np.nan] * 3, [1, 0.25, 0]])
    with pytest.raises(SmoothieError, match="no annotator 'x'"):
        read_answers(tmp_path, select={"annotator": "x"})


def test_what_is_broken_is_named(folder):
    path = sorted(folder.rglob("*.json"))[0]
    path.write_text(json.dumps([{"instruction": "a"}]))
    with pytest.raises(SmoothieError, match=r"json, row 0: expected texts under 'instruction'"):
        read_answers(folder, format="alpaca_eval")
    path.write_text("[{]")
    with pytest.raises(SmoothieError, match=r"json, line 1: not JSON"):
        read_answers(folder, format="alpaca_eval")


def test_a_missing_output(folder):
    path = sorted(folder.rglob("*.json"))[0]
    path.write_text(json.dumps(json.loads(path.read_text())[:1]))
    with pytest.raises(SmoothieError, match="gpt lacks 1 of 2 inputs"):
        read_answers(folder)
    assert read_answers(folder, missing="drop_candidates").candidates == ("llama", "phi")
