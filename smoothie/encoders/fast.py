"""Fast encoding: batches by number of tokens, matrix products in 16 bits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.encoders.packed import PackedBert
from smoothie.errors import SmoothieError

BATCH_TOKENS = {"float32": 256, "sixteen bits": 1024, "cuda": 32768}


def fast_dtype(device: str | None = None) -> str:
    """The type with the fastest matrix products on a device that hardly changes selections.

    Parameters
    ----------
    device : str, optional
        Torch device; None uses a GPU if there is one.

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
        # a torch that cannot tell gets float32: never slower, and encoder.dtype overrides it
        capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        if capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"):
            return "bfloat16"
    return "float32"


def encode_by_tokens(
    model: Any,
    texts: list[str],
    dtype: str,
    batch_tokens: int | None = None,
) -> NDArray[np.float32]:
    """Embed texts with matrix products of one type, in batches of about equally many tokens.

    Parameters
    ----------
    model : SentenceTransformer
        With weights in float32.
    texts : list of str, length M
    dtype : {"float32", "bfloat16", "float16"}
        Type of the matrix products. All else (sums over layers, norms, pooling) stays in
        float32: with bfloat16 throughout, vectors are four times as far from those in float32, at
        the same speed.
    batch_tokens : int, optional
        Tokens in a batch, padding included. By default as many as keep the activations between two
        layers in the caches of a core, or fill a GPU.

    Returns
    -------
    ndarray of shape (M, d), float32

    Notes
    -----
    On a CPU each core works on its own batch. Cores that share a batch wait for each other in every
    layer, longer than they compute if other programs are running. While texts are encoded, torch
    uses one thread for each product, in the whole process.
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

    def embed(batch: NDArray[np.intp]) -> NDArray[np.float32]:
        narrowed = torch.autocast(kind, getattr(torch, dtype) if narrow else None, enabled=narrow)
        with torch.inference_mode(), narrowed:
            made = model(rows_of(features, batch, model.device))["sentence_embedding"]
            vectors: NDArray[np.float32] = made[:, : model.truncate_dim].float().cpu().numpy()
        return vectors

    with weights_in(model, dtype):
        return ordered(in_batches(embed, batches, threads), order)


def encode_packed(
    packed: PackedBert, tokens: list[list[int]], batch_tokens: int | None = None
) -> NDArray[np.float32]:
    """Embed texts without padding, each core a batch of its own.

    Parameters
    ----------
    packed : PackedBert
    tokens : list of list of int, length M
        Of each text, as `tokens_of` gives them.
    batch_tokens : int, optional
        Most tokens of a batch, but for the text that it ends with; by default as many as keep the
        activations between two layers in the caches of a core.

    Returns
    -------
    ndarray of shape (M, d), float32
    """
    import torch

    threads = torch.get_num_threads()
    lengths = np.array([len(row) for row in tokens])
    order = np.argsort(-lengths, kind="stable")
    batches = even_batches(lengths, order, batch_tokens or packed.batch_tokens, threads)

    def embed(batch: NDArray[np.intp]) -> NDArray[np.float32]:
        ids = torch.tensor([token for place in batch for token in tokens[place]])
        with torch.inference_mode():
            vectors: NDArray[np.float32] = packed(ids, lengths[batch]).numpy()
        return vectors

    return ordered(in_batches(embed, batches, threads), order)


def even_batches(
    lengths: NDArray[np.intp], order: NDArray[np.intp], most: int, threads: int
) -> list[NDArray[np.intp]]:
    """Batches with about `most` tokens, or a bit less: as many for each thread, equally large."""
    tokens = np.cumsum(lengths[order])
    count = threads * -(-int(tokens[-1]) // (most * threads))
    edges = np.searchsorted(tokens, tokens[-1] * np.arange(1, count) / count)
    return [batch for batch in np.split(order, edges) if len(batch)]


def tokens_of(model: Any, texts: Sequence[str]) -> tuple[list[list[int]], int]:
    """The tokens of texts, with the model's default prompt, and how many texts are truncated."""
    limit = model.max_seq_length
    found = model.tokenizer(prompted(model, texts), truncation=limit is not None, max_length=limit)
    return found["input_ids"], sum(bool(row.overflowing) for row in found.encodings)


def prompted(model: Any, texts: Sequence[str]) -> list[str]:
    """Texts behind the model's default prompt, where it has one."""
    prompt = model.prompts[model.default_prompt_name] if model.default_prompt_name else ""
    return [prompt + text for text in texts]


def in_batches(
    embed: Callable[[NDArray[np.intp]], NDArray[np.float32]],
    batches: list[NDArray[np.intp]],
    threads: int,
) -> list[NDArray[np.float32]]:
    """The vectors of each batch, each computed by a thread of its own."""
    import torch

    if threads == 1:
        return [embed(batch) for batch in batches]
    try:
        with ThreadPoolExecutor(threads, initializer=partial(torch.set_num_threads, 1)) as pool:
            return list(pool.map(embed, batches))
    finally:
        torch.set_num_threads(threads)


def ordered(parts: list[NDArray[np.float32]], order: NDArray[np.intp]) -> NDArray[np.float32]:
    """The rows of some parts, each put where `order` says."""
    joined = np.concatenate(parts)
    vectors = np.empty_like(joined)
    vectors[order] = joined
    return vectors


def features_of(model: Any, texts: list[str]) -> dict[str, Any]:
    """Token features of texts, padded to the longest, with the model's default prompt."""
    prompt = model.prompts[model.default_prompt_name] if model.default_prompt_name else None
    features: dict[str, Any] = model.preprocess(texts, prompt=prompt)
    mask = features.get("attention_mask")
    if mask is None or mask.ndim != 2 or len(mask) != len(texts):
        raise SmoothieError(
            "profile=fast: this model does not say which of its tokens are padding; "
            "set profile=exact"
        )
    return features


def rows_of(features: dict[str, Any], batch: NDArray[np.intp], device: Any) -> dict[str, Any]:
    """Features of a batch of texts, without the columns that are padding in all of them."""
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
    """Temporarily convert the weights of a model's dense layers to another type.

    `torch.autocast` would round them for every batch: in inference mode, in which
    sentence-transformers encodes, it does not cache the rounded weights.
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
