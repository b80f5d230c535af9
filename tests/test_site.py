"""The site is built from the pages, and every link on it leads somewhere."""

import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.slow


class Page(HTMLParser):
    """The links of a page, what it loads, and what links may lead to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links, self.loaded, self.ids = [], [], set()
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        self.ids.add(found.get("id"))
        self.loaded += [found["src"]] if found.get("src") else []
        self.links += [found[name] for name in ("href", "src") if found.get(name)]


def test_the_site(tmp_path):
    """Without warnings; places of links are compared with what was written."""
    pytest.importorskip("myst_nb", reason="pip install -e .[docs]")
    pytest.importorskip("furo", reason="pip install -e .[docs]")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-c", "docs"]
    command += ["-d", str(tmp_path / "doctrees"), str(ROOT), str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    site = tmp_path / "site"
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    assert {"index", "start", "tutorial", "how-it-works", "api"} <= {
        path.stem for path in pages if path.parent.name == "docs"
    }
    checked = 0
    for path, page in pages.items():
        assert not [link for link in page.loaded if urlsplit(link).scheme in ("http", "https")]
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.exists(), f"{path.name}: {link}"
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].ids, f"{path.name}: {link}"
            checked += 1
    assert checked > 500
    formulas = (site / "docs" / "how-it-works.html").read_text(encoding="utf-8")
    assert formulas.count("<math xmlns") >= 5
    shown = (site / "docs" / "api.html").read_text(encoding="utf-8")
    for name in ("smoothie.route", "smoothie.SmoothieLocal", "smoothie.estimator.triplet_errors"):
        assert f'id="{name}"' in shown
