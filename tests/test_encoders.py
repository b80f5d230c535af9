import logging
from dataclasses import replace

import numpy as np
import pytest

from experiments.pipeline import run
from smoothie import SmoothieError
from smoothie.encoders.fast import encode_by_tokens, fast_dtype, rows_of, weights_in
from smoothie.encoders.sentence import DTYPES, SentenceEncoder
from smoothie.encoders.stored import StoredVectors
from smoothie.errors import StoppedError
from smoothie.estimator import squared_distances
from smoothie.loaders.local import read_folder
from tests import encode_texts
from tests.conftest import store_vectors

TEXTS = ["one text", "another, longer text", "one text", "", "x" * 200]


@pytest.fixture
def encoder(tiny_encoder, tmp_path):
    return lambda **settings: SentenceEncoder(
        **{"model": str(tiny_encoder), "cache": str(tmp_path), "progress": False} | settings
    )


def test_vectors_are_those_of_sentence_transformers(encoder, tiny_encoder):
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(tiny_encoder), device="cpu").encode(TEXTS)
    vectors = encoder().encode(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, expected, atol=1e-5)
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_distinct_texts_are_encoded_once_and_a_second_run_encodes_nothing(encoder, caplog):
    first = encoder()
    vectors = first.encode(TEXTS)
    assert first.encoded == 4
    with caplog.at_level(logging.INFO):
        second = encoder()
        np.testing.assert_array_equal(second.encode(TEXTS), vectors)
    assert second.encoded == 0
    assert second._loaded is None  # not even the model is read
    assert "4 distinct texts, 4 cached, 0 to encode" in caplog.text


def test_an_interrupted_run_says_what_is_cached_and_resumes(encoder):
    first = encoder(batch_size=2)
    encode = first._encode

    def interrupted(texts, number_type):
        if first.encoded:
            raise KeyboardInterrupt
        return encode(texts, number_type)

    first._encode = interrupted
    with pytest.raises(StoppedError, match=r"^stopped; 2 of 4 texts are cached; the same command"):
        first.encode(TEXTS)
    second = encoder(batch_size=2)
    second.encode(TEXTS)
    assert second.encoded == 2


def test_several_processes_with_one_cache(forked, tiny_encoder, tmp_path):
    """Two encode the same texts, a third some of them and others; all at once."""
    starts = [0, 0, 40]
    outs = [tmp_path / f"{i}.npy" for i in range(3)]
    given = [
        [tiny_encoder, tmp_path / "cache", first, out]
        for first, out in zip(starts, outs, strict=True)
    ]
    ended = forked("tests.encode_texts", *given, folder=tmp_path)
    assert [status for status, _ in ended] == [0, 0, 0], ended
    texts = encode_texts.TEXTS
    expected = SentenceEncoder(str(tiny_encoder), progress=False, device="cpu").encode(texts)
    for first, out in zip(starts, outs, strict=True):
        np.testing.assert_allclose(np.load(out), expected[first : first + 100], atol=1e-6)
    after = SentenceEncoder(str(tiny_encoder), cache=str(tmp_path / "cache"), progress=False)
    np.testing.assert_allclose(after.encode(texts[:140]), expected[:140], atol=1e-6)
    assert after.encoded == 0
    files = list((tmp_path / "cache").rglob("*.v2.npy"))
    assert not [path for path in files if path.name.startswith(".")]
    assert sum(len(np.load(path)) for path in files) >= 140  # every file is whole


def test_texts_of_a_damaged_file_get_the_same_vectors_to_the_last_bit(
    encoder, monkeypatch, tmp_path
):
    """Encoded alone or among others, a text's vector differs in its last bits."""
    monkeypatch.setattr("smoothie.storage.work.FLUSH_RECORDS", 8)
    texts = [letter * length for length in range(1, 20) for letter in "abcd"]
    vectors = encoder(batch_size=8).encode(texts)
    files = sorted(tmp_path.rglob("*.v2.npy"))
    assert len(files) == 10
    for file in files[:5]:
        data = bytearray(file.read_bytes())
        data[-40] ^= 1
        file.write_bytes(data)
    after = encoder(batch_size=8)
    np.testing.assert_array_equal(after.encode(texts), vectors)
    assert after.encoded in (36, 40)  # the last of the files has four texts


@pytest.mark.parametrize(
    "change",
    [{"dtype": "bfloat16"}, {"max_tokens": 8}, {"profile": "fast", "dtype": "bfloat16"}],
)
def test_settings_that_change_vectors_have_a_cache_of_their_own(encoder, change):
    plain, changed = encoder(), encoder(**change)
    before = plain.encode(TEXTS)
    after = changed.encode(TEXTS)
    assert changed.encoded == 4
    assert not np.array_equal(before, after)
    assert plain.signature != changed.signature


def cosines(first, second):
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return (first * second).sum(axis=1) / norms


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_fast_profile_is_close_and_reports_its_type(encoder, dtype):
    texts = [letter * length for length in range(1, 40) for letter in "abc"]
    exact, fast = encoder(), encoder(profile="fast", dtype=dtype)
    expected, vectors = exact.encode(texts), fast.encode(texts)
    assert vectors.dtype == np.float32
    assert cosines(expected, vectors).min() > 0.999
    if dtype == "float32":
        np.testing.assert_allclose(vectors, expected, atol=1e-5)
    assert f"fast (products in {dtype}" in fast.signature
    assert "float32 max_tokens" in exact.signature


def test_vectors_of_different_types_never_meet_in_the_cache(encoder):
    """Profiles and types: each has a folder, and a second encoder finds its own vectors there."""
    settings = [{"profile": p, "dtype": d} for p in ("exact", "fast") for d in DTYPES]
    vectors = []
    for one in settings:
        first = encoder(**one)
        vectors.append(first.encode(TEXTS))
        assert first.encoded == 4
    assert len({encoder(**one).signature for one in settings}) == len(settings)
    for one, expected in zip(settings, vectors, strict=True):
        second = encoder(**one)
        np.testing.assert_array_equal(second.encode(TEXTS), expected)
        assert second.encoded == 0
    assert not np.array_equal(vectors[0], vectors[1])
    assert not np.array_equal(vectors[3], vectors[4])


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ({"avx2": True, "avx512_f": True, "avx512_bf16": False}, "float32"),
        ({"avx512_f": True, "avx512_bf16": True}, "bfloat16"),
        ({"amx_tile": True, "amx_bf16": True}, "bfloat16"),
        ({"neon": True, "bf16": True}, "float32"),
    ],
)
def test_the_type_of_the_fast_profile_is_one_that_the_device_multiplies_well(
    encoder, monkeypatch, caplog, flags, dtype
):
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: flags, raising=False)
    assert fast_dtype("cpu") == dtype
    assert fast_dtype("cuda:1") == "float16"
    fast = encoder(profile="fast", device="cpu")
    with caplog.at_level(logging.INFO):
        fast.encode(["x"])
    assert f"profile=fast: products in {dtype}" in caplog.text
    np.testing.assert_array_equal(
        encoder(profile="fast", dtype=dtype, cache=None).encode(["x"]), fast.encode(["x"])
    )


@pytest.mark.slow
def test_a_torch_that_cannot_tell_gets_float32(monkeypatch):
    import torch

    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    assert fast_dtype("cpu") == "float32"


def test_inputs_are_not_rounded_to_bfloat16(encoder, local_set):
    problem = read_folder(local_set, None, "error")
    wide, fast = (encoder(profile="fast", dtype=dtype) for dtype in ("float32", "bfloat16"))
    expected, expected_inputs = wide.encode_problem(problem, inputs=True)
    generations, inputs = fast.encode_problem(problem, inputs=True)
    np.testing.assert_array_equal(inputs, expected_inputs)
    np.testing.assert_array_equal(inputs, fast.encode_inputs(problem.input_texts))
    assert not np.array_equal(generations, expected)
    assert "fast (products in bfloat16, of inputs in float32)" in fast.signature
    assert "fast (products in float16) " in encoder(profile="fast", dtype="float16").signature


@pytest.mark.parametrize("batch_tokens", [1, 40, 10_000, None])
@pytest.mark.parametrize("threads", [1, 3])
def test_batches_by_tokens_give_each_text_its_vector(encoder, batch_tokens, threads):
    import torch

    texts = ["a", "b" * 30, "", "c d e", "f" * 100, "g", *(("h " * n) for n in range(1, 30))]
    plain = encoder(cache=None)
    one_by_one = np.concatenate([plain.encode([text]) for text in texts])
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(threads)
        wide = encode_by_tokens(plain._loaded, texts, "float32", batch_tokens)
        narrow = encode_by_tokens(plain._loaded, texts, "bfloat16", batch_tokens)
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_allclose(wide, one_by_one, atol=1e-5)
    assert cosines(narrow, one_by_one).min() > 0.999
    assert not np.allclose(narrow, wide, atol=1e-6)
    assert not torch.is_autocast_enabled("cpu")


def test_weights_are_rounded_as_autocast_rounds_them_and_come_back(encoder):
    import torch

    plain = encoder(cache=None)
    texts = ["c d e", "f" * 50, "g h"]
    plain.encode(texts)
    model = plain._loaded
    before = {name: values.clone() for name, values in model.state_dict().items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        expected = model.encode(sorted(texts, key=len, reverse=True))  # one batch, longest first
    found = encode_by_tokens(model, texts, "bfloat16", batch_tokens=10_000)
    np.testing.assert_array_equal(found[[1, 0, 2]], expected)
    with weights_in(model, "bfloat16"):
        types = {type(m).__name__: m.weight.dtype for m in model.modules() if hasattr(m, "weight")}
        assert types["Linear"] == torch.bfloat16
        assert types["Embedding"] == types["LayerNorm"] == torch.float32
    for name, values in model.state_dict().items():
        assert torch.equal(values, before[name])


@pytest.mark.slow
@pytest.mark.parametrize("side", ["left", "right"])
def test_rows_of_a_batch_lose_the_columns_that_all_of_them_pad(side):
    import torch

    lengths, widest = [2, 4, 3], 5
    columns = [range(widest - n, widest) if side == "left" else range(n) for n in lengths]
    ids, mask = torch.zeros(3, widest, dtype=torch.long), torch.zeros(3, widest, dtype=torch.long)
    for row, some in enumerate(columns):
        ids[row, list(some)] = torch.arange(1, len(some) + 1) + 10 * row
        mask[row, list(some)] = 1
    features = {"input_ids": ids, "attention_mask": mask, "of_text": torch.arange(3), "prompt": 7}
    part = rows_of(features, np.array([2, 0]), "cpu")
    short = [0, 1, 2] if side == "left" else [1, 2, 0]
    assert part["input_ids"].tolist() == [[21, 22, 23], short]
    assert part["attention_mask"].sum(dim=1).tolist() == [3, 2]
    assert part["of_text"].tolist() == [2, 0]
    assert part["prompt"] == 7


def test_the_fast_profile_refuses_models_that_do_not_pad(tiny_encoder, tmp_path):
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tiny_encoder / "tokenizer.json"))
    static = SentenceTransformer(modules=[StaticEmbedding(tokenizer, embedding_dim=8)])
    static.save(str(tmp_path / "static"))
    vectors = SentenceEncoder(str(tmp_path / "static"), progress=False).encode(["a", "b c"])
    assert vectors.shape == (2, 8)
    with pytest.raises(SmoothieError, match=r"set profile=exact"):
        SentenceEncoder(str(tmp_path / "static"), profile="fast", progress=False).encode(["a"])


def test_the_fast_profile_follows_prompts_and_limits_of_the_model(encoder):
    """Batches differ from those of the plain model in nothing but their size."""
    texts = ["x" * 300, "y", "y z", ""]
    fast = encoder(profile="fast", dtype="float32", max_tokens=8)
    vectors = fast.encode(texts)
    fast._loaded.prompts, fast._loaded.default_prompt_name = {"all": "all: "}, "all"
    prompted = encode_by_tokens(fast._loaded, texts, "float32")
    one_by_one = [fast._loaded.encode(text) for text in texts]
    np.testing.assert_allclose(prompted, one_by_one, atol=1e-5)
    assert not np.allclose(prompted, vectors, atol=1e-3)
    one_by_one = [fast._loaded.encode(text, prompt="") for text in texts]
    np.testing.assert_allclose(vectors, one_by_one, atol=1e-5)


def test_a_changed_weight_changes_the_identity(encoder, tiny_encoder, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tiny_encoder, copy)
    assert encoder(model=str(copy)).identity == encoder().identity
    weights = copy / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert encoder(model=str(copy)).identity != encoder().identity


def test_a_local_copy_is_used_instead_of_the_hub(encoder, tiny_encoder):
    plain = encoder()
    copied = encoder(model=f"someone/{tiny_encoder.name}", models=str(tiny_encoder.parent))
    assert copied.identity == plain.identity
    np.testing.assert_array_equal(copied.encode(TEXTS), plain.encode(TEXTS))
    assert copied.encoded == 4  # equal weights share a cache, so the second found everything
    assert plain.encoded == 0


def test_problems_are_embedded_in_their_shape(encoder, local_set):
    problem = read_folder(local_set, None, "error")
    generations, inputs = encoder().encode_problem(problem, inputs=True)
    assert generations.shape == (12, 3, 16)
    assert inputs.shape == (12, 16)
    one = encoder().encode([problem.texts[4, 1], problem.input_texts[4]])
    np.testing.assert_array_equal(one, [generations[4, 1], inputs[4]])
    assert encoder().encode_problem(problem, inputs=False)[1] is None


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dtype": "int8"}, "^dtype=int8"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"profile": "quick"}, "^profile=quick: expected one of exact, fast"),
        (
            {"profile": "fast", "dtype": "int8"},
            "expected one of float32, bfloat16, float16, or null",
        ),
        ({"max_tokens": 0}, "max_tokens=0"),
        ({"model": "./nowhere"}, "neither a folder nor a model id such as ORG/NAME"),
    ],
)
def test_bad_settings_are_named(encoder, settings, message):
    with pytest.raises(SmoothieError, match=message):
        encoder(**settings).encode(["x"])


def test_a_folder_that_is_no_model_is_named(encoder, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(SmoothieError, match=r"/empty/modules\.json: no such file; an encoder is"):
        encoder(model=str(tmp_path / "empty")).encode(["x"])


def test_stored_vectors_follow_names_and_rows(local_set, tmp_path):
    folder = store_vectors(local_set, tmp_path / "vectors")
    problem = read_folder(local_set, ["gamma", "alpha", "beta"], "error").take(slice(3, 6))
    generations, inputs = StoredVectors(str(folder)).encode_problem(problem, inputs=True)
    np.testing.assert_array_equal(generations[:, 0], np.load(folder / "gamma.npy")[3:6])
    np.testing.assert_array_equal(inputs, np.load(folder / "inputs.npy")[3:6])


@pytest.mark.parametrize("kept", [slice(None), slice(3, 9), [0, 4, 5, 11]])
def test_stored_vectors_are_measured_a_block_at_a_time(local_set, tmp_path, monkeypatch, kept):
    folder = store_vectors(local_set, tmp_path / "vectors")
    for path in folder.glob("*.npy"):
        np.save(path, np.load(path).astype(np.float16))
    problem = read_folder(local_set, None, "error").take(kept)
    generations, inputs = StoredVectors(str(folder)).encode_problem(problem, inputs=True)
    monkeypatch.setattr("smoothie.estimator.BLOCK_VALUES", 60)
    measured = StoredVectors(str(folder)).measure(problem)
    np.testing.assert_array_equal(
        measured.distances, squared_distances(generations.astype(np.float64))
    )
    np.testing.assert_array_equal(measured.inputs, inputs)
    broken = np.load(folder / "beta.npy")
    broken[5] = np.inf
    np.save(folder / "beta.npy", broken)
    with pytest.raises(SmoothieError, match=r"beta\.npy: row 5 holds a value that is not"):
        StoredVectors(str(folder)).measure(problem)


@pytest.mark.parametrize("name", ["../../outside", "{}/outside", "a/b", ".hidden", "inputs/.."])
def test_vectors_stay_in_their_folder(local_set, tmp_path, compose, tiny_encoder, name):
    """Names of candidates come from data, as those of a Hub dataset do."""
    name = name.format(tmp_path)
    known = read_folder(local_set, None, "error")
    problem = replace(known, candidates=("alpha", "beta", name))
    vectors = store_vectors(local_set, tmp_path / "vectors")
    with pytest.raises(SmoothieError, match="cannot be the name of a file there"):
        StoredVectors(str(vectors)).measure(problem)
    problem.to_dataset().save_to_disk(str(tmp_path / "data"))
    settings = ["dataset=huggingface", f"dataset.path={tmp_path / 'data'}", "evaluation.draws=10"]
    settings += ["encoder=sentence_transformers", f"encoder.model={tiny_encoder}"]
    folder = tmp_path / "new" / "deep"
    with pytest.raises(SmoothieError, match="cannot be the name of a file there"):
        run(compose(*settings, f"output.vectors={folder}"))
    assert not list(tmp_path.rglob("*outside*"))
    written = {path for path in tmp_path.rglob("new/**/*") if path.is_file()}
    assert written <= {folder / "alpha.npy", folder / "beta.npy"}


def test_stored_vectors_that_do_not_fit_are_named(local_set, tmp_path):
    folder = store_vectors(local_set, tmp_path / "vectors")
    problem = read_folder(local_set, None, "error")
    for content, message in (
        (np.zeros((11, 8)), "expected 12 rows"),
        (np.zeros((12, 7)), "8 dimensions|7 dimensions"),
        (np.zeros((12, 8), dtype=int), "expected floats"),
    ):
        np.save(folder / "beta.npy", content)
        with pytest.raises(SmoothieError, match=message):
            StoredVectors(str(folder)).encode_problem(problem, inputs=False)
    (folder / "beta.npy").write_bytes(b"junk")
    with pytest.raises(SmoothieError, match="not a NumPy array"):
        StoredVectors(str(folder)).encode_problem(problem, inputs=False)
    (folder / "beta.npy").unlink()
    with pytest.raises(SmoothieError, match="no such file; the vectors of beta go there"):
        StoredVectors(str(folder)).encode_problem(problem, inputs=False)


def test_full_text_embeds_input_and_generation_together(tiny_encoder, local_set):
    problem = read_folder(local_set, None, "error")
    encoder = SentenceEncoder(str(tiny_encoder), progress=False)
    full = SentenceEncoder(str(tiny_encoder), progress=False, full_text=True)
    generations, inputs = full.encode_problem(problem, inputs=True)
    joined = [f"{problem.inputs[3].text} {text}" for text in problem.texts[3]]
    np.testing.assert_allclose(generations[3], encoder.encode(joined), atol=1e-6)
    np.testing.assert_allclose(inputs, encoder.encode(problem.input_texts), atol=1e-6)
    assert full.signature == f"{encoder.signature} [input, generation]"
