"""Encoders by name, for use without a configuration."""

import os

from smoothie.encoders.base import Encoder
from smoothie.optional import require
from smoothie.storage.places import cache_folder, lock_file

HUB_IDS = {
    "minilm": "sentence-transformers/all-MiniLM-L6-v2",
    "mpnet": "sentence-transformers/all-mpnet-base-v2",
    "bge_small": "BAAI/bge-small-en-v1.5",
}


def named_encoder(name: str) -> Encoder:
    """An encoder by its name, Hub id or folder.

    Its vectors are cached in `cache_folder`, and the commit and checksums of a download are in
    `lock_file`. SMOOTHIE_ENCODERS may name a folder of models that are used instead of the
    Hub's.

    Raises
    ------
    SmoothieError
        If the packages for it are not installed, or there is no such model.
    """
    require("sentence_transformers", f"encoder={name}")
    from smoothie.encoders.sentence import SentenceEncoder

    encoder = SentenceEncoder(
        HUB_IDS.get(name, name),
        profile="fast",
        cache=str(cache_folder()),
        lock=str(lock_file()),
        models=os.environ.get("SMOOTHIE_ENCODERS"),
    )
    encoder.identity  # noqa: B018  reports a missing model before anything else is done
    return encoder
