"""Entry points, run from a checkout with ``python -m experiments.NAME``."""
