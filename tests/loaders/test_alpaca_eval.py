"""Quality of AlpacaEval outputs: annotations of each output, or a leaderboard."""

import numpy as np
import pytest

from experiments.pipeline import run
from smoothie import SmoothieError
from smoothie.loaders import AlpacaEval
from smoothie.metrics.scoring import score
from smoothie.report.scores import evaluate_tasks
from tests.loaders.mirror import make_mirror, write_json

NAMES = ("Ann", "bob", "cec")


@pytest.fixture
def mirror(tmp_path):
    return make_mirror(tmp_path / "mirror")


def board(path, text="model,win_rate,lc\nAnn,50,40\nbob,20,60\ncec,35,35\nzoe,1,1\n"):
    path.write_text(text)
    return str(path)


def test_a_leaderboard_is_one_number_for_each_candidate(mirror, tmp_path):
    settings = {"folder": str(mirror), "leaderboard": board(tmp_path / "board.csv")}
    problem = AlpacaEval(**settings).load(["cec", "Ann", "bob"])
    np.testing.assert_array_equal(problem.leaderboard, [35, 50, 20])
    other = AlpacaEval(**settings, leaderboard_column="lc").load()
    np.testing.assert_array_equal(other.leaderboard, [40, 60, 35])
    scores = score(problem)
    assert scores.per_candidate
    assert scores.metric == "leaderboard"
    np.testing.assert_array_equal(problem.select(["bob", "cec"]).leaderboard, [20, 35])


def test_the_first_column_names_models_where_none_is_called_so(mirror, tmp_path):
    path = board(tmp_path / "board.csv", ",win_rate\nAnn,1\nbob,2\ncec,3\n")
    problem = AlpacaEval(folder=str(mirror), leaderboard=path).load()
    np.testing.assert_array_equal(problem.leaderboard, [1, 2, 3])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,win_rate\nAnn,1\nbob,2\n", "no win_rate of cec"),
        ("model,wins\nAnn,1\n", "no column 'win_rate'; it has model, wins"),
        ("model,win_rate\nAnn,much\nbob,2\ncec,3\n", "not a number"),
        ("", "not a readable CSV file"),
    ],
)
def test_faults_of_a_leaderboard(mirror, tmp_path, text, message):
    source = AlpacaEval(folder=str(mirror), leaderboard=board(tmp_path / "board.csv", text))
    with pytest.raises(SmoothieError, match=message):
        source.load()


def test_only_methods_that_choose_one_candidate_have_a_result(mirror, tmp_path, compose):
    problem = AlpacaEval(folder=str(mirror)).load()
    for i, name in enumerate([*NAMES, "inputs"]):
        generator = np.random.default_rng(i)
        vectors = generator.normal(size=(len(problem.inputs), 4)).astype(np.float32)
        (tmp_path / "vectors").mkdir(exist_ok=True)
        np.save(tmp_path / "vectors" / f"{name}.npy", vectors)
    result = run(
        compose(
            "dataset=alpaca_eval",
            f"dataset.folder={mirror}",
            f"dataset.leaderboard={board(tmp_path / 'board.csv')}",
            "encoder=stored",
            f"encoder.folder={tmp_path / 'vectors'}",
        )
    )
    table = result.table.set_index("method")
    assert table.score["random"] == pytest.approx(35)
    assert table.score["best_single"] == 50
    assert table.score["candidate:bob"] == 20
    chosen = problem.candidates[result.routings["smoothie_global"].choices[0, 0]]
    assert table.score["smoothie_global"] == {"Ann": 50, "bob": 20, "cec": 35}[chosen]
    assert len(set(result.routings["smoothie_local"].choices[0])) > 1
    assert "smoothie_local" not in table.index
    assert "oracle" not in result.routings
    assert "best_on_val" not in result.routings
    assert table.ci_low.isna().all()
    assert evaluate_tasks(result) is None


def test_annotations_are_labels_joined_by_instruction(mirror, tmp_path):
    for j, name in enumerate(NAMES):
        rows = [
            {"instruction": f"Do {i}", "preference": 1 + ((i + j) % 4) / 4}
            for i in range(8, -1, -1)
        ]
        rows[0]["preference"] = None  # of instruction 8: the judge's answer could not be read
        path = tmp_path / "annotations" / (f"{name}.json" if j else f"{name}/annotations.json")
        write_json(path, rows)
    settings = {"folder": str(mirror), "annotations": str(tmp_path / "annotations")}
    problem = AlpacaEval(**settings).load()
    for i in range(8):
        np.testing.assert_allclose(problem.labels[i], [((i + j) % 4) / 4 for j in range(3)])
    assert np.isnan(problem.labels[8]).all()
    write_json(tmp_path / "annotations" / "bob.json", [{"instruction": "Do 1", "preference": 3}])
    with pytest.raises(SmoothieError, match=r"bob\.json, row 0: preference 3\.0 is not between"):
        AlpacaEval(**settings).load()
    (tmp_path / "annotations" / "bob.json").unlink()
    with pytest.raises(SmoothieError, match=r"neither bob\.json nor bob/annotations\.json"):
        AlpacaEval(**settings).load()


def test_stacked_outputs_have_the_same_length(mirror):
    write_json(
        mirror / "alpaca" / "downloaded_outputs" / "bob.json",
        [{"instruction": "Do 0", "output": "x", "dataset": "d"}],
    )
    with pytest.raises(SmoothieError, match=r"bob.json: 1 outputs where Ann has 9; they cannot be"):
        AlpacaEval(folder=str(mirror), align="position").load()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "expected a list of {instruction, preference}"),
        ([{"preference": 1}], "row 0: expected a text under 'instruction'"),
        ([{"instruction": "Do 0", "preference": 3}], "row 0: preference 3.0 is not between 1"),
        (
            [{"instruction": "Do 0", "preference": p} for p in (1, 2)],
            "row 1: a different preference for the same instruction",
        ),
    ],
)
def test_faults_of_annotations(mirror, tmp_path, content, message):
    for name in NAMES:
        good = [{"instruction": "Do 0", "preference": 1.5}]
        write_json(tmp_path / "judged" / f"{name}.json", content if name == "bob" else good)
    source = AlpacaEval(folder=str(mirror), annotations=str(tmp_path / "judged"))
    with pytest.raises(SmoothieError, match=message):
        source.load()


def test_annotations_that_could_not_be_parsed_or_are_of_others(mirror, tmp_path, caplog):
    rows = [
        {"instruction": "Do 0", "preference": 2},
        {"instruction": "Do 1", "preference": None},
        {"instruction": "Do what nobody asked for", "preference": 1},
    ]
    for name in NAMES:
        write_json(tmp_path / "judged" / f"{name}.json", rows)
    problem = AlpacaEval(folder=str(mirror), annotations=str(tmp_path / "judged")).load()
    assert np.isfinite(problem.labels).sum() == len(NAMES)
    assert (problem.labels[0] == 1).all()
    assert "1 of 3 rows are about instructions that are not among the inputs" in caplog.text


def test_two_numbers_of_one_model_on_a_leaderboard(mirror, tmp_path):
    path = board(tmp_path / "board.csv", "model,win_rate\nAnn,1\nbob,2\ncec,3\nAnn,4\n")
    with pytest.raises(SmoothieError, match="two different numbers of Ann"):
        AlpacaEval(folder=str(mirror), leaderboard=path).load()
