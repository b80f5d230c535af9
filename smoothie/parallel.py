"""A function over many items, in several processes where there is enough to do."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")


def in_chunks(
    function: Callable[[Sequence[Item]], Value],
    items: Sequence[Item],
    size: int,
    workers: int = 1,
) -> Iterator[Value]:
    """Apply a function to chunks of items.

    Parameters
    ----------
    function : callable
        Of a list of items. With several workers, it must be importable.
    items : sequence
    size : int
        Items of a chunk; the last may have fewer.
    workers : int
        Processes. They start from a fresh one, not as a copy of this one with its threads: so a
        script that asks for more than one keeps its own work under ``if __name__ == "__main__"``.

    Yields
    ------
    value
        Of each chunk, in order. Where the consumer stops or is interrupted, chunks that have not
        begun are dropped.
    """
    chunks = [items[start : start + size] for start in range(0, len(items), size)]
    if workers <= 1 or len(chunks) <= 1:
        yield from map(function, chunks)
        return
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    pool = ProcessPoolExecutor(min(workers, len(chunks)), context, ignore_interrupts)
    try:
        yield from pool.map(function, chunks)
    finally:
        pool.shutdown(cancel_futures=True)


def ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that started this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
