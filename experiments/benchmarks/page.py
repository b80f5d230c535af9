"""report.html in a browser: how fast it opens, scrolls and searches.

    python -m experiments.benchmarks.page

writes results/page.md. It needs Playwright and a Chromium of the system.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.benchmarks.timing import machine
from experiments.places import RESULTS, keep
from smoothie import SmoothieError
from smoothie.evidence import Votes
from smoothie.metrics.scoring import score
from smoothie.optional import require
from smoothie.problem import Input, Problem
from smoothie.report.diagnosis import diagnose_run
from smoothie.report.page.of_run import page_of_run
from smoothie.report.tables import markdown
from smoothie.routers.base import ROUTERS
from smoothie.run import Result, run

if TYPE_CHECKING:
    from playwright.sync_api import Browser

SIZES = (100, 1_000, 10_000)
CANDIDATES, WORDS = 10, 100  # of an answer: about 700 characters
ROUNDS = 3
METHODS = ("random", "smoothie_global", "smoothie_local", "consensus", "best_single", "oracle")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
LIMIT = 3.0  # seconds until the largest page is there

# Milliseconds from the start of navigation to the first frame with the table, and with the inputs.
WATCH = """
window.seen = {};
const look = () => {
  if (document.querySelector(".results tbody tr")) window.seen.table ??= performance.now();
  if (document.querySelector("#list .row")) window.seen.list ??= performance.now();
  if (!window.seen.list) requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
# Milliseconds of each frame while the list scrolls through all its inputs, in 180 steps.
SCROLL = """
() => new Promise((done) => {
  const list = document.getElementById("list"), frames = [], step = list.scrollHeight / 180;
  let before = performance.now();
  const next = (now) => {
    frames.push(now - before);
    before = now;
    list.scrollTop += step;
    if (frames.length < 180) requestAnimationFrame(next);
    else done(frames.slice(1));
  };
  requestAnimationFrame(next);
})
"""


def main() -> None:
    """Write pages of several sizes, open them, and show the medians."""
    from playwright.sync_api import sync_playwright

    rows = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        for size in SIZES:
            path = Path(folder) / f"{size}.html"
            writing = write_page(path, size)
            rounds = [measure(browser, path) for _ in range(ROUNDS)]
            found = {name: float(np.median([one[name] for one in rounds])) for name in rounds[0]}
            rows.append([size, path.stat().st_size / 1e6, writing, *found.values()])
        named = f"Chromium {browser.version}"
        browser.close()
    shown = report(rows, named)
    keep("python -m experiments.benchmarks.page", shown, RESULTS / "page.md")
    sys.stdout.write(shown)


def program() -> str:
    """The browser of this machine.

    Raises
    ------
    SmoothieError
        If there is none, or no Playwright to drive it.
    """
    require("playwright", "the benchmark of report.html")
    for name in BROWSERS:
        found = shutil.which(name)
        if found is not None:
            return found
    raise SmoothieError(f"expected a browser, one of {', '.join(BROWSERS)}")


def write_page(path: Path, inputs: int) -> float:
    """Write a page of random texts; seconds that the page alone took."""
    result = example(inputs)
    found = {"diagnosis": diagnose_run(result)}
    start = time.perf_counter()
    path.write_text(page_of_run(result, found), encoding="utf-8")
    return time.perf_counter() - start


def example(inputs: int) -> Result:
    """A run with texts, references and distances at random."""
    generator = np.random.default_rng(0)
    words = np.array([f"word{i}" for i in range(2000)])

    def texts(shape: tuple[int, ...], length: int) -> Any:
        drawn = generator.choice(words, (*shape, length))
        joined = [" ".join(row) for row in drawn.reshape(-1, length)]
        return np.array(joined, dtype=object).reshape(shape)

    asked, right = texts((inputs,), 20), texts((inputs,), 20)
    tasks = ("first", "second", "third")
    items = tuple(Input(f"q{i}", tasks[i % 3], asked[i], (right[i],)) for i in range(inputs))
    names = tuple(f"model{j}" for j in range(CANDIDATES))
    problem = Problem("random texts", items, names, texts((inputs, CANDIDATES), WORDS))
    points = generator.normal(size=(inputs, CANDIDATES, 8))
    distances = ((points[:, :, None] - points[:, None]) ** 2).sum(axis=3)
    votes = Votes(distances, texts=problem.texts, tasks=np.array(problem.tasks))
    scores = score(problem, "f1")
    return run(problem, {name: ROUTERS[name]() for name in METHODS}, votes=votes, scores=scores)


def measure(browser: "Browser", path: Path) -> dict[str, float]:
    """Open a page once: seconds to the table, the list, an open input and a search; frames."""
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    tab.add_init_script(WATCH)
    tab.goto(path.as_uri())
    tab.wait_for_selector("body[data-ready]")
    seen = tab.evaluate("window.seen")
    tab.evaluate("document.getElementById('inputs').scrollIntoView()")
    frames = np.array(tab.evaluate(SCROLL))
    start = time.perf_counter()
    tab.focus("#list")
    tab.keyboard.press("Enter")
    tab.wait_for_selector(".answer")
    opened = time.perf_counter() - start
    start = time.perf_counter()
    tab.fill("#search", "word7 word77")
    tab.wait_for_function("() => / of /.test(document.getElementById('count').textContent)")
    searched = time.perf_counter() - start
    tab.close()
    return {
        "table": seen["table"] / 1000,
        "list": seen["list"] / 1000,
        "frame": float(np.median(frames)),
        "slow": float(np.percentile(frames, 95)),
        "worst": float(frames.max()),
        "opened": opened,
        "searched": searched,
    }


def report(rows: list[list[float]], browser: str) -> str:
    """The table, with the machine that it was measured on."""
    header = ["Inputs", "File, MB", "Written in, s", "Table there, s", "Inputs there, s"]
    header += ["Frame, ms", "95% of frames, ms", "Slowest, ms", "An input opens, s", "Search, s"]
    digits = (0, 1, 2, 2, 2, 1, 1, 1, 2, 2)
    cells = [[f"{value:,.{n}f}" for value, n in zip(row, digits, strict=True)] for row in rows]
    return (
        f"{markdown(header, cells)}\n"
        f"{CANDIDATES} candidates, answers of {WORDS} random words, which pack worse than any "
        f"language; medians of {ROUNDS} openings from disk in a window of 1280 x 900.\n"
        f"Times are from the start of navigation to the first frame that has them (limit "
        f"{LIMIT:.0f} s). Frames are of the list scrolled through all inputs in 180 steps. The "
        f"search reads all texts.\n\n"
        f"{browser}, headless, without a GPU. Measured on {machine()}.\n"
    )


if __name__ == "__main__":
    try:
        main()
    except SmoothieError as error:
        raise SystemExit(f"Error: {error}") from None
