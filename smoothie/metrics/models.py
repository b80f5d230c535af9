"""Metrics that run a pretrained model: BERTScore and BARTScore. They need the extra `scorers`."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.metrics.base import OTHERS
from smoothie.metrics.scores import Scores
from smoothie.models.checks import token_limit
from smoothie.models.loading import POOLER, load_transformers
from smoothie.optional import install_line
from smoothie.parallel.units import Bar, room_on, units_of
from smoothie.pretrained import PretrainedModel
from smoothie.problem import Input, Problem
from smoothie.registry import Registry, wrong_dataclass
from smoothie.storage.cache import VectorCache, content_key
from smoothie.storage.work import complete

log = logging.getLogger(__name__)

BLOCK_BATCHES = 4  # batches of pairs that are scored as a whole: their common texts count once
LONGEST = 4096  # characters; what comes later is mostly truncated
CONDITIONS = ("reference", "source")

Pair = tuple[str, str]  # a text, and what it is scored against


@dataclass
class ModelMetric(PretrainedModel):
    """A metric of pairs (text, what it is scored against), by a model of transformers.

    Parameters
    ----------
    model : str
        Hub id, or a local folder.
    revision : str or None
        Commit of the Hub repository. None resolves the latest once and pins it in the lock file.
    batch_size : int
        Texts in a batch.
    max_tokens : int or None
        Longer texts are truncated; None is the model's own limit.
    progress : bool
        Show a progress bar.
    device : str or None
        Torch device; None uses a GPU if there is one.
    lock : str or None
        Lock file for the revisions of Hub repositories.
    models : str or None
        A folder with copies of Hub models, each under the last part of its id.
    """

    batch_size: int = 16
    max_tokens: int | None = None
    progress: bool = True

    role: ClassVar[str] = "metric"
    name: ClassVar[str]
    kind: ClassVar[str]  # the class of transformers that the model is loaded with
    unused: ClassVar[tuple[str, ...]] = ()  # prefixes of weights that are not used
    percent: ClassVar[bool]

    def __post_init__(self) -> None:
        """Check the settings."""
        for setting in ("batch_size", "max_tokens"):
            value = getattr(self, setting)
            if value is not None and value < 1:
                raise SmoothieError(f"{setting}={value}: expected at least 1")

    @property
    def signature(self) -> str:
        """Everything that decides the scores, in one line."""
        return f"{self.name} {self.identity} max_tokens={self.max_tokens}"

    def given(self, item: Input) -> tuple[str, ...]:
        """What the texts of an input are scored against; the best score counts."""
        return item.references

    def score_pairs(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Score pairs: shape (len(pairs),)."""
        raise NotImplementedError

    def ready(self) -> tuple[Any, Any, Any, int | None]:
        """The model, its tokenizer, the device and the most tokens; loaded at the first call."""
        loaded: tuple[Any, Any, Any, int | None] = super().ready()
        return loaded

    def _load(self) -> tuple[Any, Any, Any, int | None]:
        try:
            import transformers
        except ImportError as error:
            raise SmoothieError(
                f"metric={self.name} needs more packages: {install_line('scorers')}"
            ) from error
        kind = getattr(transformers, self.kind)
        model, tokenizer = load_transformers(kind, self.files(), unused=self.unused)
        if tokenizer.pad_token is None:
            raise SmoothieError(f"model={self.model}: its tokenizer has no padding token")
        limit = token_limit(model, tokenizer.model_max_length, self.max_tokens)
        return model.eval().to(self.torch_device), tokenizer, self.torch_device, limit


def wrong_model_metric(thing: Any) -> str | None:
    """Why an object cannot be used as a metric that runs a model; None if it can."""
    if not (isinstance(thing, type) and issubclass(thing, ModelMetric)):
        return "expected a subclass of smoothie.metrics.models.ModelMetric"
    if thing.score_pairs is ModelMetric.score_pairs:
        return "it has no method score_pairs(pairs)"
    lacking = [name for name in ("name", "kind", "percent") if not hasattr(thing, name)]
    return f"it has no {lacking[0]}" if lacking else wrong_dataclass(thing)


MODEL_METRICS: Registry[type[ModelMetric]] = Registry(
    "metric", "smoothie.model_metrics", wrong_model_metric, "smoothie.metrics", OTHERS
)
register_model_metric = MODEL_METRICS.register


@register_model_metric("bertscore")
@dataclass
class BERTScore(ModelMetric):
    """Greedy matching of contextual token embeddings: F1 x 100.

    Each token of the text is matched to the token of the reference with the highest cosine, and the
    other way round; precision and recall are the means of these cosines. Tokens that the tokenizer
    adds may be matched, but have no match of their own.

    Parameters
    ----------
    layer : int or None
        Which hidden layer; 0 is the input embeddings, None the last one.

    Notes
    -----
    Zhang et al., "BERTScore: Evaluating Text Generation with BERT" (ICLR 2020), without weights by
    idf and without rescaling to a baseline. Cost: each distinct text of a block goes through the
    model once.

    Examples
    --------
    >>> from smoothie.metrics.models import BERTScore
    >>> metric = BERTScore("FacebookAI/roberta-large")
    >>> metric.score_pairs([("a red fox", "a fox")]).shape  # doctest: +SKIP
    (1,)
    """

    layer: int | None = None

    name = "bertscore"
    kind = "AutoModel"
    unused = (POOLER,)
    percent = True

    @property
    def signature(self) -> str:
        """Everything that decides the scores, in one line."""
        return f"{super().signature} layer={self.layer}"

    def score_pairs(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """F1 x 100 of each pair; 0 where a text has no token."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        embedded = dict(zip(texts, self._embed(texts), strict=True))
        return np.array([100 * greedy_f1(*embedded[a], *embedded[b]) for a, b in pairs])

    def _embed(self, texts: list[str]) -> list[tuple[NDArray[Any], NDArray[np.bool_]]]:
        """Unit vectors of the tokens of each text, and which tokens are the text's own."""
        import torch

        model, tokenizer, device, limit = self.ready()
        layer = model.config.num_hidden_layers if self.layer is None else self.layer
        if not 0 <= layer <= model.config.num_hidden_layers:
            raise SmoothieError(
                f"layer={layer}: {self.model} has layers 0 to {model.config.num_hidden_layers}"
            )
        found: dict[int, tuple[NDArray[Any], NDArray[np.bool_]]] = {}
        order = sorted(range(len(texts)), key=lambda n: len(texts[n]))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            batch = tokenizer(
                [texts[n].strip() for n in rows],
                padding=True,
                truncation=True,
                max_length=limit,
                return_special_tokens_mask=True,
                return_tensors="pt",
            )
            own = ~batch.pop("special_tokens_mask").bool().numpy()
            kept = batch["attention_mask"].bool().numpy()
            with torch.inference_mode():
                hidden = model(**batch.to(device), output_hidden_states=True).hidden_states[layer]
                unit = torch.nn.functional.normalize(hidden.float(), dim=-1).cpu().numpy()
            for place, n in enumerate(rows):
                found[n] = unit[place][kept[place]], own[place][kept[place]]
        return [found[n] for n in range(len(texts))]


def greedy_f1(
    text: NDArray[Any],
    own: NDArray[np.bool_],
    reference: NDArray[Any],
    reference_own: NDArray[np.bool_],
) -> float:
    """F1 of greedy cosine matches between unit vectors of shapes (t, d) and (r, d)."""
    if not own.any() or not reference_own.any():
        return 0.0
    cosines = text @ reference.T
    precision = float(cosines.max(axis=1)[own].mean())
    recall = float(cosines.max(axis=0)[reference_own].mean())
    total = precision + recall
    return 2 * precision * recall / total if total > 0 else 0.0


@register_model_metric("bartscore")
@dataclass
class BARTScore(ModelMetric):
    """Mean log-likelihood of the tokens of the text, given a reference or the input.

    Parameters
    ----------
    condition : {"reference", "source"}
        What the encoder reads: the references (the best counts), or the input.

    Notes
    -----
    Yuan et al., "BARTScore: Evaluating Generated Text as Text Generation" (NeurIPS 2021): precision
    (reference -> text) and faithfulness (source -> text). In natural logarithms, at most 0. Cost:
    each distinct pair goes through the model once.

    Examples
    --------
    >>> from smoothie.metrics.models import BARTScore
    >>> metric = BARTScore("facebook/bart-large-cnn")
    >>> metric.score_pairs([("a red fox", "a fox")]).shape  # doctest: +SKIP
    (1,)
    """

    condition: str = "reference"

    name = "bartscore"
    kind = "AutoModelForSeq2SeqLM"
    percent = False

    def __post_init__(self) -> None:
        """Check the settings."""
        super().__post_init__()
        if self.condition not in CONDITIONS:
            raise SmoothieError(
                f"condition={self.condition}: expected one of {', '.join(CONDITIONS)}"
            )

    def given(self, item: Input) -> tuple[str, ...]:
        """References, or the input where it is not empty."""
        if self.condition == "reference":
            return item.references
        return (item.text,) if item.text.strip() else ()

    def score_pairs(self, pairs: Sequence[Pair]) -> NDArray[np.float64]:
        """Mean log-likelihood of each text given the other."""
        import torch

        model, tokenizer, device, limit = self.ready()
        result = np.empty(len(pairs))
        order = sorted(range(len(pairs)), key=lambda n: sum(map(len, pairs[n])))
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            read, written = (
                tokenizer(
                    [pairs[n][side] for n in rows],
                    padding=True,
                    truncation=True,
                    max_length=limit,
                    return_tensors="pt",
                ).to(device)
                for side in (1, 0)
            )
            labels, kept = written["input_ids"], written["attention_mask"]
            with torch.inference_mode():
                logits = model(
                    input_ids=read["input_ids"],
                    attention_mask=read["attention_mask"],
                    labels=labels,  # the decoder reads them, shifted by one
                ).logits
                losses = torch.nn.functional.cross_entropy(
                    logits.float().transpose(1, 2), labels, reduction="none"
                )
                means = -(losses * kept).sum(dim=1) / kept.sum(dim=1)
            result[rows] = means.cpu().numpy()
        return result


def model_scores(problem: Problem, metric: ModelMetric, cache: VectorCache | None = None) -> Scores:
    """Score every text with a model.

    Parameters
    ----------
    problem : Problem
    metric : ModelMetric
    cache : VectorCache, optional
        Cache of scores, by metric, model and pair; written every few seconds.

    Returns
    -------
    Scores
        Inputs without anything to score against have none.

    Raises
    ------
    SmoothieError
        If no input has anything to score against, or the model cannot be loaded.
    """
    cache = cache or VectorCache(None, "<f8")
    pairs: dict[Pair, int] = {}  # and their positions
    numbers: dict[tuple[int, int], list[int]] = {}
    for i, item in enumerate(problem.inputs):
        for j, text in enumerate(problem.texts[i]):
            against = [(text, given) for given in metric.given(item)]
            numbers[i, j] = [pairs.setdefault(pair, len(pairs)) for pair in against]
    if not pairs:
        raise SmoothieError(f"{problem.name} has nothing to score against (metric={metric.name})")
    distinct = list(pairs)

    lengths = [min(sum(map(len, pair)), LONGEST) for pair in distinct]

    def split(missing: list[int]) -> list[list[int]]:
        log.info("%s: %d of %d distinct pairs to score", metric.name, len(missing), len(distinct))
        bar.start(missing)
        if not missing:
            return []
        order = sorted(missing, key=lambda place: longest_first(distinct[place]))
        most = BLOCK_BATCHES * metric.batch_size
        return units_of(lengths, order, most, BLOCK_BATCHES * room_on(metric.torch_device))

    def compute(units: Iterator[list[int]]) -> Iterator[NDArray[np.float64]]:
        for unit in units:
            yield metric.score_pairs([distinct[place] for place in unit])[:, None]

    signature = metric.signature
    keys = [content_key(signature, *pair) for pair in distinct]
    with Bar(lengths, metric.progress) as bar:
        known = complete(cache, keys, split, compute, "scores", bar.done)[:, 0]
    values = np.full(problem.texts.shape, np.nan)
    for place, some in numbers.items():
        if some:
            values[place] = known[some].max()
    return Scores(values, metric.name, percent=metric.percent)


def longest_first(pair: Pair) -> tuple[int, str, int, str]:
    """A key that sorts pairs, those with the same reference side by side."""
    text, given = pair
    return -len(given), given, -len(text), text
