"""Results depend on what the rows say, and not on the order in which a file lists them."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import smoothie
from experiments.pipeline import run
from smoothie import Input, assemble
from smoothie.evidence import Votes
from smoothie.report.choices import fingerprint
from smoothie.routers import Routing
from tests.conftest import make_set, store_vectors, write_lines, write_results

METHODS = ["random", "best_on_val", "labeled_knn", "logistic_regression", "smoothie_global"]
METHODS += ["smoothie_local", "consensus", "mbr", "best_single", "oracle"]
PER_INPUT = ["choices.csv", "routed.jsonl", "scores_by_input.csv", "weights.csv"]
IDS = st.lists(st.text("q019aZ-", min_size=1, max_size=6), min_size=1, max_size=12, unique=True)


def shuffled_copy(folder, vectors, target, order):
    """The same set and vectors with the rows of all files in another order."""
    shutil.copytree(folder, target / "set")
    files = [folder / "dataset.jsonl", *(folder / "generations").glob("*.jsonl")]
    for path in files:
        rows = [json.loads(line) for line in path.open(encoding="utf-8")]
        write_lines(target / "set" / path.relative_to(folder), [rows[i] for i in order])
    labels = [json.loads(line) for line in (folder / "labels.jsonl").open(encoding="utf-8")]
    write_lines(target / "set" / "labels.jsonl", labels[::-1])
    for path in vectors.glob("*.npy"):
        (target / "vectors").mkdir(exist_ok=True)
        np.save(target / "vectors" / path.name, np.load(path)[order])
    return target / "set", target / "vectors"


def written(folder, vectors, output, compose):
    """All tables of a run, by name."""
    cfg = compose(
        "dataset=local",
        f"dataset.path={folder}",
        "dataset.name=things",
        "encoder=stored",
        f"encoder.folder={vectors}",
        f"methods=[{','.join(METHODS)}]",
        "method.smoothie_local.k=3",
        "method.random.expectation=false",
        "evaluation.draws=50",
    )
    write_results(run(cfg), output, plots=False, sizes=(1, 3), budgets=(5,))
    texts = {path.name: path.read_text(encoding="utf-8") for path in output.iterdir()}
    signature = json.loads(texts.pop("signature.json"))
    return texts, signature["data"]


def test_the_order_of_rows_changes_no_table(tmp_path, compose):
    folder = make_set(tmp_path / "set", inputs=25)
    vectors = store_vectors(folder, tmp_path / "vectors")
    order = np.random.default_rng(1).permutation(25)
    moved = shuffled_copy(folder, vectors, tmp_path / "shuffled", order)
    before, data = written(folder, vectors, tmp_path / "a", compose)
    after, same_data = written(*moved, tmp_path / "b", compose)
    assert data == same_data
    assert before.keys() == after.keys()
    for name, text in before.items():
        if name not in PER_INPUT:
            # The signature names the digest of the vectors' files, which are in another order.
            assert normalized(text) == normalized(after[name]), name
            continue
        lines, moved_lines = text.splitlines(), after[name].splitlines()
        assert sorted(lines) == sorted(moved_lines), name
    _, *rows = after["choices.csv"].splitlines()
    assert [row.split(",")[0] for row in rows] == [f"q{i}" for i in order], "as the file lists them"


def normalized(text):
    return [line for line in text.splitlines() if "encoder vectors@" not in line]


def test_draws_do_not_follow_positions(tmp_path, compose):
    """The same set under ids that are sorted otherwise has other folds: the test above can fail."""
    folder = make_set(tmp_path / "set", inputs=25)
    vectors = store_vectors(folder, tmp_path / "vectors")
    renamed = tmp_path / "renamed"
    shutil.copytree(folder, renamed)
    for path in renamed.rglob("*.jsonl"):
        text = path.read_text(encoding="utf-8")
        for i in range(25):
            text = text.replace(f'"q{i}"', f'"p{(i * 7 + 3) % 25:02}"')
        path.write_text(text, encoding="utf-8")
    written(folder, vectors, tmp_path / "a", compose)
    written(renamed, vectors, tmp_path / "b", compose)
    first, second = (
        pd.read_csv(tmp_path / name / "choices.csv").drop(columns="id") for name in "ab"
    )
    assert first["smoothie_global"].equals(second["smoothie_global"])
    assert not first["random"].equals(second["random"])


def test_the_front_door_returns_rows_as_they_were_given():
    table = pd.DataFrame(
        {
            "id": [f"q{i}" for i in range(12)],
            "a": [f"It is {i % 3}." for i in range(12)],
            "b": [f"{i % 2}" for i in range(12)],
            "c": [f"It is {i % 2}." for i in range(12)],
        }
    )
    moved = table.sample(frac=1, random_state=3)
    first = smoothie.route(table, encoder=None)
    second = smoothie.route(moved, encoder=None)
    assert second.to_frame()["id"].tolist() == moved["id"].tolist()
    chosen = dict(zip(first.problem.ids, first.texts, strict=True))
    assert second.texts == [chosen[key] for key in moved["id"]]
    assert np.allclose(first.confidence[moved.index], second.confidence)
    references = [f"{i % 2}" for i in range(12)]
    tables = [
        smoothie.evaluate(result, [references[i] for i in rows], metric="gsm8k", draws=50)
        for result, rows in ((first, table.index), (second, moved.index))
    ]
    pd.testing.assert_frame_equal(*tables, check_exact=True)


@given(IDS)
def test_ids_are_sorted_whatever_their_order(ids):
    problem = assemble("p", [Input(key) for key in ids], {"a": dict.fromkeys(ids, "x")})
    backwards = assemble("p", [Input(key) for key in ids[::-1]], {"a": dict.fromkeys(ids, "x")})
    ordered = problem.by_id()
    assert ordered.ids == backwards.by_id().ids
    assert sorted(ordered.ids) == sorted(ids)
    assert [ordered.ids[i] for i in ordered.source_order] == ids
    assert ordered.by_id() is ordered


def test_numbers_in_ids_are_sorted_as_numbers():
    ids = ["q10", "q9", "q009", "b", "q1", "10", "9"]
    problem = assemble("p", [Input(key) for key in ids], {"a": dict.fromkeys(ids, "x")})
    assert problem.by_id().ids == ("9", "10", "b", "q1", "q009", "q9", "q10")


def test_parts_of_votes_and_routings():
    draw = np.random.default_rng(0)
    votes = Votes(draw.random((4, 3, 3)), draw.random((4, 2)))
    rows = np.array([2, 0])
    assert (votes.take(rows).distances == votes.distances[[2, 0]]).all()
    assert (votes.take(rows).inputs == votes.inputs[[2, 0]]).all()
    routing = Routing(draw.integers(3, size=(2, 4)), weights=draw.random((4, 3)))
    assert (routing.take(rows).choices == routing.choices[:, [2, 0]]).all()
    assert (routing.take(rows).weights == routing.weights[[2, 0]]).all()
    shared = Routing(routing.choices, weights=np.ones(3))
    assert (shared.take(rows).weights == 1).all()


@pytest.mark.parametrize(
    "change",
    [
        {"inputs": [Input("q1", text="?"), Input("q3", text="!")]},
        {"inputs": [Input("q1", text="?"), Input("q2", text="!?")]},
        {"inputs": [Input("q1", text="?", references=("x",)), Input("q2", text="!")]},
        {"inputs": [Input("q1", text="?", task="t"), Input("q2", text="!")]},
        {"answers": {"a": ["1", "2"], "b": ["3", "5"]}},
        {"answers": {"b": ["1", "2"], "a": ["3", "4"]}},
        {"labels": {"a": {"q1": 1.0}}},
    ],
)
def test_the_fingerprint_tells_data_apart(change):
    given = {
        "inputs": [Input("q1", text="?"), Input("q2", text="!")],
        "answers": {"a": ["1", "2"], "b": ["3", "4"]},
        "labels": {},
    }

    def made(inputs, answers, labels):
        texts = {
            name: {item.id: text for item, text in zip(inputs, said, strict=True)}
            for name, said in answers.items()
        }
        return fingerprint(assemble("p", inputs, texts, labels))

    assert made(**given) == made(**given)
    assert made(**given) != made(**(given | change))
