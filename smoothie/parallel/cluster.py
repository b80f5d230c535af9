"""A function over many items, on the machines of a Ray cluster."""

import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from smoothie.errors import SmoothieError
from smoothie.optional import install_line, is_installed

Item = TypeVar("Item")
Value = TypeVar("Value")

AHEAD = 4  # chunks in flight for each that can run at a time, which bounds the memory
ANSWER_SECONDS = 10  # timeout for a cluster to answer
RETRIES = 10  # times that a chunk may be lost with its machine


@dataclass(frozen=True)
class RayCluster:
    """Machines that work on chunks as Ray tasks.

    Attributes
    ----------
    address : str or None
        "auto" for the cluster that this machine belongs to, or HOST:PORT of another; None starts
        one of this machine alone. If this process is connected to a cluster already, that one is
        used.
    cpus : int
        Cores that a chunk takes.
    gpus : float
        GPUs that a chunk takes; two tasks share one with 0.5.
    """

    address: str | None = None
    cpus: int = 1
    gpus: float = 0.0

    def __post_init__(self) -> None:
        """Check the settings, and that Ray is installed, before anything is computed."""
        if self.cpus < 1:
            raise SmoothieError(f"cpus={self.cpus}: expected at least 1")
        if self.gpus < 0:
            raise SmoothieError(f"gpus={self.gpus}: expected at least 0")
        if not is_installed("ray"):
            raise SmoothieError(f"a Ray cluster needs Ray: {install_line('ray')}")

    def in_chunks(
        self, function: Callable[[Sequence[Item]], Value], items: Sequence[Item], size: int
    ) -> Iterator[Value]:
        """Apply a function to chunks of items, the last of which may have fewer; see `map`."""
        return self.map(function, (items[at : at + size] for at in range(0, len(items), size)))

    def map(
        self, function: Callable[[Sequence[Item]], Value], chunks: Iterable[Sequence[Item]]
    ) -> Iterator[Value]:
        """Apply a function to chunks of items.

        Parameters
        ----------
        function : callable
            Of a list of items; what it needs must be importable on every machine.
        chunks : iterable of sequence
            Read a few ahead of those that are finished.

        Yields
        ------
        value
            Of each chunk, in order. If the consumer stops, those in flight are still computed
            unless the process ends, too.

        Raises
        ------
        SmoothieError
            If no cluster answers, or a chunk was lost too often.

        Notes
        -----
        Tasks rather than actors: a lost machine's chunks go to whichever is left, while an actor
        waits for room to start again. A few chunks for each free slot are in flight at a time.
        None is canceled: Ray (2.60) ends the whole process, without a warning, if it cancels a task
        that has just finished.
        """
        ray = self._connected()
        task = ray.remote(num_cpus=self.cpus, num_gpus=self.gpus, max_retries=RETRIES)(apply)
        in_flight: deque[Any] = deque()
        for chunk in chunks:
            while len(in_flight) >= AHEAD * self._places(ray):
                yield next_result(ray, in_flight)
            in_flight.append(task.remote(function, chunk))
        while in_flight:
            yield next_result(ray, in_flight)

    def _connected(self) -> Any:
        """The module ray, connected to the cluster."""
        import ray

        if not ray.is_initialized():
            where = self.address or "local"
            own = {"include_dashboard": False} if where == "local" else {}
            if where not in ("local", "auto"):
                require_listener(where)
            try:
                ray.init(where, log_to_driver=False, logging_level="WARNING", **own)
            except (ConnectionError, OSError, RuntimeError, ValueError) as error:
                reason = str(error).strip().split("\n")[0]
                raise SmoothieError(
                    f"no Ray cluster answers at {self.address} ({reason})"
                ) from error
        return ray

    def _places(self, ray: Any) -> int:
        """Chunks that the cluster, as it is now, can work on at a time."""
        there = ray.cluster_resources()
        places = there.get("CPU", 0) / self.cpus
        if self.gpus:
            places = min(places, there.get("GPU", 0) / self.gpus)
        return max(1, int(places))


def require_listener(address: str) -> None:
    """Refuse an address at which nobody listens, for which Ray itself waits over a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        raise SmoothieError(
            f"no address of a Ray cluster: {address}; expected auto or HOST:PORT, as in first:6379"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise SmoothieError(f"no Ray cluster answers at {address} ({error})") from error


def apply(function: Callable[[Sequence[Item]], Value], items: Sequence[Item]) -> Value:
    """One task."""
    return function(items)


def next_result(ray: Any, in_flight: deque[Any]) -> Any:
    """Wait for the first chunk in flight and return its value."""
    try:
        value = ray.get(in_flight[0])
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None  # what the function raised, as if it had run here
    except ray.exceptions.RayError as error:
        raise SmoothieError(
            f"Ray: a chunk was lost more than {RETRIES} times ({type(error).__name__}); "
            f"the chunks before it are cached"
        ) from error
    in_flight.popleft()
    return value
