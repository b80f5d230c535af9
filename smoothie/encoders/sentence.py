"""Encode texts with a sentence-transformers model, with a cache of their vectors."""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.clock import Clock
from smoothie.encoders.base import EncoderId, Vectors, register_encoder
from smoothie.encoders.fast import encode_by_tokens, encode_packed, fast_dtype, prompted, tokens_of
from smoothie.encoders.packed import PACKED_TYPES, PackedBert, packed
from smoothie.encoders.text import TextEncoder
from smoothie.errors import SmoothieError
from smoothie.models.checks import token_limit
from smoothie.models.loading import load_sentence_model
from smoothie.parallel.cluster import RayCluster
from smoothie.parallel.units import CHARACTERS, Bar, room_on, units_of
from smoothie.pretrained import PretrainedModel, existing_folder
from smoothie.problem import Problem
from smoothie.storage.cache import VectorCache, content_key
from smoothie.storage.work import complete

log = logging.getLogger(__name__)

FAST_TEXTS = 512  # of a unit in the fast profile, which forms its own batches
FAST_ROOM = 8  # how many times as many characters a unit may have in sixteen bits
LONGEST = 2048  # characters; what comes later is mostly truncated
DTYPES = ("float32", "bfloat16", "float16")
PROFILES = ("exact", "fast")


@register_encoder("sentence_transformers")
@dataclass
class SentenceEncoder(PretrainedModel, TextEncoder):
    """A sentence-transformers model.

    Attributes
    ----------
    model : str
        Hub id, or a local folder.
    revision : str or None
        Commit of the Hub repository. None resolves the latest once and pins it in the lock file.
    dtype : {"float32", "bfloat16", "float16"} or None
        Type of the weights while encoding; in the fast profile, of the products alone. None is
        float32, and in the fast profile the type that the device multiplies fastest (`fast_dtype`).
        Vectors are always float32.
    device : str or None
        Torch device; None uses a GPU if there is one.
    profile : {"exact", "fast"}
        "fast" forms batches by number of tokens, whatever `batch_size`, and multiplies in sixteen
        bits where the device has instructions for it; on a CPU, BERT and MPNet without padding
        (`packed`). In float32 the vectors are those of "exact" to 1e-6, in bfloat16 to a cosine of
        1e-4; inputs stay in float32 then (`input_type`).
    batch_size : int
        Texts in a batch.
    max_tokens : int or None
        Longer texts are truncated; None is the model's own limit.
    full_text : bool
        Embed "input generation" instead of the generation alone: the [x, g(x)] of the paper's
        section 4, which its released code leaves out. With inputs longer than the model's limit,
        no part of the generation is read.
    progress : bool
        Show a progress bar.
    cache : str or None
        Folder of the embedding cache; None disables it.
    lock : str or None
        Lock file for the revisions of Hub repositories.
    models : str or None
        A folder with copies of Hub models, each under the last part of its id; a model that is
        there is not fetched from the Hub.
    cluster : RayCluster or None
        Machines that encode instead of this process.

    Examples
    --------
    >>> from smoothie.encoders import SentenceEncoder
    >>> encoder = SentenceEncoder("sentence-transformers/all-MiniLM-L6-v2")
    >>> encoder.encode(["a red fox", "a dog"]).shape  # doctest: +SKIP
    (2, 384)
    """

    dtype: str | None = None
    profile: str = "exact"
    batch_size: int = 32
    max_tokens: int | None = None
    full_text: bool = False
    progress: bool = True
    cache: str | None = None
    cluster: RayCluster | None = None
    _stores: dict[str, VectorCache] = field(default_factory=dict, init=False, repr=False)
    _truncated: int = field(default=0, init=False, repr=False)
    _packed: dict[str, tuple[Any, PackedBert | None]] = field(
        default_factory=dict, init=False, repr=False
    )

    role: ClassVar[str] = "encoder"

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.dtype is not None and self.dtype not in DTYPES:
            raise SmoothieError(f"dtype={self.dtype}: expected one of {', '.join(DTYPES)}, or null")
        if self.profile not in PROFILES:
            raise SmoothieError(f"profile={self.profile}: expected one of {', '.join(PROFILES)}")
        if self.batch_size < 1:
            raise SmoothieError(f"batch_size={self.batch_size}: expected at least 1")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise SmoothieError(f"max_tokens={self.max_tokens}: expected at least 1")

    @property
    def signature(self) -> str:
        """Model, revision or checksum of the weights, profile and number type, and truncation."""
        text = " [input, generation]" if self.full_text else ""
        limit = self.max_tokens or "model"
        kind = self.number_type
        if self.profile == "fast":
            apart = "" if self.input_type == kind else f", of inputs in {self.input_type}"
            kind = f"fast (products in {kind}{apart})"
        return f"{self.short_name} {kind} max_tokens={limit}{text}"

    @property
    def encoder_id(self) -> EncoderId:
        """Model, checksum and settings of the vectors of inputs.

        Profiles with the same type of number for inputs are the same encoder: their vectors agree
        to 1e-6.
        """
        local = existing_folder(self.model)
        name = self.model if local is None else local.absolute().name
        settings = f"{self.input_type} max_tokens={self.max_tokens or 'model'}"
        return EncoderId(name, self.identity, settings)

    @property
    def encoded(self) -> int:
        """Texts encoded so far, not counting cached ones."""
        return sum(cache.computed for cache in self._stores.values())

    @property
    def number_type(self) -> str:
        """Type of the weights; in the fast profile, of the products."""
        if self.dtype is not None:
            return self.dtype
        return "float32" if self.profile == "exact" else fast_dtype(self.device)

    @property
    def input_type(self) -> str:
        """Type of the products for inputs: the fast profile does not round them to bfloat16.

        Rounded inputs change the nearest neighbors, and with k=20 that alone changes more choices
        of Smoothie-Local than rounded generations do; and there are far fewer inputs.
        """
        fast_and_coarse = self.profile == "fast" and self.number_type == "bfloat16"
        return "float32" if fast_and_coarse else self.number_type

    def encode_problem(self, problem: Problem, inputs: bool) -> tuple[Vectors, Vectors | None]:
        """Embed the texts of a problem and, if requested, its inputs; each distinct text once."""
        if not inputs or self.input_type == self.number_type:
            return super().encode_problem(problem, inputs)
        return super().encode_problem(problem, False)[0], self.encode_inputs(problem.input_texts)

    def encode_inputs(self, texts: list[str]) -> NDArray[np.float32]:
        """Embed inputs as `encode` does, in `input_type`."""
        return self.encode(texts, self.input_type)

    def encode(self, texts: Sequence[str], number_type: str | None = None) -> NDArray[np.float32]:
        """Embed texts.

        Parameters
        ----------
        texts : sequence of str, length M
        number_type : {"float32", "bfloat16", "float16"}, optional
            Of the products in the fast profile, by default the encoder's own.

        Returns
        -------
        ndarray of shape (M, d), float32
            Equal texts have equal vectors, to the last bit.

        Notes
        -----
        Distinct texts that are not cached are encoded a batch at a time, the longest first, and
        written to the cache every few seconds: an interrupted run resumes where it stopped, with
        the same batches. Processes that share the cache share the batches. With a cluster, a
        batch is one task. A warning says how many texts were truncated, except over a cluster.
        """
        distinct = list(dict.fromkeys(texts))
        number_type = number_type or self.number_type
        keys = [content_key(text) for text in distinct]
        lengths = [min(len(text), LONGEST) for text in distinct]
        self._truncated = 0
        with Bar(lengths, self.progress) as bar:
            split = partial(self._split, distinct, lengths, bar)
            compute = partial(self._encode_units, distinct, number_type)
            cache = self._cache(number_type)
            before = cache.computed
            vectors = complete(cache, keys, split, compute, "texts", bar.done)
        if self._truncated:
            name, encoded = Path(self.model).name, cache.computed - before
            limit, cut = self.ready().max_seq_length, self._truncated
            log.warning("%s: %d of %d texts truncated to %d tokens", name, cut, encoded, limit)
        if len(distinct) < len(texts):
            places = dict(zip(distinct, range(len(distinct)), strict=True))
            vectors = vectors[[places[text] for text in texts]]
        return vectors

    def _split(
        self, texts: list[str], lengths: list[int], bar: Bar, missing: list[int]
    ) -> list[list[int]]:
        """Units to encode the texts at some positions in: batches, in the exact profile."""
        known = len(texts) - len(missing)
        asked = f"{len(texts)} distinct texts, {known} cached, {len(missing)} to encode"
        log.info("%s: %s", Path(self.model).name, asked)
        bar.start(missing)
        if not missing:
            return []
        # By text where lengths are equal, so that the order of inputs does not matter.
        order = sorted(missing, key=lambda place: (-len(texts[place]), texts[place]))
        most = self.batch_size if self.profile == "exact" else FAST_TEXTS
        faster = 1 if self.number_type == "float32" else FAST_ROOM
        if self.cluster is None:
            room = room_on(self.torch_device)
        else:
            room = float("inf") if self.cluster.gpus else CHARACTERS * self.cluster.cpus
        return units_of(lengths, order, most, faster * room)

    def _encode_units(
        self, texts: list[str], number_type: str, units: Iterator[list[int]]
    ) -> Iterator[NDArray[np.float32]]:
        """Vectors of the texts of each unit, computed here or by the cluster."""
        parts = ([texts[place] for place in unit] for unit in units)
        if self.cluster is None:
            return map(partial(self._encode, number_type=number_type), parts)
        return self.cluster.map(self.remote(number_type, self.cluster.cpus), parts)

    def _cache(self, number_type: str | None = None) -> VectorCache:
        """The cache folder of exactly this encoder with these settings."""
        number_type = number_type or self.number_type
        if number_type not in self._stores:
            folder = None
            if self.cache is not None:
                hub_id = self.model if self.folder is None else ""
                settings = [number_type, str(self.max_tokens)]
                if self.profile == "fast":
                    padding = "without padding" if number_type in PACKED_TYPES else "by tokens"
                    settings.append(f"fast, batches {padding}")
                key = content_key(hub_id, self.identity, *settings).hex()
                name = re.sub(r"[^\w.-]+", "_", Path(self.model).name)
                folder = Path(self.cache).expanduser() / "embeddings" / f"{name}-{key}"
            self._stores[number_type] = VectorCache(folder)
        return self._stores[number_type]

    def remote(self, number_type: str, threads: int) -> "RemoteEncoder":
        """The encoder as it is sent to other processes, with this number of PyTorch threads."""
        settings = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.init}
        # A worker has no cache and no lock file; a local model is looked for at the same path.
        settings |= dict.fromkeys(("cache", "lock", "models", "cluster")) | {"progress": False}
        if self.folder is not None:
            settings["model"] = str(self.folder.resolve())
        return RemoteEncoder(tuple(settings.items()), self.identity, number_type, threads)

    def _encode(self, texts: Sequence[str], number_type: str) -> NDArray[np.float32]:
        """Send texts through the model, which is loaded at the first call."""
        model = self.ready()
        without_padding = self._without_padding(number_type) if self.profile == "fast" else None
        if without_padding is not None:
            tokens, truncated = tokens_of(model, texts)
            self._truncated += truncated
            return encode_packed(without_padding, tokens)
        self._truncated += count_truncated(model, texts)
        if self.profile == "fast":
            return encode_by_tokens(model, list(texts), number_type)
        vectors = model.encode(
            list(texts), batch_size=self.batch_size, show_progress_bar=False, convert_to_numpy=True
        )
        return np.asarray(vectors, dtype=np.float32)

    def _without_padding(self, number_type: str) -> PackedBert | None:
        """The model without padding, its weights laid out once; None where it is none of those."""
        model = self.ready()
        if number_type not in self._packed or self._packed[number_type][0] is not model:
            self._packed[number_type] = (model, packed(model, number_type))
        return self._packed[number_type][1]

    def seconds_for(self, texts: Sequence[str]) -> float:
        """How long the model takes for some texts, once it is loaded, cached or not."""
        self._encode(texts[:1], self.number_type)
        clock = Clock()
        with clock.step("encode"):
            self._encode(texts, self.number_type)
        return clock.seconds["encode"]

    def _load(self) -> Any:
        """Load the model."""
        import torch

        weights = self.number_type
        if self.profile == "fast":
            log.info("encoder.profile=fast: products in %s", self.number_type)
            weights = "float32"
        model = load_sentence_model(
            self.files(),
            device=self.device,
            model_kwargs={"dtype": getattr(torch, weights), "use_safetensors": True},
        )
        first = getattr(model[0], "auto_model", None)
        limit = self.max_tokens
        if first is not None:
            limit = token_limit(first, model.max_seq_length, self.max_tokens)
        if limit is not None:
            model.max_seq_length = limit
        return model


def count_truncated(model: Any, texts: Sequence[str]) -> int:
    """Number of texts with more tokens than a sentence-transformers model reads."""
    limit = model.max_seq_length
    if limit is None or not hasattr(model[0], "auto_model"):
        return 0
    texts = prompted(model, texts)
    room = limit - model.tokenizer.num_special_tokens_to_add()
    long = [text for text in texts if len(text.encode()) > room]  # a token has a byte or more
    if not long:
        return 0
    tokens = model.tokenizer(long, truncation=False, padding=False, verbose=False)["input_ids"]
    return sum(len(row) > limit for row in tokens)


@dataclass(frozen=True)
class RemoteEncoder:
    """A `SentenceEncoder` as it is sent to other processes, each of which loads the model once.

    Attributes
    ----------
    settings : tuple of (str, value)
        Of the encoder.
    identity : str
        Its revision or checksum, which the weights must match on every machine.
    number_type : str
        Type of the matrix products.
    threads : int
        PyTorch threads on a CPU; the last bits of vectors may depend on their number.
    """

    settings: tuple[tuple[str, Any], ...]
    identity: str
    number_type: str
    threads: int

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts."""
        return worker_encoder(self)._encode(texts, self.number_type)


@lru_cache(maxsize=1)
def worker_encoder(sent: RemoteEncoder) -> SentenceEncoder:
    """The encoder of this process."""
    import torch

    torch.set_num_threads(sent.threads)
    encoder = SentenceEncoder(**dict(sent.settings))
    if encoder.folder is None:
        encoder._identity = sent.identity  # a commit, at which the model is fetched
    elif encoder.identity != sent.identity:
        raise SmoothieError(
            f"model={encoder.model}: the files on a machine of the cluster differ from those here"
        )
    return encoder
