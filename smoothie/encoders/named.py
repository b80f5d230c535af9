"""Encoders by name, for use without a configuration."""

import os
from pathlib import Path

from smoothie.encoders.base import Encoder
from smoothie.optional import require
from smoothie.storage.places import cache_folder, lock_file

HUB_IDS = {
    "minilm": "sentence-transformers/all-MiniLM-L6-v2",
    "mpnet": "sentence-transformers/all-mpnet-base-v2",
    "bge_small": "BAAI/bge-small-en-v1.5",
}
STATIC = "static"  # distilled from minilm


def named_encoder(name: str) -> Encoder:
    """An encoder by its name, Hub id or folder.

    Its vectors are cached in `cache_folder`, and the commit and checksums of a download are in
    `lock_file`. SMOOTHIE_ENCODERS may name a folder of models that are used instead of the
    Hub's. "static" is distilled from "minilm" at its first use, into `static_folder`.

    Raises
    ------
    SmoothieError
        If the packages for it are not installed, or there is no such model.
    """
    if name == STATIC:
        return static_encoder()
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


def static_folder() -> Path:
    """Where the static encoder is kept that is distilled from "minilm"."""
    return cache_folder() / "static" / HUB_IDS["minilm"].rpartition("/")[2]


def static_encoder() -> Encoder:
    """The static encoder, distilled first if it is not there yet."""
    from smoothie.encoders.static import StaticEncoder

    folder = static_folder()
    if not (folder / "config.json").is_file():  # written last
        from smoothie.encoders.distilled import distill
        from smoothie.encoders.sentence import SentenceEncoder

        models = os.environ.get("SMOOTHIE_ENCODERS")
        distill(SentenceEncoder(HUB_IDS["minilm"], lock=str(lock_file()), models=models), folder)
    encoder = StaticEncoder(str(folder))
    encoder.identity  # noqa: B018  reports what is wrong with it before anything else is done
    return encoder
