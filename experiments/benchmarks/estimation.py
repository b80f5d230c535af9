"""Estimation of errors: the closed form against a loop written directly from the paper."""

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.timing import Row, median_seconds
from smoothie.estimator import squared_distances, triplet_errors
from smoothie.evidence import Votes
from smoothie.neighbors.exact import nearest
from smoothie.routers.smoothie_local import neighborhood_means

Floats = NDArray[np.floating[Any]]


def loop_errors(generations: Floats) -> Floats:
    """Errors of the candidates over some rows (k, K, d): every triplet of every candidate.

    As the paper states it: for candidate i, the mean over all pairs (j, l) of the others of half of
    d_ij + d_il - d_jl, each d a mean squared distance over the rows.
    """
    candidates = generations.shape[1]
    errors = np.zeros(candidates)
    for i in range(candidates):
        triplets = []
        for j, m in itertools.combinations([c for c in range(candidates) if c != i], 2):
            d_ij = ((generations[:, i] - generations[:, j]) ** 2).sum(axis=1).mean()
            d_im = ((generations[:, i] - generations[:, m]) ** 2).sum(axis=1).mean()
            d_jm = ((generations[:, j] - generations[:, m]) ** 2).sum(axis=1).mean()
            triplets.append(0.5 * (d_ij + d_im - d_jm))
        errors[i] = np.mean(triplets)
    return errors


def make(rows: int, candidates: int, dimensions: int) -> tuple[Floats, Floats]:
    """Votes around a truth, with candidates of different quality; and inputs."""
    generator = np.random.default_rng(0)
    truth = generator.normal(size=(rows, 1, dimensions))
    spread = np.linspace(1, 2, candidates)[:, None]
    generations = truth + spread * generator.normal(size=(rows, candidates, dimensions))
    return generations.astype(np.float32), truth[:, 0].astype(np.float32)


def local_against_the_loop() -> list[Row]:
    """Smoothie-Local at N=2,000, K=10, k=20, d=768; the loop is timed on 20 of the inputs."""
    rows, timed, k = 2000, 20, 20
    generations, inputs = make(rows, 10, 768)
    neighbors = nearest(inputs, k)

    def ours() -> Floats:
        means = next(neighborhood_means(squared_distances(generations), neighbors, [k]))
        return triplet_errors(means)

    def loop() -> Floats:
        return np.array([loop_errors(generations[neighbors[row]]) for row in range(timed)])

    np.testing.assert_allclose(ours()[:timed], loop(), rtol=1e-4)
    exact = np.array(
        [loop_errors(generations[neighbors[row]].astype(np.float64)) for row in range(timed)]
    )
    np.testing.assert_allclose(ours()[:timed], exact, rtol=1e-6)
    what = "Smoothie-Local, N=2,000 K=10 k=20 d=768, without the neighbor search"
    scale = rows / timed
    return [Row(what, "the paper's loop", median_seconds(ours), scale * median_seconds(loop, 3))]


def sweep() -> list[Row]:
    """20 values of k for each of 50 ensembles of five, at N=5,000, K=10."""
    generations, inputs = make(5000, 10, 384)
    sizes = [1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 25, 30, 35, 40, 50, 75, 100]
    generator = np.random.default_rng(1)
    ensembles = [np.sort(generator.permutation(10)[:5]) for _ in range(50)]
    votes = Votes(squared_distances(generations), inputs)
    neighbors = votes.index.search(sizes[-1])

    def ours() -> list[Floats]:
        choices = []
        for mean in neighborhood_means(votes.distances, neighbors, sizes):
            for columns in ensembles:
                part = mean[:, columns[:, None], columns]
                choices.append(triplet_errors(part).argmin(axis=1))
        return choices

    one = votes.select(ensembles[7])
    alone = next(neighborhood_means(one.distances, neighbors, [20]))
    position = sizes.index(20) * len(ensembles) + 7
    np.testing.assert_array_equal(ours()[position], triplet_errors(alone).argmin(axis=1))
    return [Row("20 values of k x 50 ensembles, N=5,000 K=10", "", median_seconds(ours, 3))]
