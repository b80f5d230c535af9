"""Start-up time: imports, help, and a run where everything is cached."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from experiments.benchmarks.timing import Row
from experiments.places import ROOT
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.storage.cache import content_key

NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"  # would have every start compile all modules


def start_times() -> list[Row]:
    """Import, help, and a run at N=5,000, K=10 whose vectors and scores are all cached."""
    with tempfile.TemporaryDirectory() as folder:
        command = cached_run(Path(folder))
        environment = os.environ | {"SMOOTHIE_CACHE": str(Path(folder) / "cache")}
        cached = "a run that finds all in the caches, N=5,000 K=10"
        starts = {
            "import smoothie (limit 0.3 s)": ["-c", "import smoothie"],
            "from smoothie import SmoothieLocal": ["-c", "from smoothie import SmoothieLocal"],
            "run --help (limit 0.5 s)": ["-m", "experiments.run", "--help"],
            f"{cached} (limit 5 s)": command,
            f"{cached}, output.plots=false (limit 2.5 s)": [*command, "output.plots=false"],
        }
        return [Row(what, "", seconds(start, environment)) for what, start in starts.items()]


def seconds(arguments: list[str], environment: Mapping[str, str] = os.environ) -> float:
    """Median time of three starts of Python, after one that fills caches, that of bytecode too."""
    usual = {name: value for name, value in environment.items() if name != NO_BYTECODE}
    times = []
    for _ in range(4):
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments], env=usual, cwd=ROOT, check=True, capture_output=True
        )
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def cached_run(folder: Path, inputs: int = 5000, candidates: int = 10) -> list[str]:
    """Write a set with references, and vectors for all its texts as an encoder would cache them.

    The encoder is a folder without a model: it cannot encode, so that a text that is not cached
    would end the run.
    """
    generator = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(500)])

    def text() -> str:
        return " ".join(generator.choice(words, 20))

    def write(path: Path, rows: list[dict[str, object]]) -> None:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")

    (folder / "set" / "generations").mkdir(parents=True)
    rows: list[dict[str, object]] = [
        {"id": str(i), "input": text(), "references": [text()]} for i in range(inputs)
    ]
    write(folder / "set" / "dataset.jsonl", rows)
    texts = [str(row["input"]) for row in rows]
    for j in range(candidates):
        said = [text() for _ in range(inputs)]
        texts += said
        lines: list[dict[str, object]] = [
            {"id": str(i), "generation": line} for i, line in enumerate(said)
        ]
        write(folder / "set" / "generations" / f"model{j}.jsonl", lines)
    (folder / "encoder").mkdir()
    (folder / "encoder" / "config.json").write_text("{}", encoding="utf-8")
    encoder = SentenceEncoder(str(folder / "encoder"), cache=str(folder / "cache"))
    keys = [content_key(one) for one in dict.fromkeys(texts)]
    for first in range(0, len(keys), 256):  # as many as are written at a time
        part = keys[first : first + 256]
        encoder._cache().store(part, generator.normal(size=(len(part), 384)).astype(np.float32))
    return [
        *("-m", "experiments.run", "dataset=local", f"dataset.path={folder / 'set'}"),
        *("encoder=minilm", f"encoder.model={folder / 'encoder'}"),
        f"hydra.run.dir={folder / 'out'}",
    ]
