"""What every source of generations has in common."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from smoothie.cleaning import clean_texts
from smoothie.errors import SmoothieError
from smoothie.problem import Problem


@dataclass
class Source:
    """Settings of all sources.

    Attributes
    ----------
    name : str or None
        Name in the results; None takes the source's own.
    missing : {"error", "drop_inputs", "drop_candidates"}
        What to do where a candidate has no text for an input.
    cleaning : str
        Rule by which texts are cleaned before anything else sees them; see `smoothie.cleaning`.
    limit : int or None
        Keep only the first inputs.
    metrics : dict of str -> str
        The metric of each task, for datasets whose tasks are scored differently.
    """

    name: str | None = None
    missing: str = "error"
    cleaning: str = "none"
    limit: int | None = None
    metrics: dict[str, str] = field(default_factory=dict)

    def load(self, candidates: Sequence[str] | None = None) -> Problem:
        """Load the inputs to route.

        Parameters
        ----------
        candidates : sequence of str, optional
            Which candidates, in which order; by default all of them, by name.
        """
        return self._finish(self.read(candidates))

    def load_train(self, candidates: Sequence[str]) -> Problem | None:
        """Load the labelled training inputs of the same candidates, or None if there are none."""
        train = self.read_train(candidates)
        return None if train is None else self._finish(train)

    def read(self, candidates: Sequence[str] | None) -> Problem:
        """Read the inputs to route, as they are."""
        raise NotImplementedError

    def read_train(self, candidates: Sequence[str]) -> Problem | None:
        """Read the training inputs, as they are."""
        return None

    def _finish(self, problem: Problem) -> Problem:
        if self.limit is not None:
            if self.limit < 1:
                raise SmoothieError(f"dataset.limit={self.limit}: expected at least 1")
            problem = problem.take(slice(self.limit))
        if self.name is not None:
            problem = replace(problem, name=self.name)
        return problem.with_texts(clean_texts(problem.texts, self.cleaning))


def choose_candidates(
    available: Sequence[str], asked: Sequence[str] | None, where: str
) -> list[str]:
    """The candidates to load: those asked for, or all by name."""
    if asked is None:
        if not available:
            raise SmoothieError(f"{where}: no generations found")
        return sorted(available)
    for name in asked:
        if name not in available:
            raise SmoothieError(
                f"{where}: no candidate {name!r}; there are {', '.join(sorted(available))}"
            )
    repeated = [name for i, name in enumerate(asked) if name in asked[:i]]
    if repeated:
        raise SmoothieError(f"ensemble.candidates names {repeated[0]!r} twice")
    return list(asked)


def as_references(value: Any, where: str) -> tuple[str, ...]:
    """References as a tuple of texts: from null, one text or number, or a list of them."""
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    for item in values:
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            raise SmoothieError(f"{where}: references must be a list of texts, found {item!r:.60}")
    return tuple(str(item) for item in values)


def existing_folder(path: str, what: str) -> Path:
    """A folder that is there."""
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise SmoothieError(f"{what}={path}: no such folder")
    return folder
