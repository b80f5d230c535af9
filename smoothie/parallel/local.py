"""A function over many items, in several processes or threads where there is enough to do."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any, TypeVar

Item = TypeVar("Item")
Value = TypeVar("Value")

IN_THREADS = Lock()  # held while the threads of matrix products are limited


def in_chunks(
    function: Callable[[Sequence[Item]], Value],
    items: Sequence[Item],
    size: int,
    workers: int = 1,
) -> Iterator[Value]:
    """Apply a function to chunks of items, the last of which may have fewer; see `over_chunks`."""
    chunks = [items[start : start + size] for start in range(0, len(items), size)]
    return over_chunks(function, chunks, min(workers, len(chunks)))


def over_chunks(
    function: Callable[[Sequence[Item]], Value], chunks: Iterable[Sequence[Item]], workers: int = 1
) -> Iterator[Value]:
    """Apply a function to chunks of items.

    Parameters
    ----------
    function : callable
        Of a list of items. With several workers, it must be importable.
    chunks : iterable of sequence
        Read one by one; with several workers, all at the start.
    workers : int
        Processes. They start from a fresh interpreter, not as a fork of this one with its threads:
        so a script that uses more than one needs its own work under ``if __name__ == "__main__"``.

    Yields
    ------
    value
        Of each chunk, in order. Where the consumer stops or is interrupted, chunks that have not
        begun are dropped.
    """
    if workers <= 1:
        yield from map(function, chunks)
        return
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    pool = ProcessPoolExecutor(workers, context, begin_work)
    try:
        yield from pool.map(function, chunks)
    finally:
        pool.shutdown(cancel_futures=True)


def in_threads(function: Callable[[Item], Value], items: Sequence[Item], most: int) -> list[Value]:
    """Apply a function that multiplies matrices to each of some items, in at most `most` threads.

    The cores are divided among the threads. Otherwise each product would use all cores at once,
    which wait for each other, and for those that are busy with other work of a thread. While it
    runs, this limits the products of other threads, too; two calls run one after the other.
    """
    threads = min(cores(), most)
    with limit_blas_threads(cores() // threads), ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


@contextmanager
def limit_blas_threads(threads: int) -> Iterator[None]:
    """Limit the threads of each matrix product, in all threads of this process."""
    with IN_THREADS, matrix_libraries().limit(limits=threads, user_api="blas"):
        yield


def cores() -> int:
    """Cores that this process may use; a cluster's scheduler may lend it fewer than there are."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def matrix_libraries() -> Any:
    """The libraries of this process that multiply matrices; it takes milliseconds to find them."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def begin_work() -> None:
    """Leave Ctrl-C to the process that started this one, and end when that one is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait for the end of the process that started this one; no work would ever come again."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
