import io
import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smoothie import NotFittedError, SmoothieError, SmoothieGlobal, SmoothieLocal, load_router
from smoothie.estimator import squared_distances
from smoothie.evidence import Evidence, Votes
from tests.naive import naive_errors, naive_neighbors

NAMES = ["alpha", "beta", "gamma", "delta"]


@pytest.fixture
def data():
    draw = np.random.default_rng(0)
    return draw.normal(size=(30, 4, 5)), draw.normal(size=(30, 6)).astype(np.float32)


@pytest.fixture
def local(data):
    return SmoothieLocal(k=7).fit(data[0], inputs=data[1])


def same(first, second):
    assert type(first) is type(second)
    assert first.get_params() == second.get_params()
    for name in ("errors_", "weights_", "choices_"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@given(st.integers(1, 25), st.integers(1, 25), st.booleans(), st.integers(0, 10**6))
@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_loaded_router_chooses_as_the_fitted_one(tmp_path, rows, k, ties, seed):
    """One new input at a time, as all of them together, as neighbors found by sorting."""
    draw = np.random.default_rng(seed)
    generations, inputs = draw.normal(size=(rows, 3, 2)), draw.normal(size=(rows, 2))
    new = draw.normal(size=(6, 2))
    if ties:
        inputs, new = inputs.round(), new.round()
    k = min(k, rows)
    fitted = SmoothieLocal(k=k).fit(generations, inputs=inputs)
    fitted.save(tmp_path / "router.npz")
    loaded = SmoothieLocal.load(tmp_path / "router.npz")
    same(loaded, fitted)
    together = loaded.predict(new)
    np.testing.assert_array_equal(together, fitted.predict(new))
    np.testing.assert_array_equal(together, [loaded.predict(one[None])[0] for one in new])
    near = naive_neighbors(inputs, new, k, own=False)
    expected = [naive_errors(generations[neighbors]).clip(1e-9).argmin() for neighbors in near]
    np.testing.assert_array_equal(together, expected)


def test_each_kind_comes_back_as_it_was(data, local, tmp_path):
    generations, inputs = data
    path = tmp_path / "some" / "router"  # folders are made, and the name is kept as it is
    tasks = ["a", "b", "c"] * 10
    for fitted in (
        local,
        SmoothieLocal(degenerate="keep").fit(generations),
        SmoothieLocal(np.int64(3)).fit(generations, inputs=inputs),
        SmoothieGlobal().fit(generations),
        SmoothieGlobal(fit_by="input").fit(generations),
        SmoothieGlobal(fit_by="task").fit(generations, groups=tasks),
    ):
        fitted.save(path, NAMES)
        loaded = load_router(path)
        same(loaded, fitted)
        assert loaded.candidates == tuple(NAMES)
        loaded.save(path)  # names go along
        assert type(fitted).load(path).candidates == tuple(NAMES)
    np.testing.assert_array_equal(loaded.predict(groups=tasks), fitted.choices_)
    assert [entry.name for entry in path.parent.iterdir()] == ["router"]


def test_names_belong_to_what_was_fitted(data, local, tmp_path):
    local.save(tmp_path / "router.npz")
    assert load_router(tmp_path / "router.npz").candidates is None
    with pytest.raises(ValueError, match="expected 4 names, found 3"):
        local.save(tmp_path / "router.npz", NAMES[:3])
    local.save(tmp_path / "router.npz", NAMES)
    loaded = SmoothieLocal.load(tmp_path / "router.npz")
    assert loaded.fit(data[0][:, :3], inputs=data[1]).candidates is None
    with pytest.raises(NotFittedError):
        SmoothieLocal().save(tmp_path / "router.npz")


def test_distances_are_only_saved_for_new_inputs(data, local, tmp_path):
    """Files that have them without inputs, as they used to, are read all the same."""
    generations, inputs = data
    path = tmp_path / "router.npz"
    alone = SmoothieLocal().fit(generations)
    alone.save(path)
    with np.load(path) as stored:
        arrays = dict(stored)
    assert "distances" not in arrays
    with pytest.raises(SmoothieError, match="fit with inputs first"):
        load_router(path).predict(inputs)
    local.save(path)
    with np.load(path) as stored:
        assert stored["distances"].shape == (30, 4, 4)
        np.savez(path, **(arrays | {"distances": stored["distances"]}))
    same(load_router(path), alone)
    refitted = local.fit_evidence(Evidence(Votes(squared_distances(generations), inputs)))
    assert refitted.predict(inputs).shape == (30,)
    alone = SmoothieLocal().fit(generations, inputs=inputs).fit(generations)
    with pytest.raises(SmoothieError, match="fit with inputs first"):
        alone.predict(inputs)


def test_a_failed_write_leaves_the_old_file(local, tmp_path, monkeypatch):
    path = tmp_path / "router.npz"
    local.save(path)
    before = path.read_bytes()

    def half(file, **arrays):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr("numpy.savez", half)
    with pytest.raises(OSError, match="no space"):
        local.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_files_that_are_cut_off_or_damaged_are_named(local, tmp_path):
    path = tmp_path / "router.npz"
    local.save(path, NAMES)
    whole = path.read_bytes()
    for end in range(0, len(whole), 61):
        path.write_bytes(whole[:end])
        with pytest.raises(SmoothieError, match=r"router.npz: not a whole .npz file"):
            load_router(path)
    for place in range(0, len(whole), 61):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 128]) + whole[place + 1 :])
        with suppress(SmoothieError):  # unless the byte carries nothing
            same(load_router(path), local)


def test_files_of_another_kind_are_named(data, local, tmp_path):
    path = tmp_path / "router.npz"
    with pytest.raises(SmoothieError, match="no such file"):
        load_router(path)
    local.save(path)
    with pytest.raises(SmoothieError, match="holds a SmoothieLocal, not a SmoothieGlobal"):
        SmoothieGlobal.load(path)
    np.savez(path, distances=np.zeros((3, 3, 3)))
    with pytest.raises(SmoothieError, match="not a saved router"):
        load_router(path)


def test_nothing_is_unpickled(local, tmp_path):
    path = tmp_path / "router.npz"
    local.save(path)
    with np.load(path) as stored:
        arrays = dict(stored)
    np.savez(path, **(arrays | {"inputs": np.array([[object()]])}), allow_pickle=True)
    with pytest.raises(SmoothieError, match=r"inputs\.npy holds objects"):
        load_router(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": np.array(2)}, "router format 2; this version reads 1"),
        ({"kind": np.array("Oracle")}, "holds a Oracle; this version reads SmoothieGlobal"),
        ({"parameters": np.array("{")}, "parameters are not JSON"),
        ({"parameters": np.array("[]")}, "not a JSON object"),
        ({"parameters": np.array('{"n": 1}')}, "parameters are not those of SmoothieLocal"),
        ({"k": 31}, "k=31: expected between 1 and"),
        ({"k": "many"}, "expected a whole number"),
        ({"inputs": np.zeros((29, 6))}, "inputs is float64 of .29, 6., which does not fit"),
        ({"inputs": np.full((30, 6), np.nan)}, "inputs: row 0 holds a value that is not finite"),
        ({"distances": None}, "distances is missing"),
        ({"distances": np.ones((30, 4, 4))}, "candidates 0 and 0: 1 should be zero"),
        ({"distances": np.zeros((30, 3, 4))}, "distances is float64 of .30, 3, 4."),
        ({"candidates": np.array(["a", "b"])}, "errors is float64 of .30, 4."),
        ({"choices": np.full(30, 4)}, "choices are not among the candidates"),
        ({"choices": np.zeros(30)}, "choices is float64"),
    ],
)
def test_parts_that_do_not_fit_are_named(local, tmp_path, change, message):
    path = tmp_path / "router.npz"
    local.save(path, NAMES)
    with np.load(path) as stored:
        arrays = dict(stored)
    if "k" in change:
        parameters = json.loads(str(arrays["parameters"])) | change
        change = {"parameters": np.array(json.dumps(parameters))}
    arrays = {name: value for name, value in (arrays | change).items() if value is not None}
    file = io.BytesIO()
    np.savez(file, **arrays)
    path.write_bytes(file.getvalue())
    with pytest.raises(SmoothieError, match=message):
        load_router(path)
