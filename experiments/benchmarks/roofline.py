"""How fast encoding could be here: the peak of a core's matrix products, and what share is reached.

    python -m experiments.benchmarks.roofline

Measured on one core, by the time of the process, so that other programs hardly matter: products of
the shapes that the encoders have, in three types, by torch as it is and with weights that oneDNN
has laid out once; then the encoders themselves. "At best" is what the fast profile would reach
against the plain one, were all of its time products at the peak. Kept in results/roofline.md.
"""

import itertools
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from experiments.benchmarks.encoding import MODELS, products, short_and_long
from experiments.benchmarks.timing import machine
from experiments.config import one_sentence_errors
from experiments.places import RESULTS, encoders_folder, keep
from smoothie.encoders.packed import Dense, can_pack
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.errors import SmoothieError
from smoothie.report.tables import markdown

COMMAND = "python -m experiments.benchmarks.roofline"
ROWS = 1024  # tokens of a batch
SHAPES = {
    "all-MiniLM-L6-v2": [(384, 1152), (384, 384), (384, 1536), (1536, 384)],
    "all-mpnet-base-v2": [(768, 2304), (768, 768), (768, 3072), (3072, 768)],
}
SECONDS = 0.3  # of the process, for each measurement
TYPES = ("float32", "float32 by oneDNN", "bfloat16", "bfloat16 by oneDNN", "int8")
FAST = {"float32": 1, "bfloat16": 3}  # where the peak of a type stands in TYPES


def process_seconds(run: Callable[[], object]) -> float:
    """Time of the process for one call, by repeated calls after a first one."""
    run()
    calls, start = 0, time.process_time()
    while time.process_time() - start < SECONDS:
        run()
        calls += 1
    return (time.process_time() - start) / calls


def product_rates(inputs: int, outputs: int) -> list[float]:
    """GFLOP a second of the products of a layer, in each of `TYPES`."""
    import torch

    layer = torch.nn.Linear(inputs, outputs)
    rows = torch.randn(ROWS, inputs)
    narrow, rounded = rows.to(torch.bfloat16), torch.nn.Linear(inputs, outputs).to(torch.bfloat16)
    whole = torch.randint(-127, 127, (ROWS, inputs), dtype=torch.int8)
    weight = torch.randint(-127, 127, (inputs, outputs), dtype=torch.int8)
    wide, dense = Dense.of(layer, dtype="float32"), Dense.of(layer)
    runs: list[Callable[[], object]] = [
        lambda: layer(rows),
        lambda: wide(rows),
        lambda: rounded(narrow),
        lambda: dense(narrow),
        lambda: torch._int_mm(whole, weight),
    ]
    work = 2 * ROWS * inputs * outputs / 1e9
    return [work / process_seconds(run) for run in runs]


def encoder_lines(name: str, peaks: dict[str, float]) -> list[list[str]]:
    """What both profiles of an encoder reach, on short and on long texts."""
    folder = str(encoders_folder() / name)
    exact = SentenceEncoder(folder, device="cpu", progress=False)
    lines = []
    for (kind, texts), (dtype, peak) in itertools.product(short_and_long().items(), peaks.items()):
        fast = SentenceEncoder(folder, profile="fast", dtype=dtype, device="cpu", progress=False)
        sample = texts[: len(texts) // MODELS[name]]
        work = products(exact.ready(), sample) / 1e9
        plain = process_seconds(partial(exact._encode, sample, "float32"))
        ours = process_seconds(partial(fast._encode, sample, dtype))
        lines.append(
            [
                *(f"{name}, {kind}", f"{work / len(sample):.2f}", dtype),
                *(f"{work / plain:.0f}", f"{work / ours:.0f}", f"{100 * work / ours / peak:.0f}%"),
                *(f"{plain / ours:.2f}x", f"{plain * peak / work:.2f}x"),
            ]
        )
    return lines


def tables() -> str:
    """Both tables, in Markdown.

    Raises
    ------
    SmoothieError
        Where there are no products in bfloat16.
    """
    import torch

    if not can_pack():
        raise SmoothieError("this CPU, or this build of torch, has no products in bfloat16")
    torch.set_num_threads(1)
    with torch.inference_mode():
        rates = {(name, shape): product_rates(*shape) for name in SHAPES for shape in SHAPES[name]}
    lines = [
        [name, f"{ROWS} x {shape[0]} x {shape[1]}", *(f"{rate:.0f}" for rate in measured)]
        for (name, shape), measured in rates.items()
    ]
    heads = ["Model", "Product", *(f"{kind}, GFLOP/s" for kind in TYPES)]
    peaks = {
        kind: float(np.max([measured[column] for measured in rates.values()]))
        for kind, column in FAST.items()
    }
    reached = [line for name in SHAPES for line in encoder_lines(name, peaks)]
    columns = [
        *("Texts", "GFLOP a text", "Products", "plain float32, GFLOP/s", "fast, GFLOP/s"),
        *("Of the peak", "Against plain", "At best"),
    ]
    return f"{markdown(heads, lines)}\n{markdown(columns, reached)}"


def main() -> None:
    """Print Markdown tables, and write them to results."""
    with one_sentence_errors():
        shown = f"{tables()}\nMeasured on one core of {machine()}.\n"
    keep(COMMAND, shown, RESULTS / "roofline.md")
    sys.stdout.write(shown)


if __name__ == "__main__":
    main()
