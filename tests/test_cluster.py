"""A local Ray cluster of two machines, one of which is lost midway, against a single process."""

import os
import signal
import socket
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from experiments.benchmarks.cluster import local_cluster
from experiments.pipeline import run
from smoothie import SmoothieError
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.loaders.local import read_folder
from smoothie.metrics.scoring import reference_scores
from smoothie.parallel.cluster import RayCluster, require_listener
from smoothie.storage.cache import VectorCache
from tests.conftest import OF_PROCESSES, make_set

pytestmark = pytest.mark.skipif(
    find_spec("ray") is None, reason="ray is not installed: pip install -e .[ray]"
)


@pytest.fixture(scope="module")
def machines():
    """A cluster whose processes are not measured: a dozen of Ray's, which end without saving it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(OF_PROCESSES, raising=False)
        with local_cluster() as running:
            yield running


class Losing(VectorCache):
    """A cache that loses a machine of the cluster when the first values are stored."""

    def __init__(self, machines, folder=None, dtype="<f4"):
        super().__init__(folder, dtype)
        machines.at_least(2)
        self.machines = machines

    def store(self, keys, vectors):
        super().store(keys, vectors)
        if len(self.machines.workers) == 2:
            self.machines.lose()


class Deadly:
    """Sums of items; the second machine to be given some is killed in the middle of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, items):
        import ray

        place = ray.get_runtime_context().get_node_id()
        mark, first = self.folder / place, self.folder / "first"
        if not mark.exists():
            mark.write_text(place)
        try:
            first.hardlink_to(mark)  # with its content at once, which the other machine may read
        except FileExistsError:
            if first.read_text() != place:
                os.kill(os.getppid(), signal.SIGKILL)  # the raylet: what makes it a machine of Ray
                os.kill(os.getpid(), signal.SIGKILL)
        return place, sum(items)


def test_a_machine_lost_in_the_middle_of_a_chunk(machines, tmp_path):
    machines.at_least(2)
    parts = list(RayCluster().in_chunks(Deadly(tmp_path), range(60), 3))
    assert [value for _, value in parts] == [sum(range(i, i + 3)) for i in range(0, 60, 3)]
    assert len({place for place, _ in parts}) == 1
    assert len(list(tmp_path.iterdir())) == 3  # both have worked: two machines and the first's name


def test_vectors_are_those_of_one_process(machines, tiny_encoder, tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr("smoothie.storage.work.FLUSH_RECORDS", 8)
    texts = [letter * length for length in range(1, 30) for letter in "abcd"]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    expected = SentenceEncoder(str(tiny_encoder), progress=False, device="cpu").encode(texts)
    torch.set_num_threads(threads)
    far = SentenceEncoder(str(tiny_encoder), progress=False, device="cpu", cluster=RayCluster())
    far._stores["float32"] = Losing(machines, tmp_path)
    vectors = far.encode(texts)
    assert len(machines.workers) == 1
    assert far.encoded == len(texts)
    assert far._loaded is None  # no model in this process
    np.testing.assert_array_equal(vectors, expected)
    again = SentenceEncoder(str(tiny_encoder), progress=False)
    again._stores["float32"] = VectorCache(tmp_path)
    np.testing.assert_array_equal(again.encode(texts), expected)  # all were stored
    assert again.encoded == 0


def test_a_run_over_ray(machines, compose, local_set, tiny_encoder):
    machines.at_least(1)
    settings = ["dataset=local", f"dataset.path={local_set}", "encoder=minilm"]
    settings += [f"encoder.model={tiny_encoder}", "encoder.progress=false", "encoder.device=cpu"]
    far = run(compose(*settings, "engine=ray", "paths.cache=null", "evaluation.draws=50"))
    near = run(compose(*settings, "paths.cache=null", "evaluation.draws=50"))
    assert far.table.equals(near.table)


def test_scores_are_those_of_one_process(machines, tmp_path, monkeypatch):
    monkeypatch.setattr("smoothie.metrics.scoring.WORTH_A_PROCESS", 1)
    monkeypatch.setattr("smoothie.metrics.scoring.CHUNK", 3)
    problem = read_folder(make_set(tmp_path / "set", inputs=40), None, "error")
    metrics = {"shades": "rouge2", "colours": "chrf"}
    expected = reference_scores(problem, metrics).values
    cache = Losing(machines, dtype="<f8")
    values = reference_scores(problem, metrics, cache, cluster=RayCluster()).values
    assert len(machines.workers) == 1
    np.testing.assert_array_equal(values, expected)


def fail(items):
    raise SmoothieError(f"no {items[0]}")


def test_an_error_of_a_chunk_arrives_as_it_is(machines):
    machines.at_least(1)
    with pytest.raises(SmoothieError, match=r"^no 0$"):
        list(RayCluster().in_chunks(fail, range(8), 2))


def test_other_weights_elsewhere_are_refused(machines, tiny_encoder):
    machines.at_least(1)
    encoder = SentenceEncoder(str(tiny_encoder), progress=False, cluster=RayCluster())
    encoder._identity = "0" * 64
    with pytest.raises(
        SmoothieError, match="the files on a machine of the cluster differ from those here"
    ):
        encoder.encode(["x"])


def test_an_address_without_a_cluster_is_refused_at_once():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        require_listener(f"127.0.0.1:{port}")
        require_listener(f"ray://127.0.0.1:{port}")
    for address in (f"127.0.0.1:{port}", f"ray://127.0.0.1:{port}", "127.0.0.1:99999"):
        with pytest.raises(SmoothieError, match="no Ray cluster answers"):
            require_listener(address)
    for address in ("first", "first:", ":6379", "first:port"):
        with pytest.raises(SmoothieError, match="expected auto or HOST:PORT"):
            require_listener(address)
