r"""PairRM: a DeBERTa that reads two candidates side by side, with a small head of its own.

The architecture is that of `llm-blender/PairRM-hf` (Jiang, Ren and Lin, "LLM-Blender", ACL 2023):
the sequence

    [CLS] <|source|> input [SEP] [CLS] <|candidate1|> text i [SEP] [CLS] <|candidate2|> text j [SEP]

goes through `DebertaV2Model` (v3-large: 24 layers, H = 1024). Three vectors of its last layer are
used, those at the positions of the three special tokens. One head, Linear(2H, H), Tanh, Linear(H,
tasks), maps [source, candidate1] and [source, candidate2] to numbers; their difference is the logit
that text i is better than text j, averaged over the tasks (PairRM has one).

Order matters to the model, so all K (K-1) ordered pairs are compared. With :math:`c_{ij}` the logit
of (i, j), LLM-Blender's two ways to rank are

.. math:: s_i = \tfrac1K \sum_j (c_{ij} - c_{ji}) \quad \text{(max\_logits)}, \qquad
    s_i = \#\{j : c_{ij} > 0\} + \#\{j : c_{ji} < 0\} \quad \text{(max\_wins)} .

The text with the highest number has rank 1; equal ones share it. The Smoothie paper takes a text of
rank 1, drawn at random where several share it (seed 42), from texts that are not cleaned.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.models.files import check_files
from smoothie.models.loading import load_tokenizer, load_weights
from smoothie.problem import Problem
from smoothie.scorers.base import ModelScorer, register_scorer
from smoothie.storage.files import read_json

POLICIES = ("max_logits", "max_wins")
SOURCE, FIRST, SECOND = "<|source|>", "<|candidate1|>", "<|candidate2|>"


@register_scorer("pair_rm")
@dataclass
class PairRM(ModelScorer):
    """Compare all ordered pairs of the texts of each input.

    Attributes
    ----------
    policy : {"max_logits", "max_wins"}
        How comparisons become a number for each text.
    source_tokens, candidate_tokens : int
        Longest input and text, in tokens (of PairRM: 1224 and 412); what the input leaves of
        source_tokens + 2 candidate_tokens is shared by the two texts.

    Notes
    -----
    N K (K-1) forward passes of up to 2,048 tokens: a task for a GPU.

    Examples
    --------
    >>> from smoothie import Input, assemble
    >>> from smoothie.scorers import PairRM
    >>> problem = assemble("sums", [Input("1", text="2 + 2?")], {"a": {"1": "4"}, "b": {"1": "5"}})
    >>> scorer = PairRM("llm-blender/PairRM")
    >>> scorer.compare(problem).shape  # doctest: +SKIP
    (1, 2, 2)
    """

    policy: str = "max_logits"
    source_tokens: int = 1224
    candidate_tokens: int = 412

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if self.policy not in POLICIES:
            raise SmoothieError(f"policy={self.policy}: expected one of {', '.join(POLICIES)}")
        for name in ("source_tokens", "candidate_tokens"):
            if getattr(self, name) < 4:  # [CLS], the special token, one of the text, [SEP]
                raise SmoothieError(f"{name}={getattr(self, name)}: expected at least 4")

    @property
    def settings(self) -> tuple[str, ...]:
        """Dtype and truncation; the policy is applied to the cached logits."""
        return (self.dtype, f"max_tokens={self.source_tokens}+2x{self.candidate_tokens}")

    @property
    def signature(self) -> str:
        """Model, settings and policy."""
        return f"{super().signature} {self.policy}"

    def score(self, problem: Problem) -> NDArray[np.float64]:
        """Compare all pairs and add up."""
        return pair_scores(self.compare(problem), self.policy)

    def compare(self, problem: Problem) -> NDArray[np.float64]:
        """Logits of text i against text j: (N, K, K), zero on the diagonal."""
        candidates = range(len(problem.candidates))
        pairs = [(i, j) for i in candidates for j in candidates if i != j]
        items = [
            (item.text, row[i], row[j])
            for item, row in zip(problem.inputs, problem.texts, strict=True)
            for i, j in pairs
        ]
        logits = np.zeros((len(problem.inputs), len(candidates), len(candidates)))
        first, second = np.array(pairs).T
        logits[:, first, second] = self.numbers(items).reshape(len(logits), len(pairs))
        return logits

    def _compute(self, items: list[tuple[str, ...]]) -> list[float]:
        model, tokenizer, _ = self.ready()
        values: list[float] = []
        for start in range(0, len(items), self.batch_size):
            sequences, places = zip(
                *(self._tokens(*item) for item in items[start : start + self.batch_size]),
                strict=True,
            )
            batch = tokenizer.pad({"input_ids": list(sequences)}, return_tensors="pt")
            values += forward(model, batch.to(self.torch_device), places).float().tolist()
        return values

    def _tokens(self, source: str, first: str, second: str) -> tuple[list[int], list[int]]:
        """Token ids of a comparison, and the positions of the three special tokens."""
        _, tokenizer, special = self.ready()
        room = self.source_tokens + 2 * self.candidate_tokens
        ids: list[int] = []
        places = []
        limit = self.source_tokens
        for token, text in ((SOURCE, source), (FIRST, first), (SECOND, second)):
            part = tokenizer.encode(token + text, max_length=limit, truncation=True)
            # The first one of its part: a text may spell a special token itself.
            places.append(len(ids) + part.index(special[token]))
            ids += part
            if token == SOURCE:
                limit = (room - len(part)) // 2
        return ids, places

    def _load(self) -> Any:
        import torch
        from transformers import DebertaV2Config

        path = self.files()
        check_files(path)
        settings = read_json(path / "config.json")
        keys = ("source_prefix_id", "cand1_prefix_id", "cand2_prefix_id", "n_tasks")
        missing = [key for key in keys if not isinstance(settings.get(key), int)]
        if missing:
            raise SmoothieError(
                f"{path / 'config.json'}: not of a PairRM, there is no {missing[0]}"
            )
        model = build_model(DebertaV2Config.from_pretrained(path), settings["n_tasks"])
        tokenizer = load_tokenizer(path, model["pretrained_model"])
        special = dict(zip((SOURCE, FIRST, SECOND), (settings[key] for key in keys), strict=False))
        for token, number in special.items():
            if tokenizer.convert_tokens_to_ids(token) != number:
                raise SmoothieError(f"{path}: the tokenizer does not know {token} as {number}")
        load_weights(model, path)
        model = model.to(self.torch_device, getattr(torch, self.dtype)).eval()
        return model, tokenizer, special


def build_model(config: Any, tasks: int) -> Any:
    """Backbone and head, their weights named as in PairRM's file; weights are random."""
    from torch import nn
    from transformers import DebertaV2Model

    size = config.hidden_size
    head = nn.Sequential(  # dropout has no weights, but a place in the numbering
        nn.Dropout(), nn.Linear(2 * size, size), nn.Tanh(), nn.Dropout(), nn.Linear(size, tasks)
    )
    return nn.ModuleDict({"pretrained_model": DebertaV2Model(config), "head_layer": head})


def forward(model: Any, batch: Any, places: Any) -> Any:
    """Logits that the first candidate is better: a batch of M token rows -> tensor (M,).

    Parameters
    ----------
    model : ModuleDict
        As returned by `build_model`.
    batch : mapping
        input_ids and attention_mask, of shape (M, length).
    places : sequence of M lists of 3 ints
        Where source, first and second candidate begin.
    """
    import torch

    hidden = model["pretrained_model"](
        input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]
    ).last_hidden_state
    at = torch.tensor(places, device=hidden.device)
    source, first, second = hidden[torch.arange(len(at), device=at.device)[:, None], at].unbind(1)
    left = model["head_layer"](torch.cat([source, first], dim=-1))
    right = model["head_layer"](torch.cat([source, second], dim=-1))
    return (left - right).mean(dim=-1)


def pair_scores(logits: NDArray[np.float64], policy: str) -> NDArray[np.float64]:
    """Comparisons of shape (N, K, K) to one number for each text, (N, K), higher better."""
    if policy == "max_wins":
        wins = (logits > 0).sum(axis=2) + (logits < 0).sum(axis=1)
        return np.asarray(wins, dtype=np.float64)
    # Rounded, so that equal texts tie exactly, in whatever order their terms are added.
    means: NDArray[np.float64] = (logits - logits.transpose(0, 2, 1)).mean(axis=2)
    return np.round(means, 6)
