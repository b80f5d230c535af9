"""Every configuration file composes and makes the object that it describes."""

from pathlib import Path

import pytest

from experiments.config import build, plain
from smoothie.encoders import ENCODERS
from smoothie.loaders import SOURCES
from smoothie.metrics import METRICS
from smoothie.routers import ROUTERS
from tests.conftest import ROOT


def names(group):
    return sorted(path.stem for path in (ROOT / "conf" / group).glob("*.yaml"))


@pytest.mark.parametrize("name", names("dataset"))
def test_datasets(compose, name):
    cfg = compose(f"dataset={name}")
    source = build(SOURCES, "source", plain(cfg.dataset, "dataset"), "dataset")
    assert set((source.metrics or {}).values()) <= set(METRICS)


@pytest.mark.parametrize("name", names("encoder"))
def test_encoders(compose, name):
    more = {"stored": ["encoder.folder=x"], "sentence_transformers": ["encoder.model=x/y"]}
    cfg = compose(f"encoder={name}", *more.get(name, []))
    assert cfg.encoder.name == name
    settings = plain(cfg.encoder, "encoder")
    del settings["name"]
    build(ENCODERS, "encoder", settings, "encoder")


@pytest.mark.parametrize("name", names("method"))
def test_methods(compose, name):
    cfg = compose()
    assert name in cfg.method, "list it in conf/config.yaml"
    build(ROUTERS, "router", plain(cfg.method[name], name), name)


@pytest.mark.parametrize("name", names("ensemble"))
def test_ensembles(compose, name):
    candidates = compose(f"ensemble={name}").ensemble.candidates
    assert candidates is None or len(candidates) >= 3


@pytest.mark.parametrize("name", names("metric"))
def test_metrics(compose, name):
    assert compose(f"metric={name}").metric.name in {"auto", "labels", *METRICS}


@pytest.mark.parametrize("name", names("experiment"))
def test_experiments(compose, name):
    compose(f"experiment={name}")


def test_every_metric_and_router_has_a_configuration():
    assert set(METRICS) <= set(names("metric"))
    assert set(ROUTERS) <= set(names("method"))


def test_every_file_begins_with_what_it_is():
    for path in Path(ROOT / "conf").rglob("*.yaml"):
        assert path.read_text().startswith("# "), path
