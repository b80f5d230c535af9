"""Where a pretrained model comes from: a local folder, or the Hub at a locked commit."""

import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from smoothie.errors import SmoothieError
from smoothie.optional import EXTRA_OF, install_line
from smoothie.storage.files import sha256

NAME = r"\w(?:(?:\w|-(?!-)|\.(?!\.)){0,94}\w)?"  # the Hub's rule
HUB_ID = re.compile(rf"{NAME}(/{NAME})?", re.ASCII)
# What the libraries read. Weights in other formats are not: they are read from safetensors alone.
READ_FILES = {".json", ".safetensors", ".txt", ".model", ".codes", ".jinja", ".npy"}
OTHER_ENGINES = {"onnx", "openvino"}  # folders with the same model for these


@dataclass
class PretrainedModel:
    """Base class of the encoders, scorers and metrics that run a pretrained model.

    Attributes
    ----------
    model : str
        Hub id, or a local folder.
    revision : str or None
        Commit of the Hub repository. None resolves the latest once and pins it in the lock file.
    device : str or None
        Torch device; None uses a GPU if there is one.
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
        found = existing_folder(self.model)
        if found is None and self.models is not None and HUB_ID.fullmatch(self.model):
            found = existing_folder(f"{self.models}/{self.model.rpartition('/')[2]}")
        return found

    @property
    def identity(self) -> str:
        """Commit of a Hub model, or SHA-256 over the files of a local one.

        Raises
        ------
        SmoothieError
            If the model is neither a folder nor a model id, or the Hub does not answer.
        """
        if not self._identity:
            self._identity = self._identify()
        return self._identity

    @property
    def short_name(self) -> str:
        """Name of the folder or id on the Hub, with the beginning of the identity."""
        name = self.model if self.folder is None else self.folder.absolute().name
        return f"{name}@{self.identity[:12]}"

    @property
    def torch_device(self) -> str:
        """The torch device."""
        import torch

        return self.device or ("cuda" if torch.cuda.is_available() else "cpu")

    def ready(self) -> Any:
        """What `_load` returns, loaded at the first call.

        Raises
        ------
        SmoothieError
            If the model cannot be loaded, or is not complete.
        """
        if self._loaded is None:
            try:
                self._loaded = self._load()
            except SmoothieError:
                raise
            except ModuleNotFoundError as error:
                package = str(error.name).partition(".")[0]
                extra = install_line(EXTRA_OF.get(package, "encode"))
                raise SmoothieError(f"{self.role} {self.model} needs {package}: {extra}") from error
            except Exception as error:  # the libraries that read these files raise many kinds
                reason = str(error).strip().split("\n")[0]
                raise SmoothieError(
                    f"{self.role} {self.model}: the model cannot be loaded ({reason})"
                ) from error
        return self._loaded

    def files(self) -> Path:
        """The folder of the model's files, fetched from the Hub at its locked commit if needed."""
        if self.folder is not None:
            return self.folder
        from smoothie.storage.lock import download_model

        return download_model(self.model, self.identity)

    def _load(self) -> Any:
        """Load the model, complete (`smoothie.models.loading`), without pickle or its own code."""
        raise NotImplementedError

    def _identify(self) -> str:
        if self.folder is not None:
            return folder_checksum(self.folder)
        if not HUB_ID.fullmatch(self.model):
            raise SmoothieError(
                f"model={self.model}: neither a folder nor a model id such as ORG/NAME"
            )
        from smoothie.storage.lock import HubLock

        return HubLock.at(self.lock).revision("model", self.model, self.revision)


def existing_folder(name: str) -> Path | None:
    """The folder of a name, or None where there is no such folder."""
    try:
        path = Path(name).expanduser()
        return path if name and path.is_dir() else None
    except (OSError, RuntimeError):  # too long for a file's name; the home of an unknown user
        return None


def folder_checksum(folder: Path) -> str:
    """SHA-256 over names and contents of the files that decide what a model computes."""
    digest = hashlib.sha256()
    paths = {*folder.rglob("*"), *folder.glob("*/*")}  # rglob leaves out folders that are links
    for path in sorted(paths):
        name = path.relative_to(folder)
        if path.suffix in READ_FILES and path.is_file() and OTHER_ENGINES.isdisjoint(name.parts):
            digest.update(f"{name.as_posix()} {sha256(path)}\n".encode())
    return digest.hexdigest()
