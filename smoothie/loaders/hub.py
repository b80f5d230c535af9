"""The paper's cached generations: the Hub repository, or a folder with the same layout.

The repository is a collection of JSON files, not a table::

    datasets/DATASET_{train,test}.jsonl
        rows of task_name, embedding_input, reference, idx
    multi_model_results/DATASET/model_gens/MODEL_{train,test}.json
        {"generations": [text of each row]}
    multi_prompt_results/DATASET/MODEL/individual_{train,test}.json
        {"generations": [[text of each prompt] of each row]}
    multi_model_results/DATASET/ENSEMBLE/METHOD_test.json
        {"generations": [text that a method chose for each row]}, or one such list for each trial

Everything is aligned by position.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError, shown
from smoothie.fields import as_name, as_references, as_text
from smoothie.loaders.base import Source, choose_candidates, existing_folder, register_source
from smoothie.problem import Input, Problem, assemble
from smoothie.storage.files import child, read_json, read_jsonl, readable, user_path
from smoothie.storage.lock import HubLock, cached_folder


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
            path = existing_folder(self.folder, "folder") / name
            with readable(path):
                if not path.is_file():
                    raise SmoothieError(f"{path}: no such file")
            return path
        lock = HubLock.at(self.lock)
        return lock.download("dataset", self.repository, self.revision, name)

    def local_path(self, name: str) -> Path | None:
        """Local path of a file, without asking the Hub; None if it is not available."""
        if self.folder is not None:
            path = user_path(self.folder) / name
            return path if path.is_file() else None
        if self.lock is None:
            return None
        return HubLock.at(self.lock).cached("dataset", self.repository, self.revision, name)

    def local_folder(self) -> Path | None:
        """Where files of the repository are, without asking the Hub; None if none was fetched."""
        if self.folder is not None:
            path = user_path(self.folder)
            return path if path.is_dir() else None
        if self.lock is None:
            return None
        commit = HubLock.at(self.lock).known("dataset", self.repository, self.revision)
        return None if commit is None else cached_folder("dataset", self.repository, commit)

    def stems(self, folder: str, suffix: str) -> list[str]:
        """Names of the files of a folder of the repository, less the suffix."""
        if self.folder is not None:
            root = existing_folder(self.folder, "folder")
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
        Commit; None resolves the latest once and pins it in the lock file.
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

    def files_needed(self, candidates: Sequence[str] | None, train: bool = False) -> list[str]:
        """Files of the repository that a split is read from."""
        raise NotImplementedError


@register_source("smoothie_data")
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
        Which split label-using and train-time methods learn from.
    input_keys : dict of task -> key
        The key of an input's text, for tasks where it is not embedding_input.
    parts : list of str or None
        The single tasks that a set of several consists of.
    pooled : bool
        Read the parts, one after the other, instead of the set, which was generated with other
        limits.

    Examples
    --------
    >>> from smoothie.loaders import SmoothieData
    >>> source = SmoothieData(dataset="cnn_dailymail", lock="hub.lock.json")
    >>> source.load(["gemma-7b", "llama-2-7b", "vicuna-7b"]).texts.shape  # doctest: +SKIP
    (1000, 3)
    """

    dataset: str | None = None
    model: str | None = None
    split: str = "test"
    train_split: str | None = None
    input_keys: dict[str, str] = field(default_factory=dict)
    parts: list[str] | None = None
    pooled: bool = False

    @property
    def datasets(self) -> list[str]:
        """Names of the datasets to read, as in the repository."""
        if not self.dataset:
            raise SmoothieError("dataset=null: expected the name of one of the paper's datasets")
        if self.pooled and not self.parts:
            raise SmoothieError(f"pooled=true: {self.dataset} has no parts")
        return list(self.parts or []) if self.pooled else [self.dataset]

    def read(self, candidates: Sequence[str] | None) -> Problem:
        """Read the split to route."""
        return self._read(self.split, candidates)

    def read_train(self, candidates: Sequence[str]) -> Problem | None:
        """Read the training split."""
        return None if self.train_split is None else self._read(self.train_split, candidates)

    def files_needed(self, candidates: Sequence[str] | None, train: bool = False) -> list[str]:
        """Files that a split is read from; candidates have to be named, unless they are prompts."""
        split = (self.train_split or "train") if train else self.split
        names = []
        for dataset in self.datasets:
            names.append(f"datasets/{dataset}_{split}.jsonl")
            if self.model is not None:
                names.append(prompts_file(dataset, self.model, split))
            else:
                folder = models_folder(dataset)
                names += [f"{folder}/{name}_{split}.json" for name in candidates or ()]
        return names

    def _read(self, split: str, candidates: Sequence[str] | None) -> Problem:
        parts = [self._read_one(name, split, candidates) for name in self.datasets]
        if len(parts) == 1:
            return parts[0]
        names = parts[0].candidates if candidates is None else tuple(candidates)
        parts = [part.select(names) for part in parts]
        return Problem(
            name=str(self.dataset),
            inputs=tuple(item for part in parts for item in part.inputs),
            candidates=names,
            texts=np.concatenate([part.texts for part in parts]),
        )

    def _read_one(self, dataset: str, split: str, candidates: Sequence[str] | None) -> Problem:
        rows = self.files.fetch(f"datasets/{dataset}_{split}.jsonl")
        prefix = f"{dataset}_{split}" if self.pooled else split
        inputs = read_rows(rows, prefix, self.input_keys)
        if self.model is None:
            folder, suffix = models_folder(dataset), f"_{split}.json"
            available = self.files.stems(folder, suffix) if candidates is None else candidates
            names = choose_candidates(available, candidates, f"{folder} ({split})")
            files = {name: child(Path(folder), f"{name}{suffix}").as_posix() for name in names}
            columns = {
                name: read_texts(self.files.fetch(file), 1, len(inputs))
                for name, file in files.items()
            }
            name = dataset
        else:
            file = prompts_file(dataset, self.model, split)
            texts = read_texts(self.files.fetch(file), 2, len(inputs))
            every = [f"prompt_{i}" for i in range(texts.shape[1])]
            # In their own order: prompt_10 comes after prompt_9.
            names = every if candidates is None else choose_candidates(every, candidates, file)
            columns = {name: texts[:, every.index(name)] for name in names}
            name = f"{dataset}_{self.model}"
        generations = {
            candidate: {
                item.id: text for item, text in zip(inputs, column, strict=True) if text is not None
            }
            for candidate, column in columns.items()
        }
        return assemble(name, inputs, generations, missing=self.missing)

    def selections_file(self, file: str) -> str:
        """Path of a method's stored selections, ENSEMBLE/METHOD_test.json."""
        return f"multi_model_results/{self.dataset}/{file}"

    def selections(self, file: str, problem: Problem) -> NDArray[np.intp]:
        """The stored selections of a method, which the repository holds as chosen texts.

        Parameters
        ----------
        file : str
            ENSEMBLE/METHOD_test.json.
        problem : Problem
            As this source loaded it; a text that several candidates wrote counts as the first's.

        Returns
        -------
        ndarray of shape (T, N), int
            The chosen candidate of each input, for each stored trial.
        """
        if self.pooled:
            raise SmoothieError(
                f"{file}: selections were stored for the set as it was generated, not for its "
                f"parts put together: set pooled=false"
            )
        path = self.files.fetch(self.selections_file(file))
        content = read_json(path)
        values = content.get("generations") if isinstance(content, dict) else None
        if not isinstance(values, list) or not values:
            raise SmoothieError(f'{path}: expected {{"generations": [...]}}')
        trials = values if isinstance(values[0], list) else [values]
        for texts in trials:
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise SmoothieError(f"{path}: expected one list of texts, or one for each trial")
        raw = replace(self, cleaning="none")._load(problem.candidates)
        written = dict(zip(raw.rows.tolist(), raw.texts, strict=True))
        choices = np.empty((len(trials), len(problem.inputs)), dtype=np.intp)
        for trial, texts in enumerate(trials):
            if len(texts) < raw.source_rows:
                raise SmoothieError(f"{path}: {len(texts)} texts for {raw.source_rows} inputs")
            for i, row in enumerate(problem.rows):
                found = np.flatnonzero(written[row] == texts[row])
                if not len(found):
                    raise SmoothieError(f"{path}: text {row} was written by none of the candidates")
                choices[trial, i] = found[0]
        return choices


def models_folder(dataset: str) -> str:
    """Where the generations of models are."""
    return f"multi_model_results/{dataset}/model_gens"


def prompts_file(dataset: str, model: str, split: str) -> str:
    """Where the generations of a model with several prompts are."""
    return f"multi_prompt_results/{dataset}/{model}/individual_{split}.json"


def read_rows(path: Path, prefix: str, input_keys: Mapping[str, str]) -> list[Input]:
    """Read datasets/DATASET_SPLIT.jsonl; ids are the rows' positions."""
    inputs: list[Input] = []
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        task = as_name(row.get("task_name"), "task_name", where)
        key = input_keys.get(task, "embedding_input")
        if key not in row and task in input_keys:
            raise SmoothieError(f"{where}: no key {key!r} (input_keys.{task})")
        text = as_text(row.get(key), key, where)
        references = as_references(row.get("reference"), where)
        inputs.append(Input(f"{prefix}_{len(inputs):05d}", task, text, references))
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
        equal = all(isinstance(row, list) and len(row) == len(values[0]) for row in values)
        if not equal or not values[0]:
            raise SmoothieError(f"{path}: expected one list of texts, of equal length, an input")
        flat = [text for row in values for text in row]
    else:
        flat = values
    for i, text in enumerate(flat):
        if not isinstance(text, str | None):
            raise SmoothieError(f"{path}: generation {i} is not a text but {shown(text)}")
    array = np.empty(len(flat), dtype=object)
    array[:] = flat
    return array.reshape(rows, -1) if dimensions == 2 else array
