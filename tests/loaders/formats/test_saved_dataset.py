"""save_to_disk folders, and what is taken for a Hub id."""

import json
from pathlib import Path

import datasets
import pytest

from smoothie import SmoothieError
from smoothie.loaders.files import guess, read_answers
from smoothie.loaders.formats.saved_dataset import is_hub_id

ROWS = {
    "qid": ["x", "y"],
    "question": ["2+2?", "Capital of France?"],
    "gold": [["4", "four"], ["Paris"]],
    "gpt": ["4", "Paris"],
    "llama": ["5", "Paris"],
    "phi": ["4", "Rome"],
}


def check(problem):
    assert problem.candidates == ("gpt", "llama", "phi")
    assert problem.ids == ("x", "y")
    assert problem.input_texts == ROWS["question"]
    assert [item.references for item in problem.inputs] == [("4", "four"), ("Paris",)]
    assert problem.texts.tolist() == [["4", "5", "4"], ["Paris", "Paris", "Rome"]]


def test_a_wide_dataset(tmp_path):
    datasets.Dataset.from_dict(ROWS).save_to_disk(tmp_path / "saved")
    assert guess(tmp_path / "saved") == "dataset"
    check(read_answers(tmp_path / "saved"))
    with pytest.raises(SmoothieError, match="one dataset without splits"):
        read_answers(tmp_path / "saved", select={"split": "test"})


def test_a_dict_of_responses_and_the_layout_of_a_problem(tmp_path):
    names = ("gpt", "llama", "phi")
    nested = [{key: ROWS[key][i] for key in ("qid", "question", "gold")} for i in range(2)]
    for i, row in enumerate(nested):
        row["responses"] = {name: ROWS[name][i] for name in names}
    datasets.Dataset.from_list(nested).save_to_disk(tmp_path / "nested")
    problem = read_answers(tmp_path / "nested")
    check(problem)
    problem.to_dataset().save_to_disk(tmp_path / "problem")
    check(read_answers(tmp_path / "problem"))
    assert read_answers(tmp_path / "problem", names=["phi", "gpt"]).candidates == ("phi", "gpt")


def test_splits(tmp_path):
    data = datasets.Dataset.from_dict(ROWS)
    datasets.DatasetDict({"train": data.select([1]), "test": data}).save_to_disk(tmp_path / "a")
    check(read_answers(tmp_path / "a"))
    assert read_answers(tmp_path / "a", select={"split": "train"}).ids == ("y",)
    with pytest.raises(SmoothieError, match="no split 'dev'; expected one of train, test"):
        read_answers(tmp_path / "a", select={"split": "dev"})
    datasets.DatasetDict({"train": data, "dev": data}).save_to_disk(tmp_path / "b")
    with pytest.raises(SmoothieError, match=r"splits train, dev; name one with select split=train"):
        read_answers(tmp_path / "b")


def test_a_damaged_folder(tmp_path):
    datasets.Dataset.from_dict(ROWS).save_to_disk(tmp_path / "saved")
    next((tmp_path / "saved").glob("*.arrow")).unlink()
    with pytest.raises(SmoothieError, match="saved: cannot be loaded"):
        read_answers(tmp_path / "saved")


def test_what_is_taken_for_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").mkdir()
    assert is_hub_id(Path("tatsu-lab/alpaca_eval"))
    for path in ("answers", "org/answers.csv", "here/answers", "a/b/c", "/org/name", "../x"):
        assert not is_hub_id(Path(path)), path
    with pytest.raises(SmoothieError, match="no such file or folder"):
        read_answers(Path("org/answers.csv"))


def test_a_repository_is_read_through_datasets(tmp_path, monkeypatch):
    """A folder of files is what the Hub would give; the library reads both alike."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "org" / "name"
    folder.mkdir(parents=True)
    datasets.Dataset.from_dict(ROWS).to_parquet(folder / "test.parquet")
    from smoothie.loaders.formats import saved_dataset
    from smoothie.loaders.formats.base import Wanted

    commit = "0123456789abcdef" * 2 + "01234567"
    locked = {"datasets/org/name": {"revision": commit, "files": {}}}
    (tmp_path / "lock.json").write_text(json.dumps(locked))
    monkeypatch.setenv("SMOOTHIE_LOCK", str(tmp_path / "lock.json"))
    loaded = saved_dataset.from_hub("org/name", Wanted())
    assert list(loaded) == ["test"]
    assert loaded["test"].to_dict() == ROWS
