"""Whether a loaded model is complete: its weights, its tokenizer, its length."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smoothie.errors import SmoothieError
from smoothie.models.files import weights_at
from smoothie.storage.files import read_json

NO_LIMIT = 10**20  # tokenizers without a limit give 10^30


@dataclass(frozen=True, eq=False)
class LoadingReport:
    """What transformers reports about the weights of a model that it has loaded.

    Attributes
    ----------
    model : PreTrainedModel
    folder : Path
        Where its files are.
    missing : list of str
        Weights of the model that are in no file.
    unexpected : list of str
        Weights in the files that the model does not have.
    mismatched : list of (str, tuple of int, tuple of int)
        Weights of another shape: name, shape in the file, shape in the model.
    """

    model: Any
    folder: Path
    missing: list[str]
    unexpected: list[str]
    mismatched: list[tuple[str, tuple[int, ...], tuple[int, ...]]]


def check_weights(report: LoadingReport, unused: tuple[str, ...] = ()) -> None:
    """Refuse a model of which not every weight came from its files.

    Parameters
    ----------
    report : LoadingReport
    unused : tuple of str
        Prefixes of the names of weights that may be missing, because they are not used.

    Raises
    ------
    SmoothieError
        If a weight is missing or has another shape, or the files hold more layers than the model.
    """
    path = weights_at(report.folder)
    missing = [name for name in report.missing if not name.startswith(unused)]
    if missing:
        count = len(missing)
        raise SmoothieError(f"{path}: {count} of the model's weights missing, such as {missing[0]}")
    for name, found, expected in report.mismatched:
        raise SmoothieError(f"{path}: {name} has shape {found}, by config.json it is {expected}")
    # Weights of another task's head are harmless; a further layer of a stack is not.
    stacks = {re.sub(r"\.\d+\.", ".#.", name) for name in report.model.state_dict()}
    prefix = f"{getattr(report.model, 'base_model_prefix', '')}."  # of weights saved with a head
    for name in report.unexpected:
        if re.sub(r"\.\d+\.", ".#.", name.removeprefix(prefix)) in stacks:
            raise SmoothieError(f"{path}: {name} is of a layer that config.json does not have")


def check_tokenizer(tokenizer: Any, model: Any, folder: Path) -> None:
    """Refuse a tokenizer without its files, or one that does not fit a model.

    Parameters
    ----------
    tokenizer : PreTrainedTokenizerBase
    model : PreTrainedModel
    folder : Path
        Where the tokenizer's files are.

    Raises
    ------
    SmoothieError
        If files are missing, or the vocabulary is not the one that the model was trained with.
    """
    files = [
        name
        for key, name in tokenizer.vocab_files_names.items()
        if key in ("vocab_file", "merges_file")  # others are optional
    ]
    whole = (folder / "tokenizer.json").is_file() or any(folder.glob("*.model"))
    if not whole and not all((folder / name).is_file() for name in files):
        listed = " and ".join(files)
        raise SmoothieError(f"{folder}: no tokenizer; expected tokenizer.json, or {listed}")
    try:
        rows = model.get_input_embeddings().weight.shape[0]
    except NotImplementedError:  # CANINE reads characters and looks nothing up
        return
    vocabulary = tokenizer.get_vocab()
    # Tokens that were added for other tasks may have no row (Gemma's for images), but those of the
    # vocabulary and those that frame and pad a text are looked up.
    marks = ("bos", "cls", "eos", "pad", "sep", "unk")
    looked_up = set(vocabulary.values()) - set(tokenizer.added_tokens_decoder)
    looked_up |= {getattr(tokenizer, f"{mark}_token_id") for mark in marks} - {None}
    if looked_up and max(looked_up) >= rows:
        raise SmoothieError(
            f"{folder}: the tokenizer has a token number {max(looked_up)}, "
            f"the model has vectors for {rows} tokens, from 0"
        )
    check_size(len(vocabulary), rows, f"{folder}: the tokenizer")
    for name in ("vocab.txt", "vocab.json"):  # also where tokenizer.json is read in its place
        path = folder / name
        if path.is_file():
            lines = path.read_bytes().splitlines()
            check_size(len(read_json(path) if name.endswith("json") else lines), rows, str(path))


def check_size(tokens: int, rows: int, what: str) -> None:
    """Refuse a vocabulary with far fewer tokens than the model has vectors for.

    Models have more rows than tokens where rows are rounded up to a multiple of 64 or 128 (30,528
    for the 30,522 of BERT) or in other ways: 0.4 % of mDeBERTa's rows are spare, 1.8 % of phi-2's,
    2.3 % of DeepSeek's. A vocabulary that was cut lacks more than that.
    """
    if rows - tokens > max(128, rows // 20):
        raise SmoothieError(f"{what} has {tokens} tokens, the model has vectors for {rows}")


def positions(model: Any) -> tuple[int | None, bool]:
    """Number of positions of a transformers model.

    Returns
    -------
    limit : int or None
        None where positions are relative, so that there is no limit.
    table : bool
        Whether positions are looked up in a table, so that more tokens are an error.
    """
    from torch.nn import Embedding

    config = model.config
    declared = getattr(config, "max_position_embeddings", None)
    limit = declared if declared and declared > 0 else None  # XLNet has none and says -1
    for module in model.modules():
        for name in ("position_embeddings", "embed_positions", "wpe"):
            table = getattr(module, name, None)
            if isinstance(table, Embedding):
                # RoBERTa, MPNet and related models count from the row after that of padding
                last = table.padding_idx
                return (limit if last is None else table.num_embeddings - last - 1), True
    relative = not getattr(config, "position_biased_input", True)  # DeBERTa
    return (None if relative else limit), False


def token_limit(model: Any, own: int | None, max_tokens: int | None) -> int | None:
    """The most tokens of a text that are read.

    Parameters
    ----------
    model : PreTrainedModel
    own : int or None
        The limit in the model's files.
    max_tokens : int or None
        The limit in the settings, which takes precedence over `own`.

    Raises
    ------
    SmoothieError
        If `max_tokens` is more than the model has positions.
    """
    limit, table = positions(model)
    if max_tokens is None:
        if own is None or own > NO_LIMIT:
            return limit
        return min(own, limit) if table and limit is not None else own
    if limit is not None and max_tokens > limit:
        raise SmoothieError(
            f"max_tokens={max_tokens}: expected at most {limit}, the model has no more positions"
        )
    return max_tokens
