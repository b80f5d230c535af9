"""Throughput of a machine, and what 100 million generations take at that rate.

    python -m experiments.benchmarks.rates [price=P]

Measures encoding, ROUGE-2, and distances with routing side by side, on all cores of this machine,
in about two minutes; writes results/scale.md and the block of docs/scale.md that shows it. With the
price of a machine-hour it prints what that costs, and writes nothing.
"""

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.benchmarks.timing import machine
from experiments.config import one_sentence_errors
from experiments.places import DEMO, RESULTS, ROOT, encoders_folder, keep
from smoothie import SmoothieLocal
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.errors import SmoothieError
from smoothie.loaders.local import LocalFolder
from smoothie.metrics.scoring import CHUNK, Pair, score_pairs
from smoothie.parallel.local import cores, in_chunks
from smoothie.report.tables import markdown

COMMAND = "python -m experiments.benchmarks.rates"
RESULT = RESULTS / "scale.md"
PAGE = ROOT / "docs" / "scale.md"
MODELS = {"all-MiniLM-L6-v2": 384, "all-mpnet-base-v2": 768}  # dimensions
WORDS = {"short": 16, "long": 160}
SAMPLES = {  # texts encoded for a rate: some seconds each
    ("all-MiniLM-L6-v2", "short"): 4096,
    ("all-MiniLM-L6-v2", "long"): 512,
    ("all-mpnet-base-v2", "short"): 1024,
    ("all-mpnet-base-v2", "long"): 128,
}
PAIRS = {"short": 200_000, "long": 30_000}
INPUTS, CANDIDATES = 10_000_000, 10  # 100 million generations
DAY = 24


@dataclass(frozen=True)
class Rate:
    """A throughput.

    Attributes
    ----------
    step : str
        The step that is measured.
    kind : str
        Which model or how many dimensions.
    length : str
        A key of WORDS, or nothing.
    each : float
        In a second.
    unit : str
        Of what.
    """

    step: str
    kind: str
    length: str
    each: float
    unit: str


def texts_of(words: Sequence[str], length: int, count: int, seed: int) -> list[str]:
    """Texts of a given number of words: two random passages of the demo's generations."""
    starts = np.random.default_rng(seed).integers(0, len(words) - length, (count, 2))
    half = length // 2
    return [" ".join((*words[a : a + half], *words[b : b + half])) for a, b in starts]


def encoding_rates(words: Sequence[str]) -> list[Rate]:
    """Texts that the encoders embed in a second, in the fast profile."""
    folder = encoders_folder()
    rates = []
    for model in MODELS:
        if not (folder / model).is_dir():
            raise SmoothieError(f"no {model} in {folder}: set SMOOTHIE_ENCODERS")
        encoder = SentenceEncoder(str(folder / model), device="cpu", progress=False, profile="fast")
        encoder.encode(texts_of(words, WORDS["short"], 32, seed=0))  # loads the model
        for length, count in WORDS.items():
            texts = texts_of(words, count, SAMPLES[model, length], seed=1)
            before, start = encoder.encoded, time.perf_counter()
            encoder.encode(texts)
            each = (encoder.encoded - before) / (time.perf_counter() - start)
            rates.append(Rate("encode", model, length, each, "texts"))
    return rates


def scoring_rates(words: Sequence[str]) -> list[Rate]:
    """Texts that ROUGE-2 scores in a second, in as many processes as cores; ten to a reference."""
    rates = []
    for length, count in WORDS.items():
        texts = texts_of(words, count, PAIRS[length], seed=2)
        references = texts_of(words, count, PAIRS[length] // CANDIDATES, seed=3)
        pairs: list[Pair] = [
            ("rouge2", text, (references[i // CANDIDATES],)) for i, text in enumerate(texts)
        ]
        parts = in_chunks(score_pairs, pairs, CHUNK, cores())
        next(parts)  # by now the processes have started
        start = time.perf_counter()
        done = sum(len(part) for part in parts)
        rates.append(
            Rate("score", "ROUGE-2", length, done / (time.perf_counter() - start), "texts")
        )
    return rates


def routing_rates(rows: int = 4000) -> list[Rate]:
    """Inputs of ten texts whose distances, errors and choices are taken in a second, k=1."""
    rates = []
    for model, size in MODELS.items():
        shape = (rows, CANDIDATES, size)
        vectors = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
        SmoothieLocal(k=1).fit(vectors[:10])
        start = time.perf_counter()
        SmoothieLocal(k=1).fit(vectors)
        rates.append(Rate("route", model, "", rows / (time.perf_counter() - start), "inputs"))
    return rates


def page(
    rates: list[Rate], characters: dict[str, float], load: float, price: float | None = None
) -> str:
    """The tables, as Markdown."""
    said = {length: f"{length} ({characters[length]:.0f} characters)" for length in WORDS} | {
        "": ""
    }
    measured = [
        [
            *(rate.step, rate.kind, said[rate.length]),
            f"{rate.each:,.{0 if rate.each > 100 else 1}f} {rate.unit}",
        ]
        for rate in rates
    ]
    each = {(rate.step, rate.kind, rate.length): rate.each for rate in rates}
    generations = INPUTS * CANDIDATES
    costs = []
    for model, size in MODELS.items():
        for length in WORDS:
            hours = [
                (generations + INPUTS) / each["encode", model, length] / 3600,
                generations / each["score", "ROUGE-2", length] / 3600,
                INPUTS / each["route", model, ""] / 3600,
            ]
            total = sum(hours)
            stored = (generations + INPUTS) * (4 * size + 16) / 1e9  # float32, and a key
            costs.append(
                [
                    *(model, length, *(f"{value:,.1f}" for value in hours), f"{total:,.0f}"),
                    *(f"{np.ceil(total / DAY):,.0f}", f"{stored:,.0f} GB"),
                    *([] if price is None else [f"{price * total:,.0f}"]),
                ]
            )
    head = ["Encoder", "Texts", "Encode, h", "Score, h", "Route, h", "Machine-hours"]
    head += ["Machines for a day", "Vectors on disk"]
    head += [] if price is None else [f"At {price:g} an hour"]
    return (
        f"In a second, on {machine()}; its load before was {load:.1f} "
        f"(rates are those of the machine only if that is near 0):\n\n"
        f"{markdown(['Step', 'What', 'Texts', 'In a second'], measured)}\n"
        f"{generations:,} generations, {CANDIDATES} for each of {INPUTS:,} inputs, "
        f"on machines like it:\n\n{markdown(head, costs)}"
    )


def main() -> None:
    """Command line."""
    with one_sentence_errors():
        price, load = price_of(sys.argv[1:]), os.getloadavg()[0]
        words = " ".join(LocalFolder(path=str(DEMO)).load().texts.ravel())
        split = words.split()
        characters = {
            length: float(np.mean([len(text) for text in texts_of(split, count, 2000, seed=1)]))
            for length, count in WORDS.items()
        }
        rates = [*encoding_rates(split), *scoring_rates(split), *routing_rates()]
        shown = page(rates, characters, load, price)
        if price is None:
            keep(COMMAND, shown, RESULT, PAGE)
    sys.stdout.write(shown)


def price_of(arguments: list[str]) -> float | None:
    """The price of a machine-hour, if one was given."""
    if not arguments:
        return None
    name, _, value = arguments[0].partition("=")
    try:
        if name != "price" or len(arguments) > 1:
            raise ValueError
        return float(value)
    except ValueError:
        raise SmoothieError(f"{' '.join(arguments)}: expected price=NUMBER or nothing") from None


if __name__ == "__main__":
    main()
