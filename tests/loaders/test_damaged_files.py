"""Files of every format, damaged at random: each is read or refused in one sentence.

python -m tests.loaders.test_damaged_files 100000       tries so many, and prints what went wrong
"""

import json
import logging
import shutil
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pytest

from smoothie import Problem, SmoothieError
from smoothie.loaders.files import read_answers
from smoothie.loaders.local import LocalFolder
from tests.conftest import make_set, write_lines
from tests.loaders.formats.test_alpaca_eval import rows_of
from tests.loaders.formats.test_every_eval_ever import instance
from tests.loaders.formats.test_llm_router_bench import record, result
from tests.loaders.formats.test_lm_eval import sample
from tests.loaders.formats.test_mt_bench import answer

MODELS = ("gpt-4", "llama", "phi")
TABLE = {
    "id": ["x", "y"],
    "input": ["2+2?", "Capital?"],
    "reference": ["4", "Paris"],
    **{name: ["4", "Paris"] for name in MODELS},
}
ODD = [None, True, -1, 0, 1e308, 10**400, "", "\0", "\ud800", "a\rb", [], {}, [[]], [None], {"": 0}]
ODD += ["nan", float("nan"), float("inf"), "../../x", "gpt-4", "x" * 5000, ["a", 1]]
NAMES = ["", "id", "x\0", "\ud800", "generation"]
BYTES = [b"\0", b"\xff", b'"', b"{", b"}", b"[", b"]", b",", b"\n", b"\r", b"null", b"NaN", b"-"]
BYTES += [b"1e999", b"\xef\xbb\xbf", b"\\ud800", b"[" * 3000, b"9" * 5000, b"\t", b"'", b"\\"]


def local(folder: Path) -> Path:
    made = make_set(folder / "local", inputs=3)
    rows = [{"candidate": name, "cost": 0.5, "latency": 1.0} for name in ("alpha", "beta", "gamma")]
    write_lines(made / "candidates.jsonl", rows)
    return made


def tables(folder: Path) -> Path:
    frame = pd.DataFrame(TABLE)
    long = frame.melt(["id", "input"], list(MODELS), "candidate", "text").assign(score=1.0)
    for name, table in (("wide", frame), ("long", long)):
        table.to_csv(folder / f"{name}.csv", index=False)
        table.to_csv(folder / f"{name}.tsv", index=False, sep="\t")
        table.to_json(folder / f"{name}.jsonl", orient="records", lines=True)
        table.to_json(folder / f"{name}.json", orient="records")
        table.to_parquet(folder / f"{name}.parquet")
    nested = [{"id": key, "responses": dict.fromkeys(MODELS, "4")} for key in ("x", "y")]
    write_lines(folder / "nested.jsonl", nested)
    return folder


def router_bench(folder: Path) -> Path:
    frame = pd.DataFrame({"sample_id": ["a", "b"], "prompt": ["['1 + 1?']", "x"]})
    for name in MODELS:
        frame[name], frame[f"{name}|model_response"] = 1.0, "['2']"
        frame[f"{name}|total_cost"] = 0.01
    frame.to_csv(folder / "bench.csv", index=False)
    frame.to_parquet(folder / "bench.parquet")
    return folder


def alpaca_eval(folder: Path) -> Path:
    for model in ("gpt", "llama", "phi"):
        (folder / "results" / model).mkdir(parents=True)
        (folder / "results" / model / "model_outputs.json").write_text(json.dumps(rows_of(model)))
    return folder / "results"


def mt_bench(folder: Path) -> Path:
    question = {"question_id": 81, "category": "writing", "turns": ["Write.", "Shorter."]}
    write_lines(folder / "question.jsonl", [question])
    for model in MODELS:
        write_lines(folder / "model_answer" / f"{model}.jsonl", [answer(model, 81, ("a", "b"))])
    return folder


def lm_eval(folder: Path) -> Path:
    for model in MODELS:
        path = folder / model / "samples_gsm8k_2024-07-01T12-00-00.123456.jsonl"
        write_lines(path, [sample(doc, f"It is {doc}") for doc in (1, 2)])
    return folder


def every_eval_ever(folder: Path) -> Path:
    for model in MODELS:
        write_lines(folder / model / "1_samples.jsonl", [instance(model, "q1", "42", 1.0)])
    return folder


def llm_router_bench(folder: Path) -> Path:
    for model in MODELS:
        path = folder / "bench" / "aime" / "test" / model / f"{model}.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(result([record(1, model)])))
    return folder / "bench"


SETS: list[Callable[[Path], Path]] = [local, tables, router_bench, alpaca_eval, mt_bench, lm_eval]
SETS += [every_eval_ever, llm_router_bench]


def nodes(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths of all entries below a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in list(pairs):
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from nodes(inner, (*path, key))


def with_odd_entry(text: str, draw: Random) -> str:
    """A JSON text with one entry replaced, removed, renamed or given twice."""
    value = json.loads(text)
    if not isinstance(value, dict | list) or not value:
        return json.dumps(draw.choice(ODD))
    *way, last = draw.choice(list(nodes(value)))
    parent = value
    for key in way:
        parent = parent[key]
    what = draw.randrange(8)
    if what == 0:
        del parent[last]
    elif what == 1 and isinstance(parent, dict):
        parent[draw.choice(["", "id", "x\0", "\ud800", "generation", str(last).upper()])] = (
            parent.pop(last)
        )
    elif what == 2 and isinstance(parent, dict):
        twice = json.dumps(str(last))
        return json.dumps(value).replace(f"{twice}:", f"{twice}: 0, {twice}:", 1)
    else:
        parent[last] = draw.choice(ODD)
    return json.dumps(value)


def damaged(data: bytes, suffix: str, draw: Random) -> bytes:
    """A file with something wrong: in its structure, or in its bytes."""
    if suffix == ".jsonl" and draw.random() < 0.7:
        lines = data.decode().splitlines()
        row = draw.randrange(len(lines))
        choice = draw.random()
        if choice < 0.8:
            lines[row] = with_odd_entry(lines[row], draw)
        elif choice < 0.9:
            lines.insert(row, lines[draw.randrange(len(lines))])
        else:
            del lines[row]
        return "\n".join(lines).encode("utf-8", "surrogatepass")
    if suffix == ".json" and draw.random() < 0.7:
        return with_odd_entry(data.decode(), draw).encode("utf-8", "surrogatepass")
    start = draw.randrange(len(data) + 1)
    stop = min(len(data), start + draw.choice([0, 0, 1, 4, 40, len(data)]))
    some = [b"", draw.choice(BYTES), draw.randbytes(3), data[stop : stop + 20] * 2]
    return data[:start] + draw.choice(some) + data[stop:]


def read(folder: Path, path: Path) -> Problem:
    """Read the set that a file belongs to: a table is a set of its own."""
    if folder.name == "tables" or folder.name == "router_bench":
        return read_answers(path)
    if (folder / "dataset.jsonl").exists() or folder.name == "local":
        return LocalFolder(path=str(folder)).load()
    return read_answers(folder)


def try_damaged(count: int, seed: int, work: Path) -> tuple[Counter, dict[str, str]]:
    """Damage one file at a time, read, and restore it.

    Returns
    -------
    outcomes : Counter
        Of (set, "read" or "refused" or "failed").
    failures : dict of str -> str
        Where and how something went wrong that is not refused in a sentence, with the damage.
    """
    draw = Random(seed)
    sets = []
    for make in SETS:
        (work / make.__name__).mkdir()
        folder = make(work / make.__name__)
        files = sorted(path for path in (work / make.__name__).rglob("*") if path.is_file())
        for path in files:
            check(read(folder, path))
        sets.append((make.__name__, folder, [(path, path.read_bytes()) for path in files]))
    outcomes: Counter = Counter()
    failures: dict[str, str] = {}
    for number in range(count):
        name, folder, files = sets[number % len(sets)]
        path, before = files[draw.randrange(len(files))]
        data = damaged(before, path.suffix, draw)
        path.write_bytes(data)
        try:
            check(read(folder, path))
            outcomes[name, "read"] += 1
        except SmoothieError:
            outcomes[name, "refused"] += 1
        except Exception as error:
            outcomes[name, "failed"] += 1
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{name}/{path.name}: {type(error).__name__} in {frame.filename}:{frame.lineno}"
            failures.setdefault(where, f"{error!s:.200} | {data!r:.2000}")
        finally:
            path.write_bytes(before)
    return outcomes, failures


def check(problem: Problem) -> None:
    """Whatever was read is a whole problem."""
    assert problem.texts.shape == (len(problem.inputs), len(problem.candidates))
    assert all(type(text) is str for text in problem.texts.ravel())
    for text in (*problem.ids, *problem.candidates, *problem.texts.ravel(), *problem.input_texts):
        text.encode("utf-8")
    if problem.labels is not None:
        assert not (abs(problem.labels) == float("inf")).any()


@pytest.mark.slow
def test_damaged_files_are_read_or_refused(tmp_path, caplog):
    caplog.set_level(logging.ERROR)
    outcomes, failures = try_damaged(800, 0, tmp_path)
    assert not failures
    for make in SETS:
        assert outcomes[make.__name__, "refused"] > 10, "damage is noticed"


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    scratch = Path(tempfile.mkdtemp())
    tried, wrong = try_damaged(int(sys.argv[1]), int(sys.argv[2]) if sys.argv[2:] else 0, scratch)
    shutil.rmtree(scratch)
    for outcome, times in sorted(tried.items()):
        sys.stdout.write(f"{' '.join(outcome)}: {times}\n")
    for place, example in wrong.items():
        sys.stdout.write(f"\n{place}\n  {example}\n")
    sys.exit(bool(wrong))
