"""Complete a cache: what is missing is computed once, by whichever process comes to it first.

The missing records are split into units, each computed as a whole. A process claims a unit, looks
whether another has stored it meanwhile, and computes it if not. Finished units are stored together
every few seconds, which bounds what a killed process loses. Units that others have claimed are
left for the end, when most of them are in the cache.

The last bits of a vector depend on the texts that it was computed with. As units are stored whole
or not at all, and split in the order of all that is missing, the units that are left are the same
ones after an interruption, and so are the bits.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import StoppedError
from smoothie.storage.cache import VectorCache
from smoothie.storage.claims import Claims

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0  # between two writes: with the units in work, what a killed process loses
FLUSH_RECORDS = 4096
PATIENCE = 60.0  # seconds to wait for another process, which may be suspended
PAUSE = 0.1  # seconds between two looks at what others have done

Unit = list[int]  # positions of keys
Split = Callable[[list[int]], Sequence[Unit]]
Compute = Callable[[Iterator[Unit]], Iterable[NDArray[Any]]]


def complete(
    cache: VectorCache,
    keys: Sequence[bytes],
    split: Split,
    compute: Compute,
    noun: str = "records",
    done: Callable[[Unit], object] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> NDArray[Any]:
    """The vectors of some keys; those that are missing are computed and stored.

    Parameters
    ----------
    cache : VectorCache
    keys : sequence of bytes, length M
        Different ones.
    split : callable
        Given the positions in `keys` of those that are missing, in order, lists the units to
        compute them in. It is called even if none is missing.
    compute : callable
        Given an iterator of units, yields the vectors of each, in the same order. It may be called
        several times, and may take units ahead of those that it has finished.
    noun : str
        What the keys stand for, in messages.
    done : callable, optional
        Called with each unit that has been computed, here or by another process.
    clock : callable, optional
        The time in seconds.

    Returns
    -------
    ndarray of shape (M, d)
        Of shape (0, 0) if there are no keys.

    Raises
    ------
    SmoothieError
        If the cache cannot be written: if possible, before anything is computed. A file that
        cannot be used only causes a warning.
    StoppedError
        If it was interrupted; what was computed is stored.
    """
    known, result = cache.load(keys)
    cache.requested += len(keys)
    units = split(np.flatnonzero(~known).tolist())
    if units:
        work = Work(cache, keys, result, clock, done)
        try:
            work.all(units, compute)
        except KeyboardInterrupt:
            if cache.folder is None:
                raise
            work.flush()
            counts = f"{int(known.sum()) + work.stored} of {len(keys)} {noun} are cached"
            raise StoppedError(f"stopped; {counts}; the same command goes on") from None
        finally:
            work.close()
        result = work.result
    cache.remove_damaged()
    return result


class Work:
    """Units of one cache that are being computed."""

    def __init__(
        self,
        cache: VectorCache,
        keys: Sequence[bytes],
        result: NDArray[Any],
        clock: Callable[[], float],
        done: Callable[[Unit], object] | None,
    ) -> None:
        self.cache, self.keys, self.result = cache, keys, result
        self.clock, self.done = clock, done
        self.stored = 0  # records, by this process or, while it was at work, by others
        self._handed_out: deque[Unit] = deque()  # being computed
        self._elsewhere: list[Unit] = []  # claimed by others
        self._pending: list[tuple[Unit, NDArray[Any]]] = []  # computed, and not yet stored
        self._since = clock()
        try:
            self._claims = Claims(cache.folder)
        except OSError as error:
            raise cache.cannot_be_written(error) from error

    def all(self, units: Sequence[Unit], compute: Compute) -> None:
        """Compute all units, or take them from the processes that do."""
        waiting = False
        while units:
            self._elsewhere = []
            for values in compute(self._own(units, waiting)):
                self._finish(self._handed_out.popleft(), values)
            self.flush()
            # Nothing is claimed here now, so that no two processes wait for each other.
            units, waiting = self._elsewhere, True

    def _own(self, units: Sequence[Unit], waiting: bool) -> Iterator[Unit]:
        """Units that this process is to compute; the first may be worth waiting for."""
        for number, unit in enumerate(units):
            mine = self._claims.take(self.keys[unit[0]])
            if not mine and waiting and not number:
                mine = self._wait(unit)
            if self._found(unit):
                self._claims.release(self.keys[unit[0]])
            elif mine:
                self._handed_out.append(unit)
                yield unit
            else:
                self._elsewhere.append(unit)

    def _wait(self, unit: Unit) -> bool:
        """Until a unit is stored or no longer claimed, or for as long as is reasonable."""
        log.info("%s: waiting for another process", self.cache.folder)
        for _ in range(int(PATIENCE / PAUSE)):
            if self.cache.holds(self._keys_of(unit)) or self._claims.take(self.keys[unit[0]]):
                break
            time.sleep(PAUSE)
        return True

    def _keys_of(self, unit: Unit) -> list[bytes]:
        return [self.keys[place] for place in unit]

    def _found(self, unit: Unit) -> bool:
        """Whether another process has stored a unit meanwhile, which is then taken from there."""
        if not self.cache.holds(self._keys_of(unit)):
            return False
        known, values = self.cache.load(self._keys_of(unit))
        if not known.all():
            return False
        self._place(unit, values)
        self.stored += len(unit)
        return True

    def _place(self, unit: Unit, values: NDArray[Any]) -> None:
        if not self.result.shape[1]:  # the first vectors determine the length
            self.result = np.empty((len(self.keys), values.shape[1]), dtype=self.cache.dtype)
        self.result[unit] = values
        if self.done is not None:
            self.done(unit)

    def _finish(self, unit: Unit, values: NDArray[Any]) -> None:
        """Take the vectors of a unit; store them, with others, when it is time."""
        self._pending.append((unit, values))
        self.cache.computed += len(unit)
        self._place(unit, values)
        late = self.clock() - self._since >= FLUSH_SECONDS
        if late or sum(len(part) for part, _ in self._pending) >= FLUSH_RECORDS:
            self.flush()

    def flush(self) -> None:
        """Store what is pending."""
        pending, self._pending = self._pending, []
        if pending:
            places = [place for unit, _ in pending for place in unit]
            try:
                self.cache.store(
                    self._keys_of(places), np.concatenate([part for _, part in pending])
                )
            except KeyboardInterrupt:
                self._pending = pending
                raise
            self.stored += len(places)
            for unit, _ in pending:
                self._claims.release(self.keys[unit[0]])
        self._since = self.clock()

    def close(self) -> None:
        """Store what is pending, also after an error elsewhere, and release all claims."""
        try:
            self.flush()
        finally:
            self._claims.close()
