import importlib
import itertools
import re
import sys
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from smoothie import Input, SmoothieError, assemble
from smoothie.loaders.local import LocalFolder, read_folder
from smoothie.metrics.base import METRICS, register_metric
from smoothie.metrics.numbers import final_number
from smoothie.metrics.rouge import rouge2
from smoothie.metrics.scoring import label_scores, reference_scores, score
from smoothie.metrics.texts import chrf, contains_answer, gsm8k, gsm8k_paper, substring
from smoothie.storage.cache import VectorCache
from tests.conftest import make_set


def naive_rouge2(text, reference):
    """F-measure of the overlap of bigrams, from Lin (2004)."""

    def bigrams(value):
        tokens = re.findall(r"[a-z0-9]+", value.lower())
        return Counter(itertools.pairwise(tokens))

    found, wanted = bigrams(text), bigrams(reference)
    overlap = sum((found & wanted).values())
    if not overlap:
        return 0.0
    precision, recall = overlap / found.total(), overlap / wanted.total()
    return 2 * precision * recall / (precision + recall)


@pytest.mark.parametrize(
    ("text", "references"),
    [
        ("The cat sat on the mat.", ["the cat lay on the mat"]),
        ("The cat sat on the mat.", ["a dog", "the cat sat", "cat sat on"]),
        ("a a a a", ["a a"]),
        ("one", ["one"]),
        ("", ["something here"]),
        ("Running dogs run", ["run dog runs"]),
    ],
)
def test_rouge2_is_the_best_bigram_overlap_without_stemming(text, references):
    expected = max(naive_rouge2(text, reference) for reference in references)
    assert rouge2(text, references) == pytest.approx(expected, abs=1e-12)


def test_accuracies():
    assert substring("It was PARIS, of course", ["paris"]) == 1
    assert substring("Rome", ["Paris", "London"]) == 0
    assert substring("19", ["1"]) == 1  # the paper's over-count (D9) ...
    assert contains_answer("19", ["1"]) == 0  # ... and the correction
    assert contains_answer("It is 1.", ["1"]) == 1
    assert contains_answer("C++ it is", ["c++"]) == 1
    assert contains_answer("anything", [""]) == 0
    # TriviaQA's aliases come without punctuation and articles (D9)
    assert substring("The All-Star Game", ["all star game"]) == 0
    assert contains_answer("The All-Star Game", ["all star game"]) == 1
    assert contains_answer("in the U.S.", ["u s"]) == 1
    assert contains_answer("in Russia", ["us"]) == 0
    assert contains_answer("the", ["the"]) == 1
    assert contains_answer("an answer", ["the"]) == 0


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (r"so \(\boxed{18}\). That took 3 steps", 18),
        (r"\boxed{\$1,080}", 1080),
        ("He has 3 and 4.\nA: 7", 7),
        ("#### 12\nmore 5", 12),
        ("#### 3, no: #### 4\n#### 12 or 13\nmore 5", 12),  # the last that is marked, its first
        (r"\boxed{3} and \boxed{12 or 13}, not 5", 12),
        (r"\boxed{x}. The answer is 7, of 8", 7),  # nothing to read in the box
        ("The answer is unknown, 7 or 8", 7),
        ("#### none\nof 7 or 8", 8),
        ("the answer (arabic numerals) is -2.5 apples", -2.5),
        ("$120,000.", 120000),
        ("first 3, then 5", 5),
        ("none", None),
    ],
)
def test_final_number(text, number):
    assert final_number(text) == number


def test_gsm8k_rules():
    assert gsm8k("so the answer is 18.", ["18"]) == 1
    assert gsm8k("so the answer is 180.", ["18"]) == 0
    assert gsm8k_paper("so the answer is 180.", ["18"]) == 1  # a substring (D9)
    assert gsm8k_paper("The Answer Is 18.", ["18"]) == 0  # case-sensitive
    assert gsm8k_paper("the answer is 2.5", ["2.5"]) == 0  # cut at the point
    assert gsm8k_paper("the answer is 1,080", ["1080"]) == 1
    assert gsm8k_paper("18", ["18"]) == 0
    assert gsm8k_paper("the answer is 1080", ["7", "1,080"]) == 1
    assert gsm8k_paper("so 18. the answer is Two", ["18", "TWO"]) == 1
    assert gsm8k_paper("the answer is 3. the answer is 4", ["4"]) == 0  # the first alone
    assert gsm8k_paper("the answer is 18", ["1,8X"]) == 0


def naive_chrf(text, reference):
    """F-measure with beta 2 of mean precision and recall of 1- to 6-grams, from Popović (2015)."""
    text, reference = "".join(text.split()), "".join(reference.split())
    precisions, recalls = [], []
    for n in range(1, 7):
        found = Counter(text[i : i + n] for i in range(len(text) - n + 1))
        wanted = Counter(reference[i : i + n] for i in range(len(reference) - n + 1))
        if found and wanted:
            overlap = (found & wanted).total()
            precisions.append(overlap / found.total())
            recalls.append(overlap / wanted.total())
    precision, recall = np.mean(precisions or [0]), np.mean(recalls or [0])
    return 5 * precision * recall / (4 * precision + recall) if precision + recall else 0.0


@pytest.mark.parametrize(
    ("text", "reference"),
    [("the red fox", "the red fox"), ("a red fox ran", "the red fox"), ("", "x"), ("ab", "cd")],
)
def test_chrf_against_its_formula(text, reference):
    assert chrf(text, [reference]) == pytest.approx(naive_chrf(text, reference))
    assert chrf(text, [reference, "zzz"]) == pytest.approx(naive_chrf(text, reference))
    assert chrf(text, ["zzz", text or "x"]) == pytest.approx(float(bool(text)))


def problem(labels=None, references=("x y z",)):
    inputs = [
        Input("a", "t", "?", tuple(references)),
        Input("b", "u", "?", ()),
        Input("c", "u", "?", tuple(references)),
    ]
    given = {"m": {"a": "x y", "b": "x y", "c": "z"}, "n": {"a": "x y z", "b": "q", "c": "x y z!"}}
    return assemble("p", inputs, given, labels)


def test_labels_between_zero_and_one_become_percent():
    labels = {"m": {"a": 0.25, "b": 1}, "n": {"a": 0.5}}
    scores = label_scores(problem(labels))
    assert scores.percent
    np.testing.assert_array_equal(scores.values, [[25, 50], [100, np.nan], [np.nan, np.nan]])
    assert scores.scored.tolist() == [True, False, False]
    labels["m"]["b"] = 5
    own_unit = label_scores(problem(labels))
    assert not own_unit.percent
    assert own_unit.values[1, 0] == 5


@pytest.mark.parametrize(
    ("lowest", "highest", "factor"),
    [(0, 1, 100), (0.2, 0.3, 100), (-0.5, 1, 1), (-1e-9, 0.5, 1), (0, 1.01, 1), (-3, -2, 1)],
)
def test_the_unit_of_labels_is_that_of_the_source(lowest, highest, factor):
    """Of all its labels: also of those that this part of it has not."""
    whole = problem({"m": {"a": lowest, "b": highest}, "n": {"a": highest}})
    scores = label_scores(whole)
    assert scores.metric == "labels"
    assert scores.percent == (factor == 100)
    assert not scores.lower_is_better
    np.testing.assert_array_equal(scores.values[0], [factor * lowest, factor * highest])
    part = whole.take(slice(0, 1)).select(["m"])
    np.testing.assert_array_equal(label_scores(part).values, [[factor * lowest]])


def test_labels_that_nobody_has_given_are_a_share():
    scores = label_scores(problem({"m": {"x": 7}}).take(slice(1)).select(["n"]))
    assert not scores.percent  # somebody gave a 7
    nothing = label_scores(replace(problem(), labels=np.full((3, 2), np.nan)))
    assert nothing.percent
    assert not nothing.known.any()


def test_where_lower_is_better_quality_is_the_negative():
    """Ranks: what routers learn from is negated, what is reported is not."""
    ranks = replace(problem({"m": {"a": 1, "b": 3}, "n": {"a": 2}}), lower_is_better=True)
    scores = label_scores(ranks)
    assert scores.lower_is_better
    np.testing.assert_array_equal(scores.values, [[1, 2], [3, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(scores.quality, -scores.values)
    higher = label_scores(replace(ranks, lower_is_better=False))
    np.testing.assert_array_equal(higher.quality, higher.values)
    assert scores.known.tolist() == [True, True, False]
    assert scores.candidates.tolist() == [True, True]


def test_a_leaderboard_repeats_one_number_for_each_candidate():
    board = replace(problem(), leaderboard=np.array([3.0, 1.0]), lower_is_better=True)
    scores = score(board, "leaderboard")
    assert (scores.metric, scores.percent) == ("leaderboard", False)
    assert scores.lower_is_better
    assert scores.per_candidate
    np.testing.assert_array_equal(scores.values, [[3, 1]] * 3)
    np.testing.assert_array_equal(scores.quality, [[-3, -1]] * 3)
    bare = replace(problem(references=()), leaderboard=np.array([3.0, 1.0]))
    for found in (score(bare), score(bare, "auto", by_task={"t": "rouge2"})):
        np.testing.assert_array_equal(found.values, [[3, 1]] * 3)
        assert not found.lower_is_better
    assert score(board).metric == "rouge2"  # references come first
    with pytest.raises(SmoothieError, match=r"^metric=leaderboard: p has no leaderboard$"):
        score(problem(), "leaderboard")


def test_the_leaderboard_is_told_where_labels_compare_nothing(caplog):
    sparse = replace(
        problem({"m": {"a": 1}, "n": {"b": 0}}, references=()), leaderboard=np.array([3.0, 1.0])
    )
    assert score(sparse).metric == "leaderboard"
    assert "(labels: 1 of m, 1 of n); scores are those of the leaderboard;" in caplog.text


def test_references_are_scored_by_the_metric_of_their_task():
    scores = reference_scores(problem(), {"t": "rouge2", "u": "substring"})
    assert scores.metric == "rouge2+substring"
    expected = [[100 * 2 / 3, 100], [np.nan, np.nan], [0, 100]]
    np.testing.assert_allclose(scores.values, expected)


def test_auto_takes_labels_then_references_then_nothing():
    complete = {"m": {"a": 1}, "n": {"a": 0}}
    assert score(problem(complete)).metric == "labels"
    assert score(problem({"m": {"a": 1}, "n": {"b": 0}})).metric == "rouge2"
    assert score(problem(), by_task={"t": "substring"}).metric == "substring+rouge2"
    assert score(problem(complete), "substring").metric == "substring"
    assert score(problem(references=())) is None
    for metric, message in (
        ("labels", "no labels"),
        ("rouge2", "no references"),
        ("x", "metric=x"),
    ):
        with pytest.raises(SmoothieError, match=message):
            score(problem(references=()), metric)


@contextmanager
def registered(name, metric):
    register_metric(name)(metric)
    try:
        yield
    finally:
        METRICS.unregister(name)


def test_scores_are_computed_once(tmp_path):
    calls = []

    def counted(text, references):
        calls.append(text)
        return substring(text, references)

    with registered("counted", counted):
        first, again = (
            reference_scores(
                problem(), {"t": "counted", "u": "counted"}, VectorCache(tmp_path, "<f8")
            )
            for _ in range(2)
        )
        known = score(problem(), "counted", cache=VectorCache(tmp_path, "<f8"))
        few = score(
            problem(), by_task=dict.fromkeys("tu", "counted"), cache=VectorCache(tmp_path, "<f8")
        )
    for found in (again, known, few):
        np.testing.assert_array_equal(first.values, found.values)
    assert len(calls) == len(set(calls)) > 0


def test_values_do_not_depend_on_the_processes(local_set, monkeypatch):
    monkeypatch.setattr("smoothie.metrics.scoring.CHUNK", 4)
    monkeypatch.setattr("smoothie.metrics.scoring.WORTH_A_PROCESS", 0)
    given = read_folder(local_set, None, "error")
    metrics = {"colours": "rouge2", "shades": "contains_answer"}
    one = reference_scores(given, metrics)
    two = reference_scores(given, metrics, workers=2)
    np.testing.assert_array_equal(one.values, two.values)
    for i, item in enumerate(given.inputs):
        score_of = METRICS[metrics[item.task]]
        for j, text in enumerate(given.texts[i]):
            assert two.values[i, j] == 100 * score_of(text, item.references)


def module_of(tmp_path, monkeypatch, name, body):
    """A module of somebody else's, in a folder from which it can be imported."""
    (tmp_path / f"{name}.py").write_text(body, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, name, raising=False)
    # Bytecode of a file as long, written within the same second, would be taken for its own.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    importlib.invalidate_caches()
    return importlib.import_module(name)


THIRD = """def third(text, references):
    return {value}
"""


def test_a_registered_metric_is_sent_to_other_processes(local_set, tmp_path, monkeypatch):
    """Nothing there has registered it: there is no entry point."""
    monkeypatch.setattr("smoothie.metrics.scoring.CHUNK", 4)
    monkeypatch.setattr("smoothie.metrics.scoring.WORTH_A_PROCESS", 0)
    module = module_of(tmp_path, monkeypatch, "third", THIRD.format(value="len(text) % 7 / 7"))
    given = read_folder(local_set, None, "error")
    with registered("third", module.third):
        scores = reference_scores(given, {"colours": "third", "shades": "rouge2"}, workers=2)
    rows = [task == "colours" for task in given.tasks]
    expected = [[100 * (len(text) % 7 / 7) for text in row] for row in given.texts[rows]]
    np.testing.assert_array_equal(scores.values[rows], expected)


def test_another_definition_of_a_metric_is_not_read_from_the_cache(tmp_path, monkeypatch):
    for value in (0.25, 0.75):
        module = module_of(tmp_path, monkeypatch, "third", THIRD.format(value=value))
        with registered("third", module.third):
            scores = reference_scores(
                problem(), {"t": "third", "u": "third"}, VectorCache(tmp_path / "scores", "<f8")
            )
        np.testing.assert_array_equal(scores.values[scores.scored], 100 * value)


@pytest.mark.parametrize("value", ["1.5", "-0.1", "float('nan')", "None"])
def test_scores_outside_of_0_to_1_are_refused(tmp_path, monkeypatch, value):
    module = module_of(tmp_path, monkeypatch, "third", THIRD.format(value=value))
    with (
        registered("third", module.third),
        pytest.raises(SmoothieError, match=r"metric=third: a score of .*expected a number from 0"),
    ):
        reference_scores(problem(), {"t": "third", "u": "third"})


def test_an_interruption_keeps_the_scores_so_far(local_set, tmp_path, monkeypatch):
    monkeypatch.setattr("smoothie.metrics.scoring.CHUNK", 4)
    given = read_folder(local_set, None, "error")
    metrics = {"colours": "counted", "shades": "counted"}
    pairs = {
        (text, item.references)
        for item, row in zip(given.inputs, given.texts, strict=True)
        for text in row
    }
    calls = []

    def counted(text, references):
        calls.append((text, references))
        if len(calls) == 11:
            raise KeyboardInterrupt
        return substring(text, references)

    with registered("counted", counted):
        with pytest.raises(KeyboardInterrupt):
            reference_scores(given, metrics, VectorCache(tmp_path / "scores", "<f8"))
        calls.extend([None] * 100)
        before = len(calls)
        scores = reference_scores(given, metrics, VectorCache(tmp_path / "scores", "<f8"))
    assert len(calls) - before == len(pairs) - 8  # two chunks of four were kept
    assert scores.scored.all()


def test_a_candidate_without_labels_leaves_those_of_the_others(tmp_path):
    folder = make_set(tmp_path / "set")
    labels = folder / "labels.jsonl"
    rows = [row for row in labels.read_text().splitlines() if '"beta"' not in row]
    labels.write_text("\n".join(rows))
    scores = score(LocalFolder(path=str(folder)).load())
    assert scores.metric == "labels"
    assert scores.candidates.tolist() == [True, False, True]
    assert scores.scored.all()


def test_another_metric_is_told_where_labels_compare_nothing(tmp_path, caplog):
    """No input has a label of alpha and of gamma."""
    folder = make_set(tmp_path / "set")
    rows = (folder / "labels.jsonl").read_text().splitlines()
    rows = [row for row in rows[:3] if "alpha" in row] + [row for row in rows[3:] if "gamma" in row]
    (folder / "labels.jsonl").write_text("\n".join(rows))
    problem = LocalFolder(path=str(folder)).load()
    assert score(problem).metric == "rouge2"
    assert "(labels: 1 of alpha, 0 of beta, 11 of gamma); scores are rouge2 of" in caplog.text
    caplog.clear()
    assert score(problem, by_task={"shades": "substring"}).metric == "substring+rouge2"
    assert "scores are rouge2+substring of the references;" in caplog.text
    assert score(problem, "labels").known.all()
    bare = make_set(tmp_path / "bare", references=False)
    (bare / "labels.jsonl").write_text("\n".join(rows))
    assert score(LocalFolder(path=str(bare)).load()).metric == "labels"  # nothing else to take
