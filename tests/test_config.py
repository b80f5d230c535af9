"""Every configuration file composes and makes the object that it describes."""

import importlib.util
import re
from pathlib import Path

import pytest

from experiments.config import build, plain
from experiments.groups import methods, register_groups
from experiments.help import choices_of
from experiments.paper.jobs import compose_run, expand
from experiments.parts import cluster_of, protocol_named
from experiments.reproduce import experiments_of
from smoothie.encoders import ENCODERS
from smoothie.errors import SmoothieError
from smoothie.loaders import SOURCES
from smoothie.metrics.base import METRICS
from smoothie.metrics.models import MODEL_METRICS
from smoothie.routers.base import ROUTERS
from smoothie.routers.scorer import TIES
from smoothie.scorers import SCORERS
from tests.conftest import ROOT


def names(group):
    register_groups()
    return choices_of(group)


@pytest.mark.parametrize("name", names("dataset"))
def test_datasets(composed_by_hydra, name):
    cfg = composed_by_hydra(f"dataset={name}")
    source = build(SOURCES, "source", plain(cfg.dataset, "dataset"), "dataset")
    assert set((source.metrics or {}).values()) <= set(METRICS)


@pytest.mark.parametrize("name", names("encoder"))
def test_encoders(composed_by_hydra, name):
    more = {
        "stored": ["encoder.folder=x"],
        "distances": ["encoder.file=x.npz"],
        "sentence_transformers": ["encoder.model=x/y"],
    }
    cfg = composed_by_hydra(f"encoder={name}", *more.get(name, []))
    assert cfg.encoder.name == name
    settings = plain(cfg.encoder, "encoder")
    del settings["name"]
    build(ENCODERS, "encoder", settings, "encoder")


def test_methods(composed_by_hydra):
    cfg = composed_by_hydra()
    assert set(methods()) <= set(cfg.method)
    for name in methods():
        build(ROUTERS, "router", plain(cfg.method[name], name), name)


@pytest.mark.parametrize("name", names("scorer"))
def test_scorers(composed_by_hydra, name):
    more = ["scorer.model=x/y"] if name == "reward_model" else []
    settings = plain(composed_by_hydra(f"scorer={name}", *more).scorer, "scorer")
    assert settings.pop("ties") in TIES
    build(SCORERS, "scorer", settings, "scorer")


@pytest.mark.parametrize("name", names("engine"))
def test_engines(composed_by_hydra, name):
    if name == "ray" and importlib.util.find_spec("ray") is None:
        with pytest.raises(SmoothieError, match="pip install 'smoothie-router\\[ray\\]'"):
            cluster_of(composed_by_hydra(f"engine={name}"))
        return
    assert (cluster_of(composed_by_hydra(f"engine={name}")) is None) == (name == "local")


def test_engines_with_wrong_settings(composed_by_hydra):
    for overrides, message in (
        (["engine.name=dask"], "engine.name=dask: expected one of local, ray"),
        (["engine=ray", "engine.cpus=0"], "engine.cpus=0: expected at least 1"),
        (["engine=ray", "engine.gpus=-1"], "engine.gpus=-1.0: expected at least 0"),
        (["engine=ray", "engine.address=[1]"], "engine.address"),
    ):
        with pytest.raises(SmoothieError, match=re.escape(message)):
            cluster_of(composed_by_hydra(*overrides))


@pytest.mark.parametrize("name", ["all", "random_five"])  # tests/test_groups.py: the others
def test_ensembles(composed_by_hydra, name):
    candidates = composed_by_hydra(f"ensemble={name}").ensemble.candidates
    assert candidates is None or len(candidates) >= 3


@pytest.mark.parametrize("name", names("metric"))
def test_metrics(composed_by_hydra, name):
    metric = plain(composed_by_hydra(f"metric={name}").metric, "metric")
    assert metric.pop("cleaning") == "none"
    if name in MODEL_METRICS:
        build(MODEL_METRICS, "name", metric, "metric")
    else:
        assert metric == {"name": name}
        assert name in {"auto", "labels", "leaderboard", *METRICS}


@pytest.mark.parametrize("name", names("model"))
def test_models(composed_by_hydra, name):
    model = composed_by_hydra(f"model={name}", name="generate").model
    assert "/" in model.name
    assert model.max_input_tokens >= 1024


def test_experiments_that_change_a_run(composed_by_hydra):
    assert composed_by_hydra("experiment=debug").dataset.limit == 20


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in names("experiment") if n not in ("all", "debug")])
def test_experiments_of_the_paper(composed_by_hydra, name):
    cfg = composed_by_hydra(f"experiment={name}", name="reproduce")
    assert list(cfg.experiment) == [name]
    found = experiments_of(cfg, cfg.protocol)[name]
    assert found.measures
    jobs = expand(name, found, protocol_named("corrected"), debug=False)
    compose_run(jobs[-1].overrides)
    assert (
        (ROOT / f"conf/experiment/{name}.yaml")
        .read_text()
        .startswith(f"# python -m experiments.reproduce experiment={name}\n")
    )


def test_all_experiments_run_by_default(composed_by_hydra):
    every = set(composed_by_hydra(name="reproduce").experiment)
    assert every == set(names("experiment")) - {"all", "debug"}


def test_both_protocols_have_the_same_switches():
    first, second = protocol_named("as_published"), protocol_named("corrected")
    assert list(first) == list(second)


@pytest.mark.parametrize(
    "overrides",
    [
        ["protocol=as_published", "dataset=squad", "ensemble=7b", "encoder=mpnet"],
        ["dataset=distr_acc", "dataset.train_split=train", "methods=[random]", "k=5"],
        ["protocol.alignment=position", "dataset=alpaca_eval", "metric=leaderboard"],
        ["dataset=xsum", "dataset.model=falcon-1b", "evaluation.draws=7", "experiment=debug"],
        ["+ensemble.size=4", "metric=chrf", "method.random.seed=3", "engine=ray", "scorer=pair_rm"],
    ],
)
def test_runs_are_composed_as_hydra_does(composed_by_hydra, overrides):
    assert compose_run(overrides) == composed_by_hydra(*overrides)


def test_a_wrong_setting_of_a_run_is_one_sentence():
    with pytest.raises(SmoothieError, match="no_such_thing"):
        compose_run(["dataset.no_such_thing=1"])


def test_every_file_begins_with_what_it_is():
    for path in Path(ROOT / "conf").rglob("*.yaml"):
        assert path.read_text().startswith("# "), path
