"""Where a pretrained model comes from: a local folder, or the Hub at a locked commit."""

import hashlib
import re
from pathlib import Path

from smoothie.errors import SmoothieError
from smoothie.files import sha256


def local_folder(model: str, models: str | None = None) -> Path | None:
    """The local folder of a model, or None where it comes from the Hub.

    Parameters
    ----------
    model : str
        A folder, or a Hub id.
    models : str, optional
        A folder with copies of Hub models, each under the last part of its id.
    """
    candidates = [Path(model).expanduser()]
    if models is not None:
        candidates.append(Path(models).expanduser() / Path(model).name)
    return next((path for path in candidates if path.is_dir()), None)


def model_identity(
    setting: str, model: str, folder: Path | None, revision: str | None, lock: str | None
) -> str:
    """Commit of a Hub model, or SHA-256 over the files of a local one.

    Parameters
    ----------
    setting : str
        What the model is called in the configuration, for error messages.
    model : str
    folder : Path or None
        As `local_folder` finds it.
    revision : str or None
        Commit of the Hub repository; None resolves the newest once and keeps it in the lock file.
    lock : str or None
        The lock file.

    Raises
    ------
    SmoothieError
        If the model is no folder and not the id of a Hub model, or the Hub does not answer.
    """
    if folder is not None:
        return folder_checksum(folder)
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", model) or model.startswith("."):
        raise SmoothieError(f"{setting}={model}: no such folder, and not the id of a Hub model")
    from smoothie.lock import HubLock

    return HubLock.at(lock).revision("model", model, revision)


def folder_checksum(folder: Path) -> str:
    """SHA-256 over names and contents of the files that decide what a model computes."""
    digest = hashlib.sha256()
    suffixes = {".json", ".safetensors", ".bin", ".txt", ".model", ".onnx", ".npy", ".py"}
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in suffixes)
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()
