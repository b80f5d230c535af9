"""Which inputs to label, to know whether a method is better than random choice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from smoothie.evidence import Evidence, Need

COUNT = 20  # labels that tell in about seven of eight runs (docs/research.md)


def inputs_to_label(evidence: Evidence, ids: Sequence[str], count: int = COUNT) -> tuple[str, ...]:
    """Ids of a random sample of the inputs on which the answers differ.

    Parameters
    ----------
    evidence : Evidence
        Texts, distances or both.
    ids : sequence of str, length N
    count : int
        How many; fewer where there are not so many.

    Returns
    -------
    tuple of str
        In the order of the inputs. The sample is that of the smallest SHA-256 of the ids: the same
        for any order of the inputs.

    Notes
    -----
    Where all answers are equal, labels tell nothing. Otherwise the sample is random, so that the
    mean over it is an unbiased estimate of the mean over the inputs on which answers differ.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Votes
    >>> texts = np.array([["4", "4"], ["5", "6"], ["7", "8"]], dtype=object)
    >>> inputs_to_label(Evidence(Votes(np.zeros((3, 2, 2)), texts=texts)), ["q1", "q2", "q3"])
    ('q2', 'q3')
    """
    if evidence.has(Need.TEXTS):
        differ = [len(set(row)) > 1 for row in evidence.texts.tolist()]
    else:
        differ = [bool((square > 0).any()) for square in evidence.distances]
    some = [i for i in range(len(ids)) if differ[i]]
    first = sorted(some, key=lambda i: hashlib.sha256(ids[i].encode()).digest())[:count]
    return tuple(ids[i] for i in sorted(first))
