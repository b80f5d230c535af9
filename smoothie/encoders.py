"""Texts -> vectors: sentence-transformers models, or vectors that the user brings."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smoothie.cache import VectorCache, content_key
from smoothie.cluster import RayCluster
from smoothie.errors import SmoothieError
from smoothie.estimator import distances_as_read
from smoothie.files import drop_pages
from smoothie.models import folder_checksum, local_folder, model_identity
from smoothie.parallel import in_chunks
from smoothie.problem import Problem
from smoothie.stored_distances import StoredDistances

log = logging.getLogger(__name__)

Vectors = NDArray[np.floating[Any]]

FLUSH_TEXTS = 256  # texts encoded between two writes to the cache: what an interruption may cost
DTYPES = ("float32", "bfloat16", "float16")
PROFILES = ("exact", "fast")
BATCH_TOKENS = {"float32": 256, "sixteen bits": 1024, "cuda": 32768}  # of the fast profile


class Encoder(Protocol):
    """What the pipeline needs of an encoder."""

    def encode_problem(self, problem: Problem, inputs: bool) -> tuple[Vectors, Vectors | None]:
        """Embed a problem: generations (N, K, d) and, if asked for, inputs (N, e)."""
        ...

    @property
    def signature(self) -> str:
        """What made the vectors, in one line."""
        ...


@dataclass
class SentenceEncoder:
    """A sentence-transformers model.

    Attributes
    ----------
    model : str
        Hub id, or a local folder.
    revision : str or None
        Commit of the Hub repository. None resolves the newest once and keeps it in the lock file.
    dtype : {"float32", "bfloat16", "float16"} or None
        Type of the weights while encoding; in the fast profile, of the products alone. None is
        float32, and in the fast profile what the device multiplies well (`fast_dtype`). Vectors
        are always kept in float32.
    device : str or None
        Torch device; None takes a GPU where there is one.
    profile : {"exact", "fast"}
        "fast" forms batches by number of tokens, whatever `batch_size`, and multiplies in sixteen
        bits where the device has instructions for it. In float32 the vectors are those of "exact"
        to 1e-6, in bfloat16 to a cosine of 1e-4; inputs stay in float32 then (`input_type`).
    batch_size : int
        Texts at a time.
    max_tokens : int or None
        Longer texts are cut; None keeps the model's own limit.
    full_text : bool
        Embed "input generation" instead of the generation alone: the [x, g(x)] of the paper's
        section 4, which its released code leaves out. With inputs longer than the model's limit,
        nothing of the generation is read.
    progress : bool
        Show a progress bar.
    cache : str or None
        Folder of the embedding cache; None keeps nothing.
    lock : str or None
        Lock file for the revisions of Hub repositories.
    models : str or None
        A folder with copies of Hub models, each under the last part of its id; a model that is
        there is not fetched from the Hub.
    cluster : RayCluster or None
        Set after making the encoder: machines that encode in the place of this process.
    """

    model: str
    revision: str | None = None
    dtype: str | None = None
    device: str | None = None
    profile: str = "exact"
    batch_size: int = 32
    max_tokens: int | None = None
    full_text: bool = False
    progress: bool = True
    cache: str | None = None
    lock: str | None = None
    models: str | None = None
    cluster: RayCluster | None = field(default=None, init=False)
    _loaded: Any = field(default=None, init=False, repr=False)
    _stores: dict[str, VectorCache] = field(default_factory=dict, init=False, repr=False)
    _identity: str = field(default="", init=False, repr=False)

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
    def folder(self) -> Path | None:
        """The local folder of the model, or None where it comes from the Hub."""
        return local_folder(self.model, self.models)

    @property
    def signature(self) -> str:
        """Model, revision or checksum of the weights, profile and number type, and truncation."""
        name = self.model if self.folder is None else self.folder.name
        text = " [input, generation]" if self.full_text else ""
        limit = self.max_tokens or "model"
        kind = self.number_type
        if self.profile == "fast":
            apart = "" if self.input_type == kind else f", of inputs in {self.input_type}"
            kind = f"fast (products in {kind}{apart})"
        return f"{name}@{self.identity[:12]} {kind} max_tokens={limit}{text}"

    @property
    def encoded(self) -> int:
        """Texts encoded so far, whatever came from the cache not counted."""
        return sum(cache.made for cache in self._stores.values())

    @property
    def number_type(self) -> str:
        """Type of the weights; in the fast profile, of the products."""
        if self.dtype is not None:
            return self.dtype
        return "float32" if self.profile == "exact" else fast_dtype(self.device)

    @property
    def input_type(self) -> str:
        """Type of the products for inputs: the fast profile does not round them to bfloat16.

        Rounded inputs change who is among the nearest, and with k=20 that alone changes more
        choices of Smoothie-Local than rounded generations do; and inputs are few beside these.
        """
        fast_and_coarse = self.profile == "fast" and self.number_type == "bfloat16"
        return "float32" if fast_and_coarse else self.number_type

    @property
    def identity(self) -> str:
        """Revision of a Hub model, or SHA-256 over the files of a local one."""
        if not self._identity:
            self._identity = model_identity(
                "encoder.model", self.model, self.folder, self.revision, self.lock
            )
        return self._identity

    def encode_problem(self, problem: Problem, inputs: bool) -> tuple[Vectors, Vectors | None]:
        """Embed the texts of a problem and, if asked for, its inputs; each distinct text once."""
        generations = [text for row in problem.texts for text in row]
        if self.full_text:
            repeated = [text for text in problem.input_texts for _ in problem.candidates]
            generations = [f"{x} {text}" for x, text in zip(repeated, generations, strict=True)]
        together = inputs and self.input_type == self.number_type
        vectors = self.encode(generations + (problem.input_texts if together else []))
        shape = (*problem.texts.shape, vectors.shape[1])
        embedded = vectors[: len(generations)].reshape(shape)
        if inputs and not together:
            return embedded, self.encode_inputs(problem.input_texts)
        return embedded, vectors[len(generations) :] if inputs else None

    def encode_inputs(self, texts: Sequence[str]) -> NDArray[np.float32]:
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
        Distinct texts that are not in the cache go through the model, longest first, and are
        written to the cache every few hundred texts: an interrupted run goes on where it was.
        With a cluster, the same few hundred texts are one task, so that their vectors are the same.
        """
        distinct = list(dict.fromkeys(texts))
        number_type = number_type or self.number_type
        compute = partial(self._anew, distinct, number_type)
        keys = [content_key(text) for text in distinct]
        vectors: NDArray[np.float32] = self._cache(number_type).complete(keys, compute)
        if len(distinct) < len(texts):
            places = dict(zip(distinct, range(len(distinct)), strict=True))
            vectors = vectors[[places[text] for text in texts]]
        return vectors

    def _anew(
        self, texts: list[str], number_type: str, places: list[int]
    ) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Vectors of the texts at some places, in parts."""
        name = Path(self.model).name
        known = len(texts) - len(places)
        asked = f"{len(texts)} distinct texts, {known} from the cache, {len(places)} to encode"
        log.info("%s: %s", name, asked)
        if not places:
            return
        from tqdm import tqdm

        places = sorted(places, key=lambda place: len(texts[place]), reverse=True)
        with tqdm(total=len(places), unit="text", disable=not self.progress) as bar:
            done = 0
            for vectors in self._in_chunks([texts[place] for place in places], number_type):
                part = places[done : done + len(vectors)]
                yield part, vectors
                done += len(part)
                bar.update(len(part))

    def _cache(self, number_type: str | None = None) -> VectorCache:
        """The cache folder of exactly this encoder with these settings."""
        number_type = number_type or self.number_type
        if number_type not in self._stores:
            folder = None
            if self.cache is not None:
                hub_id = self.model if self.folder is None else ""
                settings = [number_type, str(self.max_tokens)]
                if self.profile == "fast":
                    settings.append("fast, batches by tokens")
                key = content_key(hub_id, self.identity, *settings).hex()
                name = re.sub(r"[^\w.-]+", "_", Path(self.model).name)
                folder = Path(self.cache).expanduser() / "embeddings" / f"{name}-{key}"
            self._stores[number_type] = VectorCache(folder)
        return self._stores[number_type]

    def _in_chunks(self, texts: list[str], number_type: str) -> Iterator[NDArray[np.float32]]:
        """Vectors of a few hundred texts after the other, made here or by the cluster."""
        if self.cluster is None:
            return in_chunks(partial(self._encode, number_type=number_type), texts, FLUSH_TEXTS)
        sent = self.elsewhere(number_type, self.cluster.cpus)
        return self.cluster.in_chunks(sent, texts, FLUSH_TEXTS)

    def elsewhere(self, number_type: str, threads: int) -> "EncoderElsewhere":
        """The encoder as it is sent to other processes, with so many threads of PyTorch."""
        settings = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.init}
        # A worker has no cache and no lock file; a local model is looked for at the same path.
        settings |= {"cache": None, "lock": None, "models": None, "progress": False}
        if self.folder is not None:
            settings["model"] = str(self.folder.resolve())
        return EncoderElsewhere(tuple(settings.items()), self.identity, number_type, threads)

    def _encode(self, texts: Sequence[str], number_type: str) -> NDArray[np.float32]:
        """Send texts through the model, which is loaded at the first call."""
        if self._loaded is None:
            self._loaded = self._load()
        if self.profile == "fast":
            return encode_by_tokens(self._loaded, list(texts), number_type)
        vectors = self._loaded.encode(
            list(texts), batch_size=self.batch_size, show_progress_bar=False, convert_to_numpy=True
        )
        return np.asarray(vectors, dtype=np.float32)

    def _load(self) -> Any:
        """Load the model."""
        import torch
        from sentence_transformers import SentenceTransformer

        local = self.folder is not None
        weights = self.number_type
        if self.profile == "fast":
            log.info("encoder.profile=fast: products in %s", self.number_type)
            weights = "float32"
        try:
            model = SentenceTransformer(
                str(self.folder) if local else self.model,
                revision=None if local else self.identity,
                device=self.device,
                model_kwargs={"dtype": getattr(torch, weights)},
                local_files_only=local,
            )
        except (OSError, ValueError, RuntimeError) as error:
            reason = str(error).strip().split("\n")[0]
            raise SmoothieError(
                f"encoder {self.model}: the model cannot be loaded ({reason})"
            ) from error
        if self.max_tokens is not None:
            model.max_seq_length = self.max_tokens
        return model


@dataclass(frozen=True)
class EncoderElsewhere:
    """A `SentenceEncoder` as it is sent to other processes, each of which loads the model once.

    Attributes
    ----------
    settings : tuple of (str, value)
        Of the encoder.
    identity : str
        Its revision or checksum: the weights must be those, wherever they lie.
    number_type : str
        In which products are taken.
    threads : int
        Of PyTorch, on a CPU; the last bits of vectors may depend on them.
    """

    settings: tuple[tuple[str, Any], ...]
    identity: str
    number_type: str
    threads: int

    def __call__(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode texts."""
        return encoder_here(self)._encode(texts, self.number_type)


@lru_cache(maxsize=1)
def encoder_here(sent: EncoderElsewhere) -> SentenceEncoder:
    """The encoder of this process."""
    import torch

    torch.set_num_threads(sent.threads)
    encoder = SentenceEncoder(**dict(sent.settings))
    if encoder.folder is None:
        encoder._identity = sent.identity  # a commit, at which the model is fetched
    elif encoder.identity != sent.identity:
        raise SmoothieError(
            f"encoder.model={encoder.model}: other files on a machine of the cluster than here"
        )
    return encoder


def fast_dtype(device: str | None = None) -> str:
    """The type with the fastest products of a device that leaves selections nearly as they are.

    Parameters
    ----------
    device : str, optional
        Torch device; None takes a GPU where there is one.

    Returns
    -------
    {"float16", "bfloat16", "float32"}
        float16 on CUDA, where it is as fast as bfloat16 and rounds eight times as finely; bfloat16
        on a CPU with AMX or AVX-512 BF16; else float32, because a CPU without such instructions
        takes several times as long for products in bfloat16.
    """
    import torch

    kind = (device or ("cuda" if torch.cuda.is_available() else "cpu")).split(":")[0]
    if kind == "cuda":
        return "float16"
    if kind == "cpu":
        # a torch that cannot tell gets float32: never slower, and encoder.dtype overrules it
        capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"):
            return "bfloat16"
    return "float32"


def encode_by_tokens(
    model: Any, texts: list[str], dtype: str, batch_tokens: int | None = None
) -> NDArray[np.float32]:
    """Embed texts with products of one type, in batches of about equally many tokens.

    Parameters
    ----------
    model : SentenceTransformer
        With weights in float32.
    texts : list of str, length M
    dtype : {"float32", "bfloat16", "float16"}
        Type of the products. What is between them (sums over layers, norms, pooling) stays in
        float32: with bfloat16 throughout, vectors are four times as far from those in float32, at
        the same speed.
    batch_tokens : int, optional
        Tokens of a batch, with its padding. By default as many as leave what passes between two
        layers in the caches of a core, or fill a GPU.

    Returns
    -------
    ndarray of shape (M, d), float32

    Notes
    -----
    On a CPU each core works on a batch of its own. Cores that share one wait for each other in
    every layer: longer than they compute, if other programs run beside. While texts are encoded,
    torch has one thread for each product, in the whole process.
    """
    import torch

    kind = model.device.type
    threads = torch.get_num_threads() if kind == "cpu" else 1
    narrow = dtype != "float32"
    model.eval()
    features = features_of(model, texts)
    lengths = features["attention_mask"].sum(dim=1).numpy()
    if batch_tokens is None:
        size = "cuda" if kind == "cuda" else "sixteen bits" if narrow else "float32"
        batch_tokens = min(BATCH_TOKENS[size], 1 + int(lengths.sum()) // threads)
    order = np.argsort(-lengths, kind="stable")
    batches, start = [], 0
    while start < len(order):
        stop = start + max(1, batch_tokens // int(lengths[order[start]]))
        batches.append(order[start:stop])
        start = stop

    def autocast() -> Any:
        return torch.autocast(kind, dtype=getattr(torch, dtype) if narrow else None, enabled=narrow)

    def begin() -> None:
        torch.set_num_threads(1)
        autocast().__enter__()  # of this thread, until it ends

    def embed(batch: NDArray[np.intp]) -> NDArray[np.float32]:
        with torch.inference_mode():
            made = model(rows_of(features, batch, model.device))["sentence_embedding"]
            vectors: NDArray[np.float32] = made[:, : model.truncate_dim].float().cpu().numpy()
        return vectors

    with weights_in(model, dtype), autocast():
        if threads == 1:
            parts = [embed(batch) for batch in batches]
        else:
            try:
                with ThreadPoolExecutor(threads, initializer=begin) as pool:
                    parts = list(pool.map(embed, batches))
            finally:
                torch.set_num_threads(threads)
    joined = np.concatenate(parts)
    vectors = np.empty(joined.shape, dtype=np.float32)
    vectors[order] = joined
    return vectors


def features_of(model: Any, texts: list[str]) -> dict[str, Any]:
    """What a model reads of texts, all padded to the longest, with the model's default prompt."""
    prompt = model.prompts[model.default_prompt_name] if model.default_prompt_name else None
    features: dict[str, Any] = model.preprocess(texts, prompt=prompt)
    mask = features.get("attention_mask")
    if mask is None or mask.ndim != 2 or len(mask) != len(texts):
        raise SmoothieError(
            "encoder.profile=fast: this model does not say which of its tokens are padding; "
            "set encoder.profile=exact"
        )
    return features


def rows_of(features: dict[str, Any], batch: NDArray[np.intp], device: Any) -> dict[str, Any]:
    """Features of some texts, without the columns in which all of them are padded."""
    mask = features["attention_mask"]
    columns = mask[batch].any(dim=0)
    part = dict(features)
    for name, values in features.items():
        if getattr(values, "shape", ())[:1] == mask.shape[:1]:  # one for each text
            rows = values[batch]
            part[name] = (rows[:, columns] if values.shape == mask.shape else rows).to(device)
    return part


@contextmanager
def weights_in(model: Any, dtype: str) -> Iterator[None]:
    """Let the dense layers of a model hold their weights in some type for a while.

    `torch.autocast` would round them for every batch: in inference mode, in which
    sentence-transformers encodes, it keeps nothing of what it has rounded.
    """
    import torch

    layers = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    held = [(p, p.data) for layer in layers for p in layer.parameters(recurse=False)]
    try:
        for parameter, data in held:
            parameter.data = data.to(getattr(torch, dtype))
        yield
    finally:
        for parameter, data in held:
            parameter.data = data


@dataclass
class StoredVectors:
    """Vectors that the user brings, one .npy file for each candidate.

    Attributes
    ----------
    folder : str
        Holds CANDIDATE.npy of shape (rows of the dataset, d) for every candidate, rows in the
        order of the dataset's file, and inputs.npy of shape (rows, e) for methods that look for
        similar inputs.
    """

    folder: str

    @property
    def signature(self) -> str:
        """Where the vectors came from, and the checksum of the files."""
        path = Path(self.folder).expanduser()
        return f"{path.name}@{folder_checksum(path)[:12]}"

    def encode_problem(self, problem: Problem, inputs: bool) -> tuple[Vectors, Vectors | None]:
        """Read the vectors of a problem's candidates and, if asked for, of its inputs."""
        columns = [pick(column, problem.rows) for column in self._columns(problem)]
        points = pick(self._read("inputs", problem), problem.rows) if inputs else None
        return np.stack(columns, axis=1), points

    def measure(self, problem: Problem) -> tuple[NDArray[np.float64], Vectors | None]:
        """Take the distances of a problem's candidates, a block of inputs at a time.

        Returns
        -------
        distances : ndarray of shape (N, K, K)
            As `smoothie.estimator.squared_distances` takes them of all vectors.
        inputs : ndarray of shape (N, e) or None
            None where the input texts are empty.

        Raises
        ------
        SmoothieError
            If a file is missing, broken or of another shape, or holds a value that is not finite.
        """
        columns = self._columns(problem)
        points = pick(self._read("inputs", problem), problem.rows) if problem.has_inputs else None

        def read(part: slice, block: NDArray[np.float64]) -> None:
            for j, column in enumerate(columns):
                block[:, j] = column[problem.rows[part]]
                drop_pages(column)

        shape = (len(problem.rows), len(columns), columns[0].shape[1])
        distances = np.empty((*shape[:2], shape[1]))
        for part, block in distances_as_read(shape, read):
            distances[part] = block
        return distances, points

    def _columns(self, problem: Problem) -> list[Vectors]:
        """The files of a problem's candidates, memory-mapped, with all their rows."""
        columns = [self._read(name, problem) for name in problem.candidates]
        for name, column in zip(problem.candidates, columns, strict=True):
            if column.shape[1] != columns[0].shape[1]:
                raise SmoothieError(
                    f"{self.folder}: {name}.npy has {column.shape[1]} dimensions, "
                    f"{problem.candidates[0]}.npy has {columns[0].shape[1]}"
                )
        return columns

    def _read(self, name: str, problem: Problem) -> Vectors:
        """Map one file."""
        path = Path(self.folder).expanduser() / f"{name}.npy"
        try:
            vectors: Vectors = np.load(path, mmap_mode="r", allow_pickle=False)
        except FileNotFoundError as error:
            raise SmoothieError(f"{path}: no such file; the vectors of {name} go there") from error
        except (OSError, ValueError, EOFError) as error:
            raise SmoothieError(f"{path}: not a NumPy array file ({error})") from error
        if vectors.ndim != 2 or len(vectors) != problem.source_rows:
            raise SmoothieError(
                f"{path}: expected {problem.source_rows} rows (one for each input of "
                f"{problem.name}, in order) of vectors, found shape {vectors.shape}"
            )
        if vectors.dtype.kind != "f":
            raise SmoothieError(f"{path}: expected floats, found {vectors.dtype}")
        return vectors


def pick(vectors: Vectors, rows: NDArray[np.intp]) -> Vectors:
    """Some rows of an array; all of them are the array itself, which stays on disk."""
    every = np.arange(len(vectors))
    return vectors if np.array_equal(rows, every) else vectors[rows]


ENCODERS: dict[str, type[Any]] = {
    "sentence_transformers": SentenceEncoder,
    "stored": StoredVectors,
    "distances": StoredDistances,
}
