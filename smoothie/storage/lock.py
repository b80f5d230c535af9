"""The lock file: which commit of each Hub repository is in use, with checksums of its files.

A branch moves; results must not. The first download of a repository asks the Hub for the commit,
writes it into the lock file together with the SHA-256 of every file fetched, and from then on that
commit is used and the files are checked against it.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smoothie.errors import SmoothieError, shown
from smoothie.optional import require
from smoothie.storage.files import read_json, readable, sha256, user_path, write_json

INSTEAD = "give a local folder instead, or try again online"
COMMIT = re.compile(r"[0-9a-f]{40}")
# Copies, for other programs, of weights that are in model.safetensors.
OTHER_FORMATS = [
    *("*.bin", "*.pt", "*.pth", "*.ckpt", "*.h5", "*.msgpack", "*.ot", "*.gguf"),
    *("*.onnx", "onnx/*", "openvino/*", "*.mlmodel", "*.tflite"),
]


@dataclass(frozen=True)
class HubLock:
    """Revisions and checksums of Hub repositories, in one JSON file."""

    path: Path

    @classmethod
    def at(cls, path: str | None) -> "HubLock":
        """The lock file at a path; refuses None, because an unpinned download is not repeatable."""
        if path is None:
            raise SmoothieError("a download from the Hub needs a lock file")
        return cls(user_path(path))

    def revision(self, kind: str, repository: str, asked: str | None = None) -> str:
        """The commit of a repository.

        Parameters
        ----------
        kind : {"model", "dataset"}
        repository : str
            Hub id.
        asked : str, optional
            A commit, which is used as it is, or a branch or tag, which is resolved once.

        Raises
        ------
        SmoothieError
            If the commit is not known yet and the Hub does not answer.
        """
        if asked is not None and COMMIT.fullmatch(asked):
            return asked
        entry = self._entry(kind, repository, asked)
        known = self._read().get(entry, {}).get("revision")
        if known is not None:
            return str(known)
        require("huggingface_hub", "the Hub")
        from huggingface_hub import HfApi

        try:
            commit = str(HfApi().repo_info(repository, repo_type=kind, revision=asked).sha)
        except Exception as error:  # the Hub's client raises many kinds, from several libraries
            cached = cached_commit(kind, repository, asked)
            if cached is None:
                what = f"{kind} {repository}"
                trouble = trouble_of(error, f"the Hub did not answer ({type(error).__name__})")
                raise SmoothieError(f"{what}: {trouble}; {INSTEAD}") from error
            commit = cached
        with self._update() as entries:
            return str(entries.setdefault(entry, {"revision": commit, "files": {}})["revision"])

    def download(self, kind: str, repository: str, revision: str | None, name: str) -> Path:
        """Fetch one file of a repository at its locked commit and check it.

        Returns
        -------
        Path
            The file in the Hub client's own cache.

        Raises
        ------
        SmoothieError
            If the file does not exist, cannot be fetched, or differs from its recorded checksum.
        """
        require("huggingface_hub", "the Hub")
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        commit = self.revision(kind, repository, revision)
        try:
            path = Path(hf_hub_download(repository, name, repo_type=kind, revision=commit))
        except Exception as error:
            # The client's error for a file that it could not ask for is one of these, too.
            silent = isinstance(error, LocalEntryNotFoundError)
            if isinstance(error, EntryNotFoundError) and not silent:
                raise SmoothieError(f"{repository} at {commit[:12]} has no file {name}") from error
            why = "the Hub did not answer" if silent else type(error).__name__
            trouble = trouble_of(error, f"cannot be downloaded ({why})")
            raise SmoothieError(
                f"{repository}/{name}: {trouble}; "
                f"give a local folder with the same layout instead, or try again online"
            ) from error
        checksum = sha256(path)
        with self._update() as entries:
            entry = entries.setdefault(
                self._entry(kind, repository, revision), {"revision": commit, "files": {}}
            )
            recorded = entry["files"].setdefault(name, checksum)
        if recorded != checksum:
            raise SmoothieError(
                f"{path}: SHA-256 {checksum[:12]}... differs from {recorded[:12]}... in "
                f"{self.path}; delete the file to fetch it again"
            )
        return path

    def known(self, kind: str, repository: str, asked: str | None = None) -> str | None:
        """The commit of a repository if it is known without asking the Hub."""
        if asked is not None and COMMIT.fullmatch(asked):
            return asked
        found = self._read().get(self._entry(kind, repository, asked), {}).get("revision")
        return str(found) if found is not None else cached_commit(kind, repository, asked)

    def cached(self, kind: str, repository: str, revision: str | None, name: str) -> Path | None:
        """Path of a file that was downloaded before, without asking the Hub; None if it was not."""
        require("huggingface_hub", "the Hub")
        from huggingface_hub import try_to_load_from_cache

        commit = self.known(kind, repository, revision)
        if commit is None:
            return None
        found = try_to_load_from_cache(repository, name, revision=commit, repo_type=kind)
        return Path(found) if isinstance(found, str) else None

    def files(self, kind: str, repository: str, revision: str | None) -> list[str]:
        """Names of all files of a repository at its locked commit."""
        require("huggingface_hub", "the Hub")
        from huggingface_hub import HfApi

        commit = self.revision(kind, repository, revision)
        try:
            return HfApi().list_repo_files(repository, repo_type=kind, revision=commit)
        except Exception as error:
            raise SmoothieError(
                f"{repository}: its files cannot be listed ({type(error).__name__}); "
                f"name the candidates, or try again online"
            ) from error

    @staticmethod
    def _entry(kind: str, repository: str, revision: str | None) -> str:
        return f"{kind}s/{repository}" + (f"@{revision}" if revision else "")

    def _read(self) -> dict[str, Any]:
        with readable(self.path):
            if not self.path.exists():
                return {}
        entries = read_json(self.path)
        if not isinstance(entries, dict):
            raise SmoothieError(f"{self.path}: expected a JSON object of repositories")
        for name, entry in entries.items():
            parts = entry if isinstance(entry, dict) else {}
            known = isinstance(parts.get("revision"), str), isinstance(parts.get("files"), dict)
            if not all(known):
                raise SmoothieError(
                    f"{self.path}: expected a 'revision' and 'files' under {shown(name)}"
                )
        return entries

    @contextmanager
    def _update(self) -> Iterator[dict[str, Any]]:
        """Read, change and write the lock file while no other process does."""
        from filelock import FileLock

        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{self.path}.guard"):
            entries = self._read()
            before = json.dumps(entries)
            yield entries
            if json.dumps(entries) != before:
                write_json(self.path, dict(sorted(entries.items())))


def trouble_of(error: Exception, otherwise: str) -> str:
    """What an error of the Hub's client means; `otherwise` if it is none of the usual ones."""
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, GatedRepoError):
        return "its owner grants access first; ask for it on its page of the Hub"
    if isinstance(error, RepositoryNotFoundError):
        return "the Hub has no such repository, or it is private and the token is not allowed"
    if isinstance(error, RevisionNotFoundError):
        return "the Hub has no such revision of it"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        return f"the Hub refuses the token ({status}); a token with write access is needed to push"
    return otherwise


@contextmanager
def of_the_hub(what: str, failed: str) -> Iterator[None]:
    """Say in one sentence what went wrong while the Hub was talked to."""
    try:
        yield
    except Exception as error:  # the Hub's client raises many kinds, from several libraries
        said = next(iter(str(error).strip().splitlines()), "the Hub did not answer")
        trouble = trouble_of(error, f"{type(error).__name__}: {said}")
        raise SmoothieError(f"{what}: {failed}: {trouble}") from error


def download_model(repository: str, commit: str) -> Path:
    """Fetch a model from the Hub at a commit; files that are there already are not fetched again.

    Raises
    ------
    SmoothieError
        If the model cannot be fetched.
    """
    require("huggingface_hub", "the Hub")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(repository, revision=commit, ignore_patterns=OTHER_FORMATS))
    except Exception as error:
        raise SmoothieError(
            f"model {repository}: cannot be downloaded ({type(error).__name__}); "
            f"give a local folder instead, or try again online"
        ) from error


def cached_commit(kind: str, repository: str, revision: str | None) -> str | None:
    """The commit of a repository in the Hub client's cache, from an earlier download."""
    folder = cached_folder(kind, repository, revision)
    return None if folder is None else folder.name


def cached_folder(kind: str, repository: str, revision: str | None) -> Path | None:
    """The folder of a repository's commit in the Hub client's cache, which may be incomplete."""
    require("huggingface_hub", "the Hub")
    from huggingface_hub import snapshot_download

    try:
        path = snapshot_download(
            repository, repo_type=kind, revision=revision, local_files_only=True
        )
    except Exception:  # whatever the error, nothing usable is cached
        return None
    return Path(path)
