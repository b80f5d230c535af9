"""The inputs for which rounding changes what Smoothie-Local with k=1 chooses."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from smoothie.estimator import resolve_errors, triplet_errors
from smoothie.run import Result

HEADS = ["Set", "Products", "Input", "Chosen", "Instead", "Scores", "Characters", "Tokens"]
HEADS += ["Truncated", "Margin", "Moved by", "Rounding"]


def margins(
    exact: NDArray[np.float64], fast: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """How near the second candidate is, how far that moves, and what distances are rounded by.

    Parameters
    ----------
    exact, fast : ndarray of shape (N, K, K)
        Distances between the answers to each input, before rounding and after.

    Returns
    -------
    tuple of three ndarray of shape (N,)
        Estimated error of the second best candidate less that of the best; how far rounding moves
        this difference; the largest change of a distance. All relative to the mean distance, and
        so zero where all answers are the same.
    """
    rows, (_, candidates, _) = np.arange(len(exact)), exact.shape
    errors, moved = (resolve_errors(triplet_errors(each)) for each in (exact, fast))
    first, second = np.argsort(errors, axis=1, kind="stable")[:, :2].T
    margin = errors[rows, second] - errors[rows, first]
    shift = np.abs(moved[rows, second] - moved[rows, first] - margin)
    mean = exact.sum(axis=(1, 2)) / (candidates * (candidates - 1))
    size = np.where(mean > 0, mean, 1.0)
    return margin / size, shift / size, np.abs(fast - exact).max(axis=(1, 2)) / size


def changed(
    exact: Result,
    fast: Result,
    products: str,
    tokens: Callable[[list[str]], list[list[int]]],
    limit: int,
) -> Iterator[list[str]]:
    """A line for each input whose choice differs in two runs, and one with the median of the set.

    Parameters
    ----------
    exact, fast : Result
        Runs with k=1 on the same set.
    products : str
        Type of the products of the second.
    tokens : callable of list of str -> list of list of int
        The tokens of texts, none left out.
    limit : int
        How many tokens the encoder reads.
    """
    problem = exact.problem
    numbers = np.stack(margins(exact.votes.distances, fast.votes.distances), axis=1)
    before, after = (run.routings["smoothie_local"].choices[0] for run in (exact, fast))
    for i in np.flatnonzero(before != after):
        both = [before[i], after[i]]
        texts = problem.texts[i].tolist()
        scored = exact.scores_of_inputs
        scores: list[float] = [] if scored is None else scored.values[i, both].tolist()
        read = tokens(texts)
        first, second = (read[j][: limit - 1] for j in both)  # the last one closes
        yield [
            *(problem.name, products, problem.inputs[i].id, *(problem.candidates[j] for j in both)),
            " and ".join(f"{score:.2f}" for score in scores),
            " and ".join(str(len(texts[j])) for j in both),
            "the same" if first == second else "others",
            f"{sum(len(row) > limit for row in read)} of {len(texts)}",
            *(f"{100 * number:.2f}%" for number in numbers[i]),
        ]
    middle = [f"{100 * number:.2f}%" for number in np.median(numbers, axis=0)]
    yield [problem.name, products, "median of all", "", "", "", "", "", "", *middle]
