"""PairRM and reward models with random weights, in the file layout of the Hub."""

import json
import shutil

import numpy as np
import pytest

from smoothie import Input, Problem, SmoothieError
from smoothie.evidence import Evidence, Votes
from smoothie.routers.scorer import ScorerRouter
from smoothie.scorers import PairRM, RewardModel
from smoothie.scorers.pair_rm import pair_scores
from tests.damage import header_size

SPECIAL = ["<|source|>", "<|candidate1|>", "<|candidate2|>", "<|candidate|>"]


def save_tokenizer(folder):
    """A tokenizer of single letters with PairRM's tokens added, as its repository has it."""
    from transformers import DebertaV2Tokenizer

    letters = [(chr(c), -2.0) for c in range(33, 127)]
    marks = [(token, 0.0) for token in ("[PAD]", "[CLS]", "[SEP]", "[UNK]")]
    tokenizer = DebertaV2Tokenizer(vocab=[*marks, ("\u2581", -1.0), *letters])
    tokenizer.add_tokens(SPECIAL)
    tokenizer.save_pretrained(folder)
    return tokenizer


@pytest.fixture(scope="session")
def pair_rm(tmp_path_factory):
    """config.json and model.safetensors as in llm-blender/PairRM-hf, only smaller."""
    import torch
    from safetensors.torch import save_file
    from transformers import DebertaV2Config, DebertaV2Model

    folder = tmp_path_factory.mktemp("models") / "PairRM-hf"
    folder.mkdir()
    tokenizer = save_tokenizer(folder)
    ids = tokenizer.convert_tokens_to_ids(SPECIAL)
    settings = {
        "architectures": ["DebertaV2PairRM"],
        "cand1_prefix_id": ids[1],
        "cand2_prefix_id": ids[2],
        "cand_prefix_id": ids[3],
        "drop_out": 0.05,
        "hidden_act": "gelu",
        "hidden_size": 16,
        "initializer_range": 0.5,
        "intermediate_size": 32,
        "max_position_embeddings": 512,
        "max_relative_positions": -1,
        "model_type": "deberta-v2",
        "n_tasks": 1,
        "norm_rel_ebd": "layer_norm",
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "pad_token_id": 0,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "position_buckets": 256,
        "relative_attention": True,
        "share_att_key": True,
        "source_prefix_id": ids[0],
        "type_vocab_size": 0,
        "vocab_size": len(tokenizer),
    }
    (folder / "config.json").write_text(json.dumps(settings))
    torch.manual_seed(1)
    backbone = DebertaV2Model(DebertaV2Config.from_pretrained(folder))
    weights = {f"pretrained_model.{name}": w for name, w in backbone.state_dict().items()}
    weights["head_layer.1.weight"] = torch.randn(16, 32)
    weights["head_layer.1.bias"] = torch.randn(16)
    weights["head_layer.4.weight"] = torch.randn(1, 16)
    weights["head_layer.4.bias"] = torch.randn(1)
    save_file({name: w.contiguous() for name, w in weights.items()}, folder / "model.safetensors")
    return folder


@pytest.fixture
def problem():
    inputs = tuple(Input(f"q{i}", text=text) for i, text in enumerate(["hello!", "", "why so?"]))
    texts = [["hi!", "get out", "hi!"], ["", "a", "a longer text"], ["<|source|>", "b", "c d e"]]
    return Problem("tiny", inputs, ("a", "b", "c"), np.array(texts, dtype=object))


def by_hand(folder, source, first, second):
    """One comparison, token by token, with the weights as they lie in the file."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoTokenizer, DebertaV2Config, DebertaV2Model

    weights = load_file(folder / "model.safetensors")
    backbone = DebertaV2Model(DebertaV2Config.from_pretrained(folder)).eval()
    prefix = "pretrained_model."
    backbone.load_state_dict(
        {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}
    )
    tokenizer = AutoTokenizer.from_pretrained(folder)
    ids, places = [], []
    for token, text in zip(SPECIAL, (source, first, second), strict=False):
        pieces = tokenizer.tokenize(text) if text else []
        places.append(len(ids) + 1)
        ids += tokenizer.convert_tokens_to_ids(["[CLS]", token, *pieces, "[SEP]"])
    with torch.no_grad():
        hidden = backbone(torch.tensor([ids])).last_hidden_state[0].double().numpy()
    head = {name: w.double().numpy() for name, w in weights.items() if name.startswith("head")}

    def score(place):
        both = np.concatenate([hidden[places[0]], hidden[place]])
        inner = np.tanh(head["head_layer.1.weight"] @ both + head["head_layer.1.bias"])
        return (head["head_layer.4.weight"] @ inner + head["head_layer.4.bias"]).item()

    return score(places[1]) - score(places[2])


def test_logits_are_those_of_a_forward_pass_by_hand(pair_rm, problem):
    logits = PairRM(str(pair_rm), progress=False, batch_size=4).compare(problem)
    for i, item in enumerate(problem.inputs):
        for a in range(3):
            assert logits[i, a, a] == 0
            for b in {0, 1, 2} - {a}:
                row = problem.texts[i]
                expected = by_hand(pair_rm, item.text, row[a], row[b])
                assert logits[i, a, b] == pytest.approx(expected, abs=1e-4)
    assert np.abs(logits).max() > 0.1


def test_batches_and_order_change_nothing(pair_rm, problem):
    one = PairRM(str(pair_rm), progress=False, batch_size=1).compare(problem)
    many = PairRM(str(pair_rm), progress=False, batch_size=32).compare(problem)
    np.testing.assert_allclose(one, many, atol=1e-5)
    order = [2, 0, 1]
    turned = problem.select([problem.candidates[j] for j in order])
    again = PairRM(str(pair_rm), progress=False, batch_size=32).compare(turned)
    np.testing.assert_allclose(again, many[:, order][:, :, order], atol=1e-5)


def test_scores_are_llm_blenders():
    """Both ways to rank, as a loop over the comparisons."""
    logits = np.random.default_rng(0).normal(size=(5, 4, 4))
    logits[:, range(4), range(4)] = 0
    logits[0] = 0
    for i in range(5):
        for a in range(4):
            margin = sum(logits[i, a, b] - logits[i, b, a] for b in range(4)) / 4
            wins = sum(logits[i, a, b] > 0 for b in range(4))
            wins += sum(logits[i, b, a] < 0 for b in range(4))
            assert pair_scores(logits, "max_logits")[i, a] == pytest.approx(margin, abs=1e-6)
            assert pair_scores(logits, "max_wins")[i, a] == wins
    # the order of the two in a comparison has no say in who is better
    for policy in ("max_logits", "max_wins"):
        turned = pair_scores(-logits.transpose(0, 2, 1), policy)
        np.testing.assert_allclose(turned, pair_scores(logits, policy))


def test_equal_texts_tie_and_are_drawn(pair_rm, problem):
    scores = PairRM(str(pair_rm), progress=False).score(problem)
    assert scores[0, 0] == scores[0, 2]
    np.testing.assert_allclose(scores.sum(axis=1), 0, atol=1e-5)
    rows = 400
    routing = ScorerRouter(ties="random").route(
        Evidence(Votes(np.zeros((rows, 3, 3))), verdicts=np.tile([1.0, 0.0, 1.0], (rows, 1)))
    )
    assert set(routing.choices[0]) == {0, 2}


def test_long_texts_are_cut_as_their_shares_allow(pair_rm):
    """The input to its limit; what it leaves is shared by the two texts."""
    scorer = PairRM(str(pair_rm), source_tokens=10, candidate_tokens=8, progress=False)
    ids, places = scorer._tokens("x" * 50, "y" * 50, "z" * 50)
    assert len(ids) == 10 + 8 + 8
    assert places == [1, 11, 19]
    ids, places = scorer._tokens("x", "y" * 50, "z")
    assert places[1] + 1 - 2 == 5  # [CLS], special, mark of a word, x, [SEP]
    assert places[2] - places[1] == (26 - 5) // 2
    assert len(ids) < 26


def test_comparisons_are_cached(pair_rm, problem, tmp_path, monkeypatch):
    kept = PairRM(str(pair_rm), cache=str(tmp_path), progress=False)
    first = kept.score(problem)
    monkeypatch.setattr(PairRM, "_compute", None)
    again = PairRM(str(pair_rm), cache=str(tmp_path), progress=False)
    np.testing.assert_array_equal(again.score(problem), first)
    assert kept.judged > 0
    assert again.judged == 0
    assert "PairRM-hf@" in again.signature
    assert "max_logits" in again.signature
    other = PairRM(str(pair_rm), cache=str(tmp_path), progress=False, source_tokens=9)
    with pytest.raises(TypeError):
        other.score(problem)  # other settings, other numbers: they would have to be computed


def test_damaged_comparisons_are_recomputed(pair_rm, problem, tmp_path, caplog):
    first = PairRM(str(pair_rm), cache=str(tmp_path), progress=False).score(problem)
    (file,) = tmp_path.rglob("*.v2.npy")
    data = file.read_bytes()
    start = header_size(data)
    # In the header; a record's key, number and checksum; the file's checksum.
    for place in (8, 60, start, start + 20, start + 30, len(data) - 1):
        changed = bytearray(data)
        changed[place] ^= 16
        file.write_bytes(changed)
        caplog.clear()
        again = PairRM(str(pair_rm), cache=str(tmp_path), progress=False)
        np.testing.assert_array_equal(again.score(problem), first)
        assert again.judged > 0
        assert f"{file}: cache file skipped" in caplog.text
        for path in set(file.parent.iterdir()) - {file}:
            path.unlink()


def test_a_model_among_copies_is_found(pair_rm):
    scorer = PairRM("llm-blender/PairRM-hf", models=str(pair_rm.parent))
    assert scorer.folder == pair_rm


def test_what_is_not_a_pair_rm_is_refused(pair_rm, problem, tmp_path):
    with pytest.raises(SmoothieError, match="policy=best"):
        PairRM(str(pair_rm), policy="best")
    with pytest.raises(SmoothieError, match="dtype=int8"):
        PairRM(str(pair_rm), dtype="int8")
    with pytest.raises(SmoothieError, match="batch_size=0"):
        PairRM(str(pair_rm), batch_size=0)
    with pytest.raises(SmoothieError, match="source_tokens=3"):
        PairRM(str(pair_rm), source_tokens=3)
    with pytest.raises(SmoothieError, match="neither a folder nor a model id"):
        PairRM("./nowhere").score(problem)
    with pytest.raises(SmoothieError, match=r"config\.json: no such file"):
        PairRM(str(tmp_path), progress=False).score(problem)
    settings = json.loads((pair_rm / "config.json").read_text())
    for change, message in [
        ({"n_tasks": None}, "not of a PairRM, there is no n_tasks"),
        ({"source_prefix_id": 3}, r"does not know <\|source\|> as 3"),
    ]:
        folder = tmp_path / "other"
        folder.mkdir(exist_ok=True)
        for path in pair_rm.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        (folder / "config.json").write_text(json.dumps(settings | change))
        with pytest.raises(SmoothieError, match=message):
            PairRM(str(folder), progress=False).score(problem)
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(SmoothieError, match=r"/model\.safetensors: not a whole safetensors file"):
        PairRM(str(folder), progress=False).score(problem)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_hidden_layers": 3}, r"/model\.safetensors: \d+ of the .*\.encoder\.layer\.2\."),
        ({"num_hidden_layers": 1}, r"layer\.1\..* is of a layer that config\.json does not have"),
        ({"n_tasks": 2}, r"head_layer\.4\.bias has shape \(1,\), by config\.json it is \(2,\)"),
        ({"norm_rel_ebd": "none"}, r"encoder\.LayerNorm\.bias is no weight of this model"),
        (
            {"vocab_size": 900},
            r"the tokenizer has \d+ tokens, the model has vectors for 900",
        ),
        ({"vocab_size": 90}, r"PairRM: the tokenizer has a token number \d+, .* for 90 tokens"),
    ],
)
def test_a_pair_rm_that_is_not_complete_is_refused(pair_rm, problem, tmp_path, change, message):
    folder = shutil.copytree(pair_rm, tmp_path / "PairRM")
    settings = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(settings | change))
    with pytest.raises(SmoothieError, match=message):
        PairRM(str(folder), progress=False).score(problem)


def save_reward_model(folder, outputs=1):
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    tokenizer = save_tokenizer(folder)
    torch.manual_seed(3)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        num_labels=outputs,
        initializer_range=0.5,
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_a_reward_model_reads_input_and_text(tmp_path, problem):
    import torch
    from transformers import AutoTokenizer, BertForSequenceClassification

    folder = save_reward_model(tmp_path / "reward")
    scores = RewardModel(str(folder), progress=False, max_tokens=20, batch_size=5).score(problem)
    model = BertForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for i, item in enumerate(problem.inputs):
        for j in range(3):
            pair = [item.text], [problem.texts[i, j]]
            one = tokenizer(*pair, truncation=True, max_length=20, return_tensors="pt")
            with torch.no_grad():
                assert scores[i, j] == pytest.approx(model(**one).logits.item(), abs=1e-4)
    assert len(np.unique(scores.round(4))) > 5
    assert scores[0, 0] == scores[0, 2]


@pytest.mark.slow
def test_a_reward_model_reads_no_more_tokens_than_it_has_positions(tmp_path):
    folder = save_reward_model(tmp_path / "reward")  # its tokenizer has no limit
    items = [("x" * 100, "y" * 200), ("x", "y")]
    scores = RewardModel(str(folder), progress=False).numbers(items)
    limited = RewardModel(str(folder), progress=False, max_tokens=64)
    np.testing.assert_array_equal(limited.numbers(items), scores)
    with pytest.raises(SmoothieError, match=r"^max_tokens=65: expected at most 64, "):
        RewardModel(str(folder), progress=False, max_tokens=65).numbers(items)


@pytest.mark.slow
def test_a_classifier_with_classes_is_no_reward_model(tmp_path, problem):
    folder = save_reward_model(tmp_path / "classes", outputs=3)
    with pytest.raises(SmoothieError, match="has one output, this one has 3"):
        RewardModel(str(folder), progress=False).score(problem)


@pytest.mark.slow
def test_numbers_that_are_not_finite_are_refused(tmp_path, problem, monkeypatch):
    folder = save_reward_model(tmp_path / "reward")
    monkeypatch.setattr(RewardModel, "_compute", lambda _, items: [float("nan")] * len(items))
    with pytest.raises(SmoothieError, match=r"not finite in float32; set dtype"):
        RewardModel(str(folder), progress=False).score(problem)
