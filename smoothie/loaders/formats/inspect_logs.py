"""Logs of Inspect (.eval or .json), through inspect_ai's own reader.

One log for each model and task. The answer is the completion, epochs are several generations, and
the score is the first scorer's.

Defined by https://inspect.aisi.org.uk/eval-logs.html.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smoothie.errors import SmoothieError
from smoothie.fields import as_references
from smoothie.loaders.base import choose_candidates
from smoothie.loaders.formats.base import (
    Answer,
    Format,
    Wanted,
    as_label,
    files_in,
    problem_of_answers,
    selected,
    some_files,
)
from smoothie.optional import require
from smoothie.problem import Input, Problem
from smoothie.storage.files import readable

KEYS = (b'"version"', b'"status"', b'"eval"')
BEGINNING = 64 * 1024  # bytes of a log, which have these keys


def is_log(path: Path) -> bool:
    """Whether a file is a log."""
    if path.suffix != ".json":
        return path.suffix == ".eval"
    with readable(path), path.open("rb") as file:
        beginning = file.read(BEGINNING)
    return beginning.lstrip().startswith(b"{") and all(key in beginning for key in KEYS)


def looks_like(path: Path) -> bool:
    """Whether a file is a log, or a folder holds one."""
    if path.is_file():
        return is_log(path)
    return bool(some_files(path, "*.eval")) or any(map(is_log, some_files(path, "*.json")))


def read(path: Path, wanted: Wanted) -> Problem:
    """Read the newest log of each model and task."""
    require("inspect_ai", f"{path}: a log of Inspect")
    from inspect_ai.log import read_eval_log

    files = [path] if path.is_file() else [*files_in(path, "*.eval"), *files_in(path, "*.json")]
    newest: dict[tuple[str, str], tuple[str, Path]] = {}
    for file in filter(is_log, files):
        try:
            entry = read_eval_log(str(file), header_only=True).eval
        except Exception as error:  # zipfile's, pydantic's and others
            reason = str(error).strip().split("\n")[0]
            raise SmoothieError(f"{file}: not a log of Inspect ({reason})") from error
        key = (str(entry.model), str(entry.task))
        newest[key] = max(newest.get(key, ("", file)), (str(entry.created), file))
    if not newest:
        raise SmoothieError(f"{path}: no log of Inspect is there")
    names = choose_candidates(list({model for model, _ in newest}), wanted.candidates, str(path))
    task = selected(wanted.select, "task", (task for _, task in newest), str(path))
    found = (
        answer
        for (model, name), (_, file) in newest.items()
        if model in names and task in (None, name)
        for answer in answers(model, name, file, read_eval_log(str(file)).samples, wanted)
    )
    return problem_of_answers(path.resolve().stem, found, wanted)


def answers(
    model: str, task: str, file: Path, samples: list[Any] | None, wanted: Wanted
) -> Iterator[Answer]:
    """The answers of a model to a task; samples that ended in an error have none."""
    epochs: dict[str, list[Any]] = {}
    for sample in samples or ():
        if sample.error is None:
            epochs.setdefault(str(sample.id), []).append(sample)
    for key, several in epochs.items():
        several.sort(key=lambda sample: sample.epoch)
        first = several[0]
        where = f"{file}, sample {key}"
        text = first.input if isinstance(first.input, str) else conversation(first.input)
        target = first.target if isinstance(first.target, str) else list(first.target)
        item = Input(f"{task}/{key}", task, text, as_references(target, where))
        texts = tuple(sample.output.completion for sample in several)
        yield Answer(model, item, texts, where, score_of(first, wanted, where))


def conversation(messages: list[Any]) -> str:
    """The texts of some messages."""
    return "\n\n".join(message.text for message in messages)


def score_of(sample: Any, wanted: Wanted, where: str) -> float | None:
    """The first scorer's value, or that of the one that is selected, as a number."""
    from inspect_ai.scorer import value_to_float

    scores = sample.scores or {}
    name = selected(wanted.select, "metric", scores, where) or next(iter(scores), None)
    if name is None:
        return None
    value = scores[name].value
    if isinstance(value, str) and value.upper() not in ("C", "I", "P", "N"):
        return None
    return as_label(value_to_float()(value)) if isinstance(value, str) else as_label(value)


FORMAT = Format("Inspect logs: .eval or .json", looks_like, read, ("metric", "task"))
