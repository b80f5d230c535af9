"""What an encoder would read of some texts, and how long that would take here."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smoothie.encoders.named import HUB_IDS, STATIC, named_encoder, static_folder
from smoothie.inspection.findings import Finding, listed
from smoothie.optional import is_installed
from smoothie.pretrained import HUB_ID, existing_folder
from smoothie.problem import Problem
from smoothie.storage.files import read_json
from smoothie.storage.places import lock_file

SAMPLE = 200  # inputs whose texts are counted, evenly spread
TIMED = 64  # texts that are encoded to take the time
SHARE = 0.02  # share of a candidate's texts that are truncated, from which it is told
LIMIT = "sentence_bert_config.json"


@dataclass(frozen=True, eq=False)
class Reading:
    """What an encoder reads of a problem's texts.

    Attributes
    ----------
    name : str
    limit : int
        Tokens of a text that it reads.
    texts : int
        Distinct texts of the candidates.
    tokens : int
        That it reads of them, estimated from a sample.
    longer : ndarray of shape (K,)
        Share of each candidate's texts, in the sample, that have more tokens than it reads.
    """

    name: str
    limit: int
    texts: int
    tokens: int
    longer: NDArray[np.float64]


def local_file(name: str, file: str) -> Path | None:
    """A file of an encoder that is on this machine; None if it is not."""
    model = str(static_folder()) if name == STATIC else HUB_IDS.get(name, name)
    copies = os.environ.get("SMOOTHIE_ENCODERS")
    folder = existing_folder(model)
    if folder is None and copies:
        folder = existing_folder(f"{copies}/{model.rpartition('/')[2]}")
    if folder is not None:
        return folder / file if (folder / file).is_file() else None
    if not (is_installed("huggingface_hub") and HUB_ID.fullmatch(model)):
        return None
    from smoothie.storage.lock import HubLock

    return HubLock.at(str(lock_file())).cached("model", model, None, file)


def token_limit_of(name: str) -> int | None:
    """How many tokens of a text an encoder reads; None where that is not known here."""
    if name == STATIC:
        return sys.maxsize
    file = local_file(name, LIMIT)
    settings = None if file is None else read_json(file)
    limit = settings.get("max_seq_length") if isinstance(settings, dict) else None
    return limit if isinstance(limit, int) else None


def reading(problem: Problem, name: str) -> Reading | None:
    """Count the tokens that an encoder would read; None where it is not on this machine.

    Notes
    -----
    Reads the tokenizer alone: neither PyTorch nor the model. Those of 200 inputs are counted.
    """
    tokenizer_file, limit = local_file(name, "tokenizer.json"), token_limit_of(name)
    if tokenizer_file is None or limit is None or not is_installed("tokenizers"):
        return None
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    rows = np.unique(np.linspace(0, len(problem.inputs) - 1, SAMPLE).astype(np.intp))
    texts = problem.texts[rows]
    counts = np.array([len(found.ids) for found in tokenizer.encode_batch(texts.ravel().tolist())])
    counts = counts.reshape(texts.shape)
    distinct = len(set(problem.texts.ravel()))
    tokens = round(distinct * float(np.minimum(counts, limit).mean()))
    return Reading(name, limit, distinct, tokens, (counts > limit).mean(axis=0))


def truncated(problem: Problem, read: Reading) -> list[Finding]:
    """Candidates whose texts an encoder reads in part."""
    most_first = [int(j) for j in np.argsort(-read.longer, kind="stable")]
    named = [
        f"{100 * read.longer[j]:.0f}% of {problem.candidates[j]}"
        for j in most_first
        if read.longer[j] >= SHARE
    ]
    if not named:
        return []
    return [
        Finding(
            "truncated",
            f"texts longer than the {read.limit} tokens that {read.name} reads: {listed(named)}",
            "distances compare their beginnings alone; take an encoder that reads more, or let "
            "consensus compare the wording alone, which it reads whole (--encoder none)",
            serious=False,
        )
    ]


def seconds_to_encode(problem: Problem, read: Reading) -> float:
    """How long the encoder takes for all distinct texts here, by the time for a few of them.

    Raises
    ------
    SmoothieError
        If its packages are not installed, or the model cannot be loaded.
    """
    from smoothie.encoders.sentence import SentenceEncoder
    from smoothie.encoders.static import StaticEncoder

    encoder = named_encoder(read.name)
    assert isinstance(encoder, SentenceEncoder | StaticEncoder)
    texts = list(dict.fromkeys(problem.texts.ravel()))
    some = texts[:: max(1, len(texts) // TIMED)]
    return encoder.seconds_for(some) * len(texts) / len(some)
