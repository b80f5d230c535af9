import io
import json
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import smoothie
from smoothie import NotFittedError, SmoothieError, SmoothieGlobal, SmoothieLocal, load_router
from smoothie.encoders import TextEncoder
from smoothie.encoders.base import EncoderId, encoder_id
from smoothie.estimator import squared_distances
from smoothie.evidence import Evidence, Votes
from tests.naive import naive_errors, naive_neighbors

NAMES = ["alpha", "beta", "gamma", "delta"]


class Letters(TextEncoder):
    """Counts of some letters: a small encoder with a checksum, as those with a model have."""

    def __init__(self, letters="aeiou", checksum="c0ffee"):
        self.letters = letters
        self.encoder_id = EncoderId("letters", checksum, letters)

    def encode(self, texts):
        return np.array([[float(text.count(letter)) for letter in self.letters] for text in texts])


ASKED = ["an apple", "two pears", "a banana", "no fruit", "plums", "figs and dates"]
NEW = ["a fig", "an orange", "plum pie"]


@pytest.fixture
def by_letters():
    """A router of texts: fitted to answers, with inputs that were embedded."""
    generations = np.random.default_rng(0).normal(size=(6, 4, 5))
    return SmoothieLocal(k=2).fit(generations, inputs=Letters().encode(ASKED))


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


def test_texts_are_routed_as_their_vectors(by_letters, tmp_path):
    path = tmp_path / "router.npz"
    by_letters.save(path, NAMES, Letters())
    for router in (load_router(path), load_router(path, Letters())):
        assert router.encoder == encoder_id(Letters())
        chosen = router.predict_texts(NEW, Letters())
        np.testing.assert_array_equal(chosen, by_letters.predict(Letters().encode(NEW)))
    router.save(path)  # the encoder goes along
    assert SmoothieLocal.load(path).encoder == encoder_id(Letters())
    again = router.fit(np.zeros((6, 4, 5)), inputs=Letters().encode(ASKED))
    assert again.encoder is None


@pytest.mark.parametrize("other", [Letters(checksum="c0ffef"), Letters("aeiouy"), TextEncoder()])
def test_another_encoder_is_refused(by_letters, tmp_path, other):
    """Also one with the same name and other weights, or with vectors of the same length."""
    path = tmp_path / "router.npz"
    by_letters.save(path, NAMES, Letters())
    for call in (
        lambda: load_router(path, other),
        lambda: SmoothieLocal.load(path, other),
        lambda: load_router(path).predict_texts(NEW, other),
    ):
        with pytest.raises(SmoothieError, match="fitted with vectors of letters@c0ffee aeiou, and"):
            call()


def test_an_encoder_is_saved_without_names_too(by_letters, tmp_path):
    by_letters.save(tmp_path / "router.npz", encoder=Letters())
    loaded = load_router(tmp_path / "router.npz")
    assert loaded.encoder == encoder_id(Letters())
    assert loaded.candidates is None


def rewritten(path, **change):
    with np.load(path) as stored:
        np.savez(path, **(dict(stored) | change))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('{"name": "letters", "checksum": "0badee", "settings": "aeiou"}', "letters@0badee aeiou"),
        ('{"name": "letters", "checksum": "c0ffee"}', "expected checksum, name, settings of"),
        ('{"name": 1, "checksum": "c0ffee", "settings": ""}', "expected texts as name"),
        ("[1]", "expected checksum, name, settings of"),
        ("{", "the encoder is not JSON"),
    ],
)
def test_a_changed_checksum_is_refused(by_letters, tmp_path, entry, message):
    path = tmp_path / "router.npz"
    by_letters.save(path, NAMES, Letters())
    rewritten(path, encoder=np.array(entry))
    with pytest.raises(SmoothieError, match=message) as error:
        load_router(path, Letters())
    assert "router.npz: " in str(error.value)


def test_files_without_an_encoder_are_read_with_a_warning(by_letters, tmp_path, caplog):
    """As older versions wrote them."""
    path = tmp_path / "router.npz"
    by_letters.save(path, NAMES)
    router = load_router(path, Letters())
    assert router.encoder is None
    chosen = router.predict_texts(NEW, Letters())
    np.testing.assert_array_equal(chosen, by_letters.predict(Letters().encode(NEW)))
    assert "does not say what made its vectors; those of letters@c0ffee" in caplog.text
    with pytest.raises(SmoothieError, match="inputs have 5 dimensions, the queries 2"):
        router.predict(Letters("ae").encode(NEW))


def test_the_front_door_takes_a_saved_router(tmp_path):
    draw = np.random.default_rng(0)
    answers = {name: draw.choice(["yes", "no", "maybe so"], 6).tolist() for name in NAMES}
    fitted = smoothie.route(answers, ASKED, "smoothie_local", Letters(), k=2)
    path = tmp_path / "router.npz"
    fitted.save_router(path)
    new = {name: [f"{name} says {i}" for i in range(3)] for name in reversed(NAMES)}
    result = smoothie.route(new, NEW, router=path, encoder=Letters())
    expected = fitted.router.predict(Letters().encode(NEW))
    assert result.texts == [f"{NAMES[j]} says {i}" for i, j in enumerate(expected)]
    assert result.method == "smoothie_local"
    assert (
        smoothie.route(new, NEW, router=load_router(path), encoder=Letters()).texts == result.texts
    )
    for change, message in (
        (
            {"encoder": Letters("xyz12")},
            r"router.npz: the router was fitted with vectors of letters",
        ),
        (
            {"encoder": "auto"},
            r"router.npz: it needs the encoder .*, letters@c0ffee aeiou: name it",
        ),
        ({"encoder": None}, "name it"),
        ({"method": "mbr"}, "takes no method"),
        ({"k": 3}, "takes no method and no settings"),
        ({"inputs": None}, "it chooses by the inputs, and there are none"),
    ):
        with pytest.raises(SmoothieError, match=message):
            smoothie.route(new, **{"inputs": NEW, "router": path, "encoder": Letters(), **change})
    with pytest.raises(SmoothieError, match="has no candidate 'alpha'"):
        smoothie.route({"x": ["1"], "beta": ["2"], "y": ["3"]}, ["q"], router=path)
    with pytest.raises(SmoothieError, match="method=consensus cannot be saved"):
        smoothie.route(answers, encoder=None).save_router(path)


def test_a_global_router_needs_no_vectors(tmp_path):
    generations = np.random.default_rng(0).normal(size=(30, 4, 5)) * [[[1], [9], [9], [9]]]
    path = tmp_path / "router.npz"
    SmoothieGlobal().fit(generations).save(path, NAMES, Letters())
    new = {name: [f"{name} says {i}" for i in range(3)] for name in NAMES}
    assert smoothie.route(new, router=path).candidates == ["alpha"] * 3
    with pytest.raises(SmoothieError, match="fitted with vectors of letters"):
        load_router(path).predict_texts(NEW, TextEncoder())


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
    with pytest.raises(SmoothieError, match="fit with inputs first"):
        load_router(path).predict(inputs)
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


def test_a_weight_may_be_zero_and_a_file_without_names_is_named(local, tmp_path):
    path = tmp_path / "router.npz"
    local.save(path)
    rewritten(path, weights=np.tile([0, 0.5, 0.5, 0], (30, 1)))
    assert (load_router(path).weights_[:, 0] == 0).all()
    rewritten(path, errors=np.zeros((30, 4)))
    with pytest.raises(SmoothieError, match=r"router\.npz: errors must be positive"):
        load_router(path)


@pytest.mark.parametrize(
    ("fitted", "other"), [("all", "input"), ("input", "all"), ("task", "input"), ("input", "task")]
)
def test_arrays_of_another_grouping_are_named(data, tmp_path, fitted, other):
    path = tmp_path / "router.npz"
    model = SmoothieGlobal(fit_by=fitted)
    model.fit(data[0], groups=["a", "b", "c"] * 10).save(path)
    parameters = json.dumps(model.get_params() | {"fit_by": other})
    rewritten(path, parameters=np.array(parameters))
    with pytest.raises(SmoothieError, match=f"the arrays are not those of fit_by={other}"):
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
        ({"weights": None}, "weights is missing, which does not fit"),
        ({"candidates": np.array([list("abcd")])}, "candidates must be different names"),
        ({"candidates": np.arange(4)}, "candidates must be different names"),
        ({"candidates": np.array(list("abca"))}, "candidates must be different names"),
        (
            {"candidates": np.array(["a", "b", "c", "d\n"])},
            r"router\.npz: candidate 'd\\n' holds a control",
        ),
        ({"distances": np.ones((30, 4, 4))}, "candidates 0 and 0: 1 should be zero"),
        ({"distances": np.zeros((30, 3, 4))}, "distances is float64 of .30, 3, 4."),
        ({"candidates": np.array(["a", "b"])}, "errors is float64 of .30, 4."),
        ({"choices": np.full(30, 4)}, "choices are not among the candidates"),
        ({"choices": np.zeros(30)}, "choices is float64"),
        ({"choices": np.full(30, -1)}, "choices are not among the candidates"),
        ({"errors": np.zeros((30, 4))}, "errors must be positive"),
        ({"errors": np.full((30, 4), np.inf)}, "errors must be finite"),
        (
            {"weights": np.full((30, 4), 0.25 + 3e-7)},
            "weights must be zero or more, and sum to one",
        ),
        ({"weights": np.tile([-0.5, 0.5, 0.5, 0.5], (30, 1))}, "weights must be zero or more"),
        ({"weights": np.full((30, 4), np.nan)}, "weights must be zero or more"),
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
