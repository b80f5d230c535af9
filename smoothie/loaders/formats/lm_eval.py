"""lm-evaluation-harness with --log_samples: OUT/MODEL/samples_TASK_DATE.jsonl.

Rows of {doc_id, doc, target, arguments, resps, filtered_resps, filter, metrics, METRIC, ...}, one
for each document and filter. The answer is what the model wrote (resps; with several, the first),
and a filter decides which score is taken. Multiple-choice rows hold log-probabilities and no texts.

Defined by https://github.com/EleutherAI/lm-evaluation-harness, lm_eval/evaluator.py and
lm_eval/loggers/evaluation_tracker.py.
"""

from __future__ import annotations

import json
import logging
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from smoothie.errors import SmoothieError, meant, shown
from smoothie.fields import as_id, as_references
from smoothie.loaders.base import choose_candidates
from smoothie.loaders.formats.base import (
    Answer,
    Format,
    Select,
    Wanted,
    as_label,
    files_in,
    problem_of_answers,
    python_list,
    selected,
    some_files,
)
from smoothie.problem import Input, Problem
from smoothie.storage.files import NOT_JSON, parse_json, read_jsonl

log = logging.getLogger(__name__)

NAME = re.compile(r"samples_(?P<task>.+)_(?P<date>\d[\dT.:-]*)\.jsonl")
PLACES = ("*/samples_*.jsonl", "samples_*.jsonl", "*/*/samples_*.jsonl")  # the first that holds
# Keys of a row that are no metrics, for versions that do not list these.
KNOWN = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
KNOWN |= {"doc_hash", "prompt_hash", "target_hash"}
TEXTS = ("resps", "filtered_resps")


def looks_like(path: Path) -> bool:
    """Whether a folder holds samples_TASK_DATE.jsonl, or folders of them."""
    if path.is_file():
        return bool(NAME.fullmatch(path.name))
    return any(NAME.fullmatch(file.name) for place in PLACES for file in some_files(path, place))


def find_files(path: Path, wanted: Wanted) -> dict[tuple[str, str], Path]:
    """The newest file of each model and task."""
    places = ([f for f in files_in(path, place) if NAME.fullmatch(f.name)] for place in PLACES)
    files = [path] if path.is_file() else next(filter(None, places), [])
    newest: dict[tuple[str, str], tuple[str, Path]] = {}
    for file in files:
        name = NAME.fullmatch(file.name)
        model = file.resolve().parent.name
        if name:
            key = (model, name["task"])
            newest[key] = max(newest.get(key, ("", file)), (name["date"], file))
    if len(files) > len(newest) > 0:
        log.info("%s: %d older files are not read", path, len(files) - len(newest))
    if not newest:
        raise SmoothieError(f"{path}: no samples_TASK_DATE.jsonl is there")
    names = choose_candidates(list({model for model, _ in newest}), wanted.candidates, str(path))
    task = selected(wanted.select, "task", (task for _, task in newest), str(path))
    return {
        key: file for key, (_, file) in newest.items() if key[0] in names and task in (None, key[1])
    }


def read(path: Path, wanted: Wanted) -> Problem:
    """Read the newest samples of each model and task."""
    if wanted.select.get("text", TEXTS[0]) not in TEXTS:
        raise SmoothieError(f"select text={wanted.select['text']}: expected {' or '.join(TEXTS)}")
    files = find_files(path, wanted)
    filters: dict[str, str] = {}  # of each task
    found = [
        answer
        for (model, task), file in files.items()
        for answer in answers(model, task, file, filters, wanted.select)
    ]
    prompts: dict[str, set[str]] = defaultdict(set)
    for answer in found:
        prompts[answer.input.id].add(answer.input.text)
    if any(len(texts) > 1 for texts in prompts.values()):
        log.info("%s: models got different prompts; the first model's are taken as inputs", path)
    return problem_of_answers(path.resolve().name, found, wanted)


def answers(
    model: str, task: str, file: Path, filters: dict[str, str], select: Select
) -> Iterator[Answer]:
    """The answers of a model to a task."""
    rows = list(read_jsonl(file))
    if not rows:
        raise SmoothieError(f"{file}: no rows")
    names = list(dict.fromkeys(str(row.get("filter", "none")) for _, row in rows))
    if task not in filters:
        filters[task] = selected(select, "filter", names, str(file)) or names[0]
        if len(names) > 1:
            said = f"filters {', '.join(names)}; scores are of {filters[task]}"
            log.info("%s: %s (select another with filter=NAME)", task, said)
    if filters[task] not in names:
        raise SmoothieError(f"{file}: no filter {filters[task]!r}; it has {', '.join(names)}")
    for number, row in rows:
        if str(row.get("filter", "none")) == filters[task]:
            yield answer_of(row, model, task, select, f"{file}, line {number}")


def answer_of(row: Mapping[str, Any], model: str, task: str, select: Select, where: str) -> Answer:
    """The answer of a row."""
    prompt = prompt_of(row.get("arguments"), where)
    target = row.get("target")
    references = python_list(target) if isinstance(target, str) else None
    key = as_id(row.get("doc_id"), where)
    item = Input(f"{task}/{key}", task, prompt, as_references(references or target, where))
    document = json.dumps(row["doc"], sort_keys=True) if row.get("doc") else None
    texts = texts_of(row.get(select.get("text", TEXTS[0])), where)
    return Answer(model, item, texts, where, score_of(row, select, where), document=document)


def prompt_of(arguments: Any, where: str) -> str:
    """What a model was asked: gen_args_0.arg_0, or the first of a list in older versions."""
    if isinstance(arguments, dict):
        requests = [list(r.values()) if isinstance(r, dict) else r for r in arguments.values()]
    else:
        requests = arguments if isinstance(arguments, list) else []
    if not requests or not isinstance(requests[0], list) or not requests[0]:
        place = "'arguments', 'gen_args_0', 'arg_0'"
        raise SmoothieError(f"{where}: expected the prompt under {place}")
    if len(requests) > 1 or any(isinstance(part, str) for part in requests[0][1:]):
        raise SmoothieError(
            f"{where}: a multiple-choice row holds log-probabilities of given answers, and no text "
            f"that could be routed; name a task that generates with select task=NAME"
        )
    prompt = requests[0][0]
    if isinstance(prompt, list) and len(prompt) == 1:  # a conversation, as JSON
        prompt = prompt[0]
    if not isinstance(prompt, str):
        raise SmoothieError(f"{where}: the prompt must be a text, found {shown(prompt)}")
    return conversation(prompt)


def conversation(prompt: str) -> str:
    """The texts of a conversation that stands there as JSON; any other prompt as it is."""
    if not prompt.startswith("[{"):
        return prompt
    try:
        messages = parse_json(prompt)
    except NOT_JSON:
        return prompt
    texts = [m.get("content") if isinstance(m, dict) else None for m in messages]
    known = [text for text in texts if isinstance(text, str)]
    return "\n\n".join(known) if len(known) == len(texts) else prompt


def texts_of(responses: Any, where: str) -> tuple[str, ...]:
    """What a model wrote: one text, or several where it was asked several times."""
    if isinstance(responses, list) and len(responses) == 1 and isinstance(responses[0], list):
        responses = responses[0]  # the only request
    texts = responses if isinstance(responses, list) else [responses]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise SmoothieError(
            f"{where}: expected texts under 'resps', found {shown(responses)}; log-probabilities "
            f"cannot be routed"
        )
    return tuple(texts)


def score_of(row: Mapping[str, Any], select: Select, where: str) -> float | None:
    """The first metric, or the one that is selected, where it is a number."""
    listed = row.get("metrics")
    names = listed if isinstance(listed, list) else [key for key in row if key not in KNOWN]
    if "metric" in select and select["metric"] not in names:
        hint = meant(select["metric"], map(str, names))
        raise SmoothieError(f"{where}: no metric {select['metric']!r}; {hint}")
    name = select.get("metric", next(iter(names), None))
    return None if name in (None, "bypass") else as_label(row.get(str(name)))


FORMAT = Format(
    "lm-evaluation-harness samples: MODEL/samples_TASK_DATE.jsonl",
    looks_like,
    read,
    ("filter", "metric", "task", "text"),
)
