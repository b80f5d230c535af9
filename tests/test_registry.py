"""Registries refuse what does not fit, and find what other packages offer."""

import logging
import re
from dataclasses import dataclass

import pytest

from smoothie.encoders.base import ENCODERS, wrong_encoder
from smoothie.encoders.text import TextEncoder
from smoothie.errors import SmoothieError
from smoothie.loaders.base import SOURCES, Source
from smoothie.metrics.base import METRICS, wrong_metric
from smoothie.metrics.models import MODEL_METRICS, ModelMetric
from smoothie.registry import Registry
from smoothie.report.registry import PLOTS
from smoothie.report.trackers import TRACKERS
from smoothie.routers.base import ROUTERS, Router, Routing, wrong_router
from smoothie.routers.random import Random
from smoothie.scorers.base import SCORERS


class Bare(Router):
    def route(self, evidence):
        return Routing(evidence)


@dataclass
class Unset(Router):
    k: int

    def route(self, evidence):
        return Routing(evidence)


@dataclass
class Idle(Router):
    pass


@dataclass
class Undone(TextEncoder):
    pass


class Undecorated(Random):
    above: int = 3


@dataclass
class Unread(Source):
    pass


@dataclass
class Nameless(ModelMetric):
    def score_pairs(self, pairs):
        return pairs


OF_CLASSES = (ROUTERS, METRICS, MODEL_METRICS, ENCODERS, SOURCES, SCORERS)


@dataclass
class Unsigned:
    def score(self, problem):
        return problem


@pytest.mark.parametrize(
    ("registry", "thing", "message"),
    [
        (ROUTERS, len, "router 'x': expected a subclass of smoothie.routers.Router"),
        (ROUTERS, Random(), "router 'x': expected a subclass of smoothie.routers.Router"),
        (ROUTERS, Idle, "router 'x': it has no method route(evidence)"),
        (ROUTERS, Bare, "router 'x': expected a dataclass"),
        (ROUTERS, Undecorated, "router 'x': expected a dataclass"),
        (ROUTERS, Unset, "router 'x': its setting 'k' has no default"),
        (METRICS, "os.system", "metric 'x': expected a function of a text and its references"),
        (METRICS, lambda text: 1.0, "metric 'x': expected a function of a text and its references"),
        (METRICS, Random, "metric 'x': expected a function of a text and its references"),
        (MODEL_METRICS, Random, "metric 'x': expected a subclass of smoothie.metrics.models.M"),
        (MODEL_METRICS, Nameless, "metric 'x': it has no name"),
        (ENCODERS, len, "encoder 'x': expected a class such as smoothie.encoders.TextEncoder"),
        (ENCODERS, Random, "encoder 'x': it has no signature"),
        (ENCODERS, Undone, "encoder 'x': it has no method encode(texts)"),
        (SOURCES, Random, "source 'x': expected a subclass of smoothie.loaders.Source"),
        (SOURCES, Unread, "source 'x': it has no method read(candidates)"),
        (SCORERS, len, "scorer 'x': expected a class with a method score(problem)"),
        (SCORERS, Unsigned, "scorer 'x': it has no signature"),
        (TRACKERS, lambda run: None, "tracker 'x': expected a function of settings and metrics an"),
        (PLOTS, lambda: None, "plot 'x': expected a function of the result of a run"),
    ],
)
def test_the_wrong_kind_is_refused(registry, thing, message):
    with pytest.raises(SmoothieError, match=re.escape(message)):
        registry.register("x")(thing)
    assert "x" not in registry


@pytest.mark.parametrize(
    ("registry", "taken"),
    [
        (ROUTERS, "random"),
        (METRICS, "f1"),
        (MODEL_METRICS, "bertscore"),
        (ENCODERS, "stored"),
        (SOURCES, "local"),
        (SCORERS, "pair_rm"),
    ],
)
def test_names_are_registered_once(registry, taken):
    there = registry[taken]
    registry.register(taken)(there)  # the same again is no other one
    other = next(thing for name, thing in registry.items() if name != taken)
    with pytest.raises(SmoothieError, match=rf"{taken}' is registered already, by smoothie\."):
        registry.register(taken)(other)
    assert registry[taken] is there
    assert registry.name_of(there) == taken


@pytest.mark.parametrize("name", ["", "Two", "2", "a-b", "os.system", "a b", "ä"])
def test_names_are_words(name):
    with pytest.raises(SmoothieError, match="expected a name such as my_router"):
        ROUTERS.register(name)


@pytest.mark.parametrize("name", ["auto", "labels", "leaderboard"])
def test_names_of_other_scores_are_reserved(name):
    for registry in (METRICS, MODEL_METRICS):
        with pytest.raises(SmoothieError, match=f"metric '{name}': the name is reserved"):
            registry.register(name)


def test_every_name_is_that_of_its_group_of_entry_points():
    groups = [r.group for r in (*OF_CLASSES, PLOTS, TRACKERS)]
    assert groups == [
        f"smoothie.{kind}"
        for kind in (
            "routers",
            "metrics",
            "model_metrics",
            "encoders",
            "sources",
            "scorers",
            "plots",
            "trackers",
        )
    ]


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Install a package with one module and some entry points of routers."""

    def install(body, *entries):
        (tmp_path / "elsewhere.py").write_text(body, encoding="utf-8")
        info = tmp_path / "elsewhere-0.1.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 0.1\n")
        (info / "entry_points.txt").write_text("\n".join(["[smoothie.tests]", *entries]) + "\n")
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(__import__("sys").modules, "elsewhere", raising=False)
        return Registry("router", "smoothie.tests", wrong_router)

    return install


ELSEWHERE = """
from dataclasses import dataclass
from smoothie.routers.base import Router, Routing

@dataclass
class First(Router):
    def route(self, evidence):
        return Routing(evidence)

@dataclass
class Second(First):
    pass

def function(evidence):
    pass
"""


def test_entry_points_of_other_packages_are_found(installed):
    registry = installed(ELSEWHERE, "first = elsewhere:First", "second = elsewhere:Second")
    assert list(registry) == ["first", "second"]
    assert registry["second"].__name__ == "Second"
    assert registry.require("first") is registry["first"]
    with pytest.raises(SmoothieError, match="router=third: expected one of first, second"):
        registry.require("third")


def test_entry_points_that_cannot_be_used_cost_a_warning(installed, caplog):
    registry = installed(
        ELSEWHERE,
        "a = elsewhere:First",
        "b = elsewhere:Missing",
        "c = nowhere:First",
        "d = elsewhere:function",
        "Not-A-Name = elsewhere:Second",
    )
    with caplog.at_level(logging.WARNING):
        assert list(registry) == ["a"]
    for name, reason in (
        ("b = elsewhere:Missing", "AttributeError"),
        ("c = nowhere:First", "ModuleNotFoundError"),
        ("d = elsewhere:function", "expected a subclass of smoothie.routers.Router"),
        ("Not-A-Name = elsewhere:Second", "expected a name such as my_router"),
    ):
        assert any(
            f"entry point {name} of smoothie.tests cannot be used" in m and reason in m
            for m in caplog.messages
        ), name


def test_an_entry_point_does_not_replace_what_is_there(installed, caplog):
    registry = installed(ELSEWHERE, "random = elsewhere:First")
    registry.register("random")(Random)
    assert registry["random"] is Random
    assert "is registered already, by smoothie.routers.random.Random" in caplog.text


def test_functions_in_c_may_be_metrics_and_classes_may_not():
    assert wrong_metric(str.count) is None
    assert wrong_metric(str) is not None
    assert wrong_encoder(TextEncoder) is not None
