import json
import re

import numpy as np
import pytest

from experiments.memory import Memory
from experiments.settings import read_settings
from experiments.steps import load
from smoothie import SmoothieError
from smoothie.loaders import LocalFolder
from smoothie.metrics.scoring import label_scores
from tests.conftest import make_set, write_lines


def read(cfg):
    return load(read_settings(cfg), Memory())


def test_a_folder_is_read(local_set):
    problem = LocalFolder(path=str(local_set)).load()
    assert problem.name == "tiny"
    assert problem.candidates == ("alpha", "beta", "gamma")
    assert problem.ids == tuple(f"q{i}" for i in range(12))
    assert problem.inputs[1].references == ("it is green today",)
    assert problem.labels.shape == (12, 3)
    row = json.loads((local_set / "generations" / "beta.jsonl").read_text().splitlines()[7])
    assert problem.texts[7, 1] == row["generation"]


def test_candidates_are_picked_and_ordered(local_set):
    problem = LocalFolder(path=str(local_set)).load(["gamma", "alpha"])
    assert problem.candidates == ("gamma", "alpha")
    every = LocalFolder(path=str(local_set)).load()
    np.testing.assert_array_equal(problem.texts, every.texts[:, [2, 0]])
    np.testing.assert_array_equal(problem.labels, every.labels[:, [2, 0]])
    for asked, message in (
        (["delta"], "no candidate 'delta'"),
        (["beta", "beta"], "named twice"),
    ):
        with pytest.raises(SmoothieError, match=message):
            LocalFolder(path=str(local_set)).load(asked)


def test_common_settings(local_set):
    source = LocalFolder(path=str(local_set), limit=5, name="named", cleaning="paper")
    problem = source.load()
    assert problem.name == "named"
    assert len(problem.inputs) == 5
    with pytest.raises(SmoothieError, match="limit=0"):
        LocalFolder(path=str(local_set), limit=0).load()


def test_a_training_folder(local_set, tmp_path):
    train = make_set(tmp_path / "train", inputs=4)
    source = LocalFolder(path=str(local_set), train_path=str(train))
    assert len(source.load_train(["beta", "alpha"]).inputs) == 4
    assert LocalFolder(path=str(local_set)).load_train(["beta"]) is None


def test_a_training_folder_that_lacks_a_candidate_is_refused(local_set, tmp_path):
    train = make_set(tmp_path / "train", inputs=4)
    (train / "generations" / "alpha.jsonl").write_text('{"id": "q0", "generation": "x"}')
    source = LocalFolder(
        path=str(local_set), train_path=str(train), missing="drop_candidates", limit=2
    )
    with pytest.raises(SmoothieError, match="the training split has no complete texts of alpha"):
        source.load_train(["alpha", "beta", "gamma"])
    assert len(source.load_train(["beta"]).inputs) == 4  # the limit is for what is routed


def test_files_that_are_being_written_are_no_candidates(local_set):
    (local_set / "generations" / ".alpha-x1.jsonl").write_text("{")
    assert LocalFolder(path=str(local_set)).load().candidates == ("alpha", "beta", "gamma")


def test_what_is_optional(tmp_path):
    write_lines(tmp_path / "dataset.jsonl", [{"id": 7}, {"id": "8", "references": "one"}])
    for name in "abc":
        rows = [{"id": "7", "generation": ""}, {"id": 8, "generation": "x", "more": 1}]
        write_lines(tmp_path / "generations" / f"{name}.jsonl", rows)
    problem = LocalFolder(path=str(tmp_path)).load()
    assert problem.ids == ("7", "8")
    assert problem.labels is None
    assert not problem.has_inputs
    assert problem.inputs[1].references == ("one",)


@pytest.mark.parametrize(
    ("file", "line", "message"),
    [
        ("dataset.jsonl", {"id": "q0"}, "dataset.jsonl, line 13: id 'q0' occurs twice"),
        ("dataset.jsonl", {"task": "t"}, "line 13: expected a text or a whole number under 'id'"),
        ("dataset.jsonl", {"id": "n", "input": 5}, "line 13: 'input' must be a text"),
        ("dataset.jsonl", {"id": "n", "references": {}}, "line 13: references must be a list"),
        ("dataset.jsonl", {"id": "n"}, "alpha lacks 1 of 13 inputs"),
        (
            "generations/beta.jsonl",
            {"id": "q3", "generation": "x"},
            "line 13: id 'q3' occurs twice",
        ),
        ("generations/beta.jsonl", {"id": "n"}, "line 13: no key 'generation'"),
        ("generations/beta.jsonl", {"id": "n", "generation": 3}, "must be a text, found 3"),
        ("labels.jsonl", {"id": "q3", "score": 1}, "line 37: expected a candidate's name"),
        ("labels.jsonl", {"id": "q3", "model": "beta", "score": 1}, "beta has two scores"),
        ("labels.jsonl", {"id": "z", "model": "beta", "score": "good"}, "must be a finite number"),
    ],
)
def test_broken_rows_are_named(local_set, file, line, message):
    with (local_set / file).open("a") as handle:
        handle.write(json.dumps(line) + "\n")
    with pytest.raises(SmoothieError, match=message):
        LocalFolder(path=str(local_set)).load()


def test_missing_files_are_named(local_set, tmp_path):
    for path, message in (
        (None, "path=null: expected a folder"),
        (str(tmp_path / "x"), "no such folder"),
    ):
        with pytest.raises(SmoothieError, match=message):
            LocalFolder(path=path).load()
    (local_set / "dataset.jsonl").write_text("")
    with pytest.raises(SmoothieError, match=r"dataset.jsonl: no rows"):
        LocalFolder(path=str(local_set)).load()
    (local_set / "dataset.jsonl").unlink()
    with pytest.raises(SmoothieError, match=r"dataset.jsonl: no such file"):
        LocalFolder(path=str(local_set)).load()
    empty = tmp_path / "empty"
    write_lines(empty / "dataset.jsonl", [{"id": "a"}])
    with pytest.raises(SmoothieError, match="no folder generations/"):
        LocalFolder(path=str(empty)).load()
    (empty / "generations").mkdir()
    with pytest.raises(SmoothieError, match="no generations found"):
        LocalFolder(path=str(empty)).load()


def test_a_null_generation_is_missing(local_set):
    path = local_set / "generations" / "gamma.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[2]["generation"] = None
    write_lines(path, rows)
    with pytest.raises(SmoothieError, match="gamma lacks 1 of 12 inputs"):
        LocalFolder(path=str(local_set)).load()
    assert len(LocalFolder(path=str(local_set), missing="drop_inputs").load().inputs) == 11


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"id": "q0", "model": "delta", "score": 1}, "1 candidate without generations ('delta')"),
        (
            {"id": "q99", "model": "alpha", "score": 1},
            "1 id that dataset.jsonl does not hold ('q99')",
        ),
    ],
)
def test_labels_of_strangers_are_refused_unless_allowed(local_set, caplog, row, message):
    before = LocalFolder(path=str(local_set)).load()
    with (local_set / "labels.jsonl").open("a") as handle:
        handle.write(json.dumps(row) + "\n")
    for candidates in (None, ["alpha", "beta", "gamma"]):
        with pytest.raises(SmoothieError, match=re.escape(message)) as raised:
            LocalFolder(path=str(local_set)).load(candidates)
        assert "set unknown_labels=ignore" in str(raised.value)
    after = LocalFolder(path=str(local_set), unknown_labels="ignore").load()
    assert message in caplog.text
    np.testing.assert_array_equal(after.labels, before.labels)
    with pytest.raises(SmoothieError, match="unknown_labels=maybe: expected one of error, ignore"):
        LocalFolder(path=str(local_set), unknown_labels="maybe")


def test_empty_labels_are_reported(local_set, caplog):
    path = local_set / "labels.jsonl"
    path.write_text("")
    assert LocalFolder(path=str(local_set)).load().labels is None
    assert "labels.jsonl: holds no scores" in caplog.text
    path.unlink()
    path.symlink_to(local_set / "gone.jsonl")
    with pytest.raises(SmoothieError, match=r"labels\.jsonl: no such file"):
        LocalFolder(path=str(local_set)).load()
    path.unlink()
    path.symlink_to(path)  # a loop
    with pytest.raises(SmoothieError, match=r"labels\.jsonl: cannot be read"):
        LocalFolder(path=str(local_set)).load()


@pytest.mark.parametrize("candidates", [None, ["gamma", "beta", "alpha"]])
def test_the_unit_of_labels_is_that_of_the_whole_set(local_set, candidates):
    """Grades of 0 to 2 stay grades in a slice, or an ensemble, that holds only 0 and 1."""
    path = local_set / "labels.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows[-7::3]:  # of gamma
        row["score"] = 2
    write_lines(path, rows)
    whole = label_scores(LocalFolder(path=str(local_set)).load(candidates))
    part = label_scores(LocalFolder(path=str(local_set), limit=6).load(candidates))
    assert not whole.percent
    assert not part.percent
    np.testing.assert_array_equal(part.values, whole.values[:6])
    few = LocalFolder(path=str(local_set)).load(candidates).select(["alpha", "beta"])
    assert label_scores(few).values.max() == 1


def with_scores(folder, *scores):
    """Replace the last scores of labels.jsonl."""
    path = folder / "labels.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row, score in zip(rows[-len(scores) :], scores, strict=True):
        row["score"] = score
    write_lines(path, rows)


@pytest.mark.parametrize(
    ("inputs", "scores", "line"),
    [
        (12, [7], 36),  # one of 36
        (12, [-0.5, 1, 0], 34),
        (6, [7], None),  # one of 18: too few to tell
        (12, [7, 7], None),  # two of 36
        (100, [2, 0, 2, 1], 297),  # two of 300
        (100, [3, 4, 5], 298),
        (100, [2, 3, 4, 5], None),  # more than 1 in 100: another scale
        (12, [1.0, 0.0, 0.5], None),
    ],
)
def test_a_label_outside_the_range_of_all_others_is_refused(tmp_path, inputs, scores, line):
    folder = make_set(tmp_path / "set", inputs=inputs)
    with_scores(folder, *scores)
    source = LocalFolder(path=str(folder))
    if line is None:
        assert source.load().label_range[1] == max(1, *scores)
        return
    odd = next(score for score in scores if not 0 <= score <= 1)
    message = rf"labels\.jsonl, line {line}: the score {odd:g} is not between 0 and 1, as \d+ of"
    with pytest.raises(SmoothieError, match=message):
        source.load()
    allowed = LocalFolder(path=str(folder), label_range=[-1, 7]).load()
    assert allowed.label_range == (min(0, *scores), max(1, *scores))


def test_a_range_of_labels_can_be_set(local_set, compose):
    with_scores(local_set, 1, 2, 3, 4, 5)
    source = LocalFolder(path=str(local_set), label_range=[0, 4])
    with pytest.raises(
        SmoothieError, match=r"line 36: the score 5 is not between 0 and 4 \(label_range"
    ):
        source.load()
    assert LocalFolder(path=str(local_set), label_range=[0, 5]).load().label_range == (0, 5)
    for given in ([], [1], [1, 1], [2, 1], [0, float("nan")], [0, 1, 2]):
        with pytest.raises(SmoothieError, match=r"label_range=.*: expected \[LOWEST,HIGHEST\]"):
            LocalFolder(path=str(local_set), label_range=given)
    settings = ["dataset=local", f"dataset.path={local_set}"]
    assert read(compose(*settings, "dataset.label_range=[0,5]"))[1].label_range == (0, 5)
    with pytest.raises(SmoothieError, match=r"between 0 and 1 \(label_range\)"):
        read(compose(*settings, "dataset.label_range=[0,1]"))


def test_labels_of_a_candidate_that_wrote_nothing_are_refused(local_set, caplog):
    (local_set / "generations" / "gamma.jsonl").write_text("")
    source = LocalFolder(path=str(local_set), missing="drop_candidates")
    with pytest.raises(
        SmoothieError, match=r"labels of 1 candidate without generations \('gamma'\)"
    ):
        source.load()
    source.unknown_labels = "ignore"
    assert source.load().candidates == ("alpha", "beta")
    assert "labels of 1 candidate without generations ('gamma'); not used" in caplog.text


def test_many_unknown_names_are_counted(local_set):
    with (local_set / "labels.jsonl").open("a") as handle:
        for i in range(40):
            row = {"id": f"z{i:02}", "model": f"m{i % 5}", "score": 1}
            handle.write(json.dumps(row) + "\n")
    message = (
        "labels of 5 candidates without generations ('m0', 'm1', 'm2' and 2 more) and "
        "labels of 40 ids that dataset.jsonl does not hold ('z00', 'z01', 'z02' and 37 more)"
    )
    with pytest.raises(SmoothieError, match=re.escape(message)):
        LocalFolder(path=str(local_set)).load()
