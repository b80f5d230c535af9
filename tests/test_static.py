"""The static encoder: token vectors looked up and averaged."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from experiments.distill import run
from smoothie import SmoothieError
from smoothie.encoders import ENCODERS, StaticEncoder
from smoothie.encoders.named import static_folder
from smoothie.encoders.static import BLOCK_TOKENS, load_static
from smoothie.encoders.tokens import reading
from tests.test_inspection import problem_of

WORDS = ["[UNK]", *"abcdefgh"]
safetensors = pytest.importorskip("safetensors.numpy")


def make(folder, normalize=True, seed=0, **tensors):
    """A static model of eight words, with weights; a tensor given replaces one of it."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    held = {
        "embeddings": generator.normal(size=(len(WORDS), 5)).astype(np.float16),
        "weights": generator.uniform(0.1, 1, size=len(WORDS)),
    } | tensors
    held = {name: array for name, array in held.items() if array is not None}
    safetensors.save_file(held, folder / "model.safetensors")
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, "[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.enable_padding(length=16)  # as that of all-MiniLM-L6-v2, whose padding is not read
    tokenizer.enable_truncation(3)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"model_type": "model2vec", "normalize": normalize}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make(tmp_path_factory.mktemp("static") / "model")


def naive(folder, text, normalize=True):
    """The definition: the mean of the weighted vectors of the known words."""
    held = safetensors.load_file(folder / "model.safetensors")
    total, count = np.zeros(5), 0
    for word in text.split():
        if word in WORDS[1:]:
            token = WORDS.index(word)
            total += held["embeddings"][token].astype(float) * held["weights"][token]
            count += 1
    mean = total / max(count, 1)
    return mean / (np.linalg.norm(mean) or 1) if normalize else mean


texts = st.lists(st.lists(st.sampled_from([*"abcdefgh", "nope"]), max_size=12).map(" ".join))


@given(said=texts)
def test_vectors_are_the_means_of_the_known_words(model, said):
    vectors = StaticEncoder(str(model)).encode(said)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(said), 5)
    for text, vector in zip(said, vectors, strict=True):
        np.testing.assert_allclose(vector, naive(model, text), atol=2e-6)


def test_vectors_do_not_depend_on_the_other_texts_to_the_last_bit(model):
    generator = np.random.default_rng(1)
    lengths = [0, 1, 3, BLOCK_TOKENS - 5, BLOCK_TOKENS, BLOCK_TOKENS + 1, 2, 0, 3 * BLOCK_TOKENS, 7]
    said = [" ".join(generator.choice([*"abcdefgh"], n)) for n in lengths] * 60
    encoder = StaticEncoder(str(model))
    vectors = encoder.encode(said)
    for text, vector in zip(said[:10], vectors[:10], strict=True):
        np.testing.assert_array_equal(encoder.encode([text])[0], vector)
        np.testing.assert_allclose(vector, naive(model, text), atol=1e-5)  # read whole
    np.testing.assert_array_equal(vectors[:10], vectors[-10:])


def test_vectors_keep_their_length_where_the_model_says_so(tmp_path):
    folder = make(tmp_path, normalize=False)
    (vector,) = StaticEncoder(str(folder)).encode(["a b b"])
    np.testing.assert_allclose(vector, naive(folder, "a b b", normalize=False), atol=1e-6)


def test_clusters_of_tokens_share_a_vector(tmp_path):
    vectors = np.eye(5, dtype=np.float32)[:2]
    mapping = np.array([0, 0, 1, 1, 1, 1, 1, 1, 1])
    folder = make(tmp_path, embeddings=vectors, mapping=mapping, weights=None)
    (vector,) = StaticEncoder(str(folder)).encode(["a b c"])
    np.testing.assert_allclose(vector, np.array([1, 2, 0, 0, 0]) / 5**0.5, atol=1e-6)


def test_the_signature_changes_with_the_files(tmp_path):
    first, second = make(tmp_path / "a" / "m"), make(tmp_path / "b" / "m", seed=1)
    signatures = {StaticEncoder(str(folder)).signature for folder in (first, second)}
    assert len(signatures) == 2
    assert all(one.startswith("m@") and one.endswith(" static") for one in signatures)
    assert StaticEncoder(str(first), full_text=True).signature not in signatures
    identities = {StaticEncoder(str(folder)).encoder_id for folder in (first, second)}
    assert len(identities) == 2
    assert ENCODERS["static"] is StaticEncoder


INFINITE = np.full((len(WORDS), 5), np.inf, dtype=np.float32)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"embeddings": None}, "model.safetensors: no embeddings; there are weights"),
        ({"embeddings": np.ones(9)}, r"model.safetensors: embeddings have shape \(9,\)"),
        (
            {"embeddings": INFINITE},
            "model.safetensors: a vector holds a value that is not finite",
        ),
        ({"weights": np.ones(2)}, r"model.safetensors: weights have shape \(2,\), not \(9,\)"),
        ({"mapping": np.array([99] * 9)}, "mapping is not one of tokens to the 9 vectors"),
        ({"mapping": np.array([0, 1]), "weights": None}, "tokenizer.json: 9 tokens, but .* has 2"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, tensors, message):
    with pytest.raises(SmoothieError, match=message):
        load_static(make(tmp_path, **tensors))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", "{}", "config.json: expected model_type model2vec"),
        ("config.json", None, "config.json: no such file"),
        ("tokenizer.json", "{}", "tokenizer.json: not a tokenizer"),
        ("tokenizer.json", None, "tokenizer.json: no such file"),
        ("model.safetensors", "no", "model.safetensors: not a whole safetensors file"),
        ("model.safetensors", None, "weights are read from safetensors files alone"),
    ],
)
def test_files_that_are_missing_or_broken_are_named(tmp_path, file, content, message):
    make(tmp_path)
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_text(content)
    with pytest.raises(SmoothieError, match=message):
        load_static(tmp_path)


def test_a_missing_model_is_said_with_the_command_that_makes_it(tmp_path):
    with pytest.raises(SmoothieError, match=r"no such folder; python -m experiments\.distill"):
        StaticEncoder(str(tmp_path / "nope")).encode(["a"])


def test_check_counts_the_tokens_of_whole_texts(monkeypatch, tmp_path):
    monkeypatch.setenv("SMOOTHIE_CACHE", str(tmp_path))
    problem = problem_of([["a b"] * 12, ["a " * 30] * 12, [f"c {i}" for i in range(12)]])
    assert reading(problem, "static") is None
    make(static_folder())
    read = reading(problem, "static")
    assert not read.longer.any()
    assert read.tokens == round(14 * np.mean([2, 30, 2]))


@pytest.mark.slow
def test_a_distilled_encoder_is_that_of_model2vec(tiny_encoder, compose, tmp_path):
    model2vec = pytest.importorskip("model2vec")
    settings = [f"encoder.model={tiny_encoder}", f"folder={tmp_path / 'made'}", "dimensions=8"]
    assert run(compose(*settings, name="distill")) == tmp_path / "made"
    said = ["a red fox", "", "fox red a", "!?", "a " * 300]
    made = model2vec.StaticModel.from_pretrained(tmp_path / "made")
    expected = made.encode(said, max_length=None)
    vectors = StaticEncoder(str(tmp_path / "made")).encode(said)
    assert vectors.shape == (5, 8)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert np.abs(vectors[0] - vectors[3]).max() > 0.1
