import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.pipeline import run
from smoothie import SmoothieError, SmoothieGlobal, SmoothieLocal
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.loaders import LocalFolder
from smoothie.routers.smoothie_generations import SmoothieGenerations
from tests.conftest import store_vectors, write_lines
from tests.naive import naive_errors


@given(st.integers(1, 6), st.integers(3, 5), st.integers(1, 4), st.integers(0, 10**6))
@settings(deadline=None, max_examples=40)
def test_errors_come_from_an_input_s_own_generations(rows, candidates, count, seed):
    generations = np.random.default_rng(seed).normal(size=(rows, candidates, count, 3))
    model = SmoothieGenerations().fit(generations)
    for row in range(rows):
        votes = generations[row].swapaxes(0, 1)  # one vote row for each g
        expected = naive_errors(votes)
        np.testing.assert_allclose(model.errors_[row], expected.clip(1e-15), atol=1e-12)
        assert model.choices_[row] == expected.clip(0).argmin()
    # the same rows, handed to Global one by one, with the input as their group
    flat = generations.swapaxes(1, 2).reshape(rows * count, candidates, 3)
    grouped = SmoothieGlobal(fit_by="task").fit(flat, groups=np.repeat(np.arange(rows), count))
    np.testing.assert_allclose(model.errors_, grouped.errors_[::count], rtol=1e-9, atol=1e-12)


def test_one_generation_is_local_with_one_neighbor():
    generations = np.random.default_rng(0).normal(size=(7, 4, 5))
    model = SmoothieGenerations().fit(generations[:, :, None])
    np.testing.assert_array_equal(model.errors_, SmoothieLocal(k=1).fit(generations).errors_)


@pytest.mark.parametrize(
    ("generations", "message"),
    [
        (np.zeros((4, 3, 2)), "inputs, candidates, generations, dimensions"),
        (np.zeros((4, 3, 0, 2)), "inputs, candidates, generations, dimensions"),
        (np.zeros((4, 2, 2, 2)), "at least three candidates"),
        (np.full((4, 3, 2, 2), np.nan), "row 0, candidate 0"),
    ],
)
def test_bad_generations_are_named(generations, message):
    with pytest.raises(ValueError, match=message):
        SmoothieGenerations().fit(generations)


@pytest.fixture
def sampled_set(local_set):
    """The small set with three generations of each candidate, the first one as it was."""
    draw = np.random.default_rng(0)
    words = np.array(["red", "green", "blue", "white"])
    for path in sorted(local_set.glob("generations/*.jsonl")):
        rows = [json.loads(line) for line in path.open(encoding="utf-8")]
        for row in rows:
            more = [f"it is {word} today " for word in draw.choice(words, 2)]
            row["generations"] = [row.pop("generation"), *more]
        write_lines(path, rows)
    return local_set


def test_a_folder_with_several_generations(sampled_set):
    problem = LocalFolder(path=str(sampled_set), cleaning="paper", limit=9).load(["gamma", "beta"])
    assert problem.more_texts.shape == (9, 2, 2)
    for column, name in enumerate(("gamma", "beta")):
        lines = (sampled_set / "generations" / f"{name}.jsonl").read_text().splitlines()
        for row in range(9):
            written = json.loads(lines[row])["generations"]
            texts = [problem.texts[row, column], *problem.more_texts[row, column]]
            assert texts == [text.strip() for text in written]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"generations": ["one", "two"]}, "beta has 2 generations for id 'q11', alpha has 3"),
        ({"generation": "one"}, "beta has 1 generations for id 'q11'"),
        ({"generations": []}, "line 12: expected either one text"),
        ({"generations": "one"}, "line 12: expected either one text"),
        ({"generations": ["one"], "generation": "one"}, "line 12: expected either one text"),
        ({"generations": ["one", None, "two"]}, "line 12: 'generations' must be texts, found null"),
        ({"generations": ["one", 2, "two"]}, "line 12: 'generations' must be a text, found 2"),
    ],
)
def test_broken_rows_are_named(sampled_set, row, message):
    path = sampled_set / "generations" / "beta.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:-1], json.dumps({"id": "q11"} | row)]))
    with pytest.raises(SmoothieError, match=message):
        LocalFolder(path=str(sampled_set)).load()


def test_the_method_in_a_run(compose, sampled_set, tiny_encoder, tmp_path, caplog):
    settings = ["dataset=local", f"dataset.path={sampled_set}", "evaluation.draws=10"]
    model = ["encoder=minilm", f"encoder.model={tiny_encoder}", "encoder.progress=false"]
    methods = "methods=[smoothie_generations,smoothie_local]"
    result = run(compose(*settings, *model, methods))
    encoder = SentenceEncoder(str(tiny_encoder), progress=False)
    problem = result.problem
    vectors = np.zeros((12, 3, 3, 16))
    for row in range(12):
        for column in range(3):
            texts = [problem.texts[row, column], *problem.more_texts[row, column]]
            vectors[row, column] = encoder.encode(texts)
    errors = [naive_errors(vectors[row].swapaxes(0, 1)) for row in range(12)]
    routing = result.routings["smoothie_generations"]
    expected = np.clip(errors, 1e-12, None).argmin(axis=1)
    np.testing.assert_array_equal(routing.choices[0], expected)
    assert set(routing.choices[0]) != {0}
    # Local goes on looking at the answers alone, and a smaller ensemble is a slice
    local = SmoothieLocal().fit(vectors[:, :, 0])
    np.testing.assert_array_equal(result.routings["smoothie_local"].choices[0], local.choices_)
    part = run(compose(*settings, *model, methods, "ensemble.candidates=[gamma,alpha,beta]"))
    weights = part.routings["smoothie_generations"].weights
    np.testing.assert_allclose(weights, routing.weights[:, [2, 0, 1]])


def test_the_method_is_skipped_where_there_is_one_generation(compose, local_set, tmp_path, caplog):
    vectors = store_vectors(local_set, tmp_path / "vectors")
    settings = ["dataset=local", f"dataset.path={local_set}", "evaluation.draws=10"]
    settings += ["encoder=stored", f"encoder.folder={vectors}"]
    run(compose(*settings, "methods=[smoothie_generations,smoothie_local]"))
    assert "smoothie_generations is skipped: it needs several generations" in caplog.text
