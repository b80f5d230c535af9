"""MT-Bench: model_answer/MODEL.jsonl.

Rows of {question_id, model_id, choices: [{index, turns: [text of each turn]}]}. The first turn is
read; several choices are several generations. Inputs and references come from question.jsonl beside
model_answer (question_id, category, turns, reference), scores of the first turn from
model_judgment/*_single.jsonl (question_id, model, turn, score), where those are.

Defined by https://github.com/lm-sys/FastChat, fastchat/llm_judge.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smoothie.errors import SmoothieError
from smoothie.fields import as_id, as_name, as_references, as_text
from smoothie.loaders.base import choose_candidates
from smoothie.loaders.formats.base import (
    Answer,
    Format,
    Wanted,
    as_label,
    files_in,
    first_row,
    problem_of_answers,
    some_files,
)
from smoothie.problem import Input, Problem
from smoothie.storage.files import read_jsonl

log = logging.getLogger(__name__)


def folder_of(path: Path) -> Path:
    """The folder model_answer, which may have been named itself."""
    return path / "model_answer" if (path / "model_answer").is_dir() else path


def is_answer(path: Path) -> bool:
    """Whether a file holds answers of a model."""
    return {"question_id", "choices"} <= first_row(path).keys()


def looks_like(path: Path) -> bool:
    """Whether a folder, or a file, holds rows of {question_id, choices}."""
    if path.is_file():
        return path.suffix == ".jsonl" and is_answer(path)
    return any(map(is_answer, some_files(folder_of(path), "*.jsonl")))


def read(path: Path, wanted: Wanted) -> Problem:
    """Read the first turn of all models."""
    files = [path] if path.is_file() else files_in(folder_of(path), "*.jsonl")
    files = [file for file in files if file.name != "question.jsonl"]
    if not files:
        raise SmoothieError(f"{path}: no MODEL.jsonl is there")
    by_model = {file.stem: file for file in files}
    names = choose_candidates(list(by_model), wanted.candidates, str(path))
    home = files[0].resolve().parent.parent
    questions, scores = read_questions(home / "question.jsonl"), read_scores(home)
    found = answers([by_model[name] for name in names], questions, scores)
    return problem_of_answers(home.name, found, wanted)


def answers(
    files: list[Path],
    questions: Mapping[str, Input],
    scores: Mapping[tuple[str, str], float],
) -> Iterator[Answer]:
    """All answers to the first turns."""
    later = 0
    for file in files:
        for number, row in read_jsonl(file):
            where = f"{file}, line {number}"
            key = as_id(row.get("question_id"), where)
            turns = [turns_of(choice, where) for choice in choices_of(row, where)]
            later += any(len(texts) > 1 for texts in turns)
            item = questions.get(key, Input(key))
            texts = tuple(texts[0] for texts in turns)
            yield Answer(file.stem, item, texts, where, scores.get((file.stem, key)))
    if later:
        log.info("%d answers have later turns, which are not read", later)


def choices_of(row: Mapping[str, Any], where: str) -> list[Any]:
    """The choices of a row."""
    choices = row.get("choices")
    if not isinstance(choices, list) or not choices:
        raise SmoothieError(f"{where}: expected a list of choices under 'choices'")
    return choices


def turns_of(choice: Any, where: str) -> list[str]:
    """The texts of a choice, turn by turn."""
    turns = choice.get("turns") if isinstance(choice, dict) else None
    if not isinstance(turns, list) or not turns:
        raise SmoothieError(f"{where}: expected a list of texts under 'choices', 'turns'")
    return [as_text(turn, "turns", where) for turn in turns]


def read_questions(path: Path) -> dict[str, Input]:
    """What was asked first, by id; nothing where there is no such file."""
    questions: dict[str, Input] = {}
    for number, row in read_jsonl(path) if path.is_file() else ():
        where = f"{path}, line {number}"
        key = as_id(row.get("question_id"), where)
        references = row.get("reference")
        first = references[0] if isinstance(references, list) and references else None
        questions[key] = Input(
            key,
            as_name(row.get("category"), "category", where),
            turns_of(row, where)[0],
            as_references(first, where),
        )
    return questions


def read_scores(folder: Path) -> dict[tuple[str, str], float]:
    """A judge's score of the first turn, by model and id; of several judges, the first by name."""
    scores: dict[tuple[str, str], float] = {}
    files = files_in(folder / "model_judgment", "*_single.jsonl")
    if len(files) > 1:
        log.info("%s: judged by several; scores are of %s", folder, files[0].name)
    for number, row in read_jsonl(files[0]) if files else ():
        where = f"{files[0]}, line {number}"
        score = as_label(row.get("score"))
        if row.get("turn") == 1 and score is not None and score >= 0:  # -1: the judge said none
            scores[str(row.get("model")), as_id(row.get("question_id"), where)] = score
    return scores


FORMAT = Format("MT-Bench answers: model_answer/MODEL.jsonl", looks_like, read)
