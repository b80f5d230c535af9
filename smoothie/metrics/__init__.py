"""Metrics: how good a text is, by labels, by references or by a model; and views of answers."""
