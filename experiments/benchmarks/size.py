"""A million inputs: time and peak memory of Smoothie on vectors that stay on disk.

    python -m experiments.benchmarks.size

writes results/size.csv, size.md and a plot, which `redraw` after the command draws again. The
vectors, 3.6 GiB, are written to the folder for temporary files (TMPDIR), and removed at the end.
"""

import csv
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.places import RESULTS, ROOT, keep
from smoothie import SmoothieError, SmoothieGlobal, SmoothieLocal
from smoothie.estimator import squared_distances, triplet_errors
from smoothie.storage.files import drop_pages, write_csv

SIZES = (10_000, 100_000, 1_000_000)
CANDIDATES, DIMENSIONS = 5, 384
ROUNDS = 3
BLOCK_ROWS = 1000  # generated at a time
METHODS = {"Smoothie-Global": SmoothieGlobal, "Smoothie-Local k=1": SmoothieLocal}
LOOK_OF = {"Smoothie-Global": "smoothie_global", "Smoothie-Local k=1": "smoothie_local"}
LIMIT_MIB = 4096  # upper bound for all measurements
MIB = 1 << 20

Run = Mapping[str, Any]


def main() -> None:
    """Generate the vectors, check the results, measure each method in separate processes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generations.npy"
        write_generations(path, SIZES[-1])
        ask("parity", path, SIZES[0])
        alone = ask("alone", path, 0)[1]
        runs = []
        for number in range(1, ROUNDS + 1):
            for rows in SIZES:
                for method in METHODS:
                    seconds, peak = ask(method, path, rows)
                    runs.append(
                        {
                            "method": method,
                            "inputs": rows,
                            "round": number,
                            "seconds": round(seconds, 4),
                            "peak_mib": round(peak, 1),
                        }
                    )
    write_csv(RESULTS / "size.csv", list(runs[0]), (run.values() for run in runs))
    shown = report(summarize(runs), alone)
    keep("python -m experiments.benchmarks.size", shown, RESULTS / "size.md")
    plot(summarize(runs), alone, RESULTS)
    sys.stdout.write(shown)


def write_generations(path: Path, rows: int) -> None:
    """Write votes around a truth, with candidates of different quality, a block at a time."""
    size = file_bytes(rows)
    free = shutil.disk_usage(path.parent).free
    if free < 1.05 * size:
        raise SmoothieError(
            f"{path.parent}: {free / MIB:,.0f} MiB are free and the vectors take "
            f"{size / MIB:,.0f}; set TMPDIR to a folder with more room"
        )
    generator = np.random.default_rng(0)
    spread = np.linspace(1, 2, CANDIDATES, dtype=np.float32)[:, None]
    shape = (rows, CANDIDATES, DIMENSIONS)
    generations = np.lib.format.open_memmap(path, "w+", np.dtype(np.float16), shape)
    for start in range(0, rows, BLOCK_ROWS):
        count = min(BLOCK_ROWS, rows - start)
        truth = generator.standard_normal((count, 1, DIMENSIONS), np.float32)
        noise = generator.standard_normal((count, CANDIDATES, DIMENSIONS), np.float32)
        generations[start : start + count] = truth + spread * noise
        drop_pages(generations)


def file_bytes(rows: int) -> int:
    """Bytes of the vectors of a number of inputs in float16."""
    return 2 * rows * CANDIDATES * DIMENSIONS


def ask(what: str, path: Path, rows: int) -> tuple[float, float]:
    """Seconds and peak memory in MiB of one task, in a process that does nothing else."""
    command = [sys.executable, "-m", "experiments.benchmarks.size", what, str(path), str(rows)]
    done = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    seconds, peak = json.loads(done.stdout)
    return seconds, peak


def answer(what: str, path: Path, rows: int) -> tuple[float, float]:
    """Run the task of `ask`."""
    generations = np.load(path, mmap_mode="r")[:rows]
    start = time.perf_counter()
    if what == "parity":
        check_parity(generations)
    elif what in METHODS:
        METHODS[what]().fit(generations)
    return time.perf_counter() - start, peak_mib()


def peak_mib() -> float:
    """Largest resident memory of this process so far, pages of mapped files included."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    # Elsewhere; on Linux this would begin with the peak of the process that started this one.
    unit = 1 if sys.platform == "darwin" else 1024  # bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / MIB


def check_parity(generations: NDArray[np.float16]) -> None:
    """Assert that blocks from disk give what all vectors in memory give, and pairs one by one."""
    whole = np.array(generations, dtype=np.float64)
    distances = squared_distances(whole)
    for i in range(CANDIDATES):
        for j in range(CANDIDATES):
            pair = ((whole[:, i] - whole[:, j]) ** 2).sum(axis=1)
            np.testing.assert_allclose(distances[:, i, j], pair, rtol=1e-9)
    mean = triplet_errors(distances.mean(axis=0))
    single = triplet_errors(distances)
    np.testing.assert_allclose(SmoothieGlobal().fit(generations).errors_, mean, rtol=1e-12)
    local = SmoothieLocal(k=1).fit(generations)
    np.testing.assert_array_equal(local.choices_, single.argmin(axis=1))
    positive = single > 0
    np.testing.assert_allclose(local.errors_[positive], single[positive], rtol=1e-12)


def summarize(runs: Sequence[Run]) -> list[Run]:
    """Median time and largest peak of each method and size."""
    rows: list[Run] = []
    for method in METHODS:
        for inputs in SIZES:
            same = [run for run in runs if (run["method"], run["inputs"]) == (method, inputs)]
            rows.append(
                {
                    "method": method,
                    "inputs": inputs,
                    "seconds": float(np.median([run["seconds"] for run in same])),
                    "peak_mib": max(run["peak_mib"] for run in same),
                }
            )
    return rows


def report(rows: Sequence[Run], alone: float) -> str:
    """The table, with the machine that it was measured on."""
    from experiments.benchmarks.timing import machine
    from smoothie.report.tables import markdown

    cells = [
        [
            row["method"],
            f"{row['inputs']:,}",
            f"{file_bytes(row['inputs']) / MIB:,.0f}",
            f"{row['seconds']:.2f}",
            f"{1e6 * row['seconds'] / row['inputs']:.1f}",
            f"{row['peak_mib']:.0f}",
        ]
        for row in rows
    ]
    header = ["Method", "Inputs", "Vectors, MiB", "Seconds", "Microseconds an input"]
    return (
        f"{markdown([*header, 'Peak memory, MiB'], cells)}\n"
        f"{CANDIDATES} candidates, {DIMENSIONS} dimensions, synthetic, float16 in a memory-mapped "
        f"file that the system has just written.\n"
        f"Each fit in a process of its own: the median time and the largest peak (resident, pages "
        f"of the file included) of {ROUNDS}.\n"
        f"Python with NumPy takes {alone:.0f} MiB of it. "
        f"Results are asserted equal to those in memory first, at N={SIZES[0]:,}.\n\n"
        f"Measured on {machine()}.\n"
    )


def plot(rows: Sequence[Run], alone: float, folder: Path) -> None:
    """Time and peak memory against the number of inputs: medians and largest peaks of size.csv."""
    from smoothie.report.labels import label_end
    from smoothie.report.style import (
        BLACK,
        DARK,
        GRAY,
        PAGE,
        look_of,
        new_figure,
        save,
        write_title,
    )

    figure, (left, right) = new_figure(PAGE, 2.5, 2)
    sizes = np.array(SIZES)
    for title, method in LOOK_OF.items():
        look = look_of(method)
        for ax, key in ((left, "seconds"), (right, "peak_mib")):
            values = [row[key] for row in rows if row["method"] == title]
            ax.plot(sizes, values, look.marker, ls="-", ms=4, lw=1.2, color=look.color)
            words = title if ax is left else f"{title}, {values[-1]:.0f}"
            label_end(ax, words, values[-1], look.color)
    last = min(row["seconds"] for row in rows if row["inputs"] == SIZES[-1])
    slope = 0.6 * last * sizes / sizes[-1]
    left.plot(sizes, slope, color=BLACK, ls=":", lw=0.8)
    label_end(left, "proportional to N", slope[-1], BLACK)
    disk = [file_bytes(n) / MIB for n in SIZES]
    right.plot(sizes, disk, color=GRAY, ls="--", lw=1)
    label_end(right, "file of the vectors", disk[-1], GRAY)
    for height, name in ((LIMIT_MIB, "4 GiB"), (alone, "Python with NumPy")):
        right.axhline(height, color=DARK, ls=":", lw=0.8)
        label_end(right, name, height, DARK)
    for ax, title, unit in (
        (left, "Time of a fit", "seconds"),
        (right, "Peak memory of the process", "MiB"),
    ):
        ax.set_xscale("log")
        ax.set_yscale("log")
        ax.set_xticks(sizes, [f"{n:,}" for n in SIZES])
        ax.minorticks_off()
        ax.set_xlabel("inputs, N")
        ax.set_ylabel(unit)
        write_title(ax, title)
    right.set_ylim(20, 10_000)
    save(figure, folder, "size")


def redraw(folder: Path) -> None:
    """Draw the figure of results that were measured before."""
    with (folder / "size.csv").open(encoding="utf-8", newline="") as file:
        runs: list[Run] = [
            {name: text if name == "method" else float(text) for name, text in row.items()}
            for row in csv.DictReader(file)
        ]
    said = re.search(r"NumPy takes (\d+) MiB", (folder / "size.md").read_text(encoding="utf-8"))
    if said is None:
        raise SmoothieError(f"{folder / 'size.md'}: it does not say what NumPy takes")
    plot(summarize(runs), float(said[1]), folder)


if __name__ == "__main__":
    if sys.argv[1:] == ["redraw"]:
        redraw(RESULTS)
    elif sys.argv[1:]:
        sys.stdout.write(json.dumps(answer(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))))
    else:
        try:
            main()
        except SmoothieError as error:
            raise SystemExit(f"Error: {error}") from None
