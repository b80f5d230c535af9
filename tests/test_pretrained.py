"""A pretrained model is complete or refused; its identity covers the files that are read."""

import json
import logging
import re
import shutil
from itertools import pairwise

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.encoders.sentence import SentenceEncoder, count_truncated
from smoothie.metrics.models import BERTScore
from smoothie.models.checks import check_size, positions
from smoothie.models.loading import load_transformers
from smoothie.pretrained import PretrainedModel, folder_checksum
from smoothie.scorers import RewardModel
from tests.conftest import ROOT

TEXTS = ["one text", "Another, longer text!", ""]
FIVE = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def change_json(path, change):
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def change_weights(folder, change):
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    changed = {name: w.contiguous() for name, w in change(weights).items()}
    save_file(changed, folder / "model.safetensors", {"format": "pt"})


def without_tokenizer(folder):
    for name in ("tokenizer.json", "vocab.txt"):
        (folder / name).unlink(missing_ok=True)


def five_words(folder):
    words = {word: n for n, word in enumerate(FIVE)}
    change_json(folder / "tokenizer.json", lambda made: made["model"].update(vocab=words))


def five_words_alone(folder):
    without_tokenizer(folder)
    (folder / "vocab.txt").write_text("\n".join(FIVE), encoding="utf-8")


def five_words_beside(folder):
    (folder / "vocab.txt").write_text("\n".join(FIVE) + "\n", encoding="utf-8")


def without_layer(folder):
    change_weights(folder, lambda w: {k: v for k, v in w.items() if "layer.1." not in k})


def without_one_weight(folder):
    name = "encoder.layer.1.output.dense.bias"
    change_weights(folder, lambda w: {k: v for k, v in w.items() if k != name})


def narrower(folder):
    name = "encoder.layer.1.output.dense.weight"
    change_weights(folder, lambda w: w | {name: w[name][:, :-1]})


def layer_too_many(folder):
    names = [f"encoder.layer.{n}.output.dense.bias" for n in (1, 9)]
    change_weights(folder, lambda w: w | {names[1]: w[names[0]].clone()})


def layer_too_many_beside_a_head(folder):
    """As where a model was trained on masked words: its weights have a prefix."""
    layer_too_many(folder)
    change_weights(folder, lambda w: {f"bert.{name}": part for name, part in w.items()})


def torch_weights_alone(folder):
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def cut(name, share=0.5):
    def damage(folder):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: int(share * len(data))])

    return damage


def without(name):
    return lambda folder: (folder / name).unlink()


def without_pooling_module(folder):
    modules = json.loads((folder / "modules.json").read_text())
    left = [module for module in modules if not module["type"].endswith("Pooling")]
    (folder / "modules.json").write_text(json.dumps(left))


DAMAGES = {
    "no tokenizer": (without_tokenizer, "FOLDER: no tokenizer; expected tokenizer.json, or vocab"),
    "five words": (five_words, "FOLDER: the tokenizer has 5 tokens, the model has vectors for "),
    "five words alone": (five_words_alone, "FOLDER: the tokenizer has 5 tokens, the model has "),
    "five words beside": (five_words_beside, "FOLDER/vocab.txt has 5 tokens, the model has "),
    "no layer": (
        without_layer,
        "FOLDER/model.safetensors: 16 of the model's weights missing, such as encoder.layer.1.",
    ),
    "no weight": (
        without_one_weight,
        "FOLDER/model.safetensors: 1 of the model's weights missi",
    ),
    "narrower": (narrower, "FOLDER/model.safetensors: encoder.layer.1.output.dense.weight has sha"),
    "a layer more": (
        layer_too_many,
        "FOLDER/model.safetensors: encoder.layer.9.output.dense.bias is of a layer that",
    ),
    "a layer more and a head": (
        layer_too_many_beside_a_head,
        "FOLDER/model.safetensors: bert.encoder.layer.9.output.dense.bias is of a layer that",
    ),
    "weights cut off": (cut("model.safetensors"), "FOLDER/model.safetensors: not a whole safeten"),
    "weights empty": (cut("model.safetensors", 0), "FOLDER/model.safetensors: not a whole safet"),
    "no weights": (without("model.safetensors"), "FOLDER/model.safetensors: no such file; weig"),
    "torch weights": (torch_weights_alone, "FOLDER/model.safetensors: no such file; weights are"),
    "no pooling": (without("1_Pooling/config.json"), "FOLDER/1_Pooling/config.json: no such file"),
    "not pooled": (without_pooling_module, "FOLDER/modules.json: no Pooling after the Transform"),
    "no modules": (without("modules.json"), "FOLDER/modules.json: no such file; an encoder is a"),
    "no config": (without("config.json"), "FOLDER/config.json: no such file; it describes the"),
    "modules cut off": (cut("modules.json"), "FOLDER/modules.json, line "),
    "tokenizer cut off": (cut("tokenizer.json"), "FOLDER/tokenizer.json, line "),
    "config empty": (cut("config.json", 0), "FOLDER/config.json, line 1: not JSON"),
}


def refused(folder, damage, message):
    damage(folder)
    with pytest.raises(SmoothieError) as error:
        SentenceEncoder(str(folder), progress=False, device="cpu").encode(TEXTS)
    assert str(error.value).startswith(message.replace("FOLDER", str(folder)))
    assert "\n" not in str(error.value)


@pytest.fixture
def copy(tiny_encoder, tmp_path):
    return shutil.copytree(tiny_encoder, tmp_path / "copy")


@pytest.mark.parametrize("name", DAMAGES)
def test_an_encoder_that_is_not_complete_is_refused(copy, name):
    refused(copy, *DAMAGES[name])


@pytest.mark.shared
@pytest.mark.parametrize("name", DAMAGES)
def test_a_real_encoder_that_is_not_complete_is_refused(encoders, tmp_path, name):
    refused(shutil.copytree(encoders / "all-MiniLM-L6-v2", tmp_path / "copy"), *DAMAGES[name])


@pytest.mark.shared
@pytest.mark.parametrize("name", ["all-MiniLM-L6-v2", "all-mpnet-base-v2"])
def test_real_encoders_are_as_sentence_transformers_loads_them(encoders, name):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(encoders / name), device="cpu", local_files_only=True)
    encoder = SentenceEncoder(str(encoders / name), progress=False, device="cpu")
    longest_first = sorted(TEXTS, key=len, reverse=True)
    np.testing.assert_array_equal(encoder.encode(longest_first), model.encode(longest_first))
    assert encoder._loaded.max_seq_length == model.max_seq_length
    for one in (513, 100_000):
        with pytest.raises(SmoothieError, match=rf"^max_tokens={one}: .* at most 512, "):
            SentenceEncoder(str(encoders / name), max_tokens=one, progress=False).encode(TEXTS)


def test_an_adequate_tokenizer_may_come_in_either_form(copy, tiny_encoder):
    expected = SentenceEncoder(str(tiny_encoder), progress=False).encode(TEXTS)
    shutil.copy(tiny_encoder.parent / "vocab.txt", copy / "vocab.txt")
    for left in ({"tokenizer.json", "vocab.txt"}, {"vocab.txt"}):
        for name in {"tokenizer.json", "vocab.txt"} - left:
            (copy / name).unlink()
        vectors = SentenceEncoder(str(copy), progress=False).encode(TEXTS)
        np.testing.assert_array_equal(vectors, expected)


def test_weights_may_be_in_several_files(copy, tiny_encoder):
    from transformers import BertModel

    (copy / "model.safetensors").unlink()
    BertModel.from_pretrained(tiny_encoder).save_pretrained(copy, max_shard_size="10KB")
    shards = sorted(copy.glob("model-*.safetensors"))
    assert len(shards) > 1
    expected = SentenceEncoder(str(tiny_encoder), progress=False).encode(TEXTS)
    vectors = SentenceEncoder(str(copy), progress=False).encode(TEXTS)
    np.testing.assert_array_equal(vectors, expected)
    message = f"FOLDER/{shards[1].name}: no such file; model.safetensors.index.json names it"
    refused(copy, without(shards[1].name), message)
    (copy / "model.safetensors.index.json").write_text("{}")
    message = "FOLDER/model.safetensors.index.json: expected a weight_map, the file of each weight"
    refused(copy, lambda folder: None, message)


def test_weights_may_be_those_of_another_task(copy, tiny_encoder):
    """With the names of a model of masked words, old ones among them, and its head."""
    import torch

    def change(weights):
        named = {f"bert.{name}": part for name, part in weights.items() if "pooler" not in name}
        for new, old in (("LayerNorm.weight", "LayerNorm.gamma"), ("Norm.bias", "Norm.beta")):
            named = {name.replace(new, old): part for name, part in named.items()}
        return named | {"cls.predictions.transform.dense.weight": torch.ones(16, 16)}

    expected = SentenceEncoder(str(tiny_encoder), progress=False).encode(TEXTS)
    change_weights(copy, change)
    vectors = SentenceEncoder(str(copy), progress=False).encode(TEXTS)
    np.testing.assert_array_equal(vectors, expected)


def test_weights_that_nothing_reads_may_be_missing(copy, tiny_encoder, tmp_path):
    """BERT has a layer for whole texts, which neither pooling nor BERTScore reads."""
    plain = [SentenceEncoder(str(tiny_encoder), progress=False), BERTScore(str(tiny_encoder))]
    expected = plain[0].encode(TEXTS), plain[1].score_pairs([("a", "b c")])
    change_weights(copy, lambda w: {k: v for k, v in w.items() if not k.startswith("pooler")})
    vectors = SentenceEncoder(str(copy), progress=False).encode(TEXTS)
    np.testing.assert_array_equal(vectors, expected[0])
    np.testing.assert_array_equal(BERTScore(str(copy)).score_pairs([("a", "b c")]), expected[1])


def test_a_classifier_without_its_head_is_refused(tiny_encoder):
    """transformers draws one at random, and says so in a log."""
    from transformers import AutoModelForSequenceClassification

    with pytest.raises(SmoothieError, match=r"2 of the .* such as classifier\.bias"):
        load_transformers(AutoModelForSequenceClassification, tiny_encoder, num_labels=1)
    with pytest.raises(SmoothieError, match=r"model\.safetensors: 2 of the model's "):
        RewardModel(str(tiny_encoder), progress=False).numbers([("a", "b")])


def test_modules_read_their_weights_from_safetensors_alone(copy):
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense

    model = SentenceTransformer(str(copy), device="cpu")
    model.append(Dense(16, 4))
    model.save(str(copy))
    encoder = SentenceEncoder(str(copy), progress=False, device="cpu")
    longest_first = sorted(TEXTS, key=len, reverse=True)
    np.testing.assert_array_equal(encoder.encode(longest_first), model.encode(longest_first))
    (dense,) = copy.glob("2_*")

    def damage(folder):
        torch.save(model[2].state_dict(), dense / "pytorch_model.bin")
        (dense / "model.safetensors").unlink()

    refused(copy, damage, f"{dense}/model.safetensors: no such file; weights are read from safe")


@pytest.mark.parametrize(
    ("tokens", "rows", "fits"),
    [
        (30522, 30522, True),  # BERT
        (30522, 30528, True),  # the same, rounded up
        (50277, 50432, True),  # GPT-NeoX
        (250102, 251000, True),  # mDeBERTa
        (50295, 51200, True),  # phi-2
        (100015, 102400, True),  # DeepSeek
        (100, 128, True),
        (5, 30522, False),
        (15000, 30522, False),
        (28000, 30522, False),
        (5, 193, False),
    ],
)
def test_how_many_tokens_a_vocabulary_may_lack(tokens, rows, fits):
    if fits:
        check_size(tokens, rows, "it")
    else:
        with pytest.raises(SmoothieError, match=f"^it has {tokens} tokens, .* for {rows}$"):
            check_size(tokens, rows, "it")


def test_tokens_that_are_looked_up_have_a_row(copy, tiny_encoder):
    """A token that was added may have none, unless texts are padded with it."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(copy)
    tokenizer.add_tokens(["<image>"])
    tokenizer.save_pretrained(copy)
    expected = SentenceEncoder(str(tiny_encoder), progress=False).encode(TEXTS)
    vectors = SentenceEncoder(str(copy), progress=False).encode(TEXTS)
    np.testing.assert_array_equal(vectors, expected)
    rows = len(tokenizer) - 1
    tokenizer.add_special_tokens({"pad_token": "<nothing>"})
    message = f"FOLDER: the tokenizer has a token number {rows + 1}, the model has vectors for"
    refused(copy, tokenizer.save_pretrained, message)


def small(kind, **more):
    from transformers import AutoConfig, AutoModel

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    sizes |= {"vocab_size": 50, "intermediate_size": 32, "max_position_embeddings": 40}
    return AutoModel.from_config(AutoConfig.for_model(kind, **sizes | more)).eval()


@pytest.mark.parametrize(
    ("kind", "more", "limit"),
    [
        ("bert", {}, 40),
        ("roberta", {"pad_token_id": 1}, 38),
        ("mpnet", {}, 38),
        ("gpt2", {"n_positions": 40, "n_embd": 16, "n_layer": 1, "n_head": 2}, 40),
        ("deberta-v2", {"position_biased_input": True}, 40),
        ("deberta-v2", {"position_biased_input": False, "relative_attention": True}, None),
    ],
)
@pytest.mark.slow
def test_positions_are_as_many_as_a_model_reads(kind, more, limit):
    import torch

    model = small(kind, **more)
    assert positions(model) == (limit, limit is not None)

    def read(length):
        ids = torch.full((1, length), 5)
        with torch.inference_mode():
            model(input_ids=ids, attention_mask=torch.ones_like(ids))

    read(limit or 80)
    if limit is not None:
        with pytest.raises((IndexError, RuntimeError)):
            read(limit + 1)


def test_more_tokens_than_positions_are_refused(tiny_encoder):
    long = ["x " * 500]
    assert SentenceEncoder(str(tiny_encoder), progress=False, max_tokens=64).encode(long).any()
    with pytest.raises(SmoothieError, match=r"^max_tokens=65: expected at most 64, "):
        SentenceEncoder(str(tiny_encoder), progress=False, max_tokens=65).encode(long)
    with pytest.raises(SmoothieError, match=r"^max_tokens=65: expected at most 64, "):
        BERTScore(str(tiny_encoder), max_tokens=65).score_pairs([("a", "b")])


def test_a_model_that_claims_more_tokens_than_positions_reads_as_many_as_it_can(copy):
    change_json(copy / "sentence_bert_config.json", lambda c: c.update(max_seq_length=66))
    encoder = SentenceEncoder(str(copy), progress=False)
    vectors = encoder.encode(["x " * 500])
    assert encoder._loaded.max_seq_length == 64
    limited = SentenceEncoder(str(copy), progress=False, max_tokens=64)
    np.testing.assert_array_equal(limited.encode(["x " * 500]), vectors)


@pytest.mark.parametrize("profile", ["exact", "fast"])
def test_truncated_texts_are_counted(tiny_encoder, caplog, profile):
    from transformers import AutoTokenizer

    texts = ["a" * n for n in range(55, 70)] + ["a b " * n for n in range(25, 40)] + ["é" * 61]
    tokenizer = AutoTokenizer.from_pretrained(tiny_encoder)
    expected = sum(len(tokenizer.tokenize(text)) + 2 > 64 for text in texts)
    assert 0 < expected < len(texts)
    encoder = SentenceEncoder(str(tiny_encoder), progress=False, profile=profile, device="cpu")
    encoder.encode(["short"])
    assert "truncated" not in caplog.text
    with caplog.at_level(logging.WARNING):
        encoder.encode(texts)
    assert f"model: {expected} of {len(texts)} texts truncated to 64 tokens" in caplog.text
    encoder._loaded.prompts, encoder._loaded.default_prompt_name = {"p": "b " * 30}, "p"
    expected = sum(len(tokenizer.tokenize("b " * 30 + text)) + 2 > 64 for text in texts)
    assert count_truncated(encoder._loaded, texts) == expected


def test_a_limit_that_is_in_no_file_is_reported(copy, caplog):
    (copy / "sentence_bert_config.json").unlink()
    SentenceEncoder(str(copy), progress=False).encode(TEXTS)
    assert "no sentence_bert_config.json, texts are read up to 64 tokens" in caplog.text


READ = [
    *("config.json", "model.safetensors", "model-00001-of-00002.safetensors"),
    *("model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"),
    *("special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "bpe.codes"),
    *("sentencepiece.bpe.model", "spiece.model", "modules.json", "sentence_bert_config.json"),
    *("config_sentence_transformers.json", "1_Pooling/config.json", "2_Dense/config.json"),
    *("2_Dense/model.safetensors", "2_Normalize/config.json", "chat_template.jinja"),
]
NOT_READ = [
    *("README.md", ".gitattributes", "onnx/model.onnx", "onnx/config.json", "pytorch_model.bin"),
    *("openvino/openvino_model.bin", "openvino/openvino_config.json", "tf_model.h5"),
]


@pytest.mark.parametrize("name", [*READ, *NOT_READ])
def test_the_identity_covers_the_files_that_are_read(copy, name):
    path = copy / name
    before = [PretrainedModel(str(copy)).identity]
    for change in (lambda data: data + b" ", lambda data: b"", None):
        path.parent.mkdir(exist_ok=True)
        if change is None:
            path.unlink()
        else:
            path.write_bytes(change(path.read_bytes() if path.exists() else b"x"))
        before.append(PretrainedModel(str(copy)).identity)
    changes = [one != other for one, other in pairwise(before)]
    assert changes == [name in READ] * 3


def test_the_identity_covers_folders_that_are_links(copy, tmp_path):
    elsewhere = (copy / "1_Pooling").rename(tmp_path / "elsewhere")
    (copy / "1_Pooling").symlink_to(elsewhere)
    before = folder_checksum(copy)
    change_json(elsewhere / "config.json", lambda c: c.update(pooling_mode="cls"))
    assert folder_checksum(copy) != before


@pytest.mark.parametrize(
    "model",
    [
        *("a/..", "../a", "./a", "", "a//b", "a/b/c", "/no/such/folder", "~nobody-of-this-name/a"),
        *("a b", "a--b", "org/a--b", "org/a..b", "a.", "-a", "org/" + "x" * 97, "x" * 300, "ä/b"),
    ],
)
def test_what_is_no_model_id_is_not_requested(tmp_path, model):
    """The Hub has nothing of such a name, so whether it answers does not matter."""
    encoder = SentenceEncoder(model, models=str(tmp_path), lock=str(tmp_path / "lock.json"))
    message = re.escape(f"model={model}: neither a folder nor a model id such as ORG/NAME")
    with pytest.raises(SmoothieError, match=f"^{message}$"):
        encoder.encode(["x"])


@pytest.mark.parametrize("model", ["gpt2", "a", "org/a", "org_1/a-b.c_d", "x/" + "y" * 96])
def test_model_ids(tiny_encoder, tmp_path, model):
    shutil.copytree(tiny_encoder, tmp_path / model.rpartition("/")[2])
    made = PretrainedModel(model, models=str(tmp_path))
    assert made.identity == PretrainedModel(str(tiny_encoder)).identity


def test_a_hub_model_is_loaded_from_its_files_at_the_commit(tiny_encoder, tmp_path, monkeypatch):
    """Without a lock file, as on the machines of a cluster: the commit is known."""
    commit = "0123456789abcdef0123456789abcdef01234567"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    folder = tmp_path / "models--org--tiny" / "snapshots" / commit
    encoder = SentenceEncoder("org/tiny", revision=commit, progress=False)
    encoder._identity = commit
    with pytest.raises(SmoothieError, match=r"^model org/tiny: cannot be downloaded"):
        encoder.encode(TEXTS)
    shutil.copytree(tiny_encoder, folder)
    expected = SentenceEncoder(str(tiny_encoder), progress=False).encode(TEXTS)
    np.testing.assert_array_equal(encoder.encode(TEXTS), expected)
    encoder = SentenceEncoder("org/tiny", revision=commit, progress=False)
    encoder._identity = commit
    (folder / "modules.json").unlink()  # as where a download was interrupted
    with pytest.raises(SmoothieError, match=rf"^{re.escape(str(folder))}/modules\.json: no such "):
        encoder.encode(TEXTS)


def test_models_are_loaded_in_one_place_and_never_run_code_of_theirs():
    loads = re.compile(r"(?<!Config)\.from_pretrained\(|\bSentenceTransformer\(")
    trusts = re.compile(r"trust_remote_code\W+(?!False\b)\w")
    for path in [*(ROOT / "smoothie").rglob("*.py"), *(ROOT / "experiments").rglob("*.py")]:
        text = path.read_text(encoding="utf-8")
        assert not trusts.search(text), path
        in_library = path.is_relative_to(ROOT / "smoothie")
        if in_library and path != ROOT / "smoothie" / "models" / "loading.py":
            assert not loads.search(text), path
