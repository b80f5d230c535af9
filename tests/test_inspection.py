"""Warnings about texts that say little."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothie import Input, Problem, assemble
from smoothie.inspection.checks import inspect, warn_about_texts
from smoothie.inspection.copies import codes
from smoothie.inspection.coverage import coverage
from smoothie.inspection.languages import language
from smoothie.inspection.shuffled import find_shuffled, homes_of
from smoothie.inspection.texts import REFUSAL
from smoothie.loaders import LocalFolder
from smoothie.report.check import describe
from tests.conftest import write_lines

NAMES = ("a", "b", "c", "d", "e")


def problem_of(columns):
    """A problem from the texts of each candidate."""
    texts = np.array(columns, dtype=object).T
    inputs = tuple(Input(f"q{i}") for i in range(len(texts)))
    return Problem("odd", inputs, NAMES[: len(columns)], texts)


def different(count, rows=12):
    return [[f"{j} says {i}" for i in range(rows)] for j in range(count)]


@pytest.mark.parametrize(
    ("columns", "sentences"),
    [
        (different(3), []),
        (
            [*different(2), ["", " ", "\n\t", *(f"x{i}" for i in range(9))]],
            ["odd: blank texts: c on 3 of 12 inputs; a blank text votes like any other"],
        ),
        (
            [["", *"bcdefghijkl"], *different(1), [""] * 12],
            ["odd: blank texts: c on all 12 inputs, a on 1 of 12 inputs; a blank text votes"],
        ),
        (
            [["", *(f"{j}{i}" for i in range(11))] for j in range(5)],
            ["a on 1 of 12 inputs, b on 1 of 12 inputs, c on 1 of 12 inputs and 2 more; a blank"],
        ),
        ([[""] * 3, [" "] * 3, ["\n"] * 3], ["odd: all texts are blank; there is nothing to"]),
        (
            [["yes"] * 3] * 3,
            ["odd: all candidates wrote the same texts; every choice gives the same result, "],
        ),
        (
            [different(1)[0]] * 2 + different(3)[1:],
            ["odd: a, b wrote the same texts on all 12 inputs; they count as 2 voters that agree"],
        ),
        (
            [different(2)[j % 2] for j in range(5)],
            ["a, c, e wrote the same texts on all 12 inputs; they count as 3", "b, d wrote the"],
        ),
        ([different(1, 9)[0]] * 2 + different(3, 9)[1:], []),  # few inputs: a coincidence
        (  # short answers, equal on most inputs, may well be right
            [different(1)[0], [*different(1)[0][:-1], "else"], different(2)[1]],
            [],
        ),
        (
            [
                [f"The long answer to question {i}." for i in range(12)],
                [f"the long  answer to question {i % 11}." for i in range(12)],
                different(1)[0],
            ],
            ["odd: a, b wrote the same texts on 11 of 12 inputs; they count as 2 voters"],
        ),
    ],
)
def test_warnings_about_texts(caplog, columns, sentences):
    warn_about_texts(problem_of(columns))
    assert len(caplog.messages) == len(sentences)
    for message, sentence in zip(caplog.messages, sentences, strict=True):
        assert sentence in message


def test_codes_are_equal_where_texts_are():
    draw = np.random.default_rng(0)
    texts = draw.choice(["a", "A ", "b", "b  c", "B\nC", ""], size=(8, 3)).astype(object)
    coded = codes(texts)
    for one, other in itertools.product(np.ndindex(8, 3), repeat=2):
        folded = [" ".join(texts[place].lower().split()) for place in (one, other)]
        assert (coded[one] == coded[other]) == (folded[0] == folded[1])


def test_texts_are_checked_as_they_are_routed(local_set, caplog):
    """Once they are cleaned and limited; those that are not routed are nobody's concern."""
    path = local_set / "generations" / "beta.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[3]["generation"] = "</s>"
    rows[7]["generation"] = ""
    write_lines(path, rows)
    LocalFolder(path=str(local_set), limit=7).load()
    LocalFolder(path=str(local_set)).load(["alpha", "gamma"])
    assert not caplog.records
    LocalFolder(path=str(local_set), limit=7, cleaning="paper").load()
    assert "tiny: blank texts: beta on 1 of 7 inputs;" in caplog.text
    caplog.clear()
    LocalFolder(path=str(local_set)).load()
    assert "tiny: blank texts: beta on 1 of 12 inputs;" in caplog.text


WORDS = [f"{a}{b}{c}" for a in "bdfgkl" for b in "aeiou" for c in ("nt", "rz", "mmo", "sk", "x")]


def answers(rows, candidates=4, seed=0, shared=8):
    """Texts of candidates that share some words for each input, and add others."""
    draw = np.random.default_rng(seed)
    texts = np.empty((rows, candidates), dtype=object)
    inputs = []
    for i in range(rows):
        common = draw.choice(WORDS, shared, replace=False)
        inputs.append(Input(f"q{i}", text=" ".join(common[:4])))
        for j in range(candidates):
            texts[i, j] = " ".join([*draw.permutation(common)[:6], *draw.choice(WORDS, 4)])
    return Problem("odd", tuple(inputs), NAMES[:candidates], texts)


def with_rows(problem, column, order):
    """The same problem with the texts of one candidate in another order."""
    texts = problem.texts.copy()
    texts[:, column] = texts[order, column]
    return problem.with_texts(texts)


@settings(max_examples=15, deadline=None)
@given(
    rows=st.integers(24, 60),
    column=st.integers(0, 3),
    distance=st.integers(1, 5),
    seed=st.integers(0, 99),
)
def test_a_shifted_candidate_is_found_and_no_other(rows, column, distance, seed):
    problem = answers(rows, seed=seed)
    assert find_shuffled(problem) == {}
    found = find_shuffled(with_rows(problem, column, np.roll(np.arange(rows), -distance)))
    assert list(found) == [column]
    assert found[column].shift[0] == distance


@pytest.mark.parametrize("rows", [30, 400])
def test_a_permuted_candidate_is_found_in_any_order_of_rows_and_candidates(rows):
    problem = with_rows(answers(rows), 2, np.random.default_rng(1).permutation(rows))
    assert list(find_shuffled(problem)) == [2]
    again = problem.take(np.random.default_rng(2).permutation(rows)).select(["c", "a", "d", "b"])
    assert list(find_shuffled(again)) == [0]
    (message,) = [str(f) for f in inspect(problem) if f.kind == "shuffled"]
    assert message.startswith("c seems shuffled: ")


def test_inputs_may_be_what_is_shuffled():
    problem = answers(40)
    inputs = [Input(f"q{i}", text=problem.inputs[i - 1].text) for i in range(40)]
    (found,) = inspect(replace(problem, inputs=tuple(inputs)))
    assert found.odd.startswith("the inputs seem shifted: ")
    assert "1 row above" in found.odd


def test_bad_answers_are_not_called_shuffled():
    problem = answers(60)
    draw = np.random.default_rng(3)
    for bad in (
        ["I do not know."] * 60,
        [" ".join(draw.choice(WORDS, 10)) for _ in range(60)],
        [str(draw.integers(4)) for _ in range(60)],
        [""] * 60,
    ):
        texts = problem.texts.copy()
        texts[:, 1] = bad
        assert find_shuffled(problem.with_texts(texts)) == {}


def test_homes_are_those_of_a_loop():
    """Nearness of sets of n-grams, weighted by rarity, without hashing into few dimensions."""
    problem = with_rows(answers(20), 1, np.roll(np.arange(20), -3))
    columns = [problem.texts[:, j].tolist() for j in range(4)]

    def grams(text):
        padded = f"  {text}  ".encode()
        return {padded[i : i + 4] for i in range(len(padded) - 3)} - {b"    "}

    rarity = {}
    for i in range(20):
        for gram in set().union(*(grams(column[i]) for column in columns)):
            rarity[gram] = rarity.get(gram, 0) + 1
    found = homes_of(columns, np.arange(20), np.arange(4))

    def vector(texts):
        """Sum of unit vectors, as a dict of n-gram -> weight."""
        total = {}
        for text in texts:
            own = {gram: np.log(20 / rarity[gram]) for gram in grams(text)}
            length = np.sqrt(sum(value**2 for value in own.values()))
            for gram, value in own.items():
                total[gram] = total.get(gram, 0) + value / length
        return total

    def cosine(one, other):
        product = sum(value * other.get(gram, 0) for gram, value in one.items())
        lengths = [sum(value**2 for value in v.values()) for v in (one, other)]
        return product / np.sqrt(lengths[0] * lengths[1])

    for j, column in enumerate(columns):
        others = [c for k, c in enumerate(columns) if k != j]
        for place, i in enumerate(found[j].rows):
            near = [cosine(vector([column[i]]), vector([c[r] for c in others])) for r in range(20)]
            if found[j].elsewhere[place]:
                assert np.argmax(near) == found[j].best[place] != i
            if found[j].here[place]:
                assert np.argmax(near) == i
        assert (found[j].elsewhere if j == 1 else found[j].here).sum() >= 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I'm sorry, but I cannot help with that.", True),
        ("I\u2019m sorry, but I couldn\u2019t find it.", True),
        ("As an AI language model, I have no opinion.", True),
        ("I cannot recommend ways to break the law.", True),
        ("Unfortunately I do not know.", True),
        ("I can't wait to see it.", False),
        ("I'm sorry to hear that.", False),
        ("Sorry is the hardest word.", False),
        ("As an airline, we fly.", False),
        ("The answer is 4.", False),
    ],
)
def test_refusals_by_their_openings(text, expected):
    assert (REFUSAL.match(text.replace("\u2019", "'")) is not None) == expected


def test_a_candidate_that_writes_in_another_language(caplog):
    english = "This is the answer that was given to the question, and it is not short."
    german = "Das ist die Antwort, die auf die Frage gegeben wird, und sie ist nicht kurz."
    columns = [[f"{english} {j} {i}" for i in range(12)] for j in range(2)]
    warn_about_texts(problem_of([*columns, [f"{german} {i}" for i in range(12)]]))
    (message,) = [m for m in caplog.messages if "language" in m]
    assert "c wrote on 12 of 12 inputs in another language than most of the others" in message
    assert "German instead of English" in message
    assert language("\u73ed\u673a\u51e0\u70b9\u8d77\u98de") == "Chinese"
    assert language("\u98db\u884c\u6a5f\u306f\u4f55\u6642\u3067\u3059\u304b") == "Japanese"


def test_findings_that_are_only_for_those_who_ask(caplog):
    columns = [
        [
            ("I cannot say. " if j == 2 else "") + f"{j} {i} " * (9 if j == 1 else 1)
            for i in range(12)
        ]
        for j in range(3)
    ]
    problem = problem_of(columns)
    labels = np.ones((12, 3))
    labels[4:, 0] = np.nan
    warn_about_texts(replace(problem, labels=labels))
    assert not caplog.messages
    found = {finding.kind: finding for finding in inspect(replace(problem, labels=labels))}
    assert set(found) == {"refusals", "lengths", "labels"}
    assert "c on all 12 inputs" in found["refusals"].odd
    assert found["labels"].ids == ("q4", "q5", "q6")
    assert "of 12 inputs, a on 4" in found["labels"].odd


@pytest.mark.shared
@pytest.mark.slow
def test_real_sets_are_accused_of_nothing(shared):
    kinds = {
        path.name: {finding.kind for finding in inspect(LocalFolder(path=str(path)).read(None))}
        for path in sorted((shared / "data" / "sets").iterdir())
    }
    for name, found in kinds.items():
        assert not found & {"shuffled", "copies", "languages"}, name
    assert {name for name, found in kinds.items() if "blank" in found} <= {"crux", "gsm8k"}


def test_what_is_missing_of_inputs_references_and_labels():
    inputs = [Input(f"q{i}", text="the same" if i < 4 else f"{i}" * (i > 4)) for i in range(8)]
    inputs[7] = Input("q7", text="7", references=("x",))
    said = {name: {f"q{i}": f"{name} says {i}" for i in range(8)} for name in "abc"}
    labels = {"a": {"q1": 1.0}, "b": {}}
    problem = assemble("p", inputs, said, labels)
    told = {finding.kind: finding.odd for finding in coverage(problem)}
    several = [finding.odd for finding in coverage(problem) if finding.kind == "inputs"]
    assert several == [
        "1 of 8 inputs have no text",
        "3 of 8 inputs have the text of an earlier one",
    ]
    assert told["references"] == "7 of 8 inputs have no reference"
    assert "labels" in told


def test_a_page_says_what_else_is_known():
    said = {name: {"q": f"{name} says so"} for name in "abc"}
    problem = assemble("p", [Input("q", text="?")], said)
    more = np.array([[["x"], ["y"], ["z"]]], dtype=object)
    problem = replace(problem, more_texts=more, attributes={"cost": np.ones((1, 3))})
    page = describe(problem)
    assert "generations of each: 2, the first is routed" in page
    assert "known of each answer: cost" in page
