"""Neighbors: the exact search against faiss.knn, and the approximate one against the exact."""

import importlib.util

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.timing import Row, side_by_side
from smoothie.neighbors.approximate import approximate_nearest
from smoothie.neighbors.exact import exact_distances, nearest

K = 20


def exact_against_faiss() -> list[Row]:
    """Exact search at N=5,000 and N=20,000, d=384, k=20, unit vectors as encoders give them."""
    rows = []
    for count, repetitions in ((5000, 9), (20_000, 3)):
        what = f"Neighbors, exact, N={count:,} d=384 k={K}"
        points = np.random.default_rng(0).normal(size=(count, 384)).astype(np.float32)
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        if importlib.util.find_spec("faiss") is None:
            seconds, _ = side_by_side(lambda x=points: nearest(x, K), lambda: None, repetitions)  # type: ignore[misc]
            rows.append(Row(what, "faiss.knn (not installed)", seconds))
            continue
        import faiss

        def ours(x: NDArray[np.float32] = points) -> NDArray[np.intp]:
            return nearest(x, K)

        def rival(x: NDArray[np.float32] = points) -> NDArray[np.int64]:
            found: NDArray[np.int64] = faiss.knn(x, x, K)[1]
            return found

        at = np.repeat(np.arange(count), K)
        mine = exact_distances(points, points, at, ours().ravel()).reshape(-1, K)
        theirs = exact_distances(points, points, at, rival().ravel().astype(np.intp))
        theirs = np.sort(theirs.reshape(-1, K))  # near ties may stand in another order
        assert (mine <= theirs + 1e-12).all(), "a nearer neighbor was missed"
        np.testing.assert_allclose(mine, theirs, atol=1e-5)  # faiss rounds to float32
        rows.append(Row(what, "faiss.knn", *side_by_side(ours, rival, repetitions)))
    return rows


def approximate_against_exact() -> list[Row]:
    """The index at N=30,000, d=96, k=20, in 300 clusters, with a requested recall of 0.95."""
    what = f"Neighbors, approximate, N=30,000 d=96 k={K}"
    if importlib.util.find_spec("faiss") is None:
        return [Row(f"{what}: faiss is not installed", "", float("nan"))]
    generator = np.random.default_rng(0)
    centers = generator.normal(size=(300, 96))
    points = centers[generator.integers(0, 300, 30_000)] + generator.normal(size=(30_000, 96))
    points = points.astype(np.float32)
    neighbors, recall = approximate_nearest(points, K)
    sample = np.arange(0, len(points), 100)
    exact = nearest(points, K, points[sample])
    found = (neighbors[sample][:, :, None] == exact[:, None, :]).any(axis=2).mean()
    assert abs(found - recall) < 0.02, "the recall that is reported is not that of the neighbors"
    times = side_by_side(lambda: approximate_nearest(points, K), lambda: nearest(points, K), 1)
    return [Row(f"{what}, recall {recall:.3f}, with building the index", "exact", *times)]
