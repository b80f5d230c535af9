"""The inputs of a page: a fair sample where there are too many, packed so that few are unpacked."""

from __future__ import annotations

import base64
import gzip
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.evidence import Need
from smoothie.problem import Problem
from smoothie.routers.consensus import Consensus
from smoothie.run import Result

log = logging.getLogger(__name__)

MOST_INPUTS = 10_000  # that a page shows unless it is asked for more
MOST_CHARACTERS = 200_000_000  # of all their texts
BLOCK_INPUTS = 128  # unpacked together
BLOCK_CHARACTERS = 1 << 18  # from which on a block is not made larger
PREVIEW = 110  # characters of an input in the list
SEED = 0  # of the sample
HOW = "output.page_sample=N or smoothie report --sample N shows another number"

Rows = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Shown:
    """Which inputs a page shows.

    Attributes
    ----------
    rows : ndarray of shape (n,)
        Their positions in the problem, in the order of the source.
    note : str
        That it is a sample, of how many, and how to have another; nothing where all are shown.
    """

    rows: Rows
    note: str = ""


def shown_inputs(problem: Problem, sample: int | None = None) -> Shown:
    """All inputs in the order of the source, or a sample of them.

    Parameters
    ----------
    problem : Problem
    sample : int, optional
        So many inputs. By default all, as far as a page opens quickly with them: at most
        `MOST_INPUTS` with at most `MOST_CHARACTERS`. Each has the same chance; the seed is fixed.

    Raises
    ------
    SmoothieError
        If the sample has no input.
    """
    if sample is not None and sample < 1:
        raise SmoothieError(f"sample={sample}: expected at least 1")
    order, total = problem.source_order, len(problem.inputs)
    size = total if sample is None else min(sample, total)
    if sample is None:
        characters = sum(map(len, problem.texts.ravel().tolist()))
        characters += sum(map(len, problem.input_texts))
        fitting = total * MOST_CHARACTERS // max(characters, 1)
        size = max(1, min(total, MOST_INPUTS, fitting))
    if size == total:
        return Shown(order)
    picked = np.sort(np.random.default_rng(SEED).choice(total, size, replace=False))
    which = f"a random sample of {size:,} of the {total:,} inputs"
    if sample is None:
        log.warning("report.html shows %s, to open quickly: %s", which, HOW)
        return Shown(order[picked], f"This is {which}, so that the page opens quickly; {HOW}.")
    return Shown(order[picked], f"This is {which}, as asked for; {HOW}.")


def blocks_of(result: Result, shown: Shown) -> Iterator[tuple[str, str]]:
    """Ids and packed contents of what the browser of inputs reads.

    `index` has the ids, tasks and beginnings of the inputs; `choices`, `support`, `scores` and
    `distances` are arrays, where there are any; `texts0` and so on have the texts of some inputs
    each, whose ends are in the index.
    """
    problem, rows = result.problem, shown.rows
    texts = [
        [item.text, list(item.references), row]
        for item, row in zip(
            (problem.inputs[i] for i in rows), problem.texts[rows].tolist(), strict=True
        )
    ]
    ends = block_ends(texts)
    yield "index", packed_json(index_of(problem, rows, ends, result))
    for name, values in arrays_of(result, rows).items():
        yield name, packed(values.tobytes())
    for number, (start, end) in enumerate(zip([0, *ends], ends, strict=False)):
        yield f"texts{number}", packed_json(texts[start:end])


def index_of(problem: Problem, rows: Rows, ends: list[int], result: Result) -> dict[str, Any]:
    """What is known of all inputs as soon as the page is open."""
    tasks = {task: i for i, task in enumerate(dict.fromkeys(problem.tasks))}
    items = [problem.inputs[i] for i in rows]
    distances = result.evidence.has(Need.DISTANCES)
    return {
        "ids": [item.id for item in items],
        "tasks": [tasks[item.task] for item in items],
        "begins": [
            " ".join((item.text if item.text.strip() else text)[: 4 * PREVIEW].split())[:PREVIEW]
            for item, text in zip(items, problem.texts[rows, 0], strict=True)
        ],
        "ends": ends,
        "largest": float(result.evidence.distances.max()) if distances else None,
    }


def arrays_of(result: Result, rows: Rows) -> dict[str, NDArray[Any]]:
    """Choices (M, n), support and scores (n, K), and the distances of pairs (n, K (K - 1) / 2).

    Distances are whole numbers, 65,535 the largest of them; that is enough to show.
    """
    chosen = [routing.choices[0][rows] for routing in result.routings.values()]
    arrays: dict[str, NDArray[Any]] = {"choices": np.array(chosen, dtype="<u2")}
    support = support_of(result)
    if support is not None:
        arrays["support"] = support[rows].astype("<f4")
    scores = result.scores_of_inputs
    if scores is not None:
        arrays["scores"] = scores.values[rows].astype("<f4")
    if result.evidence.has(Need.DISTANCES):
        distances = result.evidence.distances
        pairs = distances[rows][:, *np.triu_indices(distances.shape[1], k=1)]
        scale = 65_535 / (float(distances.max()) or 1.0)
        arrays["distances"] = np.rint(pairs.clip(0) * scale).astype("<u2")
    return arrays


def support_of(result: Result) -> NDArray[np.float64] | None:
    """The share of each text in the support of its input, (N, K), as Consensus counts it."""
    for name, routing in result.routings.items():
        if type(result.routers.get(name)) is Consensus and routing.weights is not None:
            return routing.weights
    router = Consensus()
    try:
        return router.route(result.evidence.limited_to(router)).weights
    except SmoothieError:  # too few candidates, or neither texts nor distances
        return None


def block_ends(texts: list[list[Any]]) -> list[int]:
    """Where blocks end: after so many inputs, or so many characters."""
    ends, characters, inputs = [], 0, 0
    for place, (text, references, answers) in enumerate(texts, start=1):
        characters += len(text) + sum(map(len, references)) + sum(map(len, answers))
        inputs += 1
        if inputs == BLOCK_INPUTS or characters >= BLOCK_CHARACTERS or place == len(texts):
            ends.append(place)
            characters = inputs = 0
    return ends


def packed_json(value: Any) -> str:
    """JSON, packed."""
    try:
        return packed(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())
    except UnicodeEncodeError:  # a lone surrogate, which JSON can escape
        return packed(json.dumps(value, separators=(",", ":")).encode())


def packed(content: bytes) -> str:
    """Bytes as gzip in Base64; the same each time."""
    return base64.b64encode(gzip.compress(content, 1, mtime=0)).decode("ascii")
