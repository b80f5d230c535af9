"""What others have pushed to the Hub: hf://user/name@revision, fetched at a commit and checked."""

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from smoothie.errors import SmoothieError, shown
from smoothie.storage.files import read_json, sha256
from smoothie.storage.lock import COMMIT, HubLock
from smoothie.storage.places import lock_file

log = logging.getLogger(__name__)

SCHEME = "hf://"
MANIFEST = "smoothie.json"  # names the other files, with their checksums
FORMAT = 1  # of the manifest
ADDRESS = re.compile(
    r"(?:hf://)?(?P<kind>datasets/|models/)?(?P<repository>[\w.-]+/[\w.-]+)(?:@(?P<revision>[\w./-]+))?"
)


@dataclass(frozen=True)
class Address:
    """A repository of the Hub, and which state of it.

    Attributes
    ----------
    kind : {"model", "dataset"}
    repository : str
        user/name.
    revision : str or None
        A commit, branch or tag.

    Examples
    --------
    >>> from smoothie.storage.shared import Address
    >>> Address.of("hf://datasets/user/routed@main")
    Address(kind='dataset', repository='user/routed', revision='main')
    """

    kind: str
    repository: str
    revision: str | None = None

    @classmethod
    def of(cls, text: str) -> Self:
        """Read an address: hf://user/name is a router, hf://datasets/user/name routed answers."""
        match = ADDRESS.fullmatch(text)
        if match is None:
            raise SmoothieError(
                f"{shown(text)}: expected hf://user/name or hf://datasets/user/name, "
                f"and at its end @REVISION for one state of it"
            )
        kind = "dataset" if match["kind"] == "datasets/" else "model"
        return cls(kind, match["repository"], match["revision"])

    def __str__(self) -> str:
        """The address as it is typed."""
        kind = "datasets/" if self.kind == "dataset" else ""
        end = "" if self.revision is None else f"@{self.revision}"
        return f"{SCHEME}{kind}{self.repository}{end}"


def fetch(address: Address, name: str) -> Path:
    """A file that was pushed, in the Hub client's cache.

    Without a commit, the one of the first download is taken again, and said; it is kept in the lock
    file (`smoothie.storage.places.lock_file`), with checksums.

    Raises
    ------
    SmoothieError
        If the Hub does not answer, has no such repository, or it holds something else; if a file
        differs from its checksum.
    """
    lock = HubLock.at(str(lock_file()))
    commit = lock.revision(address.kind, address.repository, address.revision)
    if address.revision is None or not COMMIT.fullmatch(address.revision):
        log.info("%s: taken at commit %s", address, commit)
    manifest = lock.download(address.kind, address.repository, address.revision, MANIFEST)
    expected = checksums(read_json(manifest), str(address))
    if name not in expected:
        there = ", ".join(expected)
        raise SmoothieError(f"{address}: expected {name}, there is {there}")
    path = lock.download(address.kind, address.repository, address.revision, name)
    if sha256(path) != expected[name]:
        raise SmoothieError(
            f"{address}: {name} is damaged, its SHA-256 is not that in {MANIFEST}; push it again, "
            f"or name an earlier commit"
        )
    return path


def checksums(manifest: Any, where: str) -> dict[str, str]:
    """The files that a manifest names, each with its SHA-256."""
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, dict) or not all(isinstance(value, str) for value in files.values()):
        raise SmoothieError(f"{where}: {MANIFEST} names no files with their checksums")
    if manifest.get("format") != FORMAT:
        found = shown(manifest.get("format"))
        raise SmoothieError(f"{where}: format {found} of {MANIFEST}; this version reads {FORMAT}")
    return {str(name): value for name, value in files.items()}
