"""The description on an index page: README.md with links that lead somewhere from there.

Its links are relative to the repository. If `project.urls` of pyproject.toml names that as
Repository, they are made absolute; until then their words stay, and images are left out.
"""

import re
import tomllib
from functools import partial
from pathlib import Path

from setuptools import setup

RELATIVE = r"(?!https?:|mailto:|#)[^)\s\"]+"
IMAGE = re.compile(rf"!\[(?P<words>[^\]]*)\]\((?P<path>{RELATIVE})\)")
TAG = re.compile(rf"<img\b[^>]*\bsrc=\"(?P<path>{RELATIVE})\"[^>]*>")
LINK = re.compile(rf"(?<!!)\[(?P<words>(?:!\[[^\]]*\]\([^)]*\)|[^\]])*)\]\((?P<path>{RELATIVE})\)")


def for_an_index(readme: str, repository: str | None) -> str:
    """A page in Markdown without relative links."""

    def absolute(match: re.Match[str], kind: str) -> str:
        """The link with an address; without one, the words that are linked, or no image."""
        if repository is None:
            return match["words"] if kind == "blob" else ""
        address = f"{repository.rstrip('/')}/{kind}/HEAD/{match['path']}"
        return match[0].replace(match["path"], address)

    for pattern, kind in ((IMAGE, "raw"), (TAG, "raw"), (LINK, "blob")):
        readme = pattern.sub(partial(absolute, kind=kind), readme)
    return readme


if __name__ == "__main__":
    root = Path(__file__).parent
    urls = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    text = (root / "README.md").read_text(encoding="utf-8")
    setup(
        long_description=for_an_index(text, urls.get("Repository")),
        long_description_content_type="text/markdown",
    )
