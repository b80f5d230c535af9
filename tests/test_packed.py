"""BERT and MPNet without padding give the vectors of the library, as far as bfloat16 goes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothie.encoders.fast import encode_by_tokens, encode_packed, even_batches, tokens_of
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
    vectors = encode_packed(without, tokens_of(model, TEXTS)[0])
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
    vectors = encode_packed(without, tokens_of(model, TEXTS)[0])
    scale = np.linalg.norm(exact, axis=1).max()
    np.testing.assert_allclose(vectors, exact, atol=2e-6 * scale)
    small = encode_packed(without, tokens_of(model, TEXTS)[0], 64)
    np.testing.assert_allclose(small, exact, atol=2e-6 * scale)
    assert packed(model, "float16") is None


@pytest.mark.usefixtures("rounding")
def test_vectors_do_not_depend_on_how_scores_are_cut_or_texts_batched(model, monkeypatch):
    without = packed(model)
    whole = encode_packed(without, tokens_of(model, TEXTS)[0])
    monkeypatch.setattr("smoothie.encoders.packed.SCORES", 5000)
    cut = encode_packed(without, tokens_of(model, TEXTS)[0])
    small = encode_packed(without, tokens_of(model, TEXTS)[0], 64)
    scale = np.linalg.norm(whole, axis=1).max()
    np.testing.assert_allclose(cut, whole, atol=1e-2 * scale)
    np.testing.assert_allclose(small, whole, atol=1e-2 * scale)


def test_vectors_are_truncated_where_the_model_truncates_them(model):
    model.truncate_dim = 5
    vectors = encode_packed(packed(model, "float32"), tokens_of(model, TEXTS)[0])
    np.testing.assert_allclose(vectors, model.encode(TEXTS), atol=1e-5 * abs(vectors).max())
    assert vectors.shape == (len(TEXTS), 5)


@pytest.mark.parametrize("prompt", [None, "abc "])
def test_tokens_are_those_that_the_library_reads(model, prompt):
    model.max_seq_length, model.prompts = 20, {"all": prompt}
    model.default_prompt_name = prompt and "all"
    read = model.preprocess(TEXTS, prompt=prompt)
    rows = zip(read["input_ids"], read["attention_mask"].bool(), strict=True)
    tokens, truncated = tokens_of(model, TEXTS)
    assert tokens == [ids[mask].tolist() for ids, mask in rows]
    whole = model.tokenizer([(prompt or "") + text for text in TEXTS])["input_ids"]
    assert truncated == sum(len(row) > 20 for row in whole) > 0


@given(st.lists(st.integers(1, 50), min_size=1), st.integers(1, 200), st.integers(1, 4))
def test_batches_hold_each_text_once_and_equally_many_tokens(lengths, most, threads):
    lengths = np.array(lengths)
    order = np.argsort(-lengths, kind="stable")
    batches = even_batches(lengths, order, most, threads)
    np.testing.assert_array_equal(np.concatenate(batches), order)
    sizes = [lengths[batch].sum() for batch in batches]
    whole = threads * int(np.ceil(lengths.sum() / (most * threads)))
    assert len(batches) <= whole
    assert all(abs(size - lengths.sum() / whole) <= lengths.max() for size in sizes)


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
