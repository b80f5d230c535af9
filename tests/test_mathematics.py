"""The view of mathematics, against math-verify itself; without it, one sentence."""

from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.evidence import Evidence, Votes
from smoothie.metrics import mathematics
from smoothie.metrics.mathematics import Verifier, classes, formula_of, is_formula, view_mathematics
from smoothie.optional import is_installed
from smoothie.routers import MajorityVote, WeightedVote
from tests.conftest import OF_PROCESSES


@pytest.fixture(autouse=True)
def processes_that_compare_are_not_measured(monkeypatch):
    """They are killed without saving it, and importing SymPy takes them twice the time."""
    monkeypatch.delenv(OF_PROCESSES, raising=False)


needs_math = pytest.mark.skipif(not is_installed("math_verify"), reason="needs the extra math")


def boxed(*rows):
    return np.array([[rf"So \boxed{{{answer}}}." for answer in row] for row in rows], dtype=object)


@pytest.mark.parametrize(
    ("text", "formula"),
    [
        (r"so \boxed{\frac{1}{2}}", r"\frac{1}{2}"),
        ("[[{a, b}]]", r"\{a, b\}"),
        (r"The answer is $x^2$ or $y$.", "x^2"),
        (r"With \(a=1\) we get \(\sqrt{12}\).", r"\sqrt{12}"),
        ("It costs 7 dollars.", "7"),
    ],
)
def test_the_formula_of_a_text(text, formula):
    from smoothie.metrics.views import final_answer

    assert formula_of(text, final_answer(text)) == formula


def test_words_and_long_texts_are_no_formulas():
    assert all(map(is_formula, [r"\sqrt{12}", "2 sin(x)", "x+y", r"5\text{ m}", "1" * 200]))
    assert not any(map(is_formula, ["", "paris", "$1 and $2", "1" * 201, r"\text{none of it}"]))


def test_classes_are_the_transitive_closure():
    for order in permutations("abcd"):
        found = classes(
            {x: [x] for x in order}, lambda one, other: {one, other} in ({*"ac"}, {*"cd"})
        )
        groups = {x: {y for y in found if found[y] == found[x]} for x in found}
        assert groups == {"a": set("acd"), "c": set("acd"), "d": set("acd"), "b": {"b"}}
    decided = {"1": ["1"], "-2": ["-2"], "[1]": ["[1]"]}
    assert classes(decided, lambda one, other: True) == {x: x for x in decided}  # none is asked
    written = {"1/x": [r"\frac{1}{x}", "1/x"], "y": ["y", "x^{-1}"]}
    found = classes(written, lambda one, other: (one, other) == ("1/x", "x^{-1}"))
    assert found == {"1/x": "1/x", "y": "1/x"}


@pytest.mark.slow
@needs_math
def test_answers_are_equal_where_math_verify_finds_them_equal():
    from math_verify import parse, verify

    rows = [
        [r"2\sqrt{3}", r"\sqrt{12}", "3", r"\frac{6}{\sqrt{3}}"],
        [r"\frac{\pi}{2}", r"0.5\pi", "2", r"\pi"],
        ["(x+1)^2", "x^2+2x+1", "x^2+1", "(1+x)(1+x)"],
        [r"\{a,b\}", r"\{b,a\}", "a", r"\{a\}"],
        ["(0,1]", "[0,1]", r"\left(0,1\right]", "[0,1)"],
    ]
    found = view_mathematics(boxed(*rows))
    assert (found >= 0).all()
    for row, answers in zip(rows, found, strict=True):
        parsed = [parse(f"${answer}$") for answer in row]
        for i, j in permutations(range(4), 2):
            assert (answers[i] == answers[j]) == verify(parsed[i], parsed[j]), (row[i], row[j])
    reverse = view_mathematics(boxed(*[row[::-1] for row in rows]))[:, ::-1]
    same, mirrored = (x[:, :, None] == x[:, None, :] for x in (found, reverse))
    np.testing.assert_array_equal(same, mirrored)


@pytest.mark.slow
@needs_math
def test_votes_by_mathematics_outside_the_main_thread():
    texts = boxed([r"\sqrt{12}", "3", "3.1", r"2\sqrt{3}"], ["[(4, 1)]", "4", "4.0", "(4, 1)"])
    texts[1, 3] = "I cannot tell"
    evidence = Evidence(Votes(np.zeros((2, 4, 4)), texts=texts))
    with ThreadPoolExecutor(2) as pool:
        votes = [pool.submit(router(view="math").route, evidence) for router in (MajorityVote,) * 2]
        weighted = pool.submit(WeightedVote(view="math").route, evidence)
    assert {tuple(vote.result().choices[0].tolist()) for vote in votes} == {(0, 1)}
    assert weighted.result().choices[0].tolist()[0] in (0, 3)
    assert view_mathematics(texts)[1, 3] < 0


@pytest.mark.slow
@needs_math
def test_what_takes_too_long_is_unequal_and_the_rest_goes_on(monkeypatch, caplog):
    monkeypatch.setattr(mathematics, "PATIENCE", 2)
    with Verifier() as verifier:
        assert not verifier.equal("9^{9^{9^9}}", "2 + x")
        assert "took too long" in caplog.text
        assert verifier.equal("x + 1", "1 + x")
        monkeypatch.setattr(mathematics, "MOST_LATE", 1)
        assert not verifier.equal("y + 1", "1 + y")
        assert verifier.equal("1 + x", "x + 1")  # known


@needs_math
def test_a_process_that_does_not_start_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(mathematics, "WORKER", tmp_path / "missing.py")
    with (
        Verifier() as verifier,
        pytest.raises(SmoothieError, match="the process that compares did not start"),
    ):
        verifier.equal("x", "y")
