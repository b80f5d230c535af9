"""Encoding: the fast profile against sentence-transformers, in time and in what is selected.

    python -m experiments.benchmarks.encoding [inputs=N] [types=TYPE,...] [changed=1] [FOLDER...]

times both; encodes the first inputs (by default 200) of sets in the local layout with
both profiles, and says how often Smoothie-Local chooses the same candidate and how far the score
of any method moves. `types` are those of the products, by default the one that the profile picks
on this machine. bfloat16 on a CPU without instructions for it is rounded in float32 (`rounding`):
that shows what it does to selections, not how long it takes. `changed=1` lists the inputs for which
the choice with k=1 changes. The tables are kept in results/encoding.md.

    python -m experiments.benchmarks.encoding device=cuda [peak=TFLOPS]

measures how many texts a second a device encodes in batches of several sizes, and what share of its
peak that is; for cards that it does not know, pass the peak. Kept in results/encoding_cuda.md.
"""

import itertools
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import DictConfig

from experiments.benchmarks.changed import HEADS, changed
from experiments.benchmarks.rounding import require_as_autocast, round_products
from experiments.benchmarks.timing import Row, machine, side_by_side, table
from experiments.config import one_sentence_errors
from experiments.memory import Memory
from experiments.paper.jobs import QUIET, compose_run
from experiments.pipeline import run
from experiments.places import DEMO, RESULTS, encoders_folder, keep
from experiments.settings import read_settings
from experiments.steps import load, make_encoder
from smoothie.encoders.fast import encode_by_tokens, fast_dtype
from smoothie.encoders.sentence import DTYPES, SentenceEncoder
from smoothie.errors import SmoothieError
from smoothie.loaders.local import LocalFolder
from smoothie.report.tables import markdown
from smoothie.run import Result

COMMAND = "python -m experiments.benchmarks.encoding"
MODELS = {"all-MiniLM-L6-v2": 1, "all-mpnet-base-v2": 8}  # and how many times fewer texts
BATCH_TOKENS = (4096, 16384, 65536, 262144)
PEAKS = {  # dense products in float16, 1e12 a second, as the makers' data sheets give them
    "H200": 989.0,
    "H100 NVL": 835.0,
    "H100 PCIe": 756.0,
    "H100": 989.0,
    "A100": 312.0,
    "L40S": 362.0,
    "L4": 121.0,
    "T4": 65.0,
}


def short_and_long() -> dict[str, list[str]]:
    """Distinct texts from those of the demo: 256 short ones, and 48 of nine joined."""
    texts = LocalFolder(path=str(DEMO)).load().texts.ravel()
    long = [" ".join(np.roll(texts, 9 * i)[:9]) for i in range(48)]
    return {"short": list(dict.fromkeys(texts))[:256], "long": long}


def fast_against_plain(types: Sequence[str] | None = None) -> list[Row]:
    """Both encoders of the paper's experiments, on short and on long texts, with some products."""
    rows = []
    types = types or [fast_dtype("cpu")]
    for dtype, (name, share) in itertools.product(types, MODELS.items()):
        folder = encoders_folder() / name
        if not folder.is_dir():
            rows.append(Row(f"encoder.profile=fast: no {name} at SMOOTHIE_ENCODERS", "", np.nan))
            continue
        from sentence_transformers import SentenceTransformer

        plain = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
        for kind, texts in short_and_long().items():
            sample = texts[: len(texts) // share]
            fast = SentenceEncoder(
                str(folder), profile="fast", dtype=dtype, device="cpu", progress=False
            )
            cosines = (fast.encode(sample) * plain.encode(sample)).sum(axis=1)
            assert cosines.min() > 0.999, "the vectors are not those of the model"

            def ours(fast: SentenceEncoder = fast, sample: list[str] = sample) -> object:
                fast._stores.clear()  # discards the cached vectors
                return fast.encode(sample)

            def rival(plain: Any = plain, sample: list[str] = sample) -> object:
                return plain.encode(sample, show_progress_bar=False)

            length = np.mean([len(text) for text in sample])
            what = (
                f"encoder.profile=fast in {fast.number_type}, {name}, "
                f"{len(sample)} {kind} texts of {length:.0f} characters"
            )
            times = side_by_side(ours, rival, 3)
            rows.append(Row(what, "SentenceTransformer.encode, float32", *times))
    return rows


def both(folder: Path, inputs: int, dtype: str) -> Iterator[tuple[Result, Result, str, int]]:
    """Runs on a set without and with rounding, what the products are, and k: for each of two k."""
    data = ("dataset=local", f"dataset.path={folder}", f"dataset.limit={inputs}")
    exact = (*data, "encoder=minilm")
    with tempfile.TemporaryDirectory() as vectors:
        if dtype == "bfloat16" and fast_dtype("cpu") == "float32":
            export_rounded(compose_run(exact), Path(vectors))
            fast = ["encoder=stored", f"encoder.folder={vectors}"]
            products = "bfloat16, rounded in float32"
        else:
            fast = ["encoder=minilm", "encoder.profile=fast", f"encoder.dtype={dtype}"]
            products = dtype
        for k in (1, 20):
            settings = (f"k={k}", *QUIET)
            yield (
                run(compose_run([*exact, *settings])),
                run(compose_run([*data, *fast, *settings])),
                *(products, k),
            )


def difference(exact: Result, fast: Result, products: str, k: int) -> list[str]:
    """One line: how often Smoothie-Local chooses alike in two runs, and how far scores move."""
    assert exact.table is not None
    assert fast.table is not None
    local, same = "smoothie_local", "skipped"  # with k=20, where inputs have no text
    if local in exact.routings:
        alike = exact.routings[local].choices == fast.routings[local].choices
        same = f"{100 * alike.mean():.1f}%"
    moved = (fast.table["score"] - exact.table["score"]).abs().to_numpy()
    worst = exact.table["method"].iloc[int(moved.argmax())]
    length = np.mean([len(text) for text in exact.problem.texts.ravel()])
    return [
        *(exact.problem.name, f"{length:.0f}", str(len(exact.problem.inputs)), products, str(k)),
        *(same, f"{moved.max():.2f} ({worst})" if moved.max() else "0.00"),
    ]


def export_rounded(cfg: DictConfig, folder: Path) -> None:
    """Write the vectors of a run with products in bfloat16, as `encoder=stored` reads them.

    Those of inputs stay as they are, as in the fast profile.
    """
    settings, memory = read_settings(cfg), Memory()
    _, problem, _ = load(settings, memory)
    encoder = make_encoder(settings, memory)
    assert isinstance(encoder, SentenceEncoder)
    columns = {"inputs": encoder.encode(problem.input_texts)}
    model, exact = encoder._load(), encoder._load()
    round_products(model)
    require_as_autocast(model, exact, list(problem.texts[:2].ravel()))
    rounding = replace(encoder, cache=None)
    rounding._loaded = model
    generations, _ = rounding.encode_problem(problem, inputs=False)
    columns |= {name: generations[:, j] for j, name in enumerate(problem.candidates)}
    for name, vectors in columns.items():
        every = np.full((problem.source_rows, vectors.shape[1]), np.nan, dtype=np.float32)
        every[problem.rows] = vectors
        np.save(folder / f"{name}.npy", every, allow_pickle=False)


def selections(
    folders: Sequence[str], inputs: int, types: Sequence[str], show_changed: bool = False
) -> str:
    """Markdown tables of all sets and types, for k=1 and k=20; requested, of the changed inputs."""
    lines: list[list[str]] = []
    inputs_changed: list[list[str]] = []
    reader = tokens_of(["encoder=minilm"]) if show_changed else None
    for folder, dtype in itertools.product(folders, types):
        for exact, fast, products, k in both(Path(folder), inputs, dtype):
            lines.append(difference(exact, fast, products, k))
            if reader is not None and k == 1:
                inputs_changed += changed(exact, fast, products, *reader)
    heads = [
        *("Set", "Characters", "Inputs", "Products", "k"),
        *("Local: equal choices", "Largest change of a score"),
    ]
    shown = markdown(heads, lines)
    return f"{shown}\n{markdown(HEADS, inputs_changed)}" if show_changed else shown


def tokens_of(settings: Sequence[str]) -> tuple[Callable[[list[str]], list[list[int]]], int]:
    """The tokenizer of the encoder of a run, and how many tokens that reads."""
    encoder = make_encoder(read_settings(compose_run(settings)), Memory())
    assert isinstance(encoder, SentenceEncoder)
    model = encoder.ready()

    def tokens(texts: list[str]) -> list[list[int]]:
        read = model.tokenizer(texts, truncation=False, padding=False, verbose=False)
        return [list(ids) for ids in read["input_ids"]]

    return tokens, int(model.max_seq_length)


def products(model: Any, texts: list[str]) -> float:
    """Floating-point operations of the matrix products for texts in a BERT, without padding."""
    config = model[0].auto_model.config
    d, layers = config.hidden_size, config.num_hidden_layers
    weights = layers * (4 * d * d + 2 * d * config.intermediate_size)
    tokens = model.tokenizer(texts, truncation=True, max_length=model.max_seq_length)["input_ids"]
    lengths = np.array([len(ids) for ids in tokens], dtype=np.float64)
    return float((2 * weights * lengths + 4 * layers * d * lengths**2).sum())


def throughput(
    model: Any, samples: dict[str, list[str]], dtype: str, sizes: Sequence[int], peak: float
) -> str:
    """A Markdown table: texts a second of a device, and its share of the peak.

    Parameters
    ----------
    model : SentenceTransformer
        On the device.
    samples : dict of str -> list of str
        Kinds of texts.
    dtype : str
        Type of the products.
    sizes : sequence of int
        Tokens of a batch.
    peak : float
        Floating-point operations a second, times 1e12, that the device can do.
    """
    lines = []
    for kind, texts in samples.items():
        work = products(model, texts)
        for size in sizes:
            encode_by_tokens(model, texts, dtype, size)
            start = time.perf_counter()
            encode_by_tokens(model, texts, dtype, size)  # returns vectors: the device is done
            seconds = time.perf_counter() - start
            rate = work / seconds / 1e12
            lines.append(
                [
                    *(kind, dtype, str(size), f"{len(texts) / seconds:,.0f}"),
                    *(f"{rate:.2f}", f"{100 * rate / peak:.1f}%"),
                ]
            )
    return markdown(
        ["Texts", "Products", "Tokens of a batch", "Texts a second", "TFLOP/s", "Of the peak"],
        lines,
    )


def known_peak(device: str) -> float:
    """The peak of a known card.

    Raises
    ------
    SmoothieError
        If there is no such device.
    """
    import torch

    if not device.startswith("cuda"):
        raise SmoothieError(f"peak: not known of {device}; give it, as in peak=0.2")
    if not torch.cuda.is_available():
        raise SmoothieError(f"device={device}: torch {torch.__version__} sees no such device")
    name = torch.cuda.get_device_name(device)
    for part, peak in PEAKS.items():
        if part in name:
            return peak
    raise SmoothieError(f"peak: not known of {name}; give its TFLOP/s in float16, as in peak=100")


def on_device(device: str, peak: float) -> str:
    """The tables of `throughput` for both encoders, on enough texts to fill a GPU."""
    from sentence_transformers import SentenceTransformer

    repeats = 64 if device.startswith("cuda") else 1
    samples = {kind: texts * repeats for kind, texts in short_and_long().items()}
    shown = []
    for name in MODELS:
        model = SentenceTransformer(
            str(encoders_folder() / name), device=device, local_files_only=True
        )
        lines = throughput(model, samples, fast_dtype(device), BATCH_TOKENS, peak)
        shown.append(f"{name} on {device}, peak {peak:g} TFLOP/s:\n\n{lines}")
    return "\n".join(shown)


def number(settings: dict[str, str], name: str, default: float) -> float:
    """A setting that is a number above zero."""
    try:
        value = float(settings.get(name, default))
    except ValueError:
        value = 0.0
    if value <= 0:
        raise SmoothieError(f"{name}={settings[name]}: expected a number above zero")
    return value


def tables(settings: dict[str, str], folders: Sequence[str]) -> str:
    """The tables that the arguments request, in Markdown."""
    unknown = set(settings) - {"inputs", "types", "changed", "device", "peak"}
    if unknown:
        raise SmoothieError(f"{min(unknown)}: expected inputs, types, changed, device or peak")
    if "device" in settings:
        device = settings["device"]
        known = "peak" in settings
        return on_device(device, number(settings, "peak", 0) if known else known_peak(device))
    types = settings.get("types", fast_dtype("cpu")).split(",")
    for dtype in types:
        if dtype not in DTYPES:
            raise SmoothieError(f"types={dtype}: expected some of {', '.join(DTYPES)}")
    inputs = int(number(settings, "inputs", 200))
    shown = table(fast_against_plain(types))
    show_changed = settings.get("changed", "0") == "1"
    return f"{shown}\n{selections(folders, inputs, types, show_changed)}" if folders else shown


def main() -> None:
    """Print Markdown tables, and write them to results."""
    settings = dict(word.split("=", 1) for word in sys.argv[1:] if "=" in word)
    folders = [word for word in sys.argv[1:] if "=" not in word]
    with one_sentence_errors():
        shown = f"{tables(settings, folders)}\nMeasured on {machine()}.\n"
    # folders by name: their paths are not part of the command
    words = [word if "=" in word else Path(word).name for word in sys.argv[1:]]
    command = shlex.join([*COMMAND.split(), *words])
    name = "encoding_" + settings["device"].split(":")[0] if "device" in settings else "encoding"
    keep(command, shown, RESULTS / f"{name}.md")
    sys.stdout.write(shown)


if __name__ == "__main__":
    main()
