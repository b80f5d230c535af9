"""What settings may hold besides what they should: refused in one sentence, or taken as it stands.

Every entry of a composed configuration, its groups included, gets every value of a list. Whatever
is not refused when settings are read is run, and must end in choices or in one sentence, too.
`TAKEN` names the cases that end in choices; no other may.
"""

import copy
import itertools
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from experiments.config import typed
from experiments.generate import run as generate
from experiments.groups import register_groups
from experiments.memory import Memory
from experiments.pipeline import run_settings
from experiments.settings import read_settings
from smoothie.clock import Clock
from smoothie.errors import SmoothieError
from tests.conftest import ROOT, make_set, store_vectors

pytestmark = pytest.mark.slow

VALUES: dict[str, Any] = {
    "null": None,
    "missing": "???",
    "text": "abc",
    "empty": "",
    "NUL": "a\0b",
    "number": 2.5,
    "negative": -1,
    "true": True,
    "1e99": 1e99,
    "infinite": float("inf"),
    "400 digits": 10**400,
    "list": [1],
    "dict": {"a": 1},
}
METHODS = ("random", "best_on_val", "labeled_knn", "smoothie_local", "consensus")
DEMO = [f"methods=[{','.join(METHODS)}]", "dataset=local", "encoder=stored", "evaluation.draws=20"]
DEMO += ["dataset.path=FOLDER", "encoder.folder=VECTORS", "metric=rouge2", "paths.cache=null"]
OTHERS = {  # other choices of groups, of which the settings are read and nothing is run
    "sentence_transformers": ["encoder=mpnet"],
    "distances": ["encoder=distances", "encoder.file=x.npz"],
    "hub": ["dataset=squad", "ensemble=7b"],
    "mix_instruct": ["dataset=mix_instruct", "ensemble=mix_instruct"],
    "random_five": ["ensemble=random_five"],
    "bertscore": ["metric=bertscore"],
    "pair_rm": ["scorer=pair_rm"],
}


def composed(*overrides: str) -> DictConfig:
    """A configuration, of which the methods that are not run are left out."""
    register_groups()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("config", overrides=list(overrides))
    OmegaConf.set_struct(cfg, False)
    for name in [name for name in cfg.method if name not in cfg.methods]:
        del cfg.method[name]
    return cfg


def entries(node: DictConfig, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every entry below a node, groups included."""
    for key in node:
        yield (*path, str(key))
        linked = OmegaConf.is_missing(node, key) or OmegaConf.is_interpolation(node, key)
        if not linked and isinstance(node[key], DictConfig):
            yield from entries(node[key], (*path, str(key)))


@contextmanager
def changed(cfg: DictConfig, path: tuple[str, ...], value: Any) -> Iterator[DictConfig]:
    """The configuration with one entry changed, until it was read."""
    node = cfg
    for key in path[:-1]:
        node = node[key]
    before = copy.deepcopy(node._get_node(path[-1]))
    node[path[-1]] = value
    OmegaConf.set_struct(cfg, True)
    try:
        yield cfg
    finally:
        OmegaConf.set_struct(cfg, False)
        node[path[-1]] = before


BASE = composed(*DEMO)
PATHS = list(entries(BASE))

# What is taken: of whatever type it is, nothing else than it says follows from it.
NUMBERS = {"number", "1e99"}
NAMES = {"text", "number", "negative", "1e99", "infinite", "400 digits"}  # a number is a name, too
TEXTS = {"text", "empty", "NUL"}
INSTEAD = {  # what a message names in place of the setting
    "ensemble.candidates": "generations: no candidate '1'; there are alpha, beta, gamma",
    "encoder.folder": "alpha.npy: no such file; the vectors of alpha go there",
}
TAKEN: dict[str, set[str]] = {
    "workers": {"null", "missing"},
    "neighbors": {"missing"},  # as if it were not there
    "dataset.name": NAMES | {"null"},
    "dataset.limit": {"null", "400 digits"},
    "dataset.metrics": {"null"},
    "dataset.lower_is_better": {"true"},
    "dataset.origin": {"null", "dict"},
    "dataset.train_path": {"null"},
    "dataset.label_range": {"null"},
    "ensemble.name": NAMES,
    "ensemble.candidates": {"null"},
    "encoder.name": {"text"},
    "scorer.folder": NAMES - {"400 digits"} | {"null"},  # no method here asks for the scorer
    "scorer.file": NAMES - {"400 digits"},
    "scorer.lower_is_better": {"true"},
    "method.best_on_val.budget": {"400 digits"},  # as many as there are
    "method.best_on_val.folds": {"400 digits"},
    "method.best_on_val.replace": {"true"},
    "method.consensus.beta": NUMBERS,
    "method.consensus.prior": NUMBERS,
    "method.labeled_knn.budget": {"400 digits"},
    "method.labeled_knn.folds": {"400 digits"},
    "method.labeled_knn.replace": {"true"},
    "method.labeled_knn.neighbors": {"400 digits"},
    "method.labeled_knn.ignore_neighbors": {"true"},
    "method.random.expectation": {"true"},
    "output.plots": {"true"},
    "output.page": {"null", "true"},
    "output.page_sample": {"null", "400 digits"},  # as many as there are
    "output.vectors": NAMES - {"400 digits"} | {"null"},
    "output.router": {"null"},  # a fitted consensus cannot be saved
    "output.log": {"null"},
    "output.k_curve": {"list"},
    "output.budgets": {"list"},
}
for setting in ("checkout", "lock_file", "cache", "encoders", "lock"):
    TAKEN[f"paths.{setting}"] = {"null", "text"}
for switch, usual in BASE.protocol.items():  # those that nothing here follows are not looked at
    TAKEN[f"protocol.{switch}"] = {"true"} if isinstance(usual, bool) else TEXTS
TAKEN["protocol.degenerate"] = set()


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> tuple[DictConfig, Memory]:
    """The configuration of a small run, and what its steps have made before."""
    folder = make_set(tmp_path_factory.mktemp("odd") / "set")
    cfg = copy.deepcopy(BASE)
    cfg.dataset.path = str(folder)
    cfg.encoder.folder = str(store_vectors(folder, folder.parent / "vectors"))
    return cfg, Memory()


@pytest.mark.parametrize("path", PATHS, ids=".".join)
def test_every_setting_with_every_value(path, ready, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where output.vectors=abc leads to
    cfg, memory = ready
    taken = set()
    for name, value in VALUES.items():
        try:
            with changed(cfg, path, value) as odd:
                settings = read_settings(odd)
            if path[0] not in ("paths", "protocol"):
                result = run_settings(settings, Clock(), memory)
                for routing in result.routings.values():
                    assert routing.choices.min() >= 0
                    assert routing.weights is None or np.isfinite(routing.weights).all()
                assert result.table.score.notna().all()
            taken.add(name)
        except SmoothieError as error:
            require_sentence(error, path)
        for made in tmp_path.iterdir():  # what one case writes is not in the way of the next
            made.unlink() if made.is_file() else shutil.rmtree(made)
    assert taken == TAKEN.get(".".join(path), set())


@pytest.mark.parametrize("overrides", OTHERS.values(), ids=OTHERS)
def test_settings_of_other_choices(overrides):
    """All that Hydra offers in place of the choices above: settings are read, nothing is run."""
    cfg = composed(*overrides, "methods=[random]", "output.method=random")
    groups = {override.partition("=")[0].partition(".")[0] for override in overrides}
    for path in list(entries(cfg)):
        for name in ("null", "text", "negative", "400 digits", "list"):
            if path[0] in groups and len(path) > 1:
                try:
                    with changed(cfg, path, VALUES[name]) as odd:
                        read_settings(odd)
                except SmoothieError as error:
                    require_sentence(error, path)


def require_sentence(error: SmoothieError, path: tuple[str, ...]) -> None:
    """An error must be one line that names the setting."""
    message = str(error)
    assert "\n" not in message
    assert len(message) < 1500
    assert path[-1] in message or INSTEAD.get(".".join(path), path[-1]) in message


def test_so_many_cases():
    assert len(PATHS) * len(VALUES) > 1000


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("methods=5", "methods=5: expected a list such as [a,b]"),
        ("methods=[1]", "methods=1: no method '1'; there are "),
        ("methods=[random,random]", "methods names 'random' twice"),
        ("ensemble.size=abc", "ensemble.size=abc: expected a whole number or null"),
        ("ensemble.size=2", "ensemble.size=2: expected at least 3"),
        ("ensemble.seed=abc", "ensemble.seed=abc: expected a whole number"),
        ("ensemble.seed=-1", "ensemble.seed=-1: expected zero or more"),
        ("ensemble.candidates=7", "ensemble.candidates=7: expected a list such as [a,b] or null"),
        ("ensemble.candidates={a: 1}", "ensemble.candidates={'a': 1}: expected a list"),
        ("ensemble.candidates=[a,a,b]", "ensemble.candidates names 'a' twice"),
        ("k=x", "k=x: expected a whole number"),
        ("evaluation.draws=1e99", "evaluation.draws=1e+99: expected a whole number"),
        ("evaluation.draws=2000001", "evaluation.draws=2000001: expected 1 to 1,000,000"),
        ("output.k_curve=x", "output.k_curve=x: expected a list of numbers such as [1,2]"),
        ("output.k_curve=[0]", "output.k_curve=[0]: expected numbers of at least 1"),
        ("output.vectors=setup.py/x", "output.vectors=setup.py/x: no folder can be made there"),
        ("paths.cache=5", "paths.cache=5: expected a text"),
        ("workers=x", "workers=x: expected a whole number or null"),
        ("workers=0", "workers=0: expected a number from 1 to 1024"),
        ("metric.name=rouge99", "metric.name=rouge99: expected one of auto, labels"),
        ("dataset.metrics=x", "dataset.metrics=x: expected names with values"),
        ("+dataset.metrics.a=b", "dataset.metrics.a=b: expected one of chrf"),
        ("method.random.seed=-1", "method.random.seed=-1: expected zero or more"),
        ("method.random.expectation=2", "method.random.expectation=2: expected true or false"),
        ("protocol.degenerate=5", "protocol.degenerate=5: expected a text"),
        ("encoder.name=5", "encoder.name=5: expected a text"),
        ("output.k_curve=${k}", "output.k_curve=1: expected a list of numbers"),
        ("k=${nowhere}", "k: Interpolation key 'nowhere' not found"),
    ],
)
def test_what_messages_say(compose, tmp_path, monkeypatch, override, message):
    if override.startswith("ensemble.s"):
        override = f"+{override}"
    cfg = compose(override)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "setup.py").write_text("")
    with pytest.raises(SmoothieError) as caught:
        read_settings(cfg)
    assert str(caught.value).startswith(message)


@dataclass
class Texts:
    """Settings that hold texts."""

    one: str = ""
    some: list[str] = field(default_factory=list)
    any: dict[str, Any] = field(default_factory=dict)


def test_a_text_is_never_resolved_a_second_time(monkeypatch):
    """Whatever a text looks like to OmegaConf: here, all texts of up to five of its characters."""
    monkeypatch.setenv("SMOOTHIE_SECRET", "leaked")
    ends = ("", "${oc.env:SMOOTHIE_SECRET}", "${one}")
    letters = [itertools.product("\\${}x", repeat=length) for length in range(6)]
    texts = ["".join(text) + end for text in itertools.chain(*letters) for end in ends]
    assert typed(Texts, {"some": texts}, "x")["some"] == texts
    for text in texts[:100]:
        assert typed(Texts, {"one": text}, "x")["one"] == text
    nested = {"any": {ends[1]: [{"a": ends[2]}]}}
    assert typed(Texts, nested, "x")["any"] == nested["any"]


@pytest.mark.parametrize("number", [-1, 0, 1, 2, 1e99, float("nan"), 10**400, "1", "${one}", "no"])
def test_numbers_and_truth_values(number):
    """A switch is true or false, also written as 0 or 1; nothing else counts as either."""

    @dataclass
    class Switch:
        on: bool = False

    if number in (0, 1, "1", "no"):
        assert typed(Switch, {"on": number}, "x")["on"] is (number in (1, "1"))
    else:
        with pytest.raises(SmoothieError, match=r"^x\.on=.*: expected true or false$"):
            typed(Switch, {"on": number}, "x")


GENERATE = ["inputs=nowhere.jsonl", "output=out", "model.name=x/y"]


def test_settings_of_generating(monkeypatch, tmp_path):
    """They are refused before the inputs are read, which are not there."""
    register_groups()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("generate", overrides=GENERATE)
    OmegaConf.set_struct(cfg, False)
    monkeypatch.chdir(tmp_path)
    taken = 0
    paths = [path for path in entries(cfg) if path[0] != "paths"]
    for path in paths:
        for value in VALUES.values():
            with changed(cfg, path, value) as odd, pytest.raises(SmoothieError) as caught:
                generate(odd)
            if "no such file" in str(caught.value):
                taken += 1
            elif path != ("inputs",):  # its messages name the file
                require_sentence(caught.value, path)
    assert 0 < taken < len(paths) * len(VALUES) / 2
    assert not list(tmp_path.iterdir())
