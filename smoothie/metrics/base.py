"""Metrics of a text and its references, and their registry."""

import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

from smoothie.registry import Registry, wrong_function
from smoothie.storage.files import sha256

Metric = Callable[[str, Sequence[str]], float]  # a text, its references -> from 0 to 1

OTHERS = ("auto", "labels", "leaderboard")  # what else a run can score by
VERSION = "2"  # part of every cache key: change it when a metric of this package changes


def wrong_metric(thing: Any) -> str | None:
    """Why an object cannot be used as a metric; None if it can."""
    return wrong_function(thing, ("a text", "its references"))


METRICS: Registry[Metric] = Registry(
    "metric", "smoothie.metrics", wrong_metric, "smoothie.metrics", OTHERS
)
register_metric = METRICS.register


def version_of(metric: Metric) -> str:
    """Version of a metric's definition, for cache keys.

    For a function from another package this is the checksum of the file that defines it. Where
    there is none, as in a notebook, or the metric is another callable, no cached score is used.
    """
    module = metric.__module__
    if module.partition(".")[0] == "smoothie":
        return VERSION
    path = Path(getattr(sys.modules.get(module), "__file__", None) or "")
    return sha256(path) if inspect.isfunction(metric) and path.is_file() else uuid4().hex
