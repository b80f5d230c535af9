"""Local folders: dataset.jsonl, generations/MODEL.jsonl and, where there are any, labels.jsonl."""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np

from smoothie.errors import CONTROL, SmoothieError, printable, shown
from smoothie.fields import (
    as_id,
    as_name,
    as_references,
    as_score,
    as_text,
    without_lone_surrogates,
)
from smoothie.loaders.attributes import add_attributes
from smoothie.loaders.base import (
    UNKNOWN,
    Source,
    check_known,
    choose_candidates,
    existing_folder,
    register_source,
)
from smoothie.problem import Input, Problem, assemble
from smoothie.storage.files import is_there, read_jsonl

log = logging.getLogger(__name__)

Labels = dict[str, dict[str, float]]  # candidate -> id -> score

SHARES = (0.0, 1.0)  # the range that decides whether labels are shown as 0 to 100
FEWEST_LABELS = 20  # from which on the range is checked
LARGEST_SHARE = 0.01  # outside the range, up to this share of labels or a single one is a mistake


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
        What to do about labels, and lines of candidates.jsonl, of a candidate without generations
        or of an id that dataset.jsonl does not hold: refuse the folder, or ignore them with a
        warning.
    label_range : list of float, or None
        The lowest and the highest label there may be. None refuses labels outside 0 to 1 where
        nearly all others are within: of 20 or more labels a single one, or up to 1 in 100.

    Examples
    --------
    >>> from pathlib import Path
    >>> import smoothie
    >>> from smoothie.loaders import LocalFolder
    >>> demo = Path(smoothie.__file__).parent / "demo"
    >>> problem = LocalFolder(path=str(demo), limit=5).load(["bare", "few_shot", "teacher"])
    >>> problem.texts.shape
    (5, 3)
    """

    path: str | None = None
    train_path: str | None = None
    unknown_labels: str = "error"
    label_range: list[float] | None = None

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.unknown_labels not in UNKNOWN:
            raise SmoothieError(
                f"unknown_labels={self.unknown_labels}: expected one of {', '.join(UNKNOWN)}"
            )
        given = self.label_range
        if given is not None and not (len(given) == 2 and given[0] < given[1]):
            raise SmoothieError(f"label_range={given}: expected [LOWEST,HIGHEST], such as [0,1]")

    def read(self, candidates: Sequence[str] | None) -> Problem:
        """Read the folder."""
        if self.path is None:
            raise SmoothieError("path=null: expected a folder")
        return self._read(existing_folder(self.path, "path"), candidates)

    def read_train(self, candidates: Sequence[str]) -> Problem | None:
        """Read the training folder."""
        if self.train_path is None:
            return None
        return self._read(existing_folder(self.train_path, "train_path"), candidates)

    def _read(self, folder: Path, candidates: Sequence[str] | None) -> Problem:
        return read_folder(folder, candidates, self.missing, self.unknown_labels, self.label_range)


def read_folder(
    folder: Path,
    candidates: Sequence[str] | None,
    missing: str,
    unknown_labels: str = "error",
    label_range: Sequence[float] | None = None,
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
    silent = {name for name, texts in written.items() if not texts}
    known = files.keys() - silent, {item.id for item in inputs}
    path = folder / "labels.jsonl"
    labels = known_labels(read_labels(path), known, path, unknown_labels)
    refuse_out_of_range(labels, path, label_range)
    name = CONTROL.sub("\ufffd", folder.resolve().name)
    problem = assemble(name, inputs, answers, labels, missing)
    problem = add_attributes(problem, folder / "candidates.jsonl", known, unknown_labels)
    return with_more_texts(problem, written)


def read_inputs(path: Path) -> list[Input]:
    """Read dataset.jsonl."""
    inputs: dict[str, Input] = {}
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        key = as_id(row.get("id"), where)
        if key in inputs:
            raise SmoothieError(f"{where}: id {shown(key)} occurs twice")
        inputs[key] = Input(
            id=key,
            task=as_name(row.get("task"), "task", where),
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
        key = as_id(row.get("id"), where)
        if key in seen:
            raise SmoothieError(f"{where}: id {shown(key)} occurs twice")
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
                    f"for id {shown(key)}, {problem.candidates[0]} has {count} for id "
                    f"{shown(problem.ids[0])}; expected the same number everywhere"
                )
    if count == 1:
        return problem
    more = np.empty((*problem.texts.shape, count - 1), dtype=object)
    for column, candidate in enumerate(problem.candidates):
        for row, key in enumerate(problem.ids):
            texts = written[candidate][key][1:]
            more[row, column] = [without_lone_surrogates(text) for text in texts]
    return replace(problem, more_texts=more)


def read_labels(path: Path) -> Labels:
    """Read labels.jsonl, if it exists: candidate -> id -> score."""
    labels: Labels = {}
    if not is_there(path):
        return labels
    for number, row in read_jsonl(path):
        where = f"{path}, line {number}"
        key = as_id(row.get("id"), where)
        model = row.get("model")
        if not isinstance(model, str):
            raise SmoothieError(f"{where}: expected a candidate's name under 'model'")
        if "score" not in row:
            raise SmoothieError(f"{where}: no key 'score'; null says that there is none")
        if row["score"] is None:
            continue
        of_model = labels.setdefault(model, {})
        if key in of_model:
            raise SmoothieError(f"{where}: {model} has two scores for id {shown(key)}")
        of_model[key] = as_score(row["score"], where)
    if not labels:
        log.warning("%s: holds no scores and is ignored", printable(path))
    return labels


def known_labels(
    labels: Labels, known: tuple[Collection[str], Collection[str]], path: Path, unknown: str
) -> Labels:
    """The labels of texts that exist.

    Parameters
    ----------
    labels : mapping of candidate -> id -> score
        As `read_labels` reads them.
    known : (collection, collection) of str
        Candidates that wrote something, and ids.
    path : Path
        The file of the labels, for messages.
    unknown : {"error", "ignore"}
        What to do about labels of other candidates or ids.

    Raises
    ------
    SmoothieError
        If there are such labels and `unknown` is "error".
    """
    candidates, ids = known
    check_known(path, "labels", labels, chain.from_iterable(labels.values()), known, unknown)
    return {
        name: {key: score for key, score in given.items() if key in ids}
        for name, given in labels.items()
        if name in candidates
    }


def refuse_out_of_range(labels: Labels, path: Path, allowed: Sequence[float] | None) -> None:
    """Refuse labels outside the range that was set or, if none was, that of nearly all others.

    Whether all labels lie between 0 and 1 decides the unit of the results, so that a single
    mistyped label would change all numbers.

    Raises
    ------
    SmoothieError
        If there is such a label; the message names the line of the first.
    """
    low, high = allowed or SHARES
    every = chain.from_iterable(given.values() for given in labels.values())
    scores = np.fromiter(every, dtype=np.float64)
    outside = int(((scores < low) | (scores > high)).sum())
    mistaken = len(scores) >= FEWEST_LABELS and outside <= max(1, LARGEST_SHARE * len(scores))
    if not outside or not (allowed or mistaken):
        return
    for number, row in read_jsonl(path):
        score = labels.get(row["model"], {}).get(str(row["id"]), low)
        if not low <= score <= high and row["score"] is not None:
            where = f"{path}, line {number}"
            fault = f"{where}: the score {score:g} is not between {low:g} and {high:g}"
            if allowed:
                raise SmoothieError(f"{fault} (label_range)")
            raise SmoothieError(
                f"{fault}, as {len(scores) - outside} of {len(scores)} are; correct it, "
                f"or set label_range=[LOWEST,HIGHEST] if it is right"
            )
