"""A static encoder: the vector of a text is the mean of the vectors of its tokens."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.clock import Clock
from smoothie.encoders.base import EncoderId, register_encoder
from smoothie.encoders.text import TextEncoder
from smoothie.errors import SmoothieError
from smoothie.models.files import check_files, weights_at
from smoothie.optional import require
from smoothie.pretrained import existing_folder, folder_checksum
from smoothie.storage.files import read_json

log = logging.getLogger(__name__)

BLOCK_TEXTS = 512  # texts that are split into tokens at a time, on all cores
BLOCK_TOKENS = 4096  # looked up at a time: their vectors fit into a cache
MODEL_TYPE = "model2vec"  # of config.json


@dataclass(frozen=True, eq=False)
class TokenVectors:
    """A loaded static model.

    Attributes
    ----------
    tokenizer : tokenizers.Tokenizer
    table : ndarray of shape (tokens, d), float32
        The vector of each token, times its weight.
    unknown : int or None
        A token that is left out.
    normalize : bool
        Whether vectors of texts get length one.
    """

    tokenizer: Any
    table: NDArray[np.float32]
    unknown: int | None
    normalize: bool

    def mean(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The mean vector of each text's tokens, (M, d); of no token, zeros."""
        found = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        ids = [[i for i in one.ids if i != self.unknown] for one in found]
        counts = np.array([len(one) for one in ids], dtype=np.intp)
        ends = np.cumsum(counts)
        tokens = np.fromiter(chain.from_iterable(ids), dtype=np.intp, count=counts.sum())
        vectors = np.zeros((len(texts), self.table.shape[1]), dtype=np.float32)
        block = np.flatnonzero(counts)
        while block.size:
            first = ends[block[0]] - counts[block[0]]
            stop = max(1, int(np.searchsorted(ends[block], first + BLOCK_TOKENS, "right")))
            part, block = block[:stop], block[stop:]
            rows = self.table[tokens[first : ends[part[-1]]]]
            vectors[part] = np.add.reduceat(rows, ends[part] - counts[part] - first, axis=0)
            vectors[part] /= counts[part, None].astype(np.float32)
        if self.normalize:
            vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-32
        return vectors


@register_encoder("static")
@dataclass
class StaticEncoder(TextEncoder):
    """Token vectors looked up and averaged, as model2vec does; no PyTorch.

    Attributes
    ----------
    model : str
        A local folder in the format of model2vec: model.safetensors, tokenizer.json, config.json.
        `python -m experiments.distill` makes one from a sentence-transformers model.
    full_text : bool
        Embed "input generation" instead of the generation alone.

    Notes
    -----
    Texts are read whole, whatever their length. The order of words is lost. Vectors are not cached:
    looking for them would take as long as computing them. They equal those of model2vec's
    `StaticModel.encode(texts, max_length=None)` up to rounding.

    References
    ----------
    S. Tulkens and T. van Dongen, Model2Vec: Fast State-of-the-Art Static Embeddings, 2024.

    Examples
    --------
    >>> from smoothie.encoders import StaticEncoder
    >>> encoder = StaticEncoder("~/.cache/smoothie/static/all-MiniLM-L6-v2")
    >>> encoder.encode(["a red fox", "a dog"]).shape  # doctest: +SKIP
    (2, 256)
    """

    model: str
    full_text: bool = False
    _loaded: TokenVectors | None = field(default=None, init=False, repr=False)
    _identity: str = field(default="", init=False, repr=False)

    @property
    def folder(self) -> Path:
        """The folder of the model.

        Raises
        ------
        SmoothieError
            If there is none.
        """
        found = existing_folder(self.model)
        if found is None:
            raise SmoothieError(
                f"model={self.model}: no such folder; python -m experiments.distill makes it, in "
                f"half a minute"
            )
        return found

    @property
    def identity(self) -> str:
        """SHA-256 over the files of the model."""
        if not self._identity:
            self._identity = folder_checksum(self.folder)
        return self._identity

    @property
    def signature(self) -> str:
        """Model, and checksum of its files."""
        text = " [input, generation]" if self.full_text else ""
        return f"{self.folder.absolute().name}@{self.identity[:12]} static{text}"

    @property
    def encoder_id(self) -> EncoderId:
        """Model and checksum."""
        return EncoderId(self.folder.absolute().name, self.identity, "static")

    def ready(self) -> TokenVectors:
        """The model, loaded at the first call.

        Raises
        ------
        SmoothieError
            If it is not complete.
        """
        if self._loaded is None:
            self._loaded = load_static(self.folder)
        return self._loaded

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed texts: (M, d); equal texts have equal vectors, to the last bit."""
        distinct = list(dict.fromkeys(texts))
        model, size = self.ready(), BLOCK_TEXTS
        parts = [model.mean(distinct[i : i + size]) for i in range(0, len(distinct), size)]
        empty = np.zeros((0, model.table.shape[1]), dtype=np.float32)
        vectors = np.concatenate([empty, *parts])
        if len(distinct) < len(texts):
            places = dict(zip(distinct, range(len(distinct)), strict=True))
            vectors = vectors[[places[text] for text in texts]]
        return vectors

    def seconds_for(self, texts: Sequence[str]) -> float:
        """How long the model takes for some texts, once it is loaded."""
        self.encode(texts[:1])
        clock = Clock()
        with clock.step("encode"):
            self.encode(texts)
        return clock.seconds["encode"]


def load_static(folder: Path) -> TokenVectors:
    """Load a static model, complete, from safetensors and JSON alone.

    Raises
    ------
    SmoothieError
        If a file is missing or broken, a value is not finite, or the tokenizer has tokens without
        vectors.
    """
    require("safetensors", "encoder=static")
    require("tokenizers", "encoder=static")
    from tokenizers import Tokenizer

    check_files(folder)
    config, path = read_json(folder / "config.json"), folder / "tokenizer.json"
    if not isinstance(config, dict) or config.get("model_type") != MODEL_TYPE:
        raise SmoothieError(
            f"{folder / 'config.json'}: expected model_type {MODEL_TYPE}, a static model; "
            f"python -m experiments.distill makes one"
        )
    if not path.is_file():
        raise SmoothieError(f"{path}: no such file; it says what the tokens are")
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises no narrower type
        raise SmoothieError(f"{path}: not a tokenizer ({str(error).strip()})") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    table = read_table(folder)
    tokens = max(tokenizer.get_vocab().values(), default=-1) + 1
    if tokens != len(table):
        raise SmoothieError(f"{path}: {tokens} tokens, but {weights_at(folder)} has {len(table)}")
    unknown = getattr(tokenizer.model, "unk_token", None)
    left_out = tokenizer.token_to_id(unknown) if isinstance(unknown, str) else None
    return TokenVectors(tokenizer, table, left_out, config.get("normalize") is True)


def read_table(folder: Path) -> NDArray[np.float32]:
    """The vector of each token, times its weight, with clusters of tokens spread out."""
    from safetensors.numpy import load_file

    path = weights_at(folder)
    tensors = load_file(path)
    if "embeddings" not in tensors:
        raise SmoothieError(f"{path}: no embeddings; there are {', '.join(sorted(tensors))}")
    vectors = tensors["embeddings"]
    if vectors.ndim != 2 or not vectors.size or vectors.dtype.kind not in "fi":
        raise SmoothieError(f"{path}: embeddings have shape {vectors.shape}, {vectors.dtype}")
    table = vectors.astype(np.float32)
    if "mapping" in tensors:
        rows, count = tensors["mapping"], len(table)
        if rows.ndim != 1 or rows.dtype.kind != "i" or not np.isin(rows, np.arange(count)).all():
            raise SmoothieError(f"{path}: mapping is not one of tokens to the {count} vectors")
        table = table[rows]
    if "weights" in tensors:
        weights = tensors["weights"]
        if weights.shape != (len(table),) or weights.dtype.kind != "f":
            raise SmoothieError(f"{path}: weights have shape {weights.shape}, not {(len(table),)}")
        table *= weights[:, None].astype(np.float32)
    if not np.isfinite(table).all():
        raise SmoothieError(f"{path}: a vector holds a value that is not finite")
    return table
