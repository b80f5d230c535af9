"""Pushed to a Hub on this machine and loaded again, through the Hub's own client."""

import hashlib
import json
import re

import numpy as np
import pandas as pd
import pytest
import yaml

import smoothie
from smoothie import SmoothieError
from smoothie.encoders.base import EncoderId
from smoothie.storage.shared import Address
from tests.hub_server import TOKEN, serve
from tests.test_cli import CSV
from tests.test_cli import smoothie as command

COMMIT = re.compile("[0-9a-f]{40}")


def point_at(monkeypatch, address):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A Hub that the client asks, with a login and an empty cache."""
    from huggingface_hub import constants

    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("SMOOTHIE_LOCK", str(tmp_path / "hub.lock.json"))
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "token"))
    with serve() as (running, address):
        point_at(monkeypatch, address)
        yield running


@pytest.fixture
def result():
    answers = {"a<b>": ["4", "Paris"], "b": ["It is 4.", "Paris!"], "c": ["Fünf", "Lyon |"]}
    return smoothie.route(answers, ["2 + 2?", "Capital\nof France?"], encoder=None)


@pytest.fixture
def router():
    draws = np.random.default_rng(0)
    inputs = draws.normal(size=(9, 3)).astype(np.float32)
    fitted = smoothie.SmoothieLocal(k=3).fit(draws.normal(size=(9, 4, 2)), inputs=inputs)
    fitted.candidates = ("a", "b", "c", "d")
    fitted.encoder = EncoderId("some/encoder", "0" * 64, "float32")
    return fitted


def test_routed_answers_come_back(hub, result):
    table = smoothie.evaluate(result, references=["4", "Paris"], metric="exact_match", draws=50)
    where = smoothie.push_to_hub(result, "user/routed", metrics=table, command="smoothie route x")
    kind, commit = where.split("@")
    assert kind == "hf://datasets/user/routed"
    assert COMMIT.fullmatch(commit)
    assert hub.private == {("dataset", "user/routed"): True}
    pd.testing.assert_frame_equal(smoothie.load_from_hub(where), result.to_frame())
    files = hub.at("dataset", "user/routed", commit)[1]
    assert set(files) == {"README.md", "routed.jsonl", "smoothie.json"}
    said = json.loads(files["smoothie.json"])["files"]
    assert said == {"routed.jsonl": hashlib.sha256(files["routed.jsonl"]).hexdigest()}


def test_the_card(hub, result, router):
    table = smoothie.evaluate(result, references=["4", "Paris"], metric="exact_match", draws=50)
    smoothie.push_to_hub(result, "user/routed", metrics=table, command="smoothie route x")
    smoothie.push_to_hub(router, "user/router", public=True)
    assert hub.private["model", "user/router"] is False
    page = hub.at("dataset", "user/routed", None)[1]["README.md"].decode()
    _, top, text = page.split("---\n", 2)
    assert yaml.safe_load(top)["configs"][0]["data_files"] == "routed.jsonl"
    assert "a&lt;b>" in text
    assert "a<b>" not in text
    for needed in ("consensus", smoothie.__version__, "    smoothie route x", "oracle", "2 inputs"):
        assert needed in text
    page = hub.at("model", "user/router", None)[1]["README.md"].decode()
    for needed in ("SmoothieLocal", '"k": 3', "some/encoder", "a, b, c, d", "hf://user/router@"):
        assert needed in page


def test_a_router_comes_back(hub, router, tmp_path):
    where = smoothie.push_to_hub(router, "user/router")
    asked = np.random.default_rng(1).normal(size=(20, 3)).astype(np.float32)
    for loaded in (smoothie.load_from_hub(where), smoothie.load_router(where)):
        assert loaded.candidates == router.candidates
        assert loaded.encoder == router.encoder
        assert (loaded.predict(asked) == router.predict(asked)).all()
    router.save(tmp_path / "router.npz")  # the same file, and so the same commit
    assert smoothie.push_to_hub(tmp_path / "router.npz", "user/other").startswith(
        "hf://user/other@"
    )
    both = [hub.at("model", f"user/{name}", None)[1]["router.npz"] for name in ("router", "other")]
    assert both[0] == both[1]


def test_without_a_revision_the_first_commit_stays(hub, result, router, caplog):
    first = smoothie.push_to_hub(router, "user/router")
    caplog.set_level("INFO")
    assert smoothie.load_from_hub("hf://user/router").weights_.shape == router.weights_.shape
    assert first.split("@")[1] in caplog.text
    other = smoothie.SmoothieGlobal().fit(np.random.default_rng(2).normal(size=(5, 3, 2)))
    second = smoothie.push_to_hub(other, "user/router")
    assert smoothie.load_from_hub("user/router").candidates == router.candidates
    assert type(smoothie.load_from_hub(second)) is smoothie.SmoothieGlobal
    assert type(smoothie.load_from_hub(first)) is smoothie.SmoothieLocal


def test_no_token_no_network_no_repository(hub, result, router, monkeypatch):
    where = smoothie.push_to_hub(router, "user/router")
    for address, message in (
        ("hf://user/nothing", "model user/nothing: the Hub has no such repository"),
        (f"hf://user/router@{'0' * 40}", "the Hub has no such revision"),
        (where.replace("router@", "router@x"), "the Hub has no such revision"),
        ("hf://datasets/user/router", "dataset user/router: the Hub has no such repository"),
        ("hf://user", "expected hf://user/name or hf://datasets/user/name"),
    ):
        with pytest.raises(SmoothieError, match=message):
            smoothie.load_from_hub(address)
    with pytest.raises(SmoothieError, match="holds routed answers"):
        smoothie.load_router("hf://datasets/user/routed")
    with pytest.raises(SmoothieError, match="expected user/name"):
        smoothie.push_to_hub(router, "hf://user/router")
    monkeypatch.setenv("HF_TOKEN", "hf_of_nobody")
    with pytest.raises(SmoothieError, match=r"refuses the token \(401\)"):
        smoothie.push_to_hub(router, "user/router")
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(SmoothieError, match="pushing needs a token of the Hub: hf auth login"):
        smoothie.push_to_hub(router, "user/router")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    point_at(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(SmoothieError, match=r"router: cannot be pushed: ConnectError: .*refused"):
        smoothie.push_to_hub(router, "user/router")
    with pytest.raises(SmoothieError, match="model user/new: the Hub did not answer"):
        smoothie.load_from_hub("hf://user/new")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)  # or it tries 5 times
    with pytest.raises(SmoothieError, match=r"smoothie\.json: cannot be downloaded \(the Hub did"):
        smoothie.load_from_hub(where)  # never loaded, so that nothing of it is cached


def test_damage(hub, router):
    where = Address.of(smoothie.push_to_hub(router, "user/router"))
    manifest = json.loads(hub.at("model", "user/router", None)[1]["smoothie.json"])

    def after(**files):
        changed = {name.replace("_", "."): content for name, content in files.items()}
        made = hub.commit("model", "user/router", changed)
        with pytest.raises(SmoothieError) as said:
            smoothie.load_from_hub(str(Address("model", where.repository, made)))
        assert "\n" not in str(said.value)
        return str(said.value)

    good = hub.at("model", "user/router", where.revision)[1]["router.npz"]
    broken = good[:200] + bytes([good[200] ^ 1]) + good[201:]
    assert "router.npz is damaged, its SHA-256 is not that in smoothie.json" in after(
        router_npz=broken
    )
    said = {**manifest, "files": {"router.npz": hashlib.sha256(b"junk").hexdigest()}}
    assert "router.npz" in after(router_npz=b"junk", smoothie_json=json.dumps(said).encode())
    for value, message in (
        (b"[]", "names no files with their checksums"),
        (b"{", "not JSON"),
        (json.dumps({**manifest, "format": 9}).encode(), "format 9 of smoothie.json; this version"),
        (json.dumps({**manifest, "files": {"x": ""}}).encode(), "expected router.npz, there is x"),
    ):
        assert message in after(smoothie_json=value)


def test_the_command_line(hub, tmp_path, capsys):
    table = tmp_path / "answers.csv"
    table.write_text(CSV)
    given = ("route", table, "--encoder", "none")
    assert command(*given, "--push-to-hub", "user/routed") == 0
    shown = capsys.readouterr().out
    where = re.search(r"pushed to (hf://datasets/user/routed@[0-9a-f]{40})\n", shown)[1]
    assert "nothing was written" not in shown
    assert list(smoothie.load_from_hub(where).id) == ["1", "2", "3"]
    card = hub.at("dataset", "user/routed", None)[1]["README.md"].decode()
    assert f"    smoothie route {table} --encoder none --push-to-hub user/routed" in card
    draws = np.random.default_rng(0)
    fitted = smoothie.SmoothieGlobal().fit(draws.normal(size=(5, 3, 2)))
    fitted.save(tmp_path / "router.npz", ["gpt", "llama", "phi"])
    assert command("push", tmp_path / "router.npz", "user/router") == 0
    where = re.search(r"pushed to (hf://user/router@[0-9a-f]{40})\n", capsys.readouterr().out)[1]
    assert command("route", table, "--router", where, "-o", tmp_path / "routed.csv") == 0
    best = fitted.candidates or ("gpt", "llama", "phi")
    chosen = set(pd.read_csv(tmp_path / "routed.csv").candidate)
    assert chosen == {best[int(fitted.weights_.ravel().argmax())]}
    assert command("push", table, "user/router") == 1
    assert command("push", tmp_path / "nothing.npz", "user/router") == 1
    assert command("route", table, "--router", "hf://user/none", "-o", tmp_path / "x.csv") == 1
    assert "the Hub has no such repository" in capsys.readouterr().err
