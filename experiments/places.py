"""Paths of the texts and models that results are made with, and of their tables."""

import os
import re
from pathlib import Path

from smoothie.storage.files import read_text, write_text

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
DEMO = ROOT / "smoothie" / "demo"


def encoders_folder() -> Path:
    """Local copies of encoders, each under the last part of its Hub id."""
    return Path(os.environ.get("SMOOTHIE_ENCODERS", "~/.cache/smoothie-encoders")).expanduser()


def block_of(command: str) -> re.Pattern[str]:
    """The part of a page that shows the output of a command."""
    return re.compile(rf"(<!-- \w+: {re.escape(command)} -->\n).*?(<!-- end -->)", re.DOTALL)


def keep(
    command: str, shown: str, result: Path, page: Path | None = None, part: str | None = None
) -> None:
    """Write the output of a command to a file, and it or a part of it to the page that shows it."""
    write_text(result, f"    {command}\n\n{shown}")
    if page is not None:
        block, on_page = block_of(command), shown if part is None else part
        write_text(page, block.sub(lambda found: found[1] + on_page + found[2], read_text(page)))
