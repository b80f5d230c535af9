"""Judges written straight from the paper's formulas, one loop for each index."""

import itertools

import numpy as np


def naive_distances(generations: np.ndarray) -> np.ndarray:
    """Squared distance of every pair of answers to every input."""
    rows, candidates, _ = generations.shape
    result = np.zeros((rows, candidates, candidates))
    for row in range(rows):
        for i in range(candidates):
            for j in range(candidates):
                result[row, i, j] = sum((generations[row, i] - generations[row, j]) ** 2)
    return result


def naive_errors(generations: np.ndarray) -> np.ndarray:
    """Triplet estimate of each candidate's error, averaged over all pairs of the others."""
    distances = naive_distances(generations.astype(float)).mean(axis=0)
    candidates = generations.shape[1]
    errors = []
    for i in range(candidates):
        others = [j for j in range(candidates) if j != i]
        triplets = [
            0.5 * (distances[i, j] + distances[i, k] - distances[j, k])
            for j, k in itertools.combinations(others, 2)
        ]
        errors.append(sum(triplets) / len(triplets))
    return np.array(errors)


def naive_neighbors(inputs: np.ndarray, queries: np.ndarray, k: int, own: bool) -> np.ndarray:
    """The k nearest rows, by sorting all distances; the row itself first."""
    result = []
    for q, query in enumerate(queries):
        ranked = sorted(
            range(len(inputs)),
            key=lambda n: (not (own and n == q), float(((inputs[n] - query) ** 2).sum()), n),
        )
        result.append(ranked[:k])
    return np.array(result)
