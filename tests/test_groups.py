"""Hydra's groups hold what is registered, with the defaults of the dataclasses."""

import dataclasses
import logging
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd
import pytest
import yaml

from experiments.config import plain
from experiments.groups import CONF, methods, register_groups
from experiments.help import choices_of, shortened
from experiments.paper.jobs import composed
from experiments.parts import encoder_of
from experiments.pipeline import encoder_name
from smoothie.cli import DEMO_METRICS
from smoothie.encoders.named import HUB_IDS
from smoothie.loaders import SOURCES
from smoothie.metrics import METRICS
from smoothie.routers.base import ROUTERS, Router, Routing
from smoothie.scorers import SCORERS
from tests.conftest import ROOT, make_set, store_vectors

FOLLOWED = {"degenerate", "replace", "ignore_neighbors"}


VARIANTS = [path.stem for path in (CONF / "method").glob("*.yaml")]


def test_a_method_of_each_router_has_the_defaults_of_its_dataclass(compose):
    method = compose("protocol=corrected").method
    for name in set(ROUTERS) - set(VARIANTS):
        settings = plain(method[name], name)
        assert settings.pop("router") == name
        defaults = ROUTERS[name]()
        assert set(settings) == {f.name for f in dataclasses.fields(defaults) if f.init}, name
        for key, value in settings.items():
            if key not in FOLLOWED:
                assert value == getattr(defaults, key), (name, key)


def test_methods_follow_the_protocol(compose):
    for name, degenerate, flag in (("as_published", "keep", True), ("corrected", "resolve", False)):
        method = compose(f"protocol={name}").method
        for settings in method.values():
            assert settings.get("degenerate", degenerate) == degenerate
            assert settings.get("replace", flag) == flag
        assert method.labeled_knn.ignore_neighbors == flag
        assert sum("degenerate" in settings for settings in method.values()) == 6
        assert sum("replace" in settings for settings in method.values()) == 5


def test_named_variants_say_what_differs(compose):
    method = compose("k=7", "ensemble=3b", "scorer=pair_rm").method
    assert method.pair_rm == {
        "router": "stored",
        "folder": "3b_ensemble",
        "file": "pair_rm_test.json",
    }
    assert method.smoothie_global_by_task == {
        "router": "smoothie_global",
        "fit_by": "task",
        "degenerate": "resolve",
    }
    assert method.smoothie_prior == {"router": "smoothie_prior", "strength": 1.0, "k": 7}
    assert method.smoothie_local.k == 7
    assert method.smoothie_local_train.k == 50
    assert method.scorer == {"router": "scorer", "ties": "random", "seed": 42}
    assert [method[f"mbr_{name}"].utility for name in ("chrf", "rouge2")] == ["chrf", "rouge2"]


def test_what_is_registered_is_a_choice_of_its_group():
    register_groups()
    assert set(SOURCES) <= set(choices_of("dataset"))
    assert set(METRICS) <= set(choices_of("metric"))
    assert set(SCORERS) == set(choices_of("scorer"))


def test_a_file_begins_with_the_class_of_its_name(compose):
    metric = compose("metric=bertscore").metric
    assert metric == {
        "name": "bertscore",
        "cleaning": "none",
        "model": "FacebookAI/roberta-large",
        "layer": 17,
        "revision": None,
        "batch_size": 16,
        "max_tokens": None,
        "progress": True,
        "device": None,
        "lock": metric.lock,
        "models": None,
    }


@pytest.fixture
def registered():
    """Register routers for the time of a test."""
    names = []

    def register(name, thing):
        names.append(name)
        return ROUTERS.register(name)(thing)

    yield register
    for name in names:
        ROUTERS.unregister(name)
    register_groups()


@dataclass(eq=False, repr=False)
class Other(Router):
    """Has settings of its own under known names."""

    replace: str = "nothing"
    degenerate: str = "resolve"
    sizes: list[int] = field(default_factory=lambda: [1, 2])

    def route(self, evidence):
        return Routing(evidence)


@dataclass(eq=False, repr=False)
class Odd(Router):
    """No configuration can hold its setting."""

    choose: Callable[[int], int] = abs

    def route(self, evidence):
        return Routing(evidence)


def test_settings_of_another_type_follow_nothing(registered, composed_by_hydra):
    registered("other", Other)
    register_groups()
    assert composed_by_hydra("protocol=as_published").method.other == {
        "router": "other",
        "replace": "nothing",
        "degenerate": "keep",
        "sizes": [1, 2],
    }
    method = composed_by_hydra("method.other.sizes=[3]", "k=2").method
    assert method.other.sizes == [3]
    assert method.smoothie_local.k == 2


def test_a_class_that_cannot_be_configured_is_skipped(registered, composed_by_hydra, caplog):
    registered("odd", Odd)
    with caplog.at_level(logging.WARNING):
        assert "odd" not in methods()
    assert "router=odd is skipped, its settings cannot be read: " in caplog.text
    assert "random" in methods()


@pytest.mark.slow
def test_the_table_of_ensembles():
    """Each alone is composed in a third of the time; tests/test_config.py has two in the whole."""
    table = yaml.safe_load((CONF / "ensembles.yaml").read_text())
    register_groups()
    assert set(choices_of("ensemble")) == {"all", "random_five", *table}
    assert len(table) == 64
    for name, entry in table.items():
        assert len(set(entry["candidates"])) == len(entry["candidates"]) >= 3
        assert composed(f"ensemble/{name}").ensemble == {"name": name, **entry}


def test_experiments_name_existing_ensembles():
    register_groups()
    known, named = choices_of("ensemble"), 0
    for path in (CONF / "experiment").glob("*.yaml"):
        for experiment in yaml.safe_load(path.read_text()).values():
            grid = experiment.get("grid", {}) if isinstance(experiment, dict) else {}
            for name in grid.get("ensemble", []):
                assert name in known, path
                named += 1
    assert named > 60


@pytest.mark.slow
def test_sweeps_over_ensembles(tmp_path):
    table = yaml.safe_load((CONF / "ensembles.yaml").read_text())
    models = tuple(dict.fromkeys(table["3b"]["candidates"] + table["7b"]["candidates"]))
    folder = make_set(tmp_path / "set", candidates=models)
    store_vectors(folder, tmp_path / "vectors")
    settings = ["dataset=local", f"dataset.path={folder}", "encoder=stored"]
    settings += [f"encoder.folder={tmp_path / 'vectors'}", "methods=[random,smoothie_global]"]
    settings += ["output.plots=false", "evaluation.draws=10", f"hydra.sweep.dir={tmp_path / 'out'}"]
    done = subprocess.run(
        [sys.executable, "-m", "experiments.run", "-m", *settings, "ensemble=glob(?b)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    sweep = pd.read_csv(tmp_path / "out" / "sweep.csv")
    assert set(sweep.ensemble) == {"3b", "7b"}
    assert set(sweep.candidates[sweep.ensemble == "7b"]) == {5}


def test_numbered_names_are_shortened():
    names = ["3b", "7b", "all", "trial_2", "trial_10", "trial_0", "trial_1", "mix_1", "mix_2"]
    assert shortened(names) == ["3b", "7b", "all", "trial_0 to trial_10", "mix_1", "mix_2"]


def test_help_describes_the_methods_and_no_flood_of_ensembles():
    shown = subprocess.run(
        [sys.executable, "-m", "experiments.run", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in methods():
        assert f"\n{name:<24} " in shown
    (line,) = (line for line in shown.splitlines() if line.startswith("ensemble: "))
    assert line == (
        "ensemble: 3b, 7b, all, alpaca_eval_0 to alpaca_eval_9, ensemble_1 to ensemble_50, "
        "gsm8k, mix_instruct, random_five"
    )


def test_encoders_and_the_demo_are_the_same_without_a_configuration(compose):
    """Python and `smoothie demo` know by themselves what conf/ says."""
    for name, model in HUB_IDS.items():
        assert compose(f"encoder={name}").encoder.model == model
    assert dict(compose().dataset.metrics) == DEMO_METRICS


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (["encoder=minilm"], "minilm"),
        (["encoder=minilm", "encoder.model=a/b"], "minilm"),
        (["encoder=sentence_transformers", "encoder.model=org/small-v2"], "small-v2"),
        (["encoder=stored", "encoder.folder=x/letters/"], "letters"),
        (["encoder=stored", "encoder.folder=x", "encoder.name=mine"], "mine"),
        (["encoder=distances", "encoder.file=x/edits.npz"], "edits.npz"),
    ],
)
def test_encoders_have_different_names_in_tables(compose, settings, name):
    """Jobs of a sweep over the models or files of a general encoder can be told apart."""
    assert encoder_name(encoder_of(compose(*settings))) == name
