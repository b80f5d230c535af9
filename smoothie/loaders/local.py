"""Local folders: dataset.jsonl, generations/MODEL.jsonl and, where there are any, labels.jsonl."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from smoothie.errors import SmoothieError
from smoothie.loaders.attributes import add_attributes
from smoothie.loaders.base import Source, choose_candidates, existing_folder, register_source
from smoothie.problem import (
    Input,
    Problem,
    as_references,
    as_score,
    as_text,
    assemble,
    without_lone_surrogates,
)
from smoothie.storage.files import read_jsonl

log = logging.getLogger(__name__)

UNKNOWN_LABELS = ("error", "ignore")


@register_source("local")
@dataclass
class LocalFolder(Source):
    """A folder that a user prepared.

    Attributes
    ----------
    path : str
        Holds dataset.jsonl (id, and optionally task, input, references), generations/MODEL.jsonl
        (id, generation; or generations, a list of several) and optionally labels.jsonl (id, model,
        score) and candidates.jsonl (candidate, cost, latency; see `smoothie.loaders.attributes`).
    train_path : str or None
        A second folder in the same layout whose inputs label-using methods may learn from.
    unknown_labels : {"error", "ignore"}
        What to do about labels of a candidate without generations, or of an id that dataset.jsonl
        does not hold: refuse the folder, or leave them out with a warning.
    """

    path: str | None = None
    train_path: str | None = None
    unknown_labels: str = "error"

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.unknown_labels not in UNKNOWN_LABELS:
            raise SmoothieError(
                f"unknown_labels={self.unknown_labels}: expected one of {', '.join(UNKNOWN_LABELS)}"
            )

    def read(self, candidates: Sequence[str] | None) -> Problem:
        """Read the folder."""
        if self.path is None:
            raise SmoothieError("dataset=local needs dataset.path=FOLDER")
        folder = existing_folder(self.path, "dataset.path")
        return read_folder(folder, candidates, self.missing, self.unknown_labels)

    def read_train(self, candidates: Sequence[str]) -> Problem | None:
        """Read the training folder."""
        if self.train_path is None:
            return None
        folder = existing_folder(self.train_path, "dataset.train_path")
        return read_folder(folder, candidates, self.missing, self.unknown_labels)


def read_folder(
    folder: Path, candidates: Sequence[str] | None, missing: str, unknown_labels: str = "error"
) -> Problem:
    """Read a folder in the layout that `LocalFolder` describes.

    Raises
    ------
    SmoothieError
        If a file is missing or broken; the message names the file and the line.
    """
    inputs = read_inputs(folder / "dataset.jsonl")
    if not (folder / "generations").is_dir():
        raise SmoothieError(f"{folder}: no folder generations/ with one MODEL.jsonl per candidate")
    files = {
        path.name.removesuffix(".jsonl"): path
        for path in folder.glob("generations/*.jsonl")
        if not path.name.startswith(".")  # a file that is still being written
    }
    names = choose_candidates(list(files), candidates, str(folder / "generations"))
    written = {name: read_all_generations(files[name]) for name in names}
    answers = {name: first_texts(texts) for name, texts in written.items()}
    labels = known_labels(
        read_labels(folder / "labels.jsonl"),
        set(files),
        {item.id for item in inputs},
        folder / "labels.jsonl",
        unknown_labels,
    )
    problem = assemble(folder.resolve().name, inputs, answers, labels, missing)
    problem = add_attributes(problem, folder / "candidates.jsonl")
    return with_more_texts(problem, written)


def read_inputs(path: Path) -> list[Input]:
    """Read dataset.jsonl."""
    inputs: dict[str, Input] = {}
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        key = read_id(row, where)
        if key in inputs:
            raise SmoothieError(f"{where}: id {key!r} occurs twice")
        inputs[key] = Input(
            id=key,
            task=as_text(row.get("task"), "task", where),
            text=as_text(row.get("input"), "input", where),
            references=as_references(row.get("references"), where),
        )
    if not inputs:
        raise SmoothieError(f"{path}: no rows; expected one JSON object for each input")
    return list(inputs.values())


def read_generations(path: Path) -> dict[str, str]:
    """Read generations/MODEL.jsonl: id -> text, the first where there are several."""
    return first_texts(read_all_generations(path))


def first_texts(texts: Mapping[str, list[str]]) -> dict[str, str]:
    """The first of several texts, which is the answer."""
    return {key: several[0] for key, several in texts.items()}


def read_all_generations(path: Path) -> dict[str, list[str]]:
    """Read generations/MODEL.jsonl: id -> texts; a generation of null counts as missing."""
    texts: dict[str, list[str]] = {}
    seen = set()
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        key = read_id(row, where)
        if key in seen:
            raise SmoothieError(f"{where}: id {key!r} occurs twice")
        seen.add(key)
        if "generations" in row:
            several = row["generations"]
            if "generation" in row or not isinstance(several, list) or not several:
                raise SmoothieError(
                    f"{where}: expected either one text under 'generation' "
                    f"or a list of texts under 'generations'"
                )
            if None in several:
                raise SmoothieError(f"{where}: 'generations' must be texts, found null")
            texts[key] = [as_text(text, "generations", where) for text in several]
        elif "generation" not in row:
            raise SmoothieError(f"{where}: no key 'generation'")
        elif row["generation"] is not None:
            texts[key] = [as_text(row["generation"], "generation", where)]
    return texts


def with_more_texts(problem: Problem, written: Mapping[str, Mapping[str, list[str]]]) -> Problem:
    """Add the generations after the first, where candidates wrote several.

    Raises
    ------
    SmoothieError
        If not every candidate wrote the same number for every input.
    """
    count = len(written[problem.candidates[0]][problem.ids[0]])
    for candidate in problem.candidates:
        for key in problem.ids:
            if len(written[candidate][key]) != count:
                raise SmoothieError(
                    f"{problem.name}: {candidate} has {len(written[candidate][key])} generations "
                    f"for id {key!r}, {problem.candidates[0]} has {count} for id "
                    f"{problem.ids[0]!r}; expected the same number everywhere"
                )
    if count == 1:
        return problem
    more = np.empty((*problem.texts.shape, count - 1), dtype=object)
    for column, candidate in enumerate(problem.candidates):
        for row, key in enumerate(problem.ids):
            texts = written[candidate][key][1:]
            more[row, column] = [without_lone_surrogates(text) for text in texts]
    return replace(problem, more_texts=more)


def read_labels(path: Path) -> dict[str, dict[str, float]]:
    """Read labels.jsonl, if it is there: candidate -> id -> score."""
    labels: dict[str, dict[str, float]] = {}
    if not path.exists() and not path.is_symlink():  # a dangling link is a fault, not an absence
        return labels
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        key = read_id(row, where)
        model = row.get("model")
        if not isinstance(model, str):
            raise SmoothieError(f"{where}: expected a candidate's name under 'model'")
        score = row.get("score")
        if score is None:
            continue
        of_model = labels.setdefault(model, {})
        if key in of_model:
            raise SmoothieError(f"{where}: {model} has two scores for id {key!r}")
        of_model[key] = as_score(score, where)
    if not labels:
        log.warning("%s: holds no scores", path)
    return labels


def known_labels(
    labels: Mapping[str, Mapping[str, float]],
    candidates: set[str],
    ids: set[str],
    path: Path,
    unknown: str,
) -> dict[str, dict[str, float]]:
    """The labels of texts that exist.

    Parameters
    ----------
    labels : mapping of candidate -> id -> score
        As `read_labels` reads them.
    candidates, ids : set of str
        What the folder holds.
    path : Path
        The file of the labels, for messages.
    unknown : {"error", "ignore"}
        What to do about labels of other candidates or ids.

    Raises
    ------
    SmoothieError
        If there are such labels and `unknown` is "error".
    """
    strangers = sorted(labels.keys() - candidates)
    lost = sorted({key for given in labels.values() for key in given} - ids)
    faults = []
    if strangers:
        faults.append(f"labels of {len(strangers)} candidates without generations ({strangers[0]})")
    if lost:
        faults.append(f"labels of {len(lost)} ids that dataset.jsonl does not hold ({lost[0]!r})")
    if faults and unknown == "error":
        raise SmoothieError(
            f"{path}: {' and '.join(faults)}; correct the names, "
            f"or leave those labels out with dataset.unknown_labels=ignore"
        )
    for fault in faults:
        log.warning("%s: %s; not used", path, fault)
    return {
        name: {key: score for key, score in given.items() if key in ids}
        for name, given in labels.items()
        if name in candidates
    }


def read_id(row: dict[str, Any], where: str) -> str:
    """The id of a row, as text."""
    value = row.get("id")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise SmoothieError(f"{where}: expected a text or a whole number under 'id'")
    return str(value)
