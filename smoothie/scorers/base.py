"""The scorer protocol, and the base class of scorers that run a model."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from smoothie.encoders.sentence import DTYPES
from smoothie.errors import SmoothieError
from smoothie.parallel.units import Bar, room_on, units_of
from smoothie.pretrained import PretrainedModel
from smoothie.problem import Problem
from smoothie.registry import Registry, wrong_dataclass
from smoothie.storage.cache import VectorCache, content_key
from smoothie.storage.work import complete

log = logging.getLogger(__name__)

LONGEST = 8192  # characters; what comes later is mostly truncated


class Scorer(Protocol):
    """(input, text) -> number: a reward model, unit tests, the verdicts of an LLM judge."""

    def score(self, problem: Problem) -> NDArray[np.float64]:
        """Judge every text of a problem.

        Returns
        -------
        ndarray of shape (N, K)
            Higher is better, in any unit; NaN where there is no verdict.
        """
        ...

    @property
    def signature(self) -> str:
        """How the numbers were computed, in one line."""
        ...

    @property
    def judged(self) -> int:
        """Items judged by a model so far, not counting cached ones."""
        ...


def wrong_scorer(thing: Any) -> str | None:
    """Why an object cannot be used as a scorer; None if it can."""
    if not isinstance(thing, type):
        return "expected a class with a method score(problem)"
    wrong = wrong_dataclass(thing)
    if wrong is not None:
        return wrong
    known = {entry.name for entry in fields(thing)}
    lacking = [
        part for part in ("score", "signature") if not (part in known or hasattr(thing, part))
    ]
    return f"it has no {lacking[0]}" if lacking else None


SCORERS: Registry[type[Scorer]] = Registry(
    "scorer", "smoothie.scorers", wrong_scorer, "smoothie.scorers"
)
register_scorer = SCORERS.register


@dataclass
class ModelScorer(PretrainedModel):
    """A scorer that runs a transformers model.

    Attributes
    ----------
    model : str
        Hub id, or a local folder with config.json, model.safetensors and a tokenizer.
    revision : str or None
        Commit of the Hub repository. None resolves the latest once and pins it in the lock file.
    dtype : {"float32", "bfloat16", "float16"}
        Type of the weights.
    device : str or None
        Torch device; None uses a GPU if there is one.
    batch_size : int
        Items in a batch.
    progress : bool
        Show a progress bar.
    cache : str or None
        Folder of the cache; None disables it.
    lock : str or None
        Lock file for the revisions of Hub repositories.
    models : str or None
        A folder with copies of Hub models, each under the last part of its id; a model that is
        there is not fetched from the Hub.
    judged : int
        Items judged by the model so far, not counting cached ones.
    """

    dtype: str = "float32"
    batch_size: int = 8
    progress: bool = True
    cache: str | None = None
    judged: int = field(default=0, init=False)

    role: ClassVar[str] = "scorer"

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.dtype not in DTYPES:
            raise SmoothieError(f"dtype={self.dtype}: expected one of {', '.join(DTYPES)}")
        if self.batch_size < 1:
            raise SmoothieError(f"batch_size={self.batch_size}: expected at least 1")

    @property
    def settings(self) -> tuple[str, ...]:
        """Settings besides the weights that change the numbers."""
        return (self.dtype,)

    @property
    def signature(self) -> str:
        """Model, revision or checksum of the weights, and settings."""
        return " ".join([self.short_name, *self.settings])

    def numbers(self, items: Sequence[tuple[str, ...]]) -> NDArray[np.float64]:
        """One number for each item, a tuple of texts: from the cache, or from the model.

        Notes
        -----
        Each distinct item goes through the model once, in batches of similar length, and is cached
        every few seconds: an interrupted run resumes where it stopped, with the same batches.
        """
        distinct = list(dict.fromkeys(items))
        folder = None
        if self.cache is not None:
            key = content_key(type(self).__name__, self.identity, *self.settings).hex()
            folder = Path(self.cache).expanduser() / "scorers" / key
        keys = [content_key(*item) for item in distinct]
        lengths = [min(sum(map(len, item)), LONGEST) for item in distinct]
        cache = VectorCache(folder, "<f8")
        with Bar(lengths, self.progress) as bar:
            split = partial(self._split, distinct, lengths, bar)
            compute = partial(self._score_units, distinct)
            known = complete(cache, keys, split, compute, "items", bar.done)
        self.judged += cache.computed
        places = dict(zip(distinct, range(len(distinct)), strict=True))
        return np.array([known[places[item], 0] for item in items])

    def _split(
        self, items: list[tuple[str, ...]], lengths: list[int], bar: Bar, missing: list[int]
    ) -> list[list[int]]:
        """Batches of the items at some positions."""
        log.info("%s: %d items to score, of %d", Path(self.model).name, len(missing), len(items))
        bar.start(missing)
        if not missing:
            return []
        order = sorted(missing, key=lambda place: (-sum(map(len, items[place])), items[place]))
        return units_of(lengths, order, self.batch_size, room_on(self.torch_device))

    def _score_units(
        self, items: list[tuple[str, ...]], units: Iterator[list[int]]
    ) -> Iterator[NDArray[np.float64]]:
        """Numbers of the items of each batch."""
        import torch

        for unit in units:
            with torch.inference_mode():
                made = self._compute([items[place] for place in unit])
            values = np.array(made, dtype=np.float64)[:, None]
            if not np.isfinite(values).all():
                raise SmoothieError(
                    f"scorer {self.model}: a number is not finite in {self.dtype}; "
                    f"set dtype=float32"
                )
            yield values

    def _compute(self, items: list[tuple[str, ...]]) -> list[float]:
        """Send items through the model."""
        raise NotImplementedError
