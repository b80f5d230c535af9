"""LLMRouterBench: results/bench/DATASET/SPLIT/MODEL/DATASET-SPLIT-MODEL-DATE_TIME.json.

Each file is {model_name, dataset_name, split, demo, records: [{index, origin_query, prompt,
prediction, ground_truth, score, cost, prompt_tokens, completion_tokens, raw_output}]}. The answer
is the prediction, the newest run that is no demonstration counts, and costs are in USD.

Defined by https://github.com/ynulihao/LLMRouterBench, data_collector/storage.py.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smoothie.errors import SmoothieError, shown
from smoothie.fields import as_id, as_references
from smoothie.loaders.base import choose_candidates
from smoothie.loaders.formats.base import (
    Answer,
    Format,
    Wanted,
    as_cost,
    as_label,
    files_in,
    problem_of_answers,
    selected,
    some_files,
)
from smoothie.problem import Input, Problem
from smoothie.storage.files import read_json, read_text

DATE = re.compile(r"(\d{8}_\d{6})\.json")
BASES = ("results/bench", "bench", ".")
PLACES = ("*/*/*/*.json", "*/*/*.json", "*/*.json")  # all, a dataset, a split
TEXTS = ("prediction", "raw_output")


def find(folder: Path, most: int | None = None) -> list[Path]:
    """Files of results below a folder; no more than `most` of them."""
    for base in (folder / name for name in BASES):
        for place in PLACES if base.is_dir() else ():
            found = files_in(base, place) if most is None else some_files(base, place, most)
            if found:
                return found
    return []


def looks_like(path: Path) -> bool:
    """Whether a folder has files with records below it."""
    found = find(path, most=1) if path.is_dir() else []
    try:
        beginning = read_text(found[0]) if found else ""
    except SmoothieError:
        return False
    return '"records"' in beginning and '"prediction"' in beginning


def read(path: Path, wanted: Wanted) -> Problem:
    """Read the newest run of each dataset, split and model."""
    text = wanted.select.get("text", TEXTS[0])
    if text not in TEXTS:
        raise SmoothieError(f"select text={text}: expected {' or '.join(TEXTS)}")
    runs: dict[tuple[str, str, str], list[Path]] = {}
    for file in find(path):
        dataset, split, model = file.resolve().parts[-4:-1]
        runs.setdefault((dataset, split, model), []).append(file)
    if not runs:
        raise SmoothieError(f"{path}: no DATASET/SPLIT/MODEL/*.json is there")
    names = choose_candidates(list({run[2] for run in runs}), wanted.candidates, str(path))
    runs = {run: files for run, files in runs.items() if run[2] in names}
    for position, key in enumerate(("task", "split")):
        chosen = selected(wanted.select, key, (run[position] for run in runs), str(path))
        runs = {run: files for run, files in runs.items() if chosen in (None, run[position])}
    found = (answer for run, files in runs.items() for answer in answers(*run, files, text))
    return problem_of_answers(path.resolve().name, found, wanted)


def answers(dataset: str, split: str, model: str, files: list[Path], text: str) -> Iterator[Answer]:
    """The records of the newest run."""
    file, records = newest(files)
    for number, record in enumerate(records, start=1):
        where = f"{file}, record {number}"
        if not isinstance(record, dict):
            raise SmoothieError(f"{where}: expected an object, found {shown(record)}")
        if not isinstance(record.get(text), str):
            said = shown(record.get(text))
            raise SmoothieError(f"{where}: expected a text under {text!r}, found {said}")
        prompt = record.get("prompt", record.get("origin_query", ""))
        item = Input(
            f"{dataset}/{split}/{as_id(record.get('index'), where)}",
            dataset,
            prompt if isinstance(prompt, str) else json.dumps(prompt, ensure_ascii=False),
            as_references(plain(record.get("ground_truth")), where),
        )
        cost = as_cost(record.get("cost"), where)
        yield Answer(model, item, (record[text],), where, as_label(record.get("score")), cost)


def plain(truth: Any) -> Any:
    """A right answer that may be anything as what references may be."""
    return json.dumps(truth) if isinstance(truth, dict | bool) else truth


def newest(files: list[Path]) -> tuple[Path, list[Any]]:
    """The newest run that is no demonstration, or the newest one; by date, then by name."""

    def date(file: Path) -> tuple[str, str]:
        found = DATE.search(file.name)
        return (found[1] if found else "", file.name)

    latest: tuple[Path, list[Any]] | None = None
    for file in sorted(files, key=date, reverse=True):
        content = read_json(file)
        records = content.get("records") if isinstance(content, dict) else None
        if not isinstance(records, list) or not records:
            raise SmoothieError(f"{file}: expected a list of records under 'records'")
        if not content.get("demo"):
            return file, records
        latest = latest or (file, records)
    assert latest is not None
    return latest


FORMAT = Format(
    "LLMRouterBench results: DATASET/SPLIT/MODEL/*.json",
    looks_like,
    read,
    ("split", "task", "text"),
)
