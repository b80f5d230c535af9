"""Warnings about texts that say little."""

import itertools
import json

import numpy as np
import pytest

from smoothie import Input, Problem
from smoothie.inspection import same_texts, warn_about_texts
from smoothie.loaders import LocalFolder
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
        ([[""] * 3, [" "] * 3, ["\n"] * 3], ["odd: all texts are blank: there is nothing to"]),
        (
            [["yes"] * 3] * 3,
            ["odd: all candidates wrote the same texts: every choice gives the same result, "],
        ),
        (
            [different(1)[0]] * 2 + different(3)[1:],
            ["odd: a, b wrote the same texts on all 12 inputs: they count as 2 voters that agree"],
        ),
        (
            [different(2)[j % 2] for j in range(5)],
            ["a, c, e wrote the same texts on all 12 inputs: they count as 3", "b, d wrote the"],
        ),
        ([different(1, 9)[0]] * 2 + different(3, 9)[1:], []),  # few inputs: a coincidence
        ([different(1)[0], [*different(1)[0][:-1], "else"], different(2)[1]], []),
    ],
)
def test_warnings_about_texts(caplog, columns, sentences):
    warn_about_texts(problem_of(columns))
    assert len(caplog.messages) == len(sentences)
    for message, sentence in zip(caplog.messages, sentences, strict=True):
        assert sentence in message


def test_same_texts_are_those_of_a_loop_over_pairs():
    draw = np.random.default_rng(0)
    for _ in range(50):
        columns = draw.integers(0, 2, size=(5, 3)).astype(str).tolist()
        problem = problem_of(columns)
        groups = same_texts(problem)
        assert all(len(names) > 1 for names in groups)
        for (i, first), (j, second) in itertools.combinations(enumerate(columns), 2):
            together = any({NAMES[i], NAMES[j]} <= set(names) for names in groups)
            assert together == (first == second)


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
