"""The README's picture of report.html: the page of the demo with one input open.

    python -m experiments.benchmarks.screenshot

Writes results/demo/report.png. It needs Playwright and a Chromium of the system.
"""

import contextlib
import io
import tempfile
from pathlib import Path

from experiments.benchmarks.page import program
from experiments.idea import QUESTION
from experiments.places import RESULTS
from smoothie.cli import main as smoothie
from smoothie.errors import SmoothieError
from smoothie.storage.files import replacing

PICTURE = RESULTS / "demo" / "report.png"


def main() -> None:
    """Route the demo, open its page, and take the picture."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        with contextlib.redirect_stdout(io.StringIO()):
            smoothie(["demo", "-o", folder])
        browser = playwright.chromium.launch(executable_path=program(), args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1240, "height": 780})
        tab.goto(f"{(Path(folder) / 'report.html').as_uri()}#input={QUESTION}")
        tab.wait_for_selector(".answer")
        with replacing(PICTURE) as temporary:
            temporary.write_bytes(tab.screenshot())
        browser.close()


if __name__ == "__main__":
    try:
        main()
    except SmoothieError as error:
        raise SystemExit(f"Error: {error}") from None
