"""Where a pretrained model comes from: a local folder, or the Hub at a locked commit."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from smoothie.errors import SmoothieError
from smoothie.storage.files import sha256


@dataclass
class PretrainedModel:
    """What an encoder, a scorer and a metric have in common if they run a pretrained model.

    Attributes
    ----------
    model : str
        Hub id, or a local folder.
    revision : str or None
        Commit of the Hub repository. None resolves the newest once and keeps it in the lock file.
    device : str or None
        Torch device; None takes a GPU where there is one.
    lock : str or None
        Lock file for the revisions of Hub repositories.
    models : str or None
        A folder with copies of Hub models, each under the last part of its id; a model that is
        there is not fetched from the Hub.
    """

    model: str
    revision: str | None = None
    device: str | None = None
    lock: str | None = None
    models: str | None = None
    _loaded: Any = field(default=None, init=False, repr=False)
    _identity: str = field(default="", init=False, repr=False)

    role: ClassVar[str] = "model"  # what messages call it

    @property
    def folder(self) -> Path | None:
        """The local folder of the model, or None where it comes from the Hub."""
        candidates = [Path(self.model).expanduser()]
        if self.models is not None:
            candidates.append(Path(self.models).expanduser() / Path(self.model).name)
        return next((path for path in candidates if path.is_dir()), None)

    @property
    def identity(self) -> str:
        """Commit of a Hub model, or SHA-256 over the files of a local one.

        Raises
        ------
        SmoothieError
            If the model is no folder and not the id of a Hub model, or the Hub does not answer.
        """
        if not self._identity:
            self._identity = self._identify()
        return self._identity

    @property
    def short_name(self) -> str:
        """Name of the folder or id on the Hub, with the beginning of the identity."""
        name = self.model if self.folder is None else self.folder.name
        return f"{name}@{self.identity[:12]}"

    @property
    def torch_device(self) -> str:
        """The torch device."""
        import torch

        return self.device or ("cuda" if torch.cuda.is_available() else "cpu")

    def ready(self) -> Any:
        """What `_load` made, at the first call.

        Raises
        ------
        SmoothieError
            If the model cannot be loaded.
        """
        if self._loaded is None:
            try:
                self._loaded = self._load()
            except SmoothieError:
                raise
            except Exception as error:  # the libraries that read these files raise many kinds
                reason = str(error).strip().split("\n")[0]
                raise SmoothieError(
                    f"{self.role} {self.model}: the model cannot be loaded ({reason})"
                ) from error
        return self._loaded

    def files(self) -> Path:
        """The folder of the model's files, fetched from the Hub at its locked commit if need be."""
        commit = self.identity
        if self.folder is not None:
            return self.folder
        from smoothie.storage.lock import HubLock

        return HubLock.at(self.lock).download_model(self.model, commit)

    def _load(self) -> Any:
        """Load the model, without pickle and without foreign code."""
        raise NotImplementedError

    def _identify(self) -> str:
        if self.folder is not None:
            return folder_checksum(self.folder)
        if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", self.model) or self.model.startswith("."):
            raise SmoothieError(
                f"{self.role}.model={self.model}: no such folder, and not the id of a Hub model"
            )
        from smoothie.storage.lock import HubLock

        return HubLock.at(self.lock).revision("model", self.model, self.revision)


def folder_checksum(folder: Path) -> str:
    """SHA-256 over names and contents of the files that decide what a model computes."""
    digest = hashlib.sha256()
    suffixes = {".json", ".safetensors", ".bin", ".txt", ".model", ".onnx", ".npy", ".py"}
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix in suffixes)
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()
