"""How commands end when something is wrong: one sentence and a status, whatever it is."""

import os
import subprocess
import sys

import pytest
from hydra.errors import CompactHydraException

from experiments.config import one_sentence_errors
from smoothie import SmoothieError
from smoothie.errors import StoppedError, sentence
from tests.conftest import ROOT, environment
from tests.test_run import command


def ended(error, sweep=False):
    """What a command that raises this ends with."""
    with one_sentence_errors(sweep):
        raise error


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SmoothieError("k=0: expected at least 1"), "Error: k=0: expected at least 1"),
        (NotADirectoryError(20, "Not a directory", "/a/b"), "Error: /a/b: Not a directory"),
        (FileExistsError(17, "File exists", "/a"), "Error: /a: a file, where a folder is needed"),
        (OSError("no space"), "Error: no space"),
        (MemoryError(), "Error: not enough memory"),
        (RecursionError("too deep\nindeed"), "Error: unexpected RecursionError (too deep); set "),
        (KeyError("x"), "Error: unexpected KeyError ('x'); set SMOOTHIE_TRACEBACK=1 to see where"),
        (UnicodeError("a\ab"), "Error: unexpected UnicodeError (a\\x07b); set SMOOTHIE_TRACEBACK"),
    ],
)
def test_any_exception_is_one_sentence(error, said, capsys, monkeypatch):
    with pytest.raises(SystemExit) as caught:
        ended(error)
    assert caught.value.code.startswith(said)  # Python prints it and exits with 1
    assert "\n" not in caught.value.code
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("SMOOTHIE_TRACEBACK", "1")
    with pytest.raises(SystemExit):
        ended(error)
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_the_cause_is_said_where_it_is_a_file():
    error = ValueError("Unable to configure handler 'file'")
    error.__cause__ = PermissionError(13, "Permission denied", "/out/run.log")
    assert sentence(error) == "/out/run.log: Permission denied"


def test_a_file_that_an_error_names_is_said_whatever_its_cause():
    error = OSError(28, "No space left on device", "/out/metrics.csv")
    error.__cause__ = OSError(28, "No space left on device")
    assert sentence(error) == "/out/metrics.csv: No space left on device"


def test_a_job_of_a_sweep_leaves_the_others_to_go_on():
    with pytest.raises(CompactHydraException, match=r"^unexpected KeyError"):
        ended(KeyError("x"), sweep=True)


def test_an_interrupted_command_ends_in_one_line(capsys):
    with pytest.raises(SystemExit) as caught:
        ended(KeyboardInterrupt())
    assert caught.value.code == 130
    assert capsys.readouterr().err == "stopped; what was computed so far is cached\n"


LOADING = [
    "raise KeyboardInterrupt",
    "raise RuntimeError('Error calling __set_name__') from KeyboardInterrupt()",  # as Python 3.11
]


@pytest.mark.parametrize("loading", LOADING)
def test_interrupted_while_libraries_load(loading):
    """The package is imported before anything else; then the library that is loaded is stopped."""
    script = f"import sys; sys.argv = ['-m']; import experiments; {loading}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, done.stderr) == (130, "stopped\n")


@pytest.mark.parametrize("loading", LOADING)
def test_the_command_smoothie_interrupted_while_it_loads(loading, tmp_path):
    (tmp_path / "argparse.py").write_text(loading)  # which smoothie.cli imports
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import smoothie.start as s; "
    done = subprocess.run(
        [sys.executable, "-c", script + "sys.exit(s.main())"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (130, "stopped\n")


@pytest.mark.parametrize("error", [ImportError("half loaded"), StoppedError("stopped; 1 of 2")])
def test_an_error_that_ctrl_c_caused_is_no_error(error, capsys):
    error.__context__ = KeyboardInterrupt()
    with pytest.raises(SystemExit) as caught:
        ended(error)
    assert caught.value.code == 130
    assert capsys.readouterr().err.startswith("stopped; ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["hydra.run.dir={file}"], "{file}: a file, where a folder is needed"),
        (["hydra.run.dir={file}/below"], "{file}/below: Not a directory"),
        (["foo=1"], "Could not override 'foo'. To append to your config use +foo=1"),
        (["encoder=nope"], "In 'config': Could not find 'encoder/nope' Available options in"),
        (["k=[1"], "no viable alternative at input '[1'"),
        (["k=" + "1" * 5000], ""),
        (["-m", "k=0,x", "hydra.sweep.dir={folder}"], "k=0: expected at least 1"),
    ],
)
def test_what_hydra_refuses_is_one_sentence(tmp_path, arguments, said):
    (tmp_path / "file").write_text("")
    places = {"file": tmp_path / "file", "folder": tmp_path / "folder"}
    done = command(*(argument.format(**places) for argument in arguments), cwd=ROOT)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("Error: " + said.format(**places))


@pytest.mark.slow
def test_a_folder_that_cannot_be_written(tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    (tmp_path / "out").mkdir(mode=0o500)
    done = command(f"hydra.run.dir={tmp_path / 'out'}")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("Permission denied")


@pytest.mark.slow
def test_a_configuration_is_composed_once_and_is_that_of_hydra(tmp_path):
    program = (
        "import sys, hydra\n"
        "from hydra._internal.config_loader_impl import ConfigLoaderImpl as Loader\n"
        "from omegaconf import OmegaConf\n"
        "plain, mode = Loader._load_configuration_impl, hydra._internal.hydra.Hydra.get_mode\n"
        "composed = []\n"
        "def counted(self, *args, **settings):\n"
        "    composed.append(settings['overrides'])\n"
        "    return plain(self, *args, **settings)\n"
        "Loader._load_configuration_impl = counted\n"
        "from experiments.command import start\n"
        "from experiments.groups import CONF\n"
        "if sys.argv.pop(1) == 'twice':\n"
        "    hydra._internal.hydra.Hydra.get_mode = mode\n"
        "@hydra.main(version_base='1.3', config_path=str(CONF), config_name='config')\n"
        "def main(cfg):\n"
        "    print(len(composed))\n"
        "    print(OmegaConf.to_yaml(cfg))\n"
        "    print(OmegaConf.to_yaml(hydra.core.hydra_config.HydraConfig.get()))\n"
        "start(main)\n"
    )
    shown = {}
    for times in ("once", "twice"):
        done = subprocess.run(
            [sys.executable, "-c", program, times, "k=3", f"hydra.run.dir={tmp_path}"],
            cwd=ROOT,
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        shown[times] = done.stdout.split("\n", 1)
    assert [count for count, _ in shown.values()] == ["1", "2"]
    assert shown["once"][1] == shown["twice"][1]
    assert "hydra.mode=RUN" in shown["once"][1]
