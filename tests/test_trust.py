"""What a configuration, a name or a manifest of somebody else cannot do: see docs/security.md."""

import csv
import json
import re

import numpy as np
import pandas as pd
import pytest
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from omegaconf import OmegaConf
from omegaconf.errors import InterpolationResolutionError

from experiments.groups import register_groups
from experiments.pipeline import run
from experiments.trust import refuse_code
from smoothie import SmoothieError
from smoothie.report.output import OutputFolder, write_table
from smoothie.report.tables import markdown
from tests.conftest import ROOT, make_set, store_vectors
from tests.test_run import command

CALLBACK = """# @package _global_
hydra:
  callbacks:
    x:
      _target_: subprocess.Popen
      args: [touch, {made}]
"""


def composed(*overrides):
    """A configuration as Hydra composes it for a command, its own part included."""
    register_groups()
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return hydra_compose("config", overrides=list(overrides), return_hydra_config=True)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["+hydra.callbacks.x._target_=os.abort"], "hydra.callbacks would run code"),
        (["hydra.callbacks=${x}", "+x.a._target_=os.abort"], "hydra.callbacks would run code"),
        (["+dataset._target_=os.abort"], "dataset._target_='os.abort' would run code"),
        (["+a=[{b: {_target_: os.abort}}]"], "a.0.b._target_='os.abort' would run code"),
        (["hydra.launcher._target_=os.abort"], "hydra.launcher._target_='os.abort' would run"),
        (["+hydra.launcher.x._target_=hydra.utils.call"], "hydra.launcher.x._target_="),
        (["hydra.launcher._target_=${x}", "+x=os.abort"], "hydra.launcher._target_='${x}'"),
        (
            ["hydra.job_logging.handlers.file.class=subprocess.Popen"],
            "hydra.job_logging.handlers.file.class='subprocess.Popen' would run code",
        ),
        (["+hydra.job_logging.handlers.file.a=ext://os.abort"], "os.abort' would run code"),
        (["hydra.job_logging.handlers.file=${x}", "+x={class: os.abort}"], "would run code"),
        (["hydra.job_logging=${x}", "+x={version: 1}"], "would run code"),
    ],
)
def test_a_configuration_that_names_something_to_call_is_refused(overrides, message):
    with pytest.raises(SmoothieError, match=re.escape(message)):
        composed(*overrides)


@pytest.mark.parametrize(
    ("key", "value", "fine"),
    [
        ("()", "os.abort", False),
        ("()", "logging.os.abort", False),
        ("()", "logging.config.fileConfig", False),
        ("()", "logging.Formatter", True),
        ("class", "logging.handlers.RotatingFileHandler", True),
        ("class", "subprocess.Popen", False),
        ("queue", "os.abort", False),
        ("stream", "ext://sys.stderr", True),
        ("stream", "ext://os.abort", False),
    ],
)
@pytest.mark.parametrize("part", ["job_logging", "hydra_logging"])
def test_logging_calls_nothing_but_classes_of_logging(part, key, value, fine):
    cfg = OmegaConf.create({"hydra": {part: {"handlers": {"x": {key: value}}}}})
    if fine:
        refuse_code(cfg)
        return
    with pytest.raises(SmoothieError, match="would run code: use a class of logging"):
        refuse_code(cfg)


@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["hydra/job_logging=none"],
        ["hydra/job_logging=disabled"],
        ["hydra/hydra_logging=none"],
        ["hydra.verbose=true"],
        ["experiment=debug"],
    ],
)
def test_what_hydra_offers_itself_is_not(overrides):
    refuse_code(composed(*overrides))


@pytest.mark.slow
def test_a_shared_file_with_a_callback_runs_nothing(tmp_path):
    """Neither for one run nor for a sweep; the same file without it is used."""
    folder, made = tmp_path / "shared", tmp_path / "made"
    (folder / "experiment").mkdir(parents=True)
    (folder / "experiment" / "theirs.yaml").write_text(CALLBACK.replace("{made}", str(made)))
    asked = [f"hydra.searchpath=[file://{folder}]", f"hydra.run.dir={tmp_path / 'out'}"]
    for more in (["experiment=theirs"], ["-m", "experiment=theirs", "k=1,2"]):
        done = command(*more, *asked)
        assert done.returncode == 1
        said = done.stderr.strip().splitlines()[-1]
        assert said == "Error: hydra.callbacks would run code: a configuration may not have any"
        assert "Traceback" not in done.stderr
    assert not made.exists()
    (folder / "experiment" / "theirs.yaml").write_text("# @package _global_\nk: 0\n")
    assert "Error: k=0: expected at least 1" in command("experiment=theirs", *asked).stderr


def test_the_environment_is_read_by_name_only(monkeypatch):
    monkeypatch.setenv("AWS_SECRET", "leaked")
    monkeypatch.setenv("SMOOTHIE_SETS", "sets")
    cfg = OmegaConf.create({"a": "${oc.env:AWS_SECRET}", "b": "${oc.env:SMOOTHIE_SETS}"})
    cfg.c = "${oc.env:SMOOTHIE_NOT_SET,null}"
    cfg.d = "${oc.decode:'{_target_: os.abort}'}"
    cfg.e = "${oc.env:SMOOTHIE_NOT_SET}"
    assert cfg.b == "sets"
    assert cfg.c is None
    for name in "ade":
        with pytest.raises(InterpolationResolutionError) as caught:
            _ = cfg[name]
        assert "leaked" not in str(caught.value)


def test_a_variable_cannot_reach_the_results(compose, local_set, tmp_path, monkeypatch):
    """Not by a dataset's configuration, and not by a value that looks like an interpolation."""
    monkeypatch.setenv("AWS_SECRET", "leaked")
    monkeypatch.setenv("SMOOTHIE_SECRET", "leaked")
    vectors = store_vectors(local_set, tmp_path / "vectors")
    asked = ["dataset=local", f"dataset.path={local_set}", "encoder=stored"]
    asked += [f"encoder.folder={vectors}", "evaluation.draws=5", "methods=[random]"]
    cfg = compose(*asked)
    cfg.dataset.name = "${oc.env:AWS_SECRET}"
    with pytest.raises(SmoothieError, match=r"^dataset: .*SMOOTHIE_\.\.\. and HOME"):
        run(cfg)
    cfg.dataset.name = r"\${oc.env:SMOOTHIE_SECRET}"  # resolved once, this is a text
    assert run(cfg).problem.name == "${oc.env:SMOOTHIE_SECRET}"


HTML = "<script>alert(1)</script>"


def test_names_are_text_in_markdown():
    names = [HTML, "[x](javascript:alert(1))", "![](http://x/y.png)", "a|b", "a\\|b", "&lt;b&gt;"]
    page = markdown(["Name", "n"], [[name, "1"] for name in names])
    rows = page.splitlines()[2:]
    assert "<" not in page
    assert "](" not in page
    for name, row in zip(names, rows, strict=True):
        # As CommonMark reads it: a backslash makes the next character stand for itself.
        cells = re.split(r"(?<!\\)(?:\\\\)*\|", row)
        assert len(cells) == 4
        text = re.sub(r"\\([\\|(])", r"\1", row[1 : row.rindex("|", 0, -1)]).strip()
        assert text.replace("&lt;", "<").replace("&amp;", "&") == name


def test_names_are_text_on_the_page_of_a_run(compose, tmp_path):
    from tests.conftest import write_results

    names = (HTML.replace("/", ""), "![](x)", "=1+1")
    folder = make_set(tmp_path / "set", candidates=names)
    vectors = store_vectors(folder, tmp_path / "vectors")
    asked = ["dataset=local", f"dataset.path={folder}", "encoder=stored", "evaluation.draws=5"]
    cfg = compose(*asked, f"encoder.folder={vectors}", "methods=[random]")
    cfg.dataset.name = HTML
    write_results(run(cfg), tmp_path / "out", plots=False)
    page = (tmp_path / "out" / "table.md").read_text()
    assert "<script" not in page.replace("`", "\n`").split("\n`")[0]
    assert "](" not in page.split("`")[0]
    assert f"`data {HTML}" in page  # code, in which nothing is HTML


def test_a_table_keeps_its_rows_whatever_its_cells_hold(tmp_path):
    cells = ["a\rb", "a\nb", 'a"b', "a,b", "=1+1", "", "é", " a "]
    table = pd.DataFrame({"text": cells, "n": range(len(cells))})
    write_table(table, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [["text", "n"], *([cell, str(i)] for i, cell in enumerate(cells))]


def test_a_table_is_written_as_pandas_writes_it(tmp_path):
    table = pd.DataFrame(
        {
            "f": [0.1, 1e-300, np.nan, np.inf, -0.0, 1 / 3],
            "i": [1, 2, 3, 4, 5, 2**62],
            "k": pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
            "b": [True, False] * 3,
            "s": ["a", None, "c,d", 'e"f', "g\nh", "é"],
        }
    )
    write_table(table, tmp_path / "ours.csv")
    table.to_csv(tmp_path / "theirs.csv", index=False, lineterminator="\n")
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "theirs.csv").read_bytes()


@pytest.mark.parametrize(
    "name", ["..", ".", "../outside", "/outside", "a/../../outside", "", "below", "\0"]
)
def test_a_manifest_removes_nothing_but_files_of_its_folder(tmp_path, name):
    folder, outside = tmp_path / "out", tmp_path / "outside"
    folder.mkdir()
    outside.write_text("mine")
    (folder / "below").mkdir()
    name = str(outside) if name == "/outside" else name
    (folder / "old.md").write_text("old")
    (folder / "manifest.json").write_text(json.dumps({"files": [name, "old.md"]}))
    with OutputFolder(folder) as output:
        output.text("new.md", "new")
    assert outside.read_text() == "mine"
    assert {path.name for path in folder.iterdir()} == {"manifest.json", "new.md", "below"}


@pytest.mark.parametrize("setting", ["dataset=5", "protocol=[1]", "experiment=5", "method=[[]]"])
def test_what_hydra_does_not_expect_is_named(composed_by_hydra, setting):
    with pytest.raises(SmoothieError, match="Hydra cannot compose these settings") as caught:
        composed_by_hydra(setting)
    assert setting in str(caught.value)


def test_an_unknown_protocol_has_no_other(compose):
    from experiments.reproduce import flipped

    with pytest.raises(SmoothieError, match=r"protocol\.name=x: expected as_published"):
        flipped({"name": "x", "degenerate": "a"}, "degenerate")
