"""Base class of all sources of generations."""

import logging
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from smoothie.cleaning import clean_texts
from smoothie.errors import SmoothieError, printable, shown
from smoothie.inspection.findings import listed
from smoothie.problem import Problem
from smoothie.registry import Registry, wrong_dataclass
from smoothie.storage.files import readable, user_path

log = logging.getLogger(__name__)

UNKNOWN = ("error", "ignore")


@dataclass
class Source:
    """Settings of all sources.

    Attributes
    ----------
    name : str or None
        Name in the results; None uses the source's own.
    missing : {"error", "drop_inputs", "drop_candidates"}
        What to do where a candidate has no text for an input.
    cleaning : str
        Rule by which texts are cleaned before any other step; see `smoothie.cleaning`.
    limit : int or None
        Route only the first inputs.
    metrics : dict of str -> str, or None
        The metric of each task, for datasets whose tasks are scored differently.
    lower_is_better : bool
        Whether lower labels are better, as with ranks.
    origin : dict or None
        Where the inputs come from: repository, splits, how rows were sampled. For the record.
    """

    name: str | None = None
    missing: str = "error"
    cleaning: str = "none"
    limit: int | None = None
    metrics: dict[str, str] | None = None
    lower_is_better: bool = False
    origin: dict[str, Any] | None = None

    def load(self, candidates: Sequence[str] | None = None) -> Problem:
        """Load the inputs to route; warn where their texts are blank or equal.

        Parameters
        ----------
        candidates : sequence of str, optional
            Which candidates, in which order; by default all of them, by name.
        """
        from smoothie.inspection.checks import warn_about_texts

        problem = self._load(candidates)
        warn_about_texts(problem)
        return problem

    def _load(self, candidates: Sequence[str] | None) -> Problem:
        problem = self.read(candidates)
        if self.limit is not None:
            if self.limit < 1:
                raise SmoothieError(f"limit={self.limit}: expected at least 1")
            problem = problem.take(slice(self.limit))
        return self._finish(problem)

    def load_train(self, candidates: Sequence[str]) -> Problem | None:
        """Load the labeled training inputs of the same candidates, or None if there are none."""
        train = self.read_train(candidates)
        if train is None:
            return None
        if train.candidates != tuple(candidates):
            lost = ", ".join(name for name in candidates if name not in train.candidates)
            raise SmoothieError(f"{train.name}: the training split has no complete texts of {lost}")
        return self._finish(train)

    def read(self, candidates: Sequence[str] | None) -> Problem:
        """Read the inputs to route, as they are."""
        raise NotImplementedError

    def read_train(self, candidates: Sequence[str]) -> Problem | None:
        """Read the training inputs, as they are."""
        return None

    def _finish(self, problem: Problem) -> Problem:
        if self.name is not None:
            problem = replace(problem, name=self.name)
        if self.lower_is_better:
            problem = replace(problem, lower_is_better=True)
        if problem.more_texts is not None:
            cleaned = clean_texts(problem.more_texts, self.cleaning)
            problem = replace(problem, more_texts=cleaned)
        return problem.with_texts(clean_texts(problem.texts, self.cleaning))


def wrong_source(thing: Any) -> str | None:
    """Why an object cannot be used as a source; None if it can."""
    if not (isinstance(thing, type) and issubclass(thing, Source)):
        return "expected a subclass of smoothie.loaders.Source"
    if thing.read is Source.read:
        return "it has no method read(candidates)"
    return wrong_dataclass(thing)


SOURCES: Registry[type[Source]] = Registry(
    "source", "smoothie.sources", wrong_source, "smoothie.loaders"
)
register_source = SOURCES.register


def choose_candidates(
    available: Sequence[str], asked: Sequence[str] | None, where: str
) -> list[str]:
    """The candidates to load: those requested, or all by name."""
    if asked is None:
        if not available:
            raise SmoothieError(f"{where}: no generations found")
        return sorted(available)
    for name in asked:
        if name not in available:
            raise SmoothieError(
                f"{where}: no candidate {shown(name)}; there are {', '.join(sorted(available))}"
            )
    if not asked:
        raise SmoothieError("no candidates are named")
    repeated = [name for i, name in enumerate(asked) if name in asked[:i]]
    if repeated:
        raise SmoothieError(f"candidate {repeated[0]!r} is named twice")
    return list(asked)


def existing_folder(path: str, what: str) -> Path:
    """An existing folder."""
    folder = user_path(path)
    with readable(folder):
        if not folder.is_dir():
            raise SmoothieError(f"{what}={path}: no such folder")
    return folder


def check_known(
    path: Path,
    what: str,
    names: Iterable[str],
    ids: Iterable[str],
    known: tuple[Collection[str], Collection[str]],
    unknown: str,
) -> None:
    """Compare the names in a file with those of the dataset.

    Parameters
    ----------
    path : Path
        The file, for messages.
    what : str
        What it holds, for messages: labels, costs.
    names, ids : iterable of str
        Candidates and ids of inputs that it names.
    known : (collection, collection) of str
        The candidates with generations, and the ids, of the dataset.
    unknown : {"error", "ignore"}
        What to do about others.

    Raises
    ------
    SmoothieError
        If there are others and `unknown` is "error"; otherwise they are counted in a warning.
    """
    strangers, lost = sorted(set(names).difference(known[0])), sorted(set(ids).difference(known[1]))
    faults = []
    if strangers:
        some = listed([shown(name) for name in strangers])
        noun = "candidate" if len(strangers) == 1 else "candidates"
        faults.append(f"{what} of {len(strangers)} {noun} without generations ({some})")
    if lost:
        some, noun = listed([shown(key) for key in lost]), "id" if len(lost) == 1 else "ids"
        faults.append(f"{what} of {len(lost)} {noun} that dataset.jsonl does not hold ({some})")
    if faults and unknown == "error":
        raise SmoothieError(
            f"{path}: {' and '.join(faults)}; correct the names, "
            f"or set unknown_labels=ignore to leave those {what} out"
        )
    for fault in faults:
        log.warning("%s: %s; not used", printable(path), fault)
