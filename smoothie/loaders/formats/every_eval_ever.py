"""Every Eval Ever: instance files, one JSON Lines file for each model.

Rows of {model_id, sample_id, evaluation_name, input: {raw, reference}, output: {raw},
evaluation: {score}}, one for each metric: the same answer may stand there several times.

Defined by https://github.com/evaleval/every_eval_ever, instance_level_eval.schema.json.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from smoothie.errors import SmoothieError, shown
from smoothie.fields import as_id, as_name, as_references, as_text
from smoothie.loaders.formats.base import (
    Answer,
    Format,
    Wanted,
    as_label,
    files_in,
    first_row,
    problem_of_answers,
    selected,
    some_files,
)
from smoothie.problem import Input, Problem
from smoothie.storage.files import read_jsonl

log = logging.getLogger(__name__)

KEYS = {"model_id", "sample_id", "input", "evaluation"}
PLACES = ("**/*_samples.jsonl", "**/*.jsonl")


def is_instances(path: Path) -> bool:
    """Whether a file holds instances."""
    row = first_row(path)
    return row.keys() >= KEYS and isinstance(row["input"], dict)


def looks_like(path: Path) -> bool:
    """Whether a file, or one below a folder, holds instances."""
    if path.is_file():
        return path.suffix == ".jsonl" and is_instances(path)
    return any(is_instances(file) for place in PLACES for file in some_files(path, place))


def read(path: Path, wanted: Wanted) -> Problem:
    """Read the instances of all models; of several metrics, the first that a file holds."""
    files = [path] if path.is_file() else [f for f in files_in(path, PLACES[1]) if is_instances(f)]
    if not files:
        raise SmoothieError(f"{path}: no file of instances is there")
    rows = [(f"{file}, line {number}", row) for file in files for number, row in read_jsonl(file)]
    names = [name for _, row in rows for name in metrics_of(row)]
    metric = selected(wanted.select, "metric", names, str(path))
    chosen = [(where, row) for where, row in rows if metric is None or metric in metrics_of(row)]
    return problem_of_answers(path.resolve().stem, joined(chosen, path), wanted)


def metrics_of(row: dict[str, Any]) -> list[str]:
    """Names by which the result of a row may be selected."""
    keys = ("evaluation_result_id", "evaluation_name")
    return [str(row[key]) for key in keys if row.get(key) is not None]


def joined(rows: list[tuple[str, dict[str, Any]]], path: Path) -> Iterator[Answer]:
    """One answer for each model and input: equal texts are metrics, others further generations."""
    answers: dict[tuple[str, ...], Answer] = {}
    names: dict[tuple[str, ...], list[str]] = {}
    metrics = 0
    for where, row in rows:
        found, name = answer_of(row, where), next(iter(metrics_of(row)), "")
        key = (found.candidate, found.input.id, found.input.text)
        before = answers.setdefault(key, found)
        known = names.setdefault(key, [name])
        if before is found:
            continue
        if set(found.texts) <= set(before.texts) or name in known[1:]:
            metrics += 1
            known.append(name)
        elif name == known[0]:
            answers[key] = replace(before, texts=before.texts + found.texts)
        else:
            raise SmoothieError(
                f"{where}: {found.candidate} has another answer under {name} than in "
                f"{before.where}; choose one of them with select metric={name}"
            )
    if metrics:
        log.info("%s: %d rows are further metrics; the first is the score", path, metrics)
    yield from with_different_ids(list(answers.values()))


def with_different_ids(answers: list[Answer]) -> Iterator[Answer]:
    """Samples of several evaluations may be numbered alike: then the evaluation goes before."""
    texts: dict[str, set[str]] = {}
    for answer in answers:
        texts.setdefault(answer.input.id, set()).add(answer.input.text)
    for answer in answers:
        item = answer.input
        shared = len(texts[item.id]) > 1
        yield replace(
            answer, input=replace(item, id=f"{item.task}/{item.id}" if shared else item.id)
        )


def answer_of(row: dict[str, Any], where: str) -> Answer:
    """The answer of a row."""
    asked, said, judged = (row.get(key) for key in ("input", "output", "evaluation"))
    if not isinstance(asked, dict):
        raise SmoothieError(f"{where}: expected an object under 'input'")
    texts = said.get("raw") if isinstance(said, dict) else None
    texts = [texts] if isinstance(texts, str) else texts
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) for t in texts):
        raise SmoothieError(
            f"{where}: expected a text under 'output', 'raw', found {shown(said)}; only rows of a "
            f"single turn have one"
        )
    model = as_name(row.get("model_id"), "model_id", where)
    item = Input(
        as_id(row.get("sample_id"), where),
        as_name(row.get("evaluation_name"), "evaluation_name", where),
        as_text(asked.get("raw"), "input.raw", where),
        as_references(asked.get("reference"), where),
    )
    score = as_label(judged.get("score")) if isinstance(judged, dict) else None
    return Answer(model, item, tuple(texts), where, score)


FORMAT = Format("Every Eval Ever instances: *_samples.jsonl", looks_like, read, ("metric",))
