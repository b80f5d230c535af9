"""What docs/extending.md shows works as it stands there, in a package outside of the checkout."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib

import numpy as np
import pandas as pd
import pytest

from experiments.pipeline import run
from smoothie.errors import SmoothieError
from smoothie.loaders.local import read_folder
from tests.conftest import ROOT, environment

pytestmark = pytest.mark.slow  # whole processes

PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))


def blocks(language):
    return [text for kind, text in BLOCK.findall(PAGE) if kind == language]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The page's package as pip lays it out: its files, and the entry points beside them."""
    folder = tmp_path_factory.mktemp("site")
    groups = {}
    for text in blocks("toml"):
        groups |= tomllib.loads(text)["project"]["entry-points"]
    for text in blocks("python"):
        path = folder / re.match(r"# (\S+\.py)\n", text)[1]
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    info = folder / "mine-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 0.1\n")
    lines = []
    for group, entries in groups.items():
        lines += [f"[{group}]", *(f"{name} = {value}" for name, value in entries.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
    return folder


def python(arguments, folder, *paths, measured=False):
    """Run Python in a folder, with the checkout and what else is installed."""
    (folder / "answers.csv").write_text(blocks("csv")[0], encoding="utf-8")
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=environment(
            measured,
            PYTHONPATH=os.pathsep.join([str(ROOT), *map(str, paths)]),
            SMOOTHIE_CACHE=str(folder / "cache"),
        ),
    )


def command_of(section):
    (line,) = re.findall(r"^    python (.*)$", SECTIONS[section], re.MULTILINE)
    return shlex.split(line)


def output(section, folder, *paths, measured=False):
    """The folder that the command of a section writes to."""
    done = python(command_of(section), folder, *paths, measured=measured)
    assert done.returncode == 0, done.stderr
    assert "cannot be used" not in done.stderr
    (table,) = folder.glob("outputs/*/*/metrics.csv")
    return table.parent


def shortest(above):
    """Candidates of the demo with the shortest text, by a loop."""
    problem = read_folder(ROOT / "smoothie" / "demo", None, "error")
    for row in problem.texts:
        lengths = [len(text) if len(text) > above else np.inf for text in row]
        yield problem.candidates[lengths.index(min(lengths))]


def test_every_part_is_short_enough():
    for name, section in SECTIONS.items():
        lines = sum(
            len(text.splitlines()) for kind, text in BLOCK.findall(section) if kind != "csv"
        )
        assert lines < 30, name
    assert [name for name in SECTIONS if "```python" in SECTIONS[name]] == [
        "A router",
        "A metric",
        "An encoder",
        "A source",
        "A plot",
        "A tracker",
        "Without a package",
    ]


def test_a_router(site, tmp_path):
    folder = output("A router", tmp_path, site, measured=True)
    table = pd.read_csv(folder / "metrics.csv").set_index("method")
    assert list(table.index[:2]) == ["random", "shortest"]
    chosen = pd.read_csv(folder / "choices.csv")["shortest"]
    assert chosen.tolist() == list(shortest(20))
    assert chosen.tolist() != list(shortest(0))  # the setting matters


def test_a_metric(site, tmp_path):
    table = pd.read_csv(output("A metric", tmp_path, site) / "metrics.csv").set_index("method")
    assert set(table.metric) == {"first_line"}
    problem = read_folder(ROOT / "smoothie" / "demo", None, "error")
    for j, name in enumerate(problem.candidates):
        right = [
            text.strip().split("\n")[0].lower()
            in [reference.strip().lower() for reference in item.references]
            for item, text in zip(problem.inputs, problem.texts[:, j], strict=True)
        ]
        assert table.score[f"candidate:{name}"] == pytest.approx(100 * np.mean(right))


def test_an_encoder(site, tmp_path):
    folder = output("An encoder", tmp_path, site)
    signature = json.loads((folder / "signature.json").read_text())
    assert "| encoder trigrams dimensions=1024 |" in signature["signature"]
    assert signature["encoder"] == "trigrams"


def test_a_source(site, tmp_path):
    folder = output("A source", tmp_path, site, measured=True)
    rows = list(csv.DictReader(blocks("csv")[0].splitlines()))
    assert pd.read_csv(folder / "choices.csv")["id"].tolist() == [row["id"] for row in rows]
    table = pd.read_csv(folder / "metrics.csv").set_index("method")
    assert set(table.dataset) == {"table"}
    assert table.score["candidate:large"] == pytest.approx(100 * 2 / 3)  # Quito is wrong


def test_a_plot(site, tmp_path):
    program = """
from hydra import compose, initialize_config_dir
from experiments.groups import CONF, register_groups
from experiments.pipeline import run
from smoothie.report import PLOTS
register_groups()
with initialize_config_dir(str(CONF), version_base="1.3"):
    result = run(compose("config", ["methods=[random,smoothie_local]"]))
axes = PLOTS["mean_lengths"](result).axes[0]
print(*(label.get_text() for label in axes.get_yticklabels()))
"""
    done = python(["-c", program], tmp_path, site)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["random", "smoothie_local"]


def test_a_tracker(site, tmp_path):
    folder = output("A tracker", tmp_path, site, measured=True)
    (line,) = (tmp_path / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    run = json.loads(line)
    table = pd.read_csv(folder / "metrics.csv").set_index("method")
    assert run["consensus.score"] == pytest.approx(table.score["consensus"])
    assert run["k"] == 1
    assert run["files"] == len(json.loads((folder / "manifest.json").read_text())["files"])


def test_without_a_package(site, tmp_path):
    """Its modules lie beside the script, and nothing is installed."""
    for path in site.rglob("*.py"):
        target = tmp_path / path.relative_to(site)
        target.parent.mkdir(exist_ok=True)
        target.write_text(path.read_text())
    folder = output("Without a package", tmp_path)
    assert pd.read_csv(folder / "choices.csv")["shortest"].tolist() == list(shortest(0))


def test_help_names_what_a_package_adds(site, tmp_path):
    done = python(["-m", "experiments.run", "--help"], tmp_path, site)
    shown = done.stdout.splitlines()
    assert "shortest                 Route each input to its shortest text." in shown
    for group, name in (("dataset", "table"), ("encoder", "trigrams"), ("metric", "first_line")):
        (line,) = (line for line in shown if line.startswith(f"{group}: "))
        assert name in line.removeprefix(f"{group}: ").split(", ")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["method.random.router=os.system"], "method.random.router=os.system: expected one of"),
        (["+method.random._target_=os.system"], "method.random._target_='os.system' would"),
        (["+method.x={router: builtins.eval}", "methods=[x]"], "method.x.router=builtins.eval"),
        (["dataset.source=os.system"], "dataset.source=os.system: expected one of"),
        (["+dataset._target_=os.system"], "dataset._target_='os.system' would run"),
        (["encoder.encoder=os.system"], "encoder.encoder=os.system: expected one of"),
        (["metric.name=os.system"], "metric.name=os.system: expected one of auto, labels"),
        (["dataset.metrics.data_to_text=os.system"], "data_to_text=os.system: expected one of"),
        (["scorer.scorer=os.system", "methods=[scorer]"], "scorer.scorer=os.system: expected one"),
    ],
)
def test_a_configuration_names_no_callable(composed_by_hydra, overrides, message):
    with pytest.raises(SmoothieError, match=re.escape(message)):
        run(composed_by_hydra(*overrides))
