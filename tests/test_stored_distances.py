import io

import numpy as np
import pytest

from experiments.pipeline import run
from smoothie import SmoothieError, SmoothieLocal
from smoothie.encoders.distances import StoredDistances
from smoothie.loaders import LocalFolder

NAMES = ["delta", "gamma", "alpha", "beta"]  # one more than the set has, in another order


@pytest.fixture
def arrays():
    draw = np.random.default_rng(0)
    upper = np.triu(draw.uniform(size=(12, 4, 4)), k=1)
    distances = upper + upper.swapaxes(1, 2)
    return {"distances": distances, "candidates": NAMES, "inputs": draw.normal(size=(12, 3))}


@pytest.fixture
def settings(local_set, tmp_path):
    settings = ["dataset=local", f"dataset.path={local_set}", "evaluation.draws=10"]
    return [*settings, "encoder=distances", f"encoder.file={tmp_path / 'votes.npz'}"]


@pytest.mark.parametrize("limit", [12, 7])
def test_a_run_on_distances(compose, settings, arrays, tmp_path, limit):
    np.savez(tmp_path / "votes.npz", **arrays)
    chosen = ["gamma", "beta", "alpha"]
    ensemble = f"ensemble.candidates=[{','.join(chosen)}]"
    result = run(compose(*settings, ensemble, "k=3", f"dataset.limit={limit}"))
    expected = np.zeros((limit, 3, 3))
    for i, first in enumerate(chosen):
        for j, second in enumerate(chosen):
            column = arrays["distances"][:limit, NAMES.index(first), NAMES.index(second)]
            expected[:, i, j] = column
    local = SmoothieLocal(k=3).fit_distances(expected, arrays["inputs"][:limit])
    np.testing.assert_array_equal(result.routings["smoothie_local"].choices[0], local.choices_)
    np.testing.assert_allclose(result.routings["smoothie_local"].weights, local.weights_)
    assert "encoder votes.npz@" in result.signature


def test_rows_follow_the_dataset_where_inputs_are_left_out(arrays, local_set, tmp_path):
    np.savez(tmp_path / "votes.npz", **arrays)
    problem = LocalFolder(path=str(local_set)).load().take(np.array([9, 2]))
    measured = StoredDistances(str(tmp_path / "votes.npz")).measure(problem)
    np.testing.assert_array_equal(measured.distances[:, 0, 2], arrays["distances"][[9, 2], 2, 1])
    np.testing.assert_array_equal(measured.inputs, arrays["inputs"][[9, 2]])


def test_without_inputs_there_are_no_neighbors(compose, settings, arrays, tmp_path, caplog):
    del arrays["inputs"]
    np.savez(tmp_path / "votes.npz", **arrays)
    result = run(compose(*settings, "k=3"))
    assert "smoothie_global" in result.routings
    assert "smoothie_local is skipped: the inputs have no vectors" in caplog.text
    with pytest.raises(SmoothieError, match="there are no vectors to write out"):
        run(compose(*settings, f"output.vectors={tmp_path / 'vectors'}"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"distances": np.ones((12, 4, 4))}, "row 0, candidates 0 and 0: 1 should be zero"),
        ({"distances": np.zeros((11, 4, 4))}, "distances must have 12 rows .* found 11"),
        ({"inputs": np.zeros((13, 2))}, "inputs must have 12 rows"),
        ({"inputs": np.full((12, 2), np.nan)}, "inputs: row 0 holds a value that is not finite"),
        ({"candidates": ["a", "b", "gamma", "beta"]}, "no distances of 'alpha'; there are a, b"),
        ({"candidates": ["alpha", "beta", "gamma"]}, "candidates must be 4 different names"),
        ({"candidates": ["alpha", "beta", "gamma", "beta"]}, "candidates must be 4 different"),
        ({"candidates": np.array(NAMES, dtype=object)}, "not a whole .npz file of plain arrays"),
    ],
)
def test_what_does_not_fit_is_named(compose, settings, arrays, tmp_path, change, message):
    np.savez(tmp_path / "votes.npz", **(arrays | change))
    with pytest.raises(SmoothieError, match=message):
        run(compose(*settings))


def test_files_of_another_kind_are_named(compose, settings, arrays, tmp_path):
    path = tmp_path / "votes.npz"
    with pytest.raises(SmoothieError, match=r"votes.npz: no such file"):
        run(compose(*settings))
    whole, single = io.BytesIO(), io.BytesIO()
    np.savez(whole, distances=arrays["distances"])
    np.save(single, arrays["distances"])
    for content, message in (
        (b"", "not a whole .npz file"),
        (b"junk", "not a whole .npz file"),
        (single.getvalue(), "it is a single array"),
        (whole.getvalue()[:-100], "not a whole .npz file"),
        (whole.getvalue(), "no array 'candidates'; it has distances"),
    ):
        path.write_bytes(content)
        with pytest.raises(SmoothieError, match=message):
            run(compose(*settings))
