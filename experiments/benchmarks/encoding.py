"""Encoding: the fast profile against sentence-transformers, in time and in what is selected.

    python -m experiments.benchmarks.encoding [inputs=200] FOLDER...

encodes the first inputs of sets in the local layout with both profiles, and prints how often
Smoothie-Local chooses the same candidate, and how far the score of any method moves.
"""

import os
import sys
from pathlib import Path

import numpy as np

from experiments.benchmarks.timing import Row, side_by_side
from experiments.jobs import composed
from experiments.run import run
from smoothie.encoders import SentenceEncoder
from smoothie.loaders.local import LocalFolder
from smoothie.report.tables import markdown

ROOT = Path(__file__).parents[2]


def fast_against_plain() -> list[Row]:
    """all-MiniLM-L6-v2 on short and on long texts, made of those of the demo."""
    folder = Path(os.environ.get("SMOOTHIE_ENCODERS", "~/.cache/smoothie-encoders")).expanduser()
    model = folder / "all-MiniLM-L6-v2"
    if not model.is_dir():
        return [Row("encoder.profile=fast: no all-MiniLM-L6-v2 at SMOOTHIE_ENCODERS", "", np.nan)]
    from sentence_transformers import SentenceTransformer

    texts = LocalFolder(path=str(ROOT / "smoothie" / "demo")).load().texts.ravel()
    short = list(dict.fromkeys(texts))[:256]
    long = [" ".join(np.roll(texts, 9 * i)[:9]) for i in range(48)]
    plain = SentenceTransformer(str(model), device="cpu", local_files_only=True)
    rows = []
    for kind, sample in (("short", short), ("long", long)):
        fast = SentenceEncoder(str(model), profile="fast", device="cpu", progress=False)
        cosines = (fast.encode(sample) * plain.encode(sample)).sum(axis=1)
        assert cosines.min() > 0.999, "the vectors are not those of the model"

        def ours(fast: SentenceEncoder = fast, sample: list[str] = sample) -> object:
            fast._store = None  # the vectors of the last time
            return fast.encode(sample)

        times = side_by_side(ours, lambda sample=sample: plain.encode(sample), 5)  # type: ignore[misc]
        length = np.mean([len(text) for text in sample])
        what = f"encoder.profile=fast, {len(sample)} {kind} texts of {length:.0f} characters"
        rows.append(Row(what, "SentenceTransformer.encode, float32", *times))
    return rows


def compare(folder: Path, inputs: int, k: int) -> list[str]:
    """One line: what the fast profile changes on a set."""
    results = []
    for profile in ("exact", "fast"):
        cfg = composed(
            *("dataset=local", f"dataset.path={folder}", f"dataset.limit={inputs}"),
            *("encoder=minilm", f"encoder.profile={profile}", f"k={k}"),
        )
        results.append(run(cfg))
    exact, fast = results
    assert exact.table is not None
    assert fast.table is not None
    local = "smoothie_local"
    same = (exact.routings[local].choices == fast.routings[local].choices).mean()
    moved = (fast.table["score"] - exact.table["score"]).abs().to_numpy()
    worst = exact.table["method"].iloc[int(moved.argmax())]
    length = np.mean([len(text) for text in exact.problem.texts.ravel()])
    return [
        *(exact.problem.name, f"{length:.0f}", str(len(exact.problem.inputs)), str(k)),
        *(f"{100 * same:.1f}%", f"{moved.max():.2f} ({worst})" if moved.max() else "0.00"),
    ]


def main() -> None:
    """Print a Markdown table of all sets, for k=1 and k=20."""
    inputs, folders = 200, sys.argv[1:]
    if folders and folders[0].startswith("inputs="):
        inputs, folders = int(folders[0].removeprefix("inputs=")), folders[1:]
    lines = [compare(Path(folder), inputs, k) for folder in folders for k in (1, 20)]
    heads = [
        "Set",
        "Characters",
        "Inputs",
        "k",
        "Local: equal choices",
        "Largest change of a score",
    ]
    sys.stdout.write(markdown(heads, lines))


if __name__ == "__main__":
    main()
