"""Where caches and the lock file of downloads are, outside of a configuration."""

import os
from pathlib import Path


def cache_folder() -> Path:
    """Folder of embeddings, scores and the download lock file: SMOOTHIE_CACHE or ~/.cache."""
    return Path(os.environ.get("SMOOTHIE_CACHE", "~/.cache/smoothie")).expanduser()


def lock_file() -> Path:
    """Where commits and checksums of downloads are recorded, outside of a checkout."""
    return Path(os.environ.get("SMOOTHIE_LOCK", cache_folder() / "hub.lock.json"))
