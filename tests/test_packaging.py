"""What an index page shows of the package, and the versions that it allows."""

import re
import runpy
import tomllib
from itertools import chain

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

for_an_index = runpy.run_path(str(ROOT / "setup.py"))["for_an_index"]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (ROOT / "README.md").read_text(encoding="utf-8")
TARGET = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
HERE = "https://host/user/name"


def targets(page):
    return [first or second for first, second in TARGET.findall(page)]


@pytest.mark.parametrize(
    ("line", "without", "with_address"),
    [
        ("[docs](docs/a.md#b)", "docs", f"[docs]({HERE}/blob/HEAD/docs/a.md#b)"),
        ("a ![plot](results/x.png) b", "a  b", f"a ![plot]({HERE}/raw/HEAD/results/x.png) b"),
        (
            "[![plot](x.png)](x.md)",
            "",
            f"[![plot]({HERE}/raw/HEAD/x.png)]({HERE}/blob/HEAD/x.md)",
        ),
        (
            "[![b](https://c/d)](x.md)",
            "![b](https://c/d)",
            f"[![b](https://c/d)]({HERE}/blob/HEAD/x.md)",
        ),
        ('<img src="x.png" width="9">', "", f'<img src="{HERE}/raw/HEAD/x.png" width="9">'),
        *[
            (same, same, same)
            for same in ("[p](https://arxiv.org)", "[s](#part)", "x[0](1 + 2)", "a[i], f(x)")
        ],
    ],
)
def test_relative_links_become_absolute_or_words(line, without, with_address):
    assert for_an_index(line, None) == without
    assert for_an_index(line, f"{HERE}/") == with_address


def test_no_link_of_the_readme_is_relative_on_an_index():
    assert any(not target.startswith(("http", "#")) for target in targets(README))
    repository = PROJECT["urls"].get("Repository")
    for address in (repository, HERE):
        page = for_an_index(README, address)
        assert all(target.startswith(("http", "#")) for target in targets(page))
    words = len(for_an_index(README, None).split())
    assert words > 0.9 * len(README.split())


def test_the_authors_are_those_to_cite():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert PROJECT["authors"] == citation["authors"]
    assert PROJECT["license"] == citation["license"]
    paper = citation["preferred-citation"]["identifiers"][0]["value"].removeprefix("arXiv:")
    assert PROJECT["urls"]["Paper"] == f"https://arxiv.org/abs/{paper}"


CAPPED = {"model2vec"}  # later versions refuse the transformers that the encoders need


def test_pinned_versions_are_allowed():
    """Those of constraints.txt; its exact versions are what the suite is usually run with."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    pins = {canonicalize_name(name): version for name, version in pins.items()}
    assert list(pins) == [canonicalize_name(line.split("==")[0]) for line in lines if "==" in line]
    extras = PROJECT["optional-dependencies"].values()
    entries = [*PROJECT["dependencies"], *chain.from_iterable(extras)]
    needed = {entry.name: entry.specifier for entry in map(Requirement, entries)}
    for name, allowed in needed.items():
        bounds = {clause.operator for clause in allowed}
        assert bounds <= ({">=", "<"} if name in CAPPED else {">="}), name
        version = pins.get(canonicalize_name(name))
        assert version is None or version in allowed, name
    base = {canonicalize_name(Requirement(entry).name) for entry in PROJECT["dependencies"]}
    assert base <= set(pins)


def test_every_package_is_packaged():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    listed = tomllib.loads(text)["tool"]["setuptools"]["packages"]
    folders = {"experiments", "smoothie"}
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for folder in folders
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert found - set(listed) == {"experiments.benchmarks"}  # they measure a checkout
