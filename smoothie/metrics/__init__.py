"""Metrics: how good a text is, by labels, by references or by a model; and views of answers."""

from smoothie.metrics.base import METRICS, register_metric

__all__ = ["METRICS", "register_metric"]
