"""The paper's cached generations: the Hub repository, or a folder with the same layout.

The repository is a pile of JSON files, not a table::

    datasets/DATASET_{train,test}.jsonl
        rows of task_name, embedding_input, reference, idx
    multi_model_results/DATASET/model_gens/MODEL_{train,test}.json
        {"generations": [text of each row]}
    multi_prompt_results/DATASET/MODEL/individual_{train,test}.json
        {"generations": [[text of each prompt] of each row]}

Everything is aligned by position.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from smoothie.errors import SmoothieError
from smoothie.files import read_json, read_jsonl
from smoothie.loaders.base import Source, choose_candidates, existing_folder
from smoothie.lock import HubLock
from smoothie.problem import Input, Problem, as_references, as_text, assemble


@dataclass(frozen=True)
class RepositoryFiles:
    """Files of a dataset repository, on the Hub or in a folder."""

    repository: str
    revision: str | None
    folder: str | None
    lock: str | None

    def fetch(self, name: str) -> Path:
        """A local path of one file."""
        if self.folder is not None:
            path = existing_folder(self.folder, "dataset.folder") / name
            if not path.is_file():
                raise SmoothieError(f"{path}: no such file")
            return path
        lock = HubLock.at(self.lock)
        return lock.download("dataset", self.repository, self.revision, name)

    def stems(self, folder: str, suffix: str) -> list[str]:
        """Names of the files of a folder of the repository, less the suffix."""
        if self.folder is not None:
            root = existing_folder(self.folder, "dataset.folder")
            names = [path.name for path in (root / folder).glob(f"*{suffix}")]
        else:
            lock = HubLock.at(self.lock)
            every = lock.files("dataset", self.repository, self.revision)
            inside = [name.removeprefix(f"{folder}/") for name in every if name.startswith(folder)]
            names = [name for name in inside if "/" not in name and name.endswith(suffix)]
        return [name.removesuffix(suffix) for name in names if not name.startswith(".")]


@dataclass
class HubSource(Source):
    """Settings of the sources that read a Hub repository.

    Attributes
    ----------
    repository : str
        Hub id.
    revision : str or None
        Commit; None resolves the newest once and keeps it in the lock file.
    folder : str or None
        A local folder with the repository's layout, used instead of the Hub.
    lock : str or None
        The lock file.
    """

    repository: str = "hazyresearch/smoothie_data"
    revision: str | None = None
    folder: str | None = None
    lock: str | None = None

    @property
    def files(self) -> RepositoryFiles:
        """Where the files come from."""
        return RepositoryFiles(self.repository, self.revision, self.folder, self.lock)


@dataclass
class SmoothieData(HubSource):
    """One dataset of `hazyresearch/smoothie_data`.

    Attributes
    ----------
    dataset : str or None
        For instance cnn_dailymail.
    model : str or None
        None: candidates are models. A model's name: candidates are the prompts of that model,
        named prompt_0, prompt_1, ...
    split : str
        Which split to route.
    train_split : str or None
        Which split label-using methods learn from.
    """

    dataset: str | None = None
    model: str | None = None
    split: str = "test"
    train_split: str | None = None

    def read(self, candidates: Sequence[str] | None) -> Problem:
        """Read the split to route."""
        return self._read(self.split, candidates)

    def read_train(self, candidates: Sequence[str]) -> Problem | None:
        """Read the training split."""
        return None if self.train_split is None else self._read(self.train_split, candidates)

    def _read(self, split: str, candidates: Sequence[str] | None) -> Problem:
        if not self.dataset:
            raise SmoothieError("dataset=smoothie_data needs dataset.dataset=NAME")
        inputs = read_rows(self.files.fetch(f"datasets/{self.dataset}_{split}.jsonl"), split)
        if self.model is None:
            folder = f"multi_model_results/{self.dataset}/model_gens"
            suffix = f"_{split}.json"
            available = self.files.stems(folder, suffix) if candidates is None else candidates
            names = choose_candidates(available, candidates, f"{folder} ({split})")
            columns = {
                name: read_texts(self.files.fetch(f"{folder}/{name}{suffix}"), 1, len(inputs))
                for name in names
            }
            name = self.dataset
        else:
            file = f"multi_prompt_results/{self.dataset}/{self.model}/individual_{split}.json"
            texts = read_texts(self.files.fetch(file), 2, len(inputs))
            every = [f"prompt_{i}" for i in range(texts.shape[1])]
            # In their own order: prompt_10 comes after prompt_9.
            names = choose_candidates(every, candidates, file) if candidates else every
            columns = {name: texts[:, every.index(name)] for name in names}
            name = f"{self.dataset}_{self.model}"
        generations = {
            candidate: {
                item.id: text for item, text in zip(inputs, column, strict=True) if text is not None
            }
            for candidate, column in columns.items()
        }
        return assemble(name, inputs, generations, missing=self.missing)


def read_rows(path: Path, split: str) -> list[Input]:
    """Read datasets/DATASET_SPLIT.jsonl; ids are the rows' positions."""
    inputs: list[Input] = []
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        text = as_text(row.get("embedding_input"), "embedding_input", where)
        task = str(row.get("task_name") or "")
        references = as_references(row.get("reference"), where)
        inputs.append(Input(f"{split}_{len(inputs):05d}", task, text, references))
    if not inputs:
        raise SmoothieError(f"{path}: no rows")
    return inputs


def read_texts(path: Path, dimensions: int, rows: int) -> Any:
    """Read {"generations": ...}: texts of shape (rows,), or (rows, prompts)."""
    content = read_json(path)
    values = content.get("generations") if isinstance(content, dict) else None
    if not isinstance(values, list):
        raise SmoothieError(f'{path}: expected {{"generations": [...]}}')
    if len(values) != rows:
        raise SmoothieError(f"{path}: {len(values)} generations for {rows} inputs")
    if dimensions == 2:
        if not all(isinstance(row, list) and len(row) == len(values[0]) for row in values):
            raise SmoothieError(f"{path}: expected one list of texts, of equal length, an input")
        flat = [text for row in values for text in row]
    else:
        flat = values
    for i, text in enumerate(flat):
        if not isinstance(text, str | None):
            raise SmoothieError(f"{path}: generation {i} is not a text but {text!r:.60}")
    array = np.empty(len(flat), dtype=object)
    array[:] = flat
    return array.reshape(rows, -1) if dimensions == 2 else array
