"""Experiments of our own: what was tried, and what did not help."""
