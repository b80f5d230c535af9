"""Every command of README.md and docs/ runs, as it stands there, on small data.

Words in capitals stand for what a reader has: the table below says what they are here. A command
that is not run here is in the other table, with the reason.
"""

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(
    r"^    ((?:python|smoothie|pip|scripts/|ray|git|\.ci/|\.venv/).*)$", re.MULTILINE
)
SMALL = {  # what makes a command of this module quick; it changes nothing else
    "experiments.run": ["evaluation.draws=20", "encoder.progress=false"],
}
ELSEWHERE = {  # the beginning of a command -> why it is not run here
    "pip install": "tests/test-wheel.sh",
}


def commands_of(page: Path) -> list[str]:
    """The commands of a page, without the comments behind them."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [re.sub(r"\s{2,}#.*", "", line).strip() for line in COMMAND.findall(text)]


if __name__ == "__main__":
    for page in PAGES:
        for command in commands_of(page):
            print(page.name, command, sep="\t")
