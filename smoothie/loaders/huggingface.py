"""Hugging Face datasets with the columns that `Problem.to_dataset` creates."""

from collections.abc import Sequence
from dataclasses import dataclass

from smoothie.errors import CONTROL, SmoothieError
from smoothie.loaders.base import Source, choose_candidates, register_source
from smoothie.optional import require
from smoothie.problem import Problem
from smoothie.storage.files import readable, user_path
from smoothie.storage.lock import HubLock


@register_source("huggingface")
@dataclass
class HuggingFaceDataset(Source):
    """A dataset saved with `save_to_disk`, or a dataset repository of the Hub.

    Attributes
    ----------
    path : str or None
        A local folder, or the id of a Hub repository.
    revision : str or None
        Commit of the repository; None resolves the latest once and pins it in the lock file.
    subset : str or None
        Configuration of the repository.
    split : str
        Which split to route.
    train_split : str or None
        Which split label-using methods learn from.
    lock : str or None
        The lock file.

    Examples
    --------
    >>> import tempfile
    >>> from smoothie import Input, assemble
    >>> from smoothie.loaders import HuggingFaceDataset
    >>> said = {"small": {"q1": "Austen"}, "large": {"q1": "Jane Austen"}}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     assemble("novels", [Input("q1")], said).to_dataset().save_to_disk(folder)
    ...     problem = HuggingFaceDataset(path=folder).load()
    >>> problem.candidates
    ('large', 'small')
    """

    path: str | None = None
    revision: str | None = None
    subset: str | None = None
    split: str = "test"
    train_split: str | None = None
    lock: str | None = None

    def read(self, candidates: Sequence[str] | None) -> Problem:
        """Read the split to route."""
        problem = self._read(self.split)
        return problem.select(choose_candidates(problem.candidates, candidates, problem.name))

    def read_train(self, candidates: Sequence[str]) -> Problem | None:
        """Read the training split."""
        return None if self.train_split is None else self._read(self.train_split).select(candidates)

    def _read(self, split: str) -> Problem:
        require("datasets", "a saved dataset")
        import datasets

        if self.path is None:
            raise SmoothieError("path=null: expected a folder or a Hub id")
        folder = user_path(self.path)
        with readable(folder):
            there = folder.is_dir()
        try:
            if there:
                loaded = datasets.load_from_disk(str(folder))
                if isinstance(loaded, datasets.DatasetDict):
                    loaded = loaded[split]
                elif split != "test":
                    raise SmoothieError(f"{folder}: one dataset without splits, so no {split!r}")
            else:
                revision = HubLock.at(self.lock).revision("dataset", self.path, self.revision)
                loaded = datasets.load_dataset(
                    self.path, self.subset, split=split, revision=revision
                )
        except SmoothieError:
            raise
        except Exception as error:  # the library raises many kinds, from several layers
            reason = str(error).strip().split("\n")[0]
            raise SmoothieError(f"dataset {self.path}: cannot be loaded ({reason})") from error
        return Problem.from_dataset(loaded, CONTROL.sub("\ufffd", folder.name), self.missing)
