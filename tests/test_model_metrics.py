"""BERTScore and BARTScore on tiny models with random weights, against naive loops."""

import numpy as np
import pytest

from experiments.pipeline import run
from smoothie import Input, SmoothieError, assemble
from smoothie.metrics.models import BARTScore, BERTScore, model_scores
from smoothie.storage.cache import VectorCache
from tests.conftest import make_set, store_vectors

TEXTS = ["a red fox", "the fox ran off", "red", "a red fox", "it is what it is, is it not"]
PAIRS = [(a, b) for a in TEXTS for b in TEXTS[:3]]


@pytest.fixture(scope="session")
def bert(tiny_encoder):
    return tiny_encoder.parent / "bert"


@pytest.fixture(scope="session")
def bart(tmp_path_factory):
    """An encoder and decoder of one layer each, and a tokenizer of whole words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("tiny-bart")
    words = sorted({word for text in TEXTS for word in text.replace(",", " ,").split()})
    vocabulary = {word: n for n, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", *words])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = BartConfig(
        vocab_size=len(vocabulary),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_ffn_dim=32,
        max_position_embeddings=32,
        init_std=0.5,
    )
    BartForConditionalGeneration(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("layer", [None, 0, 1])
def test_bertscore_against_loops(bert, layer):
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer, model = AutoTokenizer.from_pretrained(bert), AutoModel.from_pretrained(bert).eval()

    def embed(text):
        ids = tokenizer(text, return_tensors="pt")
        with torch.no_grad():
            states = model(**ids, output_hidden_states=True).hidden_states
        return states[2 if layer is None else layer][0].double().numpy()

    def cosine(a, b):
        return a @ b / np.sqrt((a @ a) * (b @ b))

    def side(one, other):  # the first and the last token are [CLS] and [SEP]
        return np.mean([max(cosine(a, b) for b in other) for a in one[1:-1]])

    expected = []
    for text, reference in PAIRS:
        a, b = embed(text), embed(reference)
        precision, recall = side(a, b), side(b, a)
        expected.append(100 * 2 * precision * recall / (precision + recall))
    metric = BERTScore(str(bert), layer=layer, batch_size=2, device="cpu")
    np.testing.assert_allclose(metric.score_pairs(PAIRS), expected, atol=1e-3)
    assert metric.score_pairs([("red", "red")])[0] == pytest.approx(100, abs=1e-3)
    assert metric.score_pairs([("", "red"), ("red", " ")]).tolist() == [0, 0]


def test_bartscore_against_loops(bart):
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(bart)
    model = AutoModelForSeq2SeqLM.from_pretrained(bart).eval()
    expected = []
    for text, given in PAIRS:
        read, ids = tokenizer(given, return_tensors="pt").input_ids, tokenizer(text).input_ids
        total, before = 0.0, [model.config.decoder_start_token_id]
        for token in ids:  # one step at a time
            with torch.no_grad():
                logits = model(input_ids=read, decoder_input_ids=torch.tensor([before])).logits
            total += float(torch.log_softmax(logits[0, -1].double(), dim=-1)[token])
            before.append(token)
        expected.append(total / len(ids))
    found = BARTScore(str(bart), batch_size=4, device="cpu").score_pairs(PAIRS)
    assert np.std(found) > 0.1
    assert (found <= 0).all()
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_long_texts_are_cut(bert, bart):
    for metric in (BERTScore(str(bert), device="cpu"), BARTScore(str(bart), device="cpu")):
        long = " ".join(["red fox"] * 200)
        assert np.isfinite(metric.score_pairs([(long, "red"), ("red", long)])).all()
    cut = BARTScore(str(bart), max_tokens=4, device="cpu")
    assert cut.score_pairs([("a red fox ran", "red")]) == pytest.approx(
        cut.score_pairs([("a red it is", "red")])
    )


def problem():
    inputs = [Input("a", "", "the fox", ("a red fox", "red")), Input("b", "", "it"), Input("c")]
    texts = {name: {"a": name, "b": name, "c": name} for name in ("red", "fox", "a red fox")}
    return assemble("p", inputs, texts, {})


def test_the_best_reference_counts_and_inputs_without_one_have_no_score(bert, tmp_path):
    metric = BERTScore(str(bert), device="cpu")
    scores = model_scores(problem(), metric, VectorCache(tmp_path, "<f8"))
    assert (scores.metric, scores.percent, scores.lower_is_better) == ("bertscore", True, False)
    pairs = [(name, ref) for name in ("red", "fox", "a red fox") for ref in ("a red fox", "red")]
    expected = metric.score_pairs(pairs).reshape(3, 2).max(axis=1)
    np.testing.assert_allclose(scores.values[0], expected, atol=1e-4)
    assert np.isnan(scores.values[1:]).all()
    again = BERTScore(str(bert), device="cpu")
    kept = model_scores(problem(), again, VectorCache(tmp_path, "<f8"))
    np.testing.assert_array_equal(kept.values, scores.values)
    assert again._loaded is None  # not even the model is read
    other = BERTScore(str(bert), layer=1, device="cpu")
    assert (
        model_scores(problem(), other, VectorCache(tmp_path, "<f8")).values[0] != expected
    ).any()


def test_bartscore_given_the_source(bart):
    metric = BARTScore(str(bart), condition="source", device="cpu")
    scores = model_scores(problem(), metric)
    assert not scores.percent
    pairs = [(name, given) for given in ("the fox", "it") for name in ("red", "fox", "a red fox")]
    expected = metric.score_pairs(pairs).reshape(2, 3)
    np.testing.assert_allclose(scores.values[:2], expected, atol=1e-5)
    assert np.isnan(scores.values[2]).all()


def test_a_run_is_scored_by_a_model(compose, tmp_path, bart):
    folder = make_set(tmp_path / "tiny")
    vectors = store_vectors(folder, tmp_path / "vectors")
    settings = ["dataset=local", f"dataset.path={folder}", "encoder=stored"]
    settings += [f"encoder.folder={vectors}", "metric=bartscore", f"metric.model={bart}"]
    result = run(compose(*settings, "evaluation.draws=20", "methods=[random,oracle]"))
    assert result.scores.metric == "bartscore"
    assert (result.table.score < 0).all()


def test_bad_settings_are_named(bert, tmp_path):
    for settings, message in (
        ({"batch_size": 0}, "^batch_size=0"),
        ({"max_tokens": 0}, "^max_tokens=0"),
    ):
        with pytest.raises(SmoothieError, match=message):
            BERTScore(str(bert), **settings)
    with pytest.raises(SmoothieError, match=r"^condition=both: expected one of reference"):
        BARTScore("x", condition="both")
    with pytest.raises(SmoothieError, match=r"layer=3: .* has layers 0 to 2"):
        BERTScore(str(bert), layer=3, device="cpu").score_pairs(PAIRS)
    with pytest.raises(SmoothieError, match="neither a folder nor a model id"):
        model_scores(problem(), BERTScore("./nowhere"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SmoothieError, match=r"/empty/config\.json: no such file"):
        BERTScore(str(tmp_path / "empty")).score_pairs(PAIRS)
    bare = assemble("p", [Input("a")], {"m": {"a": "x"}}, {})
    with pytest.raises(SmoothieError, match="nothing to score against"):
        model_scores(bare, BERTScore(str(bert)))
