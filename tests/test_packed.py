"""BERT and MPNet without padding give the vectors of the library, as far as bfloat16 goes."""

import numpy as np
import pytest

from smoothie.encoders.fast import encode_by_tokens
from smoothie.encoders.packed import PACKED_TYPES, can_pack, packed
from smoothie.encoders.sentence import SentenceEncoder

TEXTS = [letter * length for length in (1, 2, 2, 7, 30, 61, 62, 80) for letter in "abc"] + [""]


@pytest.fixture(params=["BERT", "MPNet", "the first token, not normalized"])
def model(request, tiny_encoder):
    """Sentence-transformers models with random weights."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling
    from transformers import MPNetConfig, MPNetModel

    if not can_pack("float32"):
        pytest.skip("this build of torch is without oneDNN")
    plain = SentenceTransformer(str(tiny_encoder), device="cpu")
    if request.param == "BERT":
        return SentenceTransformer(modules=[plain[0], plain[1], Normalize()], device="cpu")
    if request.param != "MPNet":
        return SentenceTransformer(modules=[plain[0], Pooling(16, "cls")], device="cpu")
    torch.manual_seed(1)
    sizes = {
        "vocab_size": len(plain.tokenizer),
        "hidden_size": 16,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 32,
        "max_position_embeddings": 80,
        "pad_token_id": 0,
        "initializer_range": 0.5,
    }
    plain[0].auto_model = plain[0].model = MPNetModel(MPNetConfig(**sizes)).eval()
    return SentenceTransformer(modules=[plain[0], plain[1], Normalize()], device="cpu")


@pytest.fixture
def rounding():
    if not can_pack("bfloat16"):
        pytest.skip("no products in bfloat16 here")


@pytest.mark.usefixtures("rounding")
def test_vectors_are_those_of_the_library_but_for_rounding(model):
    exact = encode_by_tokens(model, TEXTS, "float32")
    without = packed(model)
    assert without is not None
    vectors = encode_by_tokens(model, TEXTS, "bfloat16", packed=without)
    rounded = encode_by_tokens(model, TEXTS, "bfloat16")
    assert vectors.dtype == np.float32
    assert vectors.shape == exact.shape
    moved, expected = (np.linalg.norm(part - exact, axis=1) for part in (vectors, rounded))
    assert moved.mean() < 1.5 * expected.mean()  # and no further than with padding
    assert moved.max() < 0.05 * np.linalg.norm(exact, axis=1).max()
    spread = np.linalg.norm(exact - exact.mean(axis=0), axis=1).mean()
    assert spread > 10 * moved.mean()  # which a wrong model would not be


def test_vectors_in_float32_are_those_of_the_library(model):
    exact = np.asarray(model.encode(TEXTS))
    without = packed(model, "float32")
    assert without is not None
    vectors = encode_by_tokens(model, TEXTS, "float32", packed=without)
    scale = np.linalg.norm(exact, axis=1).max()
    np.testing.assert_allclose(vectors, exact, atol=2e-6 * scale)
    small = encode_by_tokens(model, TEXTS, "float32", 64, packed=without)
    np.testing.assert_allclose(small, exact, atol=2e-6 * scale)
    assert packed(model, "float16") is None


@pytest.mark.usefixtures("rounding")
def test_vectors_do_not_depend_on_how_scores_are_cut_or_texts_batched(model, monkeypatch):
    without = packed(model)
    whole = encode_by_tokens(model, TEXTS, "bfloat16", packed=without)
    monkeypatch.setattr("smoothie.encoders.packed.SCORES", 5000)
    cut = encode_by_tokens(model, TEXTS, "bfloat16", packed=without)
    small = encode_by_tokens(model, TEXTS, "bfloat16", 64, packed=without)
    scale = np.linalg.norm(whole, axis=1).max()
    np.testing.assert_allclose(cut, whole, atol=1e-2 * scale)
    np.testing.assert_allclose(small, whole, atol=1e-2 * scale)


def test_other_models_stay_with_the_library(model):
    model[1].pooling_mode = "max"
    assert packed(model) is None
    assert packed(model, "float32") is None


@pytest.mark.slow
@pytest.mark.parametrize("dtype", PACKED_TYPES)
def test_the_fast_profile_packs_once(tiny_encoder, dtype):
    if not can_pack(dtype):
        pytest.skip(f"no products in {dtype} here")
    encoder = SentenceEncoder(str(tiny_encoder), profile="fast", dtype=dtype, device="cpu")
    encoder.encode(TEXTS)
    (_, first) = encoder._packed[dtype]
    encoder.encode(["more"])
    assert encoder._packed[dtype][1] is first
    assert first is not None
