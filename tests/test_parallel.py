import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.parallel.cluster import RayCluster
from smoothie.parallel.local import cores, in_chunks, in_threads
from tests.conftest import ROOT


def squares(items):
    return [item**2 for item in items]


def process(_):
    return os.getpid()


@pytest.mark.parametrize("workers", [1, 2])
def test_chunks_come_in_order(workers):
    parts = list(in_chunks(squares, range(11), 3, workers))
    assert [len(part) for part in parts] == [3, 3, 3, 2]
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(11) ** 2)
    assert list(in_chunks(squares, [], 3, workers)) == []


def test_several_workers_are_other_processes():
    assert os.getpid() not in list(in_chunks(process, range(4), 2, workers=2))
    assert set(in_chunks(process, range(4), 2, workers=1)) == {os.getpid()}


def fail_late(items):
    if 4 in items:
        raise ValueError("four")
    return items


def test_an_error_in_a_worker_arrives_after_the_chunks_before_it():
    parts = in_chunks(fail_late, range(8), 2, workers=2)
    assert list(next(parts)) == [0, 1]
    assert list(next(parts)) == [2, 3]
    with pytest.raises(ValueError, match="four"):
        next(parts)


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="ray is installed")
def test_a_cluster_without_ray_names_the_extra():
    with pytest.raises(SmoothieError, match=r"pip install 'smoothie-router\[ray\]'"):
        list(RayCluster().in_chunks(squares, range(4), 2))


def blas_threads():
    """Threads of NumPy's own library; others may have come since the first search for them."""
    from threadpoolctl import threadpool_info

    libraries = [one for one in threadpool_info() if one["user_api"] == "blas"]
    return [one["num_threads"] for one in libraries if "numpy" in one["filepath"]]


def test_threads_share_the_cores_while_they_multiply_and_give_them_back():
    before = blas_threads()
    assert len(before) == 1
    seen = in_threads(lambda item: (item, blas_threads()), range(7), most=cores())
    assert [item for item, _ in seen] == list(range(7))
    assert all(threads == [1] for _, threads in seen)
    assert in_threads(lambda _: blas_threads()[0], [0], most=1) == [cores()]
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda item: 1 // item, [1, 0], most=2)
    assert blas_threads() == before


ORPHANS = """
import os, sys, time
from smoothie.parallel.local import in_chunks
def slow(items):
    time.sleep(0.2)
    return os.getpid()
if __name__ == "__main__":
    for value in in_chunks(slow, range(1000), 1, workers=2):
        print(value, flush=True)
"""


@pytest.mark.slow
def test_workers_end_when_the_process_that_started_them_is_killed(tmp_path):
    (tmp_path / "orphans.py").write_text(ORPHANS)
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "orphans.py")],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert int(process.stdout.readline())
        process.kill()
        process.stdout.read()  # ends when the last process that holds the other end has ended
