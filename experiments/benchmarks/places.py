"""Where benchmarks take texts and models from, and where their tables are kept and shown."""

import os
import re
from pathlib import Path

from smoothie.storage.files import read_text, write_text

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
DEMO = ROOT / "smoothie" / "demo"


def encoders_folder() -> Path:
    """Local copies of encoders, each under the last part of its Hub id."""
    return Path(os.environ.get("SMOOTHIE_ENCODERS", "~/.cache/smoothie-encoders")).expanduser()


def block_of(command: str) -> re.Pattern[str]:
    """The part of a page that shows what a command has printed."""
    return re.compile(rf"(<!-- \w+: {re.escape(command)} -->\n).*?(<!-- end -->)", re.DOTALL)


def keep(command: str, shown: str, result: Path, page: Path | None = None) -> None:
    """Write what a command has printed into a file, and into the page that shows it."""
    write_text(result, f"    {command}\n\n{shown}")
    if page is not None:
        block = block_of(command)
        write_text(page, block.sub(lambda found: found[1] + shown + found[2], read_text(page)))
