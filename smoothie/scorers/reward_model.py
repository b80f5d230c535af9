"""Reward models: a transformers classifier with one output reads input and text."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.models.checks import token_limit
from smoothie.models.loading import load_transformers
from smoothie.problem import Problem
from smoothie.scorers.base import ModelScorer, register_scorer


@register_scorer("reward_model")
@dataclass
class RewardModel(ModelScorer):
    """A sequence classifier whose single logit says how good a text is for an input.

    Attributes
    ----------
    max_tokens : int or None
        Longer pairs are truncated, the longer of the two first; None is the model's own limit.

    Notes
    -----
    The pair is encoded as the tokenizer joins two sequences (input, text), as OpenAssistant's
    reward models expect it; chat templates are not applied. One forward pass for each text.

    Examples
    --------
    >>> from smoothie import Input, assemble
    >>> from smoothie.scorers import RewardModel
    >>> problem = assemble("sums", [Input("1", text="2 + 2?")], {"a": {"1": "4"}, "b": {"1": "5"}})
    >>> scorer = RewardModel("OpenAssistant/reward-model-deberta-v3-large-v2")
    >>> scorer.score(problem).shape  # doctest: +SKIP
    (1, 2)
    """

    max_tokens: int | None = None

    @property
    def settings(self) -> tuple[str, ...]:
        """Dtype and truncation."""
        return (self.dtype, f"max_tokens={self.max_tokens or 'model'}")

    def score(self, problem: Problem) -> NDArray[np.float64]:
        """Score every text together with its input."""
        pairs = [
            (item.text, text)
            for item, row in zip(problem.inputs, problem.texts, strict=True)
            for text in row
        ]
        return self.numbers(pairs).reshape(problem.texts.shape)

    def _compute(self, items: list[tuple[str, ...]]) -> list[float]:
        model, tokenizer, limit = self.ready()
        # Without a padding token, texts of different length cannot share a batch.
        step = 1 if tokenizer.pad_token is None else self.batch_size
        values: list[float] = []
        for start in range(0, len(items), step):
            inputs, texts = zip(*items[start : start + step], strict=True)
            encoded = tokenizer(
                list(inputs),
                list(texts),
                truncation=True,
                max_length=limit,
                padding=step > 1,
                return_tensors="pt",
            ).to(model.device)
            values += model(**encoded).logits[:, 0].float().tolist()
        return values

    def _load(self) -> Any:
        import torch
        from transformers import AutoModelForSequenceClassification

        dtype = getattr(torch, self.dtype)
        model, tokenizer = load_transformers(
            AutoModelForSequenceClassification, self.files(), dtype=dtype
        )
        if model.config.num_labels != 1:
            raise SmoothieError(
                f"scorer {self.model}: a reward model has one output, "
                f"this one has {model.config.num_labels}"
            )
        limit = token_limit(model, tokenizer.model_max_length, self.max_tokens)
        return model.to(self.torch_device).eval(), tokenizer, limit
