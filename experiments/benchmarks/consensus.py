"""Consensus, which reads texts, against Smoothie-Local, which uses distances alone."""

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.estimation import make
from experiments.benchmarks.timing import Row, side_by_side
from experiments.places import DEMO
from smoothie.estimator import squared_distances
from smoothie.evidence import Evidence, Votes
from smoothie.loaders.local import LocalFolder
from smoothie.routers.consensus import Consensus
from smoothie.routers.smoothie_local import SmoothieLocal


def consensus_and_local() -> list[Row]:
    """Both at K=10, d=384, distances included, on the demo's texts repeated, also joined."""
    short = LocalFolder(path=str(DEMO)).load().texts.ravel()
    long = np.array([" ".join(np.roll(short, 9 * i)[:9]) for i in range(len(short))], dtype=object)
    return [row_of(5000, short), row_of(1000, long)]


def row_of(rows: int, texts: NDArray[np.object_], candidates: int = 10) -> Row:
    """A line of the table for a number of inputs, answered with some texts."""
    generations, _ = make(rows, candidates, 384)
    answers = np.resize(texts, (rows, candidates))

    def consensus() -> object:
        return Consensus().route(Evidence(Votes(squared_distances(generations), texts=answers)))

    def local() -> object:
        return SmoothieLocal(k=1).fit(generations)

    length = np.mean([len(text) for text in answers.ravel()])
    what = f"Consensus, N={rows:,} K={candidates} d=384, texts of {length:.0f} characters"
    return Row(
        f"{what}, with distances",
        "Smoothie-Local k=1, with distances",
        *side_by_side(consensus, local, 9),
    )
