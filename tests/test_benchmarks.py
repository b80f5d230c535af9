"""The benchmarks' rival is right, so that the parity they assert means something."""

import numpy as np

from experiments.benchmarks.estimation import loop_errors
from tests.naive import naive_errors


def test_the_rival_is_the_paper_s_loop():
    generations = np.random.default_rng(0).normal(size=(7, 5, 4))
    np.testing.assert_allclose(loop_errors(generations), naive_errors(generations))
