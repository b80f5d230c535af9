"""BERT and MPNet without padding: the tokens of a batch in one matrix, products by oneDNN.

The library that loads the model pads texts to equal length, multiplies for queries, keys and values
one after another, and lays out the weights anew for every product. Here the tokens of all texts of
a batch are the rows of one matrix, weights are rounded to bfloat16 (or kept in float32) and laid
out once, and only the attention looks at texts of equal length together. In float32 torch itself
multiplies by MKL, which uses half of an AMD core's AVX-512; oneDNN uses all of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

LAID_OUT_FOR = 1024  # rows of the products that the layout of weights is chosen for
ONEDNN = ("_reorder_linear_weight", "_linear_pointwise", "_is_mkldnn_bf16_supported")
PACKED_TYPES = {"bfloat16": 1024, "float32": 256}  # and as many tokens as a core's caches hold
SCORES = 1 << 19  # attention scores at a time: 2 MB, which stay in the processor's caches


@dataclass(frozen=True, eq=False)
class Dense:
    """A layer y = W x + b, followed by GELU if `gelu`; the weights in one type, as oneDNN packs."""

    weight: Any
    bias: Any
    gelu: bool = False

    @classmethod
    def of(cls, *layers: Any, dtype: str = "bfloat16", gelu: bool = False) -> "Dense":
        """Some layers with the same input, side by side."""
        import torch

        kind = getattr(torch, dtype)
        weight = torch.cat([layer.weight.data for layer in layers]).to(kind)
        bias = torch.cat([layer.bias.data for layer in layers]).to(kind)
        packed = torch.ops.mkldnn._reorder_linear_weight(weight.contiguous(), LAID_OUT_FOR)
        return cls(packed, bias, gelu)

    def __call__(self, rows: Any) -> Any:
        """The layer's values for some rows, in the type of the weights."""
        import torch

        after: tuple[str, list[float], str]
        after = ("gelu", [], "none") if self.gelu else ("none", [], "")  # none: not approximated
        given = rows.to(self.bias.dtype)
        return torch.ops.mkldnn._linear_pointwise(given, self.weight, self.bias, *after)


@dataclass(frozen=True, eq=False)
class Layer:
    """Queries, keys and values; what is made of what they attend to; the layers after that."""

    looked_up: Dense
    attended: Dense
    norm: Any
    up: Dense
    down: Dense
    last_norm: Any


@dataclass(frozen=True, eq=False)
class PackedBert:
    """A BERT or MPNet encoder as matrices; norms, sums over layers and pooling are in float32.

    Attributes
    ----------
    embeddings : torch.nn.Module
        Of tokens and positions, with their norm.
    kind : Tensor of shape (d,)
        The vector of the first kind of token; zeros where a model has no kinds.
    first_place : int
        Where positions begin.
    layers : list of Layer
    heads : int
    bias : callable of int -> Tensor of shape (heads, length, length), or None
        What is added to the attention scores of texts of a length.
    cls : bool
        Whether the vector of a text is that of its first token, not the mean.
    normalize : bool
        Whether vectors get length one.
    width : int or None
        Of the vectors, where the model truncates them.
    batch_tokens : int
        Tokens of a batch whose activations stay in the caches of a core.
    """

    embeddings: Any
    kind: Any
    first_place: int
    layers: list[Layer]
    heads: int
    bias: Callable[[int], Any] | None
    cls: bool
    normalize: bool
    width: int | None
    batch_tokens: int

    def __call__(self, ids: Any, lengths: NDArray[np.intp]) -> Any:
        """Vectors of texts.

        Parameters
        ----------
        ids : Tensor of shape (T,), int
            The tokens of all texts, one text after another.
        lengths : ndarray of shape (M,), int
            Their numbers of tokens; best ordered, as equal ones in a row are computed together.

        Returns
        -------
        Tensor of shape (M, d), float32
        """
        import torch

        runs = [(len(list(run)), int(length)) for length, run in groupby(lengths)]
        sizes = [texts * length for texts, length in runs]
        places = torch.cat([torch.arange(length).repeat(texts) for texts, length in runs])
        biases = [None if self.bias is None else self.bias(length) for _, length in runs]
        known = self.embeddings
        rows = known.word_embeddings(ids) + known.position_embeddings(places + self.first_place)
        rows = known.LayerNorm(rows + self.kind)
        for layer in self.layers:
            parts = zip(layer.looked_up(rows).split(sizes), runs, biases, strict=True)
            seen = [attention(part, *run, self.heads, bias) for part, run, bias in parts]
            rows = layer.norm(rows + layer.attended(torch.cat(seen)).float())
            rows = layer.last_norm(rows + layer.down(layer.up(rows)).float())
        shaped = [part.view(*run, -1) for part, run in zip(rows.split(sizes), runs, strict=True)]
        pooled = torch.cat([part[:, 0] if self.cls else part.mean(dim=1) for part in shaped])
        pooled = torch.nn.functional.normalize(pooled, dim=1) if self.normalize else pooled
        return pooled[:, : self.width]


def attention(rows: Any, texts: int, length: int, heads: int, bias: Any = None) -> Any:
    """What each token of some texts of equal length attends to: (tokens, 3 d) -> (tokens, d).

    Scores become probabilities in float32, a part that fits into a cache at a time.
    """
    import torch

    width = rows.shape[1] // 3 // heads
    split = rows.view(texts, length, 3, heads, width).permute(2, 0, 3, 1, 4)
    queries, keys, values = split.reshape(3, texts * heads, length, width)
    keys, found = keys.transpose(1, 2), torch.empty_like(values)
    step = max(1, SCORES // length**2)
    for start in range(0, texts * heads, step):
        part = slice(start, start + step)
        scores = torch.bmm(queries[part], keys[part]).float().mul_(width**-0.5)
        if bias is not None:
            scores += bias[torch.arange(start, start + len(scores)) % heads]
        found[part] = torch.bmm(torch.softmax(scores, dim=-1).to(rows.dtype), values[part])
    joined = found.view(texts, heads, length, width).transpose(1, 2)
    return joined.reshape(texts * length, heads * width)


def packed(model: Any, dtype: str = "bfloat16") -> PackedBert | None:
    """A sentence-transformers model as a `PackedBert`; None if it is anything else.

    Parameters
    ----------
    model : SentenceTransformer
        With weights in float32.
    dtype : {"bfloat16", "float32"}
        Type of the matrix products.
    """
    import torch

    kinds = [type(module).__name__ for module in model]
    if kinds[:2] != ["Transformer", "Pooling"] or kinds[2:] not in ([], ["Normalize"]):
        return None
    bert, pooling = model[0].auto_model, getattr(model[1], "pooling_mode", "unknown")
    kind, config = type(bert).__name__, bert.config
    if pooling not in ("mean", "cls") or not model[1].include_prompt:
        return None
    if kind not in ("BertModel", "MPNetModel") or config.hidden_act != "gelu":
        return None
    if getattr(config, "position_embedding_type", None) not in (None, "absolute"):
        return None
    if model.device.type != "cpu" or getattr(config, "is_decoder", False):
        return None
    if not (model.tokenizer.is_fast and can_pack(dtype)):
        return None
    bias, first_place, kind_of_token = None, 0, torch.zeros(config.hidden_size)
    if kind == "BertModel":
        kind_of_token = bert.embeddings.token_type_embeddings.weight.data[0]
    else:
        first_place = bert.embeddings.padding_idx + 1

        def bias(length: int) -> Any:
            return bert.encoder.compute_position_bias(torch.empty(1, length))[0]

    return PackedBert(
        bert.embeddings,
        kind_of_token,
        first_place,
        [packed_layer(layer, dtype) for layer in bert.encoder.layer],
        config.num_attention_heads,
        bias,
        pooling == "cls",
        bool(kinds[2:]),
        model.truncate_dim,
        PACKED_TYPES[dtype],
    )


def can_pack(dtype: str = "bfloat16") -> bool:
    """Whether this build of torch and this CPU have oneDNN's products in a type."""
    import torch

    if not all(hasattr(torch.ops.mkldnn, name) for name in ONEDNN):
        return False
    if dtype == "float32":
        return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]
    return dtype == "bfloat16" and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def packed_layer(layer: Any, dtype: str = "bfloat16") -> Layer:
    """A layer of BERT or of MPNet, whose modules have other names."""
    if hasattr(layer.attention, "attn"):
        own = layer.attention.attn
        looked_up, attended, norm = (own.q, own.k, own.v), own.o, layer.attention.LayerNorm
    else:
        own, after = layer.attention.self, layer.attention.output
        looked_up, attended, norm = (own.query, own.key, own.value), after.dense, after.LayerNorm
    dense = partial(Dense.of, dtype=dtype)
    up, down = dense(layer.intermediate.dense, gelu=True), dense(layer.output.dense)
    return Layer(dense(*looked_up), dense(attended), norm, up, down, layer.output.LayerNorm)
