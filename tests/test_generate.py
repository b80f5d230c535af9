"""Generation with a tiny language model of random weights."""

import json
import shutil

import pytest

from experiments.generate import run
from smoothie import SmoothieError
from tests.conftest import write_lines

PROMPTS = {
    "plain": {"t": "{input}", "u": "{input}"},
    "long": {"t": "please say: {input}", "u": "now say: {input}"},
}


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory):
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = [chr(c) for c in range(32, 127)]
    vocabulary = {token: i for i, token in enumerate(["<unk>", "</s>", *letters])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    folder = tmp_path_factory.mktemp("tiny-model")
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="</s>", unk_token="<unk>")
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        bos_token_id=None,
        eos_token_id=1,
        pad_token_id=1,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def make(compose, tiny_model, tmp_path):
    rows = [{"id": f"r{i}", "task": "tu"[i % 2], "input": "abc" * (i + 1)} for i in range(5)]
    write_lines(tmp_path / "set" / "dataset.jsonl", rows)

    def cfg(*more):
        made = compose(
            f"inputs={tmp_path / 'set' / 'dataset.jsonl'}",
            f"output={tmp_path / 'set'}",
            f"model.name={tiny_model}",
            "model.chat=false",
            "batch_size=2",
            *more,
            name="generate",
        )
        made.prompts = {"max_new_tokens": 6, "prompts": PROMPTS}
        return made

    return cfg


def texts(tmp_path, name):
    path = tmp_path / "set" / "generations" / f"{name}.jsonl"
    return {row["id"]: row["generation"] for row in map(json.loads, path.open())}


def test_texts_are_greedy_continuations(make, tmp_path, tiny_model):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run(make())
    model = AutoModelForCausalLM.from_pretrained(tiny_model).eval()
    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    for i in range(5):
        prompt = PROMPTS["long"]["tu"[i % 2]].replace("{input}", "abc" * (i + 1))
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        length = ids.shape[1]
        for _ in range(6):  # one token at a time, the most likely one
            with torch.no_grad():
                ids = torch.cat([ids, model(ids).logits[:, -1:].argmax(-1)], dim=1)
            if ids[0, -1] == 1:
                break
        expected = tokenizer.decode(ids[0, length:], skip_special_tokens=True).strip()
        assert texts(tmp_path, "long")[f"r{i}"] == expected
    assert list(texts(tmp_path, "plain")) == [f"r{i}" for i in range(5)]


def test_what_exists_is_kept_and_the_rest_is_generated(make, tmp_path, monkeypatch):
    run(make("limit=2"))
    kept = texts(tmp_path, "plain")
    asked = []
    monkeypatch.setattr(
        "experiments.generate.CausalModel.generate",
        lambda self, prompts, count: asked.extend(prompts) or ["new"] * len(prompts),
    )
    run(make("only=[plain]"))
    assert sorted(map(len, asked)) == [9, 12, 15]
    assert {key: texts(tmp_path, "plain")[key] for key in kept} == kept


def test_texts_of_other_settings_are_not_mixed(make, tmp_path):
    run(make())
    before = texts(tmp_path, "plain")
    run(make("limit=1"))  # fewer are requested, but none is lost
    assert texts(tmp_path, "plain") == before
    for change in ("model.max_input_tokens=9", "model.dtype=bfloat16"):
        with pytest.raises(SmoothieError, match="generated with other settings"):
            run(make(change))


def test_one_model_as_one_candidate(make, tmp_path):
    run(make("only=[plain]", "candidate=tiny", "limit=1"))
    assert list(texts(tmp_path, "tiny")) == ["r0"]
    record = json.loads((tmp_path / "set" / "generation.json").read_text())
    assert record["tiny"]["decoding"] == "greedy"
    assert record["tiny"]["templates"] == PROMPTS["plain"]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("only=[other]", "only=other: the prompts are plain, long"),
        ("only=plain", r"only=plain: expected a list such as \[plain\]"),
        ("model.dtype=int3", "model.dtype=int3"),
        ("candidate=tiny", "goes with exactly one prompt"),
        ("inputs=nowhere.jsonl", "no such file"),
        ("model.name=./nowhere", "cannot be loaded|did not answer"),
    ],
)
def test_wrong_settings_are_named(make, override, message):
    with pytest.raises(SmoothieError, match=message):
        run(make(override))


def test_weights_are_read_from_safetensors_alone(make, tmp_path, tiny_model):
    import torch
    from safetensors.torch import load_file

    folder = shutil.copytree(tiny_model, tmp_path / "model")
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(SmoothieError, match=r"cannot be loaded \(.*model\.safetensors"):
        run(make(f"model.name={folder}"))


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer"),
        (lambda folder: without_a_layer(folder / "model.safetensors"), "weights missing, such as"),
    ],
)
def test_a_model_is_complete_or_refused(make, tmp_path, tiny_model, break_it, message):
    folder = shutil.copytree(tiny_model, tmp_path / "model")
    break_it(folder)
    with pytest.raises(SmoothieError, match=message):
        run(make(f"model.name={folder}"))


def without_a_layer(path):
    from safetensors.torch import load_file, save_file

    weights = {name: value for name, value in load_file(path).items() if ".layers.1." not in name}
    save_file(weights, path, metadata={"format": "pt"})


def test_templates_are_checked(make):
    for templates, message in (({"t": "x"}, r"no \{input\}"), ({}, "no template for the task 't'")):
        cfg = make()
        cfg.prompts.prompts = {"plain": templates}
        with pytest.raises(SmoothieError, match=message):
            run(cfg)
