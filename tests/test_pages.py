"""Every command of README.md and docs/ runs as it stands there, on small data.

Words in capitals stand for what a reader has; `world` says what they are here. Commands that other
tests run, or that need what a test cannot have, are in ELSEWHERE, with the place or the reason.
`python -m tests.test_pages` lists all of them.
"""

import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

from experiments.memory import Memory
from experiments.settings import read_settings
from experiments.steps import load
from smoothie.estimator import squared_distances
from smoothie.labeling import read_verdicts
from smoothie.loaders.local import LocalFolder
from smoothie.scorers import StoredPreferences, StoredScores
from tests.conftest import ROOT, make_set
from tests.loaders.test_damaged_files import alpaca_eval, lm_eval
from tests.paper_mirror import make_places

pytestmark = pytest.mark.slow

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^    ((?:python|smoothie|pip|ray|hf|git) .*|scripts/\w+.*)$", re.MULTILINE)
ELSEWHERE = {  # a pattern of commands -> where they run, or why they do not
    r"python -m venv|pip install": "scripts/environment, scripts/test-wheel and .ci/run install",
    r"scripts/test$": "what runs this test",
    r"scripts/site": "tests/test_site.py",
    r"scripts/run$": "tests/test_run.py, as python -m experiments.run",
    r"scripts/download": "tests/loaders/test_hub.py, from a server on this machine",
    r"python .*\.reproduce( protocol=\w+)?( hydra.run.dir=\S+)?$": "tests/test_reproduce.py",
    r".* (metric=(bertscore|bartscore)|scorer=pair_rm)": "tests of model metrics and of PairRM",
    r".*( methods=.random,shortest|=first_line|=trigrams)": "tests/test_extending.py",
    r".* hydra/launcher=": "tests/test_sweep.py; there is no SLURM here",
    r"hf auth|smoothie push|smoothie .*(--push-to-hub|hf://)": "tests/test_sharing.py",
    r".* --output-format router_arena": "tests/test_write_back.py",
    r"python -m experiments.leaderboard": "tests/test_leaderboard.py",
    r".* output.log=": "tests/test_trackers.py; the packages are optional",
    r"ray start|.* engine=ray": "tests/test_cluster.py, where Ray is installed",
    r"smoothie label": "tests/test_labeling.py; it asks",
    r"python -m experiments\.(paper\.stacking|idea|research\.all_sets)$": "tests/test_readme.py",
    r"python -m experiments\.benchmarks": "takes minutes: makes results/",
}
SMALL = {  # what makes a command quick
    "experiments.run": ["evaluation.draws=20", "output.plots=false"],
    "experiments.reproduce": ["debug=true", "switches=null"],
    "experiments.research.ablation": ["sub_ensembles=1"],
    "experiments.research.labels": ["sub_ensembles=0", "trials=2", "budgets=[2]"],
    "experiments.research.calibration": ["sub_ensembles=2"],
}


def commands_of(page: Path) -> list[str]:
    """The commands of a page, without the comments behind them."""
    text = BLOCK.sub("", page.read_text(encoding="utf-8"))
    return [re.sub(r"\s{2,}[#(].*", "", line).strip() for line in COMMAND.findall(text)]


def elsewhere(command: str) -> str | None:
    """Where a command runs, if not here."""
    return next((why for words, why in ELSEWHERE.items() if re.match(words, command)), None)


def here(page: Path) -> list[str]:
    """The commands of a page that run here."""
    return [command for command in commands_of(page) if elsewhere(command) is None]


@pytest.fixture(scope="module")
def paper(tmp_path_factory, tiny_encoder):
    """Everything that the paper's experiments read, small, and where it is."""
    root = tmp_path_factory.mktemp("paper")
    return make_places(root, tiny_encoder) | {"SMOOTHIE_LOCK": str(root / "hub.lock.json")}


@pytest.fixture
def world(tmp_path):
    """What the words in capitals stand for, and the files that commands name."""
    sets = [make_set(tmp_path / name, inputs=24) for name in ("first", "second")]
    alpaca_eval(tmp_path)
    lm_eval(tmp_path / "OUT")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"```csv\n(.*?)```", readme, re.DOTALL)[1]
    table += "".join(
        f"{i},What is {i} + 1?,It is {i + 1}.,{i + 1},{i},{i + 1}\n" for i in range(4, 25)
    )
    (tmp_path / "answers.csv").write_text(table, encoding="utf-8")
    (tmp_path / "new.csv").write_text(table, encoding="utf-8")
    (tmp_path / "labels.jsonl").write_text(
        "".join(
            json.dumps({"id": "1", "model": name, "score": 1}) + "\n" for name in ("gpt", "llama")
        )
    )
    names = ",".join(map(str, sets))
    return tmp_path, {"FOLDERS": names, "SETS": names, "FOLDER": str(sets[0]), "OUT": "OUT"}


def fill(word: str, places: dict[str, str]) -> str:
    """A word of a command, with what its capitals stand for."""
    return re.sub(r"\b[A-Z]{3,}\b", lambda found: places.get(found[0], found[0]), word)


@pytest.mark.parametrize("page", [page for page in PAGES if here(page)], ids=lambda page: page.stem)
def test_the_commands_of_a_page_run(page, forked, paper, world):
    folder, places = world
    for command in here(page):
        program, *words = [fill(word, places) for word in shlex.split(command)]
        module = "smoothie" if program == "smoothie" else words[1]
        words = words if program == "smoothie" else words[2:]
        arguments = [*words, *SMALL.get(module, [])]
        ((status, shown),) = forked(module, arguments, folder=folder, environment=paper)
        assert status == 0, f"{command}\n{shown[-3000:]}"


def blocks(page: str, language: str) -> list[str]:
    """The code of a page in a language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/start.md", "docs/own-data.md"])
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    """With arrays of the shapes that its comments give."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SMOOTHIE_CACHE", str(tmp_path))
    monkeypatch.setenv("SMOOTHIE_ENCODERS", "")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    draw = np.random.default_rng(0)
    generations, inputs = draw.normal(size=(30, 4, 8)), draw.normal(size=(30, 5))
    known = {"np": np, "generations": generations, "inputs": inputs, "new_inputs": inputs[:3]}
    known |= {"names": list("abcd"), "distances": squared_distances(generations)}
    for block in blocks(page, "python"):
        exec(compile(block, page, "exec"), known)
    if page == "docs/own-data.md":
        assert np.load("FILE.npz")["distances"].shape == (30, 4, 4)
    else:
        assert known["result"].texts[1] == "4"  # llama and gpt agree on the number


def test_the_files_of_the_page_about_own_data_are_read(tmp_path, composed_by_hydra):
    """Its lines of JSON make a folder, and its YAML names it."""
    dataset, generation, label = blocks("docs/own-data.md", "json")[0].splitlines()
    folder = tmp_path / "tickets"
    (folder / "generations").mkdir(parents=True)
    (folder / "dataset.jsonl").write_text(dataset)
    (folder / "labels.jsonl").write_text(label)
    for name in ("MODEL", "b", "c"):
        (folder / "generations" / f"{name}.jsonl").write_text(generation)
    conf = tmp_path / "conf" / "dataset"
    conf.mkdir(parents=True)
    (conf / "tickets.yaml").write_text(blocks("docs/own-data.md", "yaml")[0])
    place = f"hydra.searchpath=[file://{tmp_path / 'conf'}]"
    cfg = composed_by_hydra(place, "dataset=tickets", f"dataset.path={folder}")
    problem = load(read_settings(cfg), Memory())[1]
    assert problem.candidates == ("MODEL", "b", "c")
    assert problem.labels[0, 0] == 1
    assert problem.inputs[0].references == ("Jane Austen", "Austen")


def test_lines_of_verdicts_and_costs_are_read(tmp_path):
    verdicts, scores, costs = blocks("docs/labels-and-scorers.md", "json")
    folder = make_set(tmp_path / "set", candidates=("MODEL", "OTHER", "third"), labels=False)
    (folder / "verdicts.jsonl").write_text(verdicts)
    problem = LocalFolder(path=str(folder)).load()
    assert read_verdicts(folder / "verdicts.jsonl", problem).labels[1, 0] == 1
    score, preference = scores.splitlines()
    (folder / "scores.jsonl").write_text(score)
    (folder / "preferences.jsonl").write_text(preference)
    assert StoredScores(file=str(folder / "scores.jsonl")).score(problem)[1, 0] == 0.8
    strengths = StoredPreferences(file=str(folder / "preferences.jsonl")).score(problem)
    assert strengths[1, 0] > strengths[1, 1]
    everyone = [costs.splitlines()[0].replace("MODEL", name) for name in problem.candidates]
    (folder / "candidates.jsonl").write_text("\n".join([*everyone, costs.splitlines()[1]]))
    assert LocalFolder(path=str(folder)).load().attributes["cost"][1, 0] == 0.0009


def test_every_reason_is_of_a_command():
    commands = [command for page in PAGES for command in commands_of(page)]
    for words in ELSEWHERE:
        assert any(re.match(words, command) for command in commands), words


if __name__ == "__main__":
    for page in PAGES:
        for command in commands_of(page):
            sys.stdout.write(f"{page.name}\t{command}\t{elsewhere(command) or 'here'}\n")
