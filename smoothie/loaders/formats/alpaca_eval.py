"""AlpacaEval: results/MODEL/model_outputs.json, or a flat folder of MODEL.json.

Each file is a list of {instruction, output, generator, dataset}. Outputs are joined by instruction:
not all files list them in the same order. Where every model has the verdicts of the same annotator
(results/MODEL/ANNOTATOR/annotations.json), a preference for the model over the reference is its
score, from 0 to 1.

Defined by https://github.com/tatsu-lab/alpaca_eval, src/alpaca_eval/main.py.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from smoothie.errors import SmoothieError
from smoothie.loaders.alpaca_eval import read_annotations, read_outputs
from smoothie.loaders.base import choose_candidates
from smoothie.loaders.formats.base import (
    Answer,
    Format,
    Wanted,
    files_in,
    problem_of_answers,
    selected,
    some_files,
)
from smoothie.problem import Input, Problem
from smoothie.storage.files import read_json

log = logging.getLogger(__name__)

OUTPUTS = "model_outputs.json"


def find_files(folder: Path) -> dict[str, Path]:
    """Files of outputs by model."""
    for base in (folder, folder / "results"):
        nested = files_in(base, f"*/{OUTPUTS}")
        if nested:
            return {path.parent.name: path for path in nested}
    return {path.stem: path for path in files_in(folder, "*.json")}


def looks_like(path: Path) -> bool:
    """Whether a folder holds model_outputs.json files, or lists of {instruction, output}."""
    if not path.is_dir():
        return False
    if some_files(path, f"*/{OUTPUTS}") or some_files(path / "results", f"*/{OUTPUTS}"):
        return True
    for file in some_files(path, "*.json", most=1):
        try:
            rows = read_json(file)
        except SmoothieError:
            return False
        first = rows[0] if isinstance(rows, list) and rows else None
        return isinstance(first, dict) and {"instruction", "output"} <= first.keys()
    return False


def read(path: Path, wanted: Wanted) -> Problem:
    """Read the outputs of all models."""
    files = find_files(path)
    if not files:
        raise SmoothieError(f"{path}: neither MODEL/{OUTPUTS} nor MODEL.json is there")
    names = choose_candidates(list(files), wanted.candidates, str(path))
    files = {name: files[name] for name in names}
    annotator = common_annotator(path, files, wanted)
    return problem_of_answers(path.resolve().name, answers(files, annotator), wanted)


def answers(files: dict[str, Path], annotator: str | None) -> Iterator[Answer]:
    """All outputs, with their scores."""
    ids: dict[str, str] = {}  # of instructions
    for model, file in files.items():
        rows = read_outputs(file)
        for instruction, _, _ in rows:
            ids.setdefault(instruction, str(len(ids)))
        scores = {} if annotator is None else read_annotations(file.parent, annotator, ids)
        for number, (instruction, output, task) in enumerate(rows):
            item = Input(ids[instruction], task, instruction)
            where = f"{file}, row {number}"
            yield Answer(model, item, (output,), where, scores.get(item.id))


def common_annotator(path: Path, files: dict[str, Path], wanted: Wanted) -> str | None:
    """Whose annotations every model has; of several, the first by name."""
    found = [
        {annotations.parent.name for annotations in files_in(file.parent, "*/annotations.json")}
        for file in files.values()
        if file.name == OUTPUTS
    ]
    common = sorted(set.intersection(*found)) if found else []
    chosen = selected(wanted.select, "annotator", common, str(path))
    if chosen is None and common:
        chosen = common[0]
        if len(common) > 1:
            log.info("%s: annotators %s; scores are of the first", path, ", ".join(common))
    return chosen


FORMAT = Format(
    "AlpacaEval outputs: MODEL/model_outputs.json or MODEL.json", looks_like, read, ("annotator",)
)
