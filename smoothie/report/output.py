"""An output folder with the complete files of one run and a manifest of them."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smoothie.errors import SmoothieError
from smoothie.storage.files import (
    read_json,
    write_csv,
    write_json,
    write_jsonl,
    write_text,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

MANIFEST = "manifest.json"  # the files of a folder's last run
UNFINISHED = ".unfinished"  # subfolder that they are written to first


class OutputFolder:
    """Files that are written to a temporary folder and moved into the output folder together.

    Used as a context manager. At its end, the files replace all those of an earlier run, and
    manifest.json lists them. If it ends with an exception, or the process dies, the earlier run's
    files stay as they were. Only a process that dies between the first and the last move, a matter
    of milliseconds, leaves files of both runs; manifest.json then says ``"complete": false``.

    Parameters
    ----------
    folder : Path
        Created if it does not exist.

    Raises
    ------
    SmoothieError
        If the folder cannot be written, or its manifest is broken.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.names: list[str] = []
        self._aside = folder / UNFINISHED

    def __enter__(self) -> OutputFolder:
        """Create the folder, and remove what an interrupted run left unfinished."""
        self._earlier = earlier_files(self.folder)
        try:
            shutil.rmtree(self._aside, ignore_errors=True)
            self._aside.mkdir(parents=True)
        except OSError as error:
            reason = error.strerror or str(error)
            raise SmoothieError(
                f"{self.folder}: results cannot be written there ({reason})"
            ) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Move the files to their place, or discard them if anything went wrong."""
        try:
            if kind is None:
                self._publish()
        finally:
            shutil.rmtree(self._aside, ignore_errors=True)

    def _publish(self) -> None:
        manifest = self.folder / MANIFEST
        # Only files of the folder itself are taken from a manifest: nothing else is ever removed.
        stale = [name for name in self._earlier if self._is_file(name)]
        write_manifest(manifest, sorted({*self.names, *stale}), complete=False)
        for name in self.names:
            (self._aside / name).replace(self.folder / name)
        for name in stale:
            if name not in self.names:
                (self.folder / name).unlink(missing_ok=True)
        write_manifest(manifest, sorted(self.names), complete=True)

    def _is_file(self, name: str) -> bool:
        """Whether this is the plain name of a file that is there."""
        if Path(name).name != name or "\0" in name:
            return False
        path = self.folder / name
        return path.is_symlink() or path.is_file()

    @property
    def paths(self) -> list[Path]:
        """Where the files are when the context has ended."""
        return [self.folder / name for name in sorted(self.names)]

    def path(self, name: str) -> Path:
        """Where to write a file of this name now."""
        if name in self.names:
            raise SmoothieError(f"{name} is written twice")
        self.names.append(name)
        return self._aside / name

    def table(self, name: str, table: pd.DataFrame, columns: list[str] | None = None) -> None:
        """A CSV file of a table's columns, all of them unless some are named."""
        write_table(table, self.path(name), columns)

    def rows(self, name: str, columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
        """A CSV file of rows."""
        write_csv(self.path(name), columns, rows)

    def text(self, name: str, text: str) -> None:
        """A UTF-8 text file."""
        write_text(self.path(name), text)

    def json(self, name: str, value: Any) -> None:
        """A JSON file."""
        write_json(self.path(name), value)

    def jsonl(self, name: str, rows: Iterable[Mapping[str, Any]]) -> None:
        """A file of one JSON object a line."""
        write_jsonl(self.path(name), rows)

    def figure(self, name: str, figure: Figure, formats: Sequence[str] = ("png",)) -> None:
        """A figure, as PNG unless told otherwise."""
        from smoothie.report.style import save

        self.names += [path.name for path in save(figure, self._aside, name, formats)]


def write_table(table: pd.DataFrame, path: Path, columns: list[str] | None = None) -> None:
    """Write a CSV file in one step; what is missing becomes an empty cell."""
    shown = table if columns is None else table[columns]
    cells = shown.astype(object).where(shown.notna(), None)
    write_csv(path, list(shown.columns), cells.itertuples(index=False, name=None))


def write_manifest(path: Path, names: Sequence[str], complete: bool) -> None:
    """List the files of a run."""
    write_json(path, {"files": list(names), "complete": complete})


def earlier_files(folder: Path) -> list[str]:
    """Names of the files that an earlier run left in a folder."""
    path = folder / MANIFEST
    if not path.is_file():
        return []
    manifest = read_json(path)
    files = manifest.get("files") if isinstance(manifest, dict) else None
    if not isinstance(files, list) or not all(isinstance(name, str) for name in files):
        raise SmoothieError(f"{path}: expected the names of files under 'files'; remove it")
    return files
