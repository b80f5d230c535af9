"""Load a pretrained model complete or refuse it: its files, weights, tokenizer and length.

The libraries that load models go on if a part is missing: without the files of a tokenizer,
transformers creates one of five special tokens; it initializes weights that are in no file at
random; and without modules.json, sentence-transformers averages over tokens. All of that gives
vectors, but not those of the model. So every model is loaded here.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from smoothie.errors import SmoothieError
from smoothie.models.checks import LoadingReport, check_tokenizer, check_weights
from smoothie.models.files import check_files, check_sentence_model, weight_files, weights_at
from smoothie.optional import require

log = logging.getLogger(__name__)

# By default transformers asks at the terminal whether to run code that comes with a model.
LOCAL = {"local_files_only": True, "trust_remote_code": False}
POOLER = "pooler."  # a layer after the last hidden state, which BERT has and encoders do not use


def load_sentence_model(folder: Path, **settings: Any) -> Any:
    """Load a sentence-transformers model, complete.

    Parameters
    ----------
    folder : Path
    **settings
        For `SentenceTransformer`.

    Raises
    ------
    SmoothieError
        If the model is not complete.
    """
    require("sentence_transformers", "an encoder")
    places = check_sentence_model(folder)  # first, as importing the library takes seconds
    from sentence_transformers import SentenceTransformer

    with loading_reports() as reports:
        model = SentenceTransformer(str(folder), local_files_only=True, **settings)
    pooled = "pooler_output" in str(getattr(model[0], "modality_config", ""))
    for report in reports:
        check_weights(report, () if pooled else (POOLER,))
    for module, place in zip(model, places, strict=True):
        if hasattr(module, "auto_model"):
            check_tokenizer(module.tokenizer, module.auto_model, place)
            if not any(place.glob("sentence_*_config.json")):  # some models come without
                limit = f"texts are read up to {module.max_seq_length} tokens"
                log.warning("%s: no sentence_bert_config.json, %s", place, limit)
    kinds = {type(module).__name__ for module in model}
    if getattr(model[0], "module_output_name", "") == "token_embeddings" and "Pooling" not in kinds:
        raise SmoothieError(f"{folder / 'modules.json'}: no Pooling after the Transformer")
    return model


def load_transformers(
    kind: Any, folder: Path, unused: tuple[str, ...] = (), **settings: Any
) -> tuple[Any, Any]:
    """Load a model and its tokenizer with transformers, complete.

    Parameters
    ----------
    kind : type
        The class to load the model with, such as `AutoModel`.
    folder : Path
    unused : tuple of str
        As `check_weights` takes it.
    **settings
        For `kind.from_pretrained`.

    Raises
    ------
    SmoothieError
        If the model is not complete.
    """
    check_files(folder)
    with loading_reports() as reports:
        model = kind.from_pretrained(folder, **LOCAL, **settings)
    for report in reports:
        check_weights(report, unused)
    return model, load_tokenizer(folder, model)


def load_tokenizer(folder: Path, model: Any) -> Any:
    """The tokenizer of a model, complete; see `check_tokenizer`."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, **LOCAL)
    check_tokenizer(tokenizer, model, folder)
    return tokenizer


def load_weights(model: Any, folder: Path) -> None:
    """Load all weights of a model that transformers has no class for.

    Raises
    ------
    SmoothieError
        If a weight is missing, has another shape or is none of the model's.
    """
    from safetensors.torch import load_file

    weights: dict[str, Any] = {}
    for path in weight_files(folder):
        weights |= load_file(path)
    expected = model.state_dict()
    shapes = {
        name: (tuple(weights[name].shape), tuple(expected[name].shape))
        for name in sorted(expected.keys() & weights.keys())
    }
    report = LoadingReport(
        model,
        folder,
        missing=sorted(expected.keys() - weights.keys()),
        unexpected=sorted(weights.keys() - expected.keys()),
        mismatched=[(name, *pair) for name, pair in shapes.items() if pair[0] != pair[1]],
    )
    check_weights(report)
    if report.unexpected:
        name = report.unexpected[0]
        raise SmoothieError(f"{weights_at(folder)}: {name} is no weight of this model")
    model.load_state_dict(weights)


@contextmanager
def loading_reports() -> Iterator[list[LoadingReport]]:
    """Collect the reports on all models that transformers loads in a `with` block.

    Libraries that call `from_pretrained`, such as sentence-transformers, do not pass its report on:
    so in the block every call creates one and adds it here. Weights are read from safetensors files
    alone. What transformers logs about weights is suppressed, as `check_weights` reports it.
    """
    from transformers import PreTrainedModel

    reports: list[LoadingReport] = []
    base: Any = PreTrainedModel
    plain = base.__dict__["from_pretrained"]

    def from_pretrained(cls: Any, name: Any, *args: Any, **settings: Any) -> Any:
        with_info = settings.pop("output_loading_info", False)
        settings |= {"use_safetensors": True, "ignore_mismatched_sizes": True}
        model, info = plain.__func__(cls, name, *args, output_loading_info=True, **settings)
        reports.append(
            LoadingReport(
                model,
                Path(name) / (settings.get("subfolder") or ""),
                sorted(info["missing_keys"]),
                sorted(info["unexpected_keys"]),
                sorted((key, tuple(a), tuple(b)) for key, a, b in info["mismatched_keys"]),
            )
        )
        return (model, info) if with_info else model

    logger = logging.getLogger("transformers.modeling_utils")
    logger.addFilter(is_error)
    base.from_pretrained = classmethod(from_pretrained)
    try:
        yield reports
    finally:
        base.from_pretrained = plain
        logger.removeFilter(is_error)


def is_error(record: logging.LogRecord) -> bool:
    """Whether a log record is more than a warning."""
    return record.levelno >= logging.ERROR
