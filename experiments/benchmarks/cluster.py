"""Encoding and scoring over a Ray cluster of two workers, one of which is lost midway.

    python -m experiments.benchmarks.cluster [FOLDER]

takes the texts of a set in the local layout (the demo's, if none is given), encodes them with
all-MiniLM-L6-v2 and scores them with ROUGE-2: in one process, on two workers, and on two of which
one is killed after the first chunk. Vectors and scores are asserted equal to the last bit. All
workers share this machine: what it shows is that nothing is lost, not that it gets faster.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.config import one_sentence_errors
from experiments.places import DEMO, encoders_folder
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.errors import SmoothieError
from smoothie.loaders.local import LocalFolder
from smoothie.metrics.scoring import Pair, score_pairs
from smoothie.parallel.cluster import RayCluster
from smoothie.parallel.local import in_chunks
from smoothie.report.tables import markdown

CHUNK = 64  # texts of a task: few, so that even a small set has several
MEMORY = 80 * 2**20  # bytes of a machine's object store, the least that Ray takes
QUICK = {  # how soon a machine that does not answer counts as lost; a busy one may be slow
    "health_check_initial_delay_ms": 0,
    "health_check_period_ms": 300,
    "health_check_failure_threshold": 3,
    "worker_niceness": 0,  # Ray's 15 leaves nothing to workers on a machine with other work
}


class Machines:
    """Workers of a local cluster, whose head does no work; each has one core."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        self.cluster = Cluster()
        head = {"num_cpus": 0, "include_dashboard": False, "_system_config": QUICK}
        self.cluster.add_node(object_store_memory=MEMORY, **head)
        self.workers: list[Any] = []

    def at_least(self, count: int) -> None:
        """Start workers until this many are alive."""
        # By their processes: the cluster itself notices a lost worker only after a while.
        self.workers = [node for node in self.workers if raylet_of(node).poll() is None]
        while len(self.workers) < count:
            self.workers.append(self.cluster.add_node(num_cpus=1, object_store_memory=MEMORY))

    def lose(self) -> None:
        """Kill a worker: the processes that compute chunks, then its raylet."""
        node = self.workers.pop()
        raylet = str(raylet_of(node).pid)
        # It may not have started any: pgrep then ends with status 1.
        children = subprocess.run(
            ["pgrep", "-P", raylet], capture_output=True, text=True, check=False
        )
        for process in children.stdout.split():
            os.kill(int(process), signal.SIGKILL)
        self.cluster.remove_node(node, allow_graceful=False)


def raylet_of(node: Any) -> "subprocess.Popen[bytes]":
    """The process that makes a worker a machine of the cluster."""
    process: subprocess.Popen[bytes] = node.all_processes["raylet"][0].process
    return process


@contextmanager
def local_cluster() -> Iterator[Machines]:
    """Start a cluster and connect to it."""
    try:
        import ray
    except ImportError as error:
        raise SmoothieError("this needs Ray: pip install 'smoothie-router[ray]'") from error
    machines = Machines()
    try:
        ray.init(machines.cluster.address, log_to_driver=False, logging_level="ERROR")
        yield machines
    finally:
        ray.shutdown()
        machines.cluster.shutdown()


def collected(parts: Iterator[NDArray[Any]], midway: Callable[[], None]) -> NDArray[Any]:
    """All parts, with a function called after the first."""
    found = [next(parts)]
    midway()
    return np.concatenate([*found, *parts])


def seconds_of(work: Callable[[], NDArray[Any]]) -> tuple[float, NDArray[Any]]:
    """Time of a call, and its value."""
    start = time.perf_counter()
    value = work()
    return time.perf_counter() - start, value


def rows_of(
    machines: Machines,
    what: str,
    function: Callable[[Sequence[Any]], NDArray[Any]],
    elsewhere: Callable[[Sequence[Any]], NDArray[Any]],
    items: Sequence[Any],
) -> list[list[str]]:
    """One process, two workers, two workers of which one is lost: a line of the table each."""
    alone, expected = seconds_of(lambda: np.concatenate(list(in_chunks(function, items, CHUNK))))
    rows = [[what, "one process", f"{alone:.1f}"]]
    for name, midway in (("two workers", int), ("two workers, one lost", machines.lose)):
        machines.at_least(2)
        parts = RayCluster().in_chunks(elsewhere, items, CHUNK)
        seconds, values = seconds_of(lambda parts=parts, midway=midway: collected(parts, midway))  # type: ignore[misc]
        np.testing.assert_array_equal(values, expected)  # to the last bit
        assert len(machines.workers) == 2 - (name != "two workers")
        rows.append([what, name, f"{seconds:.1f}"])
    return rows


def main() -> None:
    """Print a Markdown table of seconds."""
    import torch

    path = Path(sys.argv[1]) if len(sys.argv) > 1 else DEMO
    with one_sentence_errors(), local_cluster() as machines:
        torch.set_num_threads(1)  # as on a worker of one core
        problem = LocalFolder(path=str(path)).load()
        texts = sorted(dict.fromkeys(problem.texts.ravel()), key=len, reverse=True)
        pairs: list[Pair] = [
            ("rouge2", text, item.references)
            for item, row in zip(problem.inputs, problem.texts, strict=True)
            for text in row
            if item.references
        ]
        encoder = SentenceEncoder(
            "sentence-transformers/all-MiniLM-L6-v2",
            models=str(encoders_folder()),
            device="cpu",
            progress=False,
        )
        rows = rows_of(
            machines,
            f"encoding {len(texts):,} texts",
            partial(encoder._encode, number_type="float32"),
            encoder.remote("float32", threads=1),
            texts,
        )
        if pairs:
            what = f"scoring {len(pairs):,} texts"
            rows += rows_of(machines, what, score_pairs, score_pairs, pairs)
    sys.stdout.write(markdown(["What", "Where", "Seconds"], rows))
    sys.stdout.write(f"\nEqual to the last bit. All on one machine of {os.cpu_count()} cores.\n")


if __name__ == "__main__":
    main()
