"""Real cached generations, against numbers that others published about them."""

import csv
import json
import re

import numpy as np
import pytest

from experiments.pipeline import run
from smoothie import SmoothieLocal
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.evidence import Evidence, Votes
from smoothie.loaders import AlpacaEval, LocalFolder, SmoothieData
from smoothie.metrics.scoring import label_scores
from smoothie.metrics.texts import gsm8k
from smoothie.routers.consensus import Consensus
from tests.conftest import write_lines

pytestmark = pytest.mark.shared

SETS = ["alpaca_eval_preferences", "e2e_nlg", "evouna_tq", "gsm8k"]
SETS += ["prometheus_instruct", "realsumm_cnndm"]


@pytest.mark.parametrize("name", SETS)
def test_mean_labels_are_those_that_the_source_counted(shared, name):
    folder = shared / "data" / "sets" / name
    problem = LocalFolder(path=str(folder)).load()
    counted = re.findall(
        r"^- ([\w.-]+): ([\d.]+) \((\d+)\)$", (folder / "SOURCE.md").read_text(), re.MULTILINE
    )
    if name == "alpaca_eval_preferences":  # its source gives the leaderboard instead
        path = shared / "data" / "alpaca_eval" / "leaderboard_2025-08-09.csv"
        rows = {row[""]: float(row["win_rate"]) for row in csv.DictReader(path.open())}
        counted = [(c, rows[c] / 100, 805) for c in problem.candidates if c in rows]
    assert len(counted) >= 3
    for candidate, mean, count in counted:
        if candidate in problem.candidates:
            given = problem.labels[:, problem.candidates.index(candidate)]
            assert np.isfinite(given).sum() == int(count)
            assert np.nanmean(given) == pytest.approx(float(mean), abs=6e-5)


def test_gsm8k_answers_are_judged_as_the_sources_judged_them(shared):
    """The labels come from three groups with a parser each; ours is a fourth."""
    problem = LocalFolder(path=str(shared / "data" / "sets" / "gsm8k")).load()
    ours = np.array(
        [
            [gsm8k(text, item.references) for text in row]
            for item, row in zip(problem.inputs, problem.texts, strict=True)
        ]
    )
    assert (ours == problem.labels).mean() > 0.985


def test_alpaca_eval_stacked_by_position_misplaces_gemini_pro(shared):
    """The paper's code does; 674 of 805 rows are then another instruction's."""
    folder = str(shared / "data" / "smoothie_data")
    joined = AlpacaEval(folder=folder).load()
    stacked = AlpacaEval(folder=folder, align="position").load()
    wrong = (joined.texts != stacked.texts).sum(axis=0)
    by_name = dict(zip(joined.candidates, wrong, strict=True))
    assert by_name.pop("gemini-pro") == 674
    assert set(by_name.values()) == {0}


def test_cnn_dailymail_keeps_gemma_s_end_tokens_as_the_paper_does(shared):
    settings = {"folder": str(shared / "data" / "smoothie_data"), "dataset": "cnn_dailymail"}
    column = ["gemma-7b", "vicuna-7b", "llama-2-7b"]
    raw = SmoothieData(**settings).load(column).texts[:, 0]
    paper = SmoothieData(**settings, cleaning="paper").load(column).texts[:, 0]
    corrected = SmoothieData(**settings, cleaning="corrected").load(column).texts[:, 0]
    assert sum("<eos>" in text for text in raw) == 211
    assert sum("<eos>" in text for text in paper) == 194
    assert sum(text == "<eos>" for text in paper) == 7
    assert not any("<eos>" in text for text in corrected)


def test_local_weights_are_those_that_the_authors_stored(shared, encoders):
    """Rows of trial 1 with the paper's encoder in float32: the first and the shortest."""
    stored = json.loads((shared / "published" / "alpacaeval_weights.json").read_text())
    trial = stored["local"]["1"]
    source = AlpacaEval(folder=str(shared / "data" / "smoothie_data"), align="position")
    problem = source.load(trial["models"])
    lengths = [sum(map(len, row)) for row in problem.texts]
    rows = np.unique([0, *np.argsort(lengths, kind="stable")[:3]])
    problem = problem.take(rows)
    encoder = SentenceEncoder(str(encoders / "all-mpnet-base-v2"), batch_size=8, progress=False)
    generations, _ = encoder.encode_problem(problem, inputs=False)
    local = SmoothieLocal(k=1).fit(generations)
    expected = np.array(trial["weights"])[rows]
    np.testing.assert_allclose(local.weights_, expected, atol=1e-3)
    np.testing.assert_array_equal(local.choices_, expected.argmax(axis=1))


def test_final_answers_outvote_the_crowd_on_gsm8k(shared):
    """From texts alone: 18 systems, of which the best has 94.2 and their mean is 58.3."""
    problem = LocalFolder(path=str(shared / "data" / "sets" / "gsm8k")).load()
    rows, candidates = problem.texts.shape
    alike = Votes(np.ones((rows, candidates, candidates)), texts=problem.texts)
    scores = Consensus().route(Evidence(alike)).scores(label_scores(problem).values)
    assert scores.mean() > 92


def test_trivia_qa_scores_that_were_seen_before(shared, encoders, compose, tmp_path):
    """Of 2,000 inputs; those whose five texts are all right, or all wrong, need no choice."""
    folder = shared / "data" / "sets" / "evouna_tq"
    whole = LocalFolder(path=str(folder)).load()
    told_apart = np.ptp(whole.labels, axis=1) > 0
    ids = {key for key, matters in zip(whole.ids, told_apart, strict=True) if matters}
    for path in folder.rglob("*.jsonl"):
        with path.open(encoding="utf-8") as file:
            kept = [row for row in map(json.loads, file) if row["id"] in ids]
        write_lines(tmp_path / "part" / path.relative_to(folder), kept)
    overrides = ["dataset=local", f"dataset.path={tmp_path / 'part'}", "output.k_curve=[1]"]
    overrides += ["encoder.profile=fast"]
    overrides += ["encoder=minilm", f"encoder.model={encoders / 'all-MiniLM-L6-v2'}"]
    overrides += ["methods=[random,smoothie_global,smoothie_local,oracle]"]
    overrides += ["encoder.progress=false", "evaluation.draws=50", "output.plots=false"]
    score = run(compose(*overrides)).table.set_index("method").score
    seen = {"random": 84.1, "smoothie_global": 89.2, "smoothie_local": 90.0, "oracle": 96.4}
    for method, value in seen.items():
        mean = score[method] * told_apart.sum() + 100 * whole.labels[~told_apart, 0].sum()
        assert mean / len(whole.ids) == pytest.approx(value, abs=0.1)
