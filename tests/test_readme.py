"""What the README shows is what its command gives."""

import itertools
import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from experiments import compare, idea
from experiments.benchmarks import __main__ as benchmarks
from experiments.benchmarks import rates
from experiments.groups import methods, register_groups
from experiments.help import choices_of
from experiments.paper.headline import headline
from experiments.paper.stacking import as_markdown, read_cells, story
from experiments.pipeline import run
from experiments.places import block_of
from experiments.research.ablation import left_out
from smoothie import SmoothieLocal
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.metrics.views import MATH, VIEWS
from smoothie.report.scores import summary
from tests.conftest import ROOT, make_set, write_results

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_demo_tables_are_those_of_the_demo(compose, tmp_path):
    result = run(compose())
    shown = summary(result, result.table)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- demo table: scripts/run -->\n(.*?)\n<!-- end -->", readme, re.DOTALL)
    assert table is not None
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    assert table.group(1).splitlines() == rows
    demo = ROOT / "results" / "demo"
    assert (demo / "table.md").read_text(encoding="utf-8") == shown
    write_results(result, tmp_path, plots=False)
    assert compare.main([str(tmp_path)]) == 0
    made = (tmp_path / "pairs.md").read_text(encoding="utf-8")
    assert (demo / "pairs.md").read_text(encoding="utf-8") == made
    for name in ("weights_against_scores.csv", "score_against_k.csv"):
        old, new = (pd.read_csv(folder / name) for folder in (demo, tmp_path))
        pd.testing.assert_frame_equal(old.head(len(new)), new)


def test_the_table_of_reproduced_results_comes_from_the_results():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    pattern = r"<!-- reproduced: python -m experiments.paper.headline -->\n(.*?)<!-- end -->"
    shown = re.search(pattern, readme, re.DOTALL)
    assert shown is not None
    assert shown.group(1) == headline()


def test_the_table_about_stacking_is_that_of_its_command():
    page = (ROOT / "docs" / "alpaca-eval.md").read_text(encoding="utf-8")
    made = (ROOT / "results" / "alpaca_eval" / "table.md").read_text(encoding="utf-8")
    shown = re.search(r"<!-- table: .*? -->\n(.*?)<!-- end -->", page, re.DOTALL)
    assert shown is not None
    assert shown.group(1) == made
    results = ROOT / "results"
    tables = [
        read_cells(results / "published" / "alpaca_eval.csv"),
        read_cells(results / "reproduced" / "as_published" / "reproduced.csv"),
        read_cells(results / "reproduced" / "corrected" / "reproduced.csv"),
    ]
    assert as_markdown(story(*tables)) == made


def test_what_the_page_shows_of_rates_is_their_result():
    shown = block_of(rates.COMMAND).search(rates.PAGE.read_text(encoding="utf-8"))
    assert shown is not None
    command = re.search(r"<!-- \w+: (.*?) -->", shown[0])[1]
    made = rates.RESULT.read_text(encoding="utf-8")
    assert made == f"    {command}\n\n{shown[0].split(chr(10), 1)[1].removesuffix('<!-- end -->')}"


def test_the_three_numbers_of_the_readme_are_of_the_benchmarks():
    shown = block_of(benchmarks.COMMAND).search(README)[0].splitlines()[1:-1]
    table = benchmarks.RESULT.read_text(encoding="utf-8")
    lines = re.findall(r"^- (.*?)(?=^- |\Z)", "\n".join(shown) + "\n", re.MULTILINE | re.DOTALL)
    assert len(lines) == 3
    for line in lines:
        what, seconds = re.match(r"(.*): ([\d.]+) s", " ".join(line.split())).groups()
        assert re.search(rf"^\| {re.escape(what)} +\| +{seconds} \|", table, re.MULTILINE), what


def test_the_example_is_what_the_demo_holds():
    """Answers, errors by a loop over triplets, and who is right, from the files of the demo."""
    table = pd.read_csv(ROOT / "results" / "idea" / "idea.csv")
    demo = ROOT / "smoothie" / "demo"
    lines = (demo / "dataset.jsonl").read_text(encoding="utf-8").splitlines()
    row = [json.loads(line)["id"] for line in lines].index(idea.QUESTION)
    references = json.loads(lines[row])["references"]
    vectors, names = [], table.candidate.tolist()
    for name, answer, score in zip(names, table.answer, table.score, strict=True):
        path = demo / "generations" / f"{name}.jsonl"
        written = json.loads(path.read_text(encoding="utf-8").splitlines()[row])
        assert written["generation"] == answer
        assert (score == 100) == any(text.lower() in answer.lower() for text in references)
        vectors.append(np.load(demo / "embeddings" / f"{name}.npy")[row].astype(float))

    def distance(i, j):
        return ((vectors[i] - vectors[j]) ** 2).sum()

    for i, error in enumerate(table.error):
        pairs = itertools.combinations([j for j in range(len(names)) if j != i], 2)
        triplets = [(distance(i, j) + distance(i, k) - distance(j, k)) / 2 for j, k in pairs]
        assert error == pytest.approx(np.mean(triplets))
    shown = block_of(idea.COMMAND).search(README)[0]
    assert f"**{table.error.min():.2f}**" in shown
    assert f"    {idea.COMMAND}\n\n{shown.split(chr(10), 1)[1].removesuffix('<!-- end -->')}" == (
        ROOT / "results" / "idea" / "idea.md"
    ).read_text(encoding="utf-8")


def test_the_chart_of_all_sets_shows_what_was_chosen_on_the_others():
    folder = ROOT / "results"
    table = pd.read_csv(folder / "all_sets" / "all_sets.csv", index_col="dataset")
    assert len(table) == 15
    page = (folder / "ablation" / "left_out.md").read_text(encoding="utf-8")
    chosen = dict(re.findall(r"^\| (\w+) +\| +[\d.]+ \|.*\| +([\d.-]+) \|$", page, re.MULTILINE))
    assert {name: f"{gap:.1f}" for name, gap in table.consensus.items()} == chosen
    gaps = pd.read_csv(folder / "ablation" / "gaps.csv").query("ensemble == 0")
    for column, variant in (
        ("smoothie_global", "smoothie_global"),
        ("smoothie_local", "smoothie_local k=1"),
    ):
        full = gaps[gaps.variant == variant].set_index("dataset").gap_closed
        assert table[column].to_dict() == full.to_dict()
    page = (folder / "few_labels" / "labels.md").read_text(encoding="utf-8")
    mean = re.search(r"^\| best on the others \| +([\d.]+) \|", page, re.MULTILINE)[1]
    assert f"{table.few_labels.mean():.1f}" == mean


def test_verdicts_are_those_of_the_calibration():
    made = (ROOT / "results" / "calibration" / "calibration.md").read_text(encoding="utf-8")
    for method, signal in (
        ("smoothie_global", "wording of Global's choice"),
        ("smoothie_local", "wording of Global's choice"),
    ):
        row = rf"^\| {method} +\| +{signal} \| +(\d+) of (\d+) \| +(\d+) of (\d+) \|"
        gained, likely, lost, doubtful = re.search(row, made, re.MULTILINE).groups()
        shown = rf"^\| {method} +\| +{likely} \| +{gained} \| +{doubtful} \| +{lost} \|$"
        assert re.search(shown, README, re.MULTILINE), method
    row = r"^\| consensus .*\| +(\d+) of (\d+) \| +[\d.-]+ \|$"
    lost, runs = map(int, re.search(row, made, re.MULTILINE).groups())
    said = f"Of {runs} sets and parts of sets, consensus was better than random choice on "
    assert f"{said}{runs - lost}" in " ".join(README.split())


def test_lines_of_the_readme_fit_a_terminal():
    assert [line for line in README.splitlines() if len(line) >= 120] == []


def test_the_examples_of_the_front_door_agree(tmp_path):
    """Python and the command choose alike, and what they choose among is the same."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    program = re.search(r"```python\n(import smoothie\n.*?)```", readme, re.DOTALL)[1]
    (tmp_path / "answers.csv").write_text(re.search(r"```csv\n(.*?)```", readme, re.DOTALL)[1])
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    environment |= {"SMOOTHIE_CACHE": str(tmp_path / "cache"), "SMOOTHIE_ENCODERS": ""}
    shown = subprocess.run(
        [sys.executable, "-c", f"{program}\nresult.to_frame().to_csv('python.csv', index=False)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    assert "compared by their wording alone" in shown.stderr
    assert "Jane Austen" in shown.stdout
    routed = ["route", "answers.csv", "-o", "routed.csv", "--encoder", "none"]
    code = f"from smoothie.cli import main; main({routed!r})"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment)
    ours, theirs = (pd.read_csv(tmp_path / name) for name in ("python.csv", "routed.csv"))
    assert ours.text.tolist() == theirs.text.tolist()
    assert ours.candidate.tolist() == theirs.candidate.tolist()


def test_the_example_of_routing_new_inputs(compose, tmp_path, tiny_encoder):
    """As the page has it, with a small model in the place of its own."""
    page = (ROOT / "docs" / "online.md").read_text(encoding="utf-8")
    example = re.search(r"<!-- example -->\n```python\n(.*?)```", page, re.DOTALL)
    assert example is not None
    model = "sentence-transformers/all-MiniLM-L6-v2"
    assert model in example.group(1)
    folder = make_set(tmp_path / "tiny")
    settings = ["dataset=local", f"dataset.path={folder}", "encoder=minilm", "k=2"]
    settings += [f"encoder.model={tiny_encoder}", "encoder.progress=false", "evaluation.draws=10"]
    problem = run(
        compose(
            *settings, "output.method=smoothie_local", f"output.router={tmp_path / 'router.npz'}"
        )
    ).problem
    program = example.group(1).replace(model, str(tiny_encoder))
    shown = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    encoder = SentenceEncoder(str(tiny_encoder), progress=False)
    generations, inputs = encoder.encode_problem(problem, inputs=True)
    new = encoder.encode(
        json.loads(re.search(r"predict_texts\((\[.*?\]), encoder\)", program).group(1))
    )
    choice = SmoothieLocal(k=2).fit(generations, inputs=inputs).predict(np.asarray(new))[0]
    assert shown.stdout.strip() == problem.candidates[choice]


def test_all_methods_views_and_metrics_are_described():
    page = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    register_groups()
    known = {*methods(), *choices_of("metric")}
    assert sorted(rows) == sorted(known | {*VIEWS, MATH, "regex"})


def test_what_is_promised_is_of_sets_that_were_left_out():
    """Every number with a choice in it is of the set that the choice did not see."""
    folder = ROOT / "results" / "ablation"
    gaps = pd.read_csv(folder / "gaps.csv")
    full = gaps[gaps.ensemble == 0]
    chosen = left_out(pd.read_csv(folder / "grid.csv"))
    readme = " ".join(README.split())
    mean, lowest = chosen.drawn.mean(), chosen.drawn.min()
    assert f"consensus closes {mean:.0f}% of that gap on average" in readme
    assert f"({lowest:.0f}% at the least)" in readme
    assert f"once on all 14: {chosen.once.mean():.0f}% and {chosen.once.min():.0f}%" in readme
    words = "Smoothie-Global, which has none to choose, closes {}% ({}% at the least), "
    words += "Smoothie-Local {}% ({}%)"
    shown = []
    for variant in ("smoothie_global", "smoothie_local k=1"):
        of_sets = full[full.variant == variant].gap_closed
        shown += [f"{of_sets.mean():.0f}", f"{of_sets.min():.0f}"]
    assert words.format(*shown) in readme
    assert full.dataset.nunique() == 15


def test_what_is_promised_of_labels_is_of_sets_that_were_left_out():
    page = (ROOT / "results" / "few_labels" / "labels.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()]
    ours = next(row[1:5] for row in rows if row[0] == "best on the others")
    best = next(row[2:6] for row in rows if row[0] == "best_on_val")
    theirs = [cell.split()[0] for cell in best]
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    said = "five labels close {}% of the gap, ten {}%, 20 {}% and 50 {}%"
    assert said.format(*ours) in readme
    said = "the best model on the same labels closes {}%, {}%, {}% and {}%"
    assert said.format(*theirs) in readme


def test_links_of_the_pages_lead_somewhere():
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), ROOT / "results" / "README.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
