"""Routed answers as files: a table, or one more model in the format of the others."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smoothie.errors import SmoothieError
from smoothie.loaders.formats import Wanted, lm_eval
from smoothie.optional import require
from smoothie.problem import Problem
from smoothie.storage.files import read_jsonl, replacing, write_json, write_jsonl

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

NAME = "smoothie"  # of the model that routed answers are of
SUFFIXES = (".csv", ".tsv", ".jsonl", ".ndjson", ".parquet")
ROUTER_ARENA = (809, 8400, 420)  # prompts of its splits sub_10, full and robustness
FORMATS = ("choices", "wide", "alpaca_eval", "lm_eval", "router_arena")


def format_of(path: Path) -> str:
    """The format that a name tells.

    Raises
    ------
    SmoothieError
        If it tells none.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        require("pyarrow", f"{path}: a Parquet file")
    if suffix in SUFFIXES:
        return "choices"
    if suffix == ".json":
        return "alpaca_eval"
    raise SmoothieError(
        f"{path}: expected a name that ends in .csv, .tsv, .jsonl, .parquet or, for AlpacaEval, "
        f".json; or name a format, one of {', '.join(FORMATS)}"
    )


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table in the format that its name tells, in one step."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise SmoothieError(f"{path}: expected a name that ends in .csv, .tsv, .jsonl, .parquet")
    with replacing(path) as temporary:
        if suffix in (".csv", ".tsv"):
            separator = "," if suffix == ".csv" else "\t"
            frame.to_csv(temporary, index=False, sep=separator, lineterminator="\n")
        elif suffix == ".parquet":
            frame.to_parquet(temporary, index=False)
        else:
            frame.to_json(temporary, orient="records", lines=True, force_ascii=False)


def wide(problem: Problem, texts: Sequence[str], path: Path) -> pd.DataFrame:
    """All answers and, in a further column, the routed ones."""
    import pandas as pd

    if NAME in problem.candidates:
        raise SmoothieError(f"{path}: there is a candidate {NAME!r} already; rename it")
    columns: dict[str, Any] = {"id": list(problem.ids)}
    if any(problem.tasks):
        columns["task"] = list(problem.tasks)
    if problem.has_inputs:
        columns["input"] = problem.input_texts
    if problem.has_references:
        columns["references"] = [list(item.references) for item in problem.inputs]
        if path.suffix.lower() in (".csv", ".tsv"):  # a cell holds one text
            if any(len(several) > 1 for several in columns["references"]):
                log.warning("%s: of several references, the first is written", path)
            columns["references"] = [next(iter(own), "") for own in columns["references"]]
    columns |= {name: problem.texts[:, j] for j, name in enumerate(problem.candidates)}
    return pd.DataFrame({**columns, NAME: list(texts)})


def write_alpaca_eval(problem: Problem, texts: Sequence[str], path: Path) -> None:
    """Write MODEL.json, or MODEL/model_outputs.json: a list of outputs by instruction."""
    if not problem.has_inputs:
        raise SmoothieError(f"{path}: AlpacaEval joins by instruction, and there are no inputs")
    model = path.parent.name if path.name == "model_outputs.json" else path.stem
    rows = [
        {
            "dataset": item.task or problem.name,
            "instruction": item.text,
            "output": text,
            "generator": model,
        }
        for item, text in zip(problem.inputs, texts, strict=True)
    ]
    write_json(path, rows)


def write_router_arena(problem: Problem, candidates: Sequence[str], path: Path) -> None:
    """Write RouterArena's prediction file: which model each of its prompts goes to.

    A list of objects with "global index", "prompt" and "prediction", which is the name of a model
    in the router's configuration; "generated_result", "cost" and "accuracy" are null until
    RouterArena fills them.

    Parameters
    ----------
    problem : Problem
        Its ids are the global indices, its inputs the prompts as RouterArena has formatted them.
    candidates : sequence of str
        Who was chosen for each input.
    path : Path
        router_inference/predictions/ROUTER.json of RouterArena.

    Raises
    ------
    SmoothieError
        If there are no inputs.

    References
    ----------
    https://github.com/RouteWorks/RouterArena, router_inference/generate_prediction_file.py writes
    this format and router_inference/check_config_prediction_files.py checks it (commits 0a6c872 and
    1bc8176).
    """
    for key, text in zip(problem.ids, problem.input_texts, strict=True):
        if not text.strip():
            raise SmoothieError(f"{path}: RouterArena needs the prompt of {key}, which is blank")
    if len(problem.ids) not in ROUTER_ARENA:
        log.warning(
            "%s: %d predictions; RouterArena expects %s of its own prompts",
            path,
            len(problem.ids),
            " or ".join(map(str, ROUTER_ARENA)),
        )
    rows = [
        {
            "global index": key,
            "prompt": text,
            "prediction": model,
            "generated_result": None,
            "cost": None,
            "accuracy": None,
        }
        for key, text, model in zip(problem.ids, problem.input_texts, candidates, strict=True)
    ]
    write_json(path, rows)


def write_lm_eval(
    problem: Problem, candidates: Sequence[str], source: Path, folder: Path
) -> list[Path]:
    """Write samples_TASK_DATE.jsonl for each task: the rows of the chosen models, all filters.

    Parameters
    ----------
    problem : Problem
        As `smoothie.loaders.formats.lm_eval` reads it.
    candidates : sequence of str
        Who was chosen for each input.
    source : Path
        The samples that it was read from.
    folder : Path
        OUT/MODEL, whose name is that of the new model.

    Returns
    -------
    list of Path
    """
    chosen = dict(zip(problem.ids, candidates, strict=True))
    rows: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for (model, task), file in lm_eval.find_files(source, Wanted(problem.candidates)).items():
        for _, row in read_jsonl(file):
            key = f"{task}/{row.get('doc_id')}"
            if chosen.get(key) == model:
                rows.setdefault(task, {}).setdefault(key, []).append(row)
    date = datetime.now().isoformat().replace(":", "-")
    written = []
    for task, of_task in rows.items():
        written.append(folder / f"samples_{task}_{date}.jsonl")
        in_order = [row for key in problem.ids for row in of_task.get(key, ())]
        write_jsonl(written[-1], in_order)
    return written
