"""A routing problem: inputs, candidates and what each candidate wrote, aligned and checked."""

import logging
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError, shown
from smoothie.fields import (
    as_id,
    as_name,
    as_references,
    as_score,
    as_text,
    require_ids,
    require_names,
    without_lone_surrogates,
)
from smoothie.optional import require

if TYPE_CHECKING:
    import datasets

log = logging.getLogger(__name__)

MISSING = ("error", "drop_inputs", "drop_candidates")
RESERVED = ("id", "method", "inputs")  # columns and files of results
DIGITS = 20  # of a number in an id, as ids are sorted


@dataclass(frozen=True)
class Input:
    """One input as a loader found it.

    Examples
    --------
    >>> from smoothie import Input
    >>> Input("q1", text="Who wrote Emma?", references=("Jane Austen", "Austen")).task
    ''
    """

    id: str
    task: str = ""
    text: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Problem:
    """N inputs and the texts that K candidates wrote for them.

    Attributes
    ----------
    name : str
        Name of the dataset, as results will show it.
    inputs : tuple of Input, length N
        Ids are unique. An input's text may be empty: then no method can use it.
    candidates : tuple of str, length K
        Names of the models or prompts; their order decides ties.
    texts : ndarray of shape (N, K), object
        What each candidate wrote.
    labels : ndarray of shape (N, K) or None
        Quality of each text where somebody judged it, else NaN.
    leaderboard : ndarray of shape (K,) or None
        Quality of each candidate over all inputs, where only that is known.
    label_range : (float, float) or None
        Lowest and highest label of the whole source, of all its candidates and inputs. It decides
        the unit of the labels, which is the same for every part of the source.
    lower_is_better : bool
        Whether a lower label or leaderboard value means a better text, as with ranks.
    rows : ndarray of shape (N,)
        Position of each input in its source, so that arrays stored beside the source stay aligned.
    source_rows : int
        Number of inputs in the source, before any was left out.
    more_texts : ndarray of shape (N, K, G - 1), object, or None
        Where each candidate wrote G generations for an input: those after the first, which is the
        answer that is scored and returned.
    attributes : mapping of str -> ndarray of shape (N, K)
        What each text took to generate, where that is known: "cost", "latency".
    units : mapping of str -> str
        Units of the attributes.

    Examples
    --------
    >>> from smoothie import Input, assemble
    >>> said = {"small": {"q1": "Austen"}, "large": {"q1": "Jane Austen"}, "old": {"q1": "Dickens"}}
    >>> problem = assemble("novels", [Input("q1", text="Who wrote Emma?")], said)
    >>> problem.texts
    array([['Austen', 'Jane Austen', 'Dickens']], dtype=object)
    >>> problem.select(["old", "small"]).texts
    array([['Dickens', 'Austen']], dtype=object)
    """

    name: str
    inputs: tuple[Input, ...]
    candidates: tuple[str, ...]
    texts: NDArray[np.object_]
    labels: NDArray[np.float64] | None = None
    label_range: tuple[float, float] | None = None
    leaderboard: NDArray[np.float64] | None = None
    lower_is_better: bool = False
    rows: NDArray[np.intp] = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    source_rows: int = 0
    more_texts: NDArray[np.object_] | None = None
    attributes: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the parts agree."""
        shape = (len(self.inputs), len(self.candidates))
        if not self.inputs:
            raise SmoothieError(f"{self.name}: no inputs")
        if self.texts.shape != shape:
            raise SmoothieError(
                f"{self.name}: {shape[0]} inputs and {shape[1]} candidates, "
                f"but texts of shape {self.texts.shape}"
            )
        if self.more_texts is not None and self.more_texts.shape[:-1] != shape:
            raise SmoothieError(
                f"{self.name}: {shape[0]} inputs and {shape[1]} candidates, "
                f"but more texts of shape {self.more_texts.shape}"
            )
        if self.labels is not None and self.labels.shape != shape:
            raise SmoothieError(
                f"{self.name}: {shape[0]} inputs and {shape[1]} candidates, "
                f"but labels of shape {self.labels.shape}"
            )
        if self.leaderboard is not None and self.leaderboard.shape != shape[1:]:
            raise SmoothieError(
                f"{self.name}: {shape[1]} candidates, "
                f"but a leaderboard of shape {self.leaderboard.shape}"
            )
        for name, values in self.attributes.items():
            if values.shape != shape:
                raise SmoothieError(
                    f"{self.name}: {shape[0]} inputs and {shape[1]} candidates, "
                    f"but {name} of shape {values.shape}"
                )
        for name in RESERVED:
            if name in self.candidates:
                raise SmoothieError(f"{self.name}: no candidate can be called {name!r}; rename it")
        for what, names in (("id", self.ids), ("candidate", self.candidates)):
            if len(set(names)) < len(names):
                twice = next(name for name, count in Counter(names).items() if count > 1)
                raise SmoothieError(f"{self.name}: {what} {shown(twice)} occurs twice")
        if not all(name.strip() for name in self.candidates):
            raise SmoothieError(f"{self.name}: a candidate has no name")
        require_ids(self.ids, self.name)
        require_names("candidate", self.candidates, self.name)
        require_names("task", set(self.tasks), self.name)
        require_names("name", [self.name], "dataset")
        if self.labels is not None and self.label_range is None:
            object.__setattr__(self, "label_range", range_of(self.labels[np.isfinite(self.labels)]))
        if not len(self.rows):
            object.__setattr__(self, "rows", np.arange(shape[0]))
            object.__setattr__(self, "source_rows", shape[0])

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the inputs."""
        return tuple(item.id for item in self.inputs)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Task of each input."""
        return tuple(item.task for item in self.inputs)

    @property
    def input_texts(self) -> list[str]:
        """Text of each input."""
        return [item.text for item in self.inputs]

    @property
    def has_inputs(self) -> bool:
        """Whether there are input texts, so that neighbors are meaningful."""
        return any(item.text.strip() for item in self.inputs)

    @property
    def has_references(self) -> bool:
        """Whether at least one input has a reference."""
        return any(item.references for item in self.inputs)

    @property
    def has_labels(self) -> bool:
        """Whether labels compare candidates: some input has one for every candidate with any.

        At least two candidates must have some, unless there is only one.
        """
        if self.labels is None:
            return False
        labeled = int(scored_columns(self.labels).sum())
        enough = labeled >= min(2, len(self.candidates))
        return enough and bool(common_rows(self.labels).any())

    def select(self, candidates: Sequence[str]) -> "Problem":
        """Select these candidates, in this order.

        Raises
        ------
        SmoothieError
            If a name is unknown or given twice.
        """
        unknown = [name for name in candidates if name not in self.candidates]
        if unknown:
            raise SmoothieError(
                f"{self.name} has no candidate {unknown[0]!r}; it has {', '.join(self.candidates)}"
            )
        columns = [self.candidates.index(name) for name in candidates]
        return replace(
            self,
            candidates=tuple(candidates),
            texts=self.texts[:, columns],
            more_texts=None if self.more_texts is None else self.more_texts[:, columns],
            labels=None if self.labels is None else self.labels[:, columns],
            leaderboard=None if self.leaderboard is None else self.leaderboard[columns],
            attributes={name: values[:, columns] for name, values in self.attributes.items()},
        )

    def take(self, keep: NDArray[Any] | slice) -> "Problem":
        """Select these inputs (a mask, positions or a slice)."""
        kept = np.arange(len(self.inputs))[keep]
        return replace(
            self,
            inputs=tuple(self.inputs[i] for i in kept),
            texts=self.texts[kept],
            more_texts=None if self.more_texts is None else self.more_texts[kept],
            labels=None if self.labels is None else self.labels[kept],
            rows=self.rows[kept],
            attributes={name: values[kept] for name, values in self.attributes.items()},
        )

    def by_id(self) -> "Problem":
        """The same inputs in the order of their ids, as a person would sort them: q9 before q10.

        Whatever depends on positions (draws, folds, ties between neighbors, the last bit of a sum)
        then depends on ids alone, and not on the order in which a file lists its rows.
        """
        order = np.array(sorted(range(len(self.inputs)), key=lambda i: sort_key(self.inputs[i].id)))
        return self if (order[1:] > order[:-1]).all() else self.take(order)

    @property
    def source_order(self) -> NDArray[np.intp]:
        """Positions of the inputs in the order in which the source lists them, (N,)."""
        return np.argsort(self.rows, kind="stable")

    def with_texts(self, texts: NDArray[np.object_]) -> "Problem":
        """The same problem with other texts, for instance cleaned ones."""
        return replace(self, texts=texts)

    def to_dataset(self) -> "datasets.Dataset":
        """Convert to a Hugging Face dataset.

        Returns
        -------
        datasets.Dataset
            Columns id, task, input, references (list), generations (struct: candidate -> text,
            the first where there are several)
            and, where there are labels, labels (struct: candidate -> score or null).
        """
        require("datasets", "a Dataset")
        import datasets

        rows = []
        for i, item in enumerate(self.inputs):
            row: dict[str, Any] = {
                "id": item.id,
                "task": item.task,
                "input": item.text,
                "references": list(item.references),
                "generations": dict(zip(self.candidates, self.texts[i], strict=True)),
            }
            if self.labels is not None:
                row["labels"] = {
                    name: float(score) if np.isfinite(score) else None
                    for name, score in zip(self.candidates, self.labels[i], strict=True)
                }
            rows.append(row)
        names = self.candidates
        features: dict[str, Any] = {
            "id": datasets.Value("string"),
            "task": datasets.Value("string"),
            "input": datasets.Value("string"),
            "references": datasets.List(datasets.Value("string")),
            "generations": {name: datasets.Value("string") for name in names},
        }
        if self.labels is not None:
            features["labels"] = {name: datasets.Value("float64") for name in names}
        return datasets.Dataset.from_list(rows, features=datasets.Features(features))

    @classmethod
    def from_dataset(
        cls, dataset: "datasets.Dataset", name: str, missing: str = "error"
    ) -> "Problem":
        """Convert from a Hugging Face dataset with the columns that `to_dataset` creates.

        Parameters
        ----------
        dataset : datasets.Dataset
            Columns generations and, optionally, id, task, input, references, labels.
        name : str
            Name of the problem.
        missing : {"error", "drop_inputs", "drop_candidates"}
            What to do about generations that are null.
        """
        if "generations" not in dataset.column_names:
            raise SmoothieError(
                f"{name}: no column 'generations' (candidate -> text); "
                f"it has {', '.join(dataset.column_names)}"
            )
        inputs: list[Input] = []
        generations: dict[str, dict[str, str]] = {}
        labels: dict[str, dict[str, float]] = {}
        for i, row in enumerate(dataset):
            where = f"{name}, row {i}"
            item = Input(
                id=as_id(row.get("id", i), where),
                task=as_name(row.get("task"), "task", where),
                text=as_text(row.get("input"), "input", where),
                references=as_references(row.get("references"), where),
            )
            inputs.append(item)
            if not isinstance(row["generations"], dict):
                raise SmoothieError(f"{where}: 'generations' must map candidates to texts")
            for candidate, text in row["generations"].items():
                texts = generations.setdefault(candidate, {})
                if text is not None:
                    texts[item.id] = as_text(text, f"generations.{candidate}", where)
            given = row.get("labels") or {}
            if not isinstance(given, dict):
                raise SmoothieError(f"{where}: 'labels' must map candidates to scores")
            for candidate, score in given.items():
                if score is None:
                    continue
                if candidate not in row["generations"]:
                    raise SmoothieError(
                        f"{where}: a label of {shown(candidate)}, which has no generations; "
                        f"there are {', '.join(row['generations'])}"
                    )
                labels.setdefault(candidate, {})[item.id] = as_score(score, where)
        return assemble(name, inputs, generations, labels, missing)


def sort_key(key: str) -> tuple[str, str]:
    """Sorts ids with numbers by the numbers; a total order of different ids."""
    return re.sub(r"[0-9]+", lambda digits: digits[0].zfill(DIGITS), key), key


def places(problem: Problem, wanted: Problem) -> NDArray[np.intp]:
    """Positions in a problem of the inputs of another, which has the same in another order."""
    place = {key: i for i, key in enumerate(problem.ids)}
    return np.array([place[key] for key in wanted.ids])


def range_of(values: Iterable[float]) -> tuple[float, float] | None:
    """Lowest and highest of some finite values; None if there are none."""
    given = np.fromiter(values, dtype=np.float64)
    return (float(given.min()), float(given.max())) if given.size else None


def scored_columns(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Columns with at least one value: the candidates that somebody scored, (N, K) -> (K,)."""
    return np.asarray(np.isfinite(values).any(axis=0))


def common_rows(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Rows with a value in every column that has any: (N, K) -> (N,).

    A candidate that nobody scored takes no input from the others.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.problem import common_rows
    >>> nan = np.nan
    >>> common_rows(np.array([[1.0, nan, 0.0], [nan, nan, 1.0]]))  # nobody scored the second
    array([ True, False])
    """
    known = np.isfinite(values)
    return np.asarray(known.any(axis=1) & (known | ~known.any(axis=0)).all(axis=1))


def assemble(
    name: str,
    inputs: Sequence[Input],
    generations: Mapping[str, Mapping[str, str]],
    labels: Mapping[str, Mapping[str, float]] | None = None,
    missing: str = "error",
) -> Problem:
    """Align generations and labels with the inputs, by id.

    Parameters
    ----------
    name : str
        Name of the problem.
    inputs : sequence of Input
        In the order that the problem will have.
    generations : mapping of candidate -> id -> text
        In the order that the candidates will have.
    labels : mapping of candidate -> id -> score, optional
        Labels of some texts.
    missing : {"error", "drop_inputs", "drop_candidates"}
        What to do where a candidate has no text for an input.

    Returns
    -------
    Problem

    Raises
    ------
    SmoothieError
        If a candidate lacks inputs and `missing` is "error", or nothing is left.

    Examples
    --------
    >>> from smoothie import Input, assemble
    >>> said = {"small": {"q2": "4", "q1": "Austen"}, "large": {"q1": "Jane Austen"}}
    >>> inputs = [Input("q1"), Input("q2")]
    >>> assemble("mixed", inputs, said, missing="drop_inputs").ids
    ('q1',)
    """
    if missing not in MISSING:
        raise SmoothieError(f"missing={missing!r}: expected one of {', '.join(MISSING)}")
    if not inputs:
        raise SmoothieError(f"{name}: no inputs")
    if not generations:
        raise SmoothieError(f"{name}: no candidates")
    candidates, keep = complete_part(name, inputs, generations, missing)
    rows = np.flatnonzero(keep)
    used = [with_whole_characters(inputs[row]) for row in rows.tolist()]
    texts = np.empty((len(used), len(candidates)), dtype=object)
    for column, candidate in enumerate(candidates):
        written = generations[candidate]
        texts[:, column] = [without_lone_surrogates(written[item.id]) for item in used]
    scores = None
    if labels:
        scores = np.full(texts.shape, np.nan)
        for column, candidate in enumerate(candidates):
            given = labels.get(candidate, {})
            scores[:, column] = [given.get(item.id, np.nan) for item in used]
    every = (value for given in (labels or {}).values() for value in given.values())
    return Problem(
        name=name,
        inputs=tuple(used),
        candidates=tuple(candidates),
        texts=texts,
        labels=scores,
        label_range=range_of(every),
        rows=rows,
        source_rows=len(inputs),
    )


def complete_part(
    name: str,
    inputs: Sequence[Input],
    generations: Mapping[str, Mapping[str, str]],
    missing: str,
) -> tuple[list[str], NDArray[np.bool_]]:
    """The candidates and a mask of the inputs that are left where texts are missing."""
    warn_about_extra(name, inputs, generations)
    counts = {
        candidate: sum(item.id not in texts for item in inputs)
        for candidate, texts in generations.items()
    }
    lacking = {candidate: count for candidate, count in counts.items() if count}
    candidates = list(generations)
    keep = np.ones(len(inputs), dtype=bool)
    if not lacking:
        return candidates, keep
    listed = ", ".join(f"{c} lacks {n} of {len(inputs)} inputs" for c, n in lacking.items())
    if missing == "error":
        raise SmoothieError(
            f"{name}: {listed}; set missing=drop_inputs or drop_candidates to leave those out"
        )
    if missing == "drop_candidates":
        candidates = [candidate for candidate in candidates if candidate not in lacking]
        log.warning("%s: %s; dropped %s", name, listed, ", ".join(lacking))
    else:
        keep = np.array([all(item.id in generations[c] for c in lacking) for item in inputs])
        log.warning("%s: %s; dropped %d inputs", name, listed, int((~keep).sum()))
    if not candidates or not keep.any():
        what = "candidate" if not candidates else "input"
        raise SmoothieError(f"{name}: {listed}; with missing={missing} no {what} is left")
    return candidates, keep


def warn_about_extra(
    name: str, inputs: Sequence[Input], generations: Mapping[str, Mapping[str, str]]
) -> None:
    """Warn about texts for ids that are not among the inputs."""
    known = {item.id for item in inputs}
    for candidate, texts in generations.items():
        extra = texts.keys() - known
        if extra:
            log.warning(
                "%s: candidate %s wrote %d texts for ids that are not among the inputs (first %r); "
                "they are not used",
                name,
                candidate,
                len(extra),
                min(extra),
            )


def with_whole_characters(item: Input) -> Input:
    """An input without lone surrogates."""
    references = tuple(map(without_lone_surrogates, item.references))
    return replace(item, text=without_lone_surrogates(item.text), references=references)
