"""Consensus, which reads texts, beside Smoothie-Local, which has distances alone."""

import numpy as np

from experiments.benchmarks.estimation import make
from experiments.benchmarks.places import DEMO
from experiments.benchmarks.timing import Row, side_by_side
from smoothie.estimator import squared_distances
from smoothie.loaders.local import LocalFolder
from smoothie.routers import Consensus, SmoothieLocal
from smoothie.routers.base import Votes


def consensus_and_local() -> list[Row]:
    """Both at N=5,000, K=10, d=384, distances included; the demo's texts over and over."""
    rows, candidates = 5000, 10
    generations, _ = make(rows, candidates, 384)
    texts = np.resize(LocalFolder(path=str(DEMO)).load().texts.ravel(), (rows, candidates))

    def consensus() -> object:
        return Consensus().route(Votes(squared_distances(generations), texts=texts))

    def local() -> object:
        return SmoothieLocal(k=1).fit(generations)

    length = np.mean([len(text) for text in texts.ravel()])
    what = f"Consensus, N=5,000 K=10 d=384, texts of {length:.0f} characters, with distances"
    rival = "Smoothie-Local k=1, with distances"
    return [Row(what, rival, *side_by_side(consensus, local, 9))]
