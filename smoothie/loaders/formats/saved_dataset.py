"""Datasets of the package `datasets`: a save_to_disk folder, or a repository of the Hub."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from smoothie.errors import SmoothieError
from smoothie.loaders.formats.base import Format, Wanted, selected
from smoothie.loaders.formats.frame import problem_of_frame
from smoothie.loaders.frames import SUFFIXES, of_objects
from smoothie.optional import require
from smoothie.problem import Problem
from smoothie.storage.lock import HubLock
from smoothie.storage.places import lock_file

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
PREFERRED = "test"  # of several splits


def looks_like(path: Path) -> bool:
    """Whether a folder was written by save_to_disk."""
    return (path / "dataset_dict.json").is_file() or (
        (path / "dataset_info.json").is_file() and (path / "state.json").is_file()
    )


def is_hub_id(path: Path) -> bool:
    """Whether something that is no file is ORG/NAME, a repository of the Hub."""
    text = path.as_posix()
    is_file = path.suffix.lower() in SUFFIXES or path.parent.exists()
    return bool(HUB_ID.fullmatch(text)) and not is_file


def read(path: Path, wanted: Wanted) -> Problem:
    """Read one split: the one that is selected, else test, else the only one."""
    require("datasets", f"{path}: a dataset")
    import datasets

    try:
        if path.exists():
            loaded = datasets.load_from_disk(str(path))
        else:
            loaded = from_hub(path.as_posix(), wanted)
    except SmoothieError:
        raise
    except Exception as error:  # the library raises many kinds, from several layers
        reason = str(error).strip().split("\n")[0]
        raise SmoothieError(f"{path}: cannot be loaded ({reason})") from error
    if isinstance(loaded, datasets.DatasetDict):
        loaded = loaded[split_of(list(loaded), str(path), wanted)]
    elif "split" in wanted.select:
        raise SmoothieError(f"{path}: one dataset without splits")
    name = path.name
    if "generations" in loaded.column_names:
        problem = Problem.from_dataset(loaded, name, wanted.missing)
        return problem if wanted.candidates is None else problem.select(wanted.candidates)
    return problem_of_frame(of_objects(loaded.to_list(), path), name, str(path), wanted)


def from_hub(repository: str, wanted: Wanted) -> Any:
    """A split of a repository, at the commit in the lock file; no code of it is run."""
    import datasets

    subset = wanted.select.get("subset")
    asked = wanted.select.get("revision")
    commit = HubLock.at(str(lock_file())).revision("dataset", repository, asked)
    splits = datasets.get_dataset_split_names(repository, subset, revision=commit)
    split = split_of(splits, repository, wanted)
    loaded = datasets.load_dataset(repository, subset, split=split, revision=commit)
    return datasets.DatasetDict({split: loaded})


def split_of(splits: list[str], where: str, wanted: Wanted) -> str:
    """Which split to read."""
    chosen = selected(wanted.select, "split", splits, where)
    if chosen is not None:
        return chosen
    if PREFERRED in splits or len(splits) == 1:
        return PREFERRED if PREFERRED in splits else splits[0]
    raise SmoothieError(
        f"{where}: splits {', '.join(splits)}; name one with select split={splits[0]}"
    )


FORMAT = Format(
    "a save_to_disk folder or a Hub id", looks_like, read, ("split", "subset", "revision")
)
