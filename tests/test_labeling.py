"""Which inputs to label next, and the file of verdicts."""

import json

import numpy as np
import pytest

import smoothie
from smoothie import SmoothieError
from smoothie.answers import as_problem
from smoothie.cli import main
from smoothie.labeling import (
    Verdicts,
    ask,
    next_rows,
    no_verdicts,
    page,
    read_verdicts,
)
from smoothie.posterior import Preference, fit, standard

ANSWERS = {
    "a": ["It is 4.", "Paris it is", "A cat", "red and blue"],
    "b": ["4", "Paris", "The dog ran", "red and green"],
    "c": ["It is 5.", "It is Rome", "The dog ran off", "red or green"],
}
QUESTIONS = ["2 + 2?", "Capital?", "Who?", "Colors?"]


@pytest.fixture
def problem():
    return as_problem(ANSWERS, QUESTIONS)


def written(path, *lines):
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_verdicts_are_read(problem, tmp_path):
    path = written(
        tmp_path / "labels.jsonl",
        {"id": "0", "model": "a", "score": 0},
        {"id": "0", "model": "a", "score": 0.5},
        {"id": "2", "a": "c", "b": "a", "winner": "a"},
        {"id": "1", "a": "c", "b": "a", "winner": "tie"},
    )
    verdicts = read_verdicts(path, problem)
    expected = np.full((4, 3), np.nan)
    expected[0, 0] = 0.5
    np.testing.assert_array_equal(verdicts.labels, expected)
    assert verdicts.preferences == [Preference(2, 0, 2)]
    assert verdicts.judged.tolist() == [True, False, True, False]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ({"id": "9", "model": "a", "score": 1}, "line 1: id='9': there is no such input"),
        ({"id": "0", "model": "aa", "score": 1}, "line 1: model='aa': did you mean a"),
        ({"id": "0", "model": "a"}, "line 1: score: expected a number, found None"),
        ({"id": "0", "model": "a", "score": True}, "line 1: score: expected a number, found True"),
        (
            {"id": "0", "model": "a", "score": 10**400},
            "line 1: score: expected a number, found 1000",
        ),
        ({"id": "0", "model": "a", "score": float("inf")}, "line 1"),
        ({"id": "0", "a": "a", "b": "b", "winner": "c"}, "line 1: winner: expected one of two"),
        ({"id": "0", "a": "a", "b": "a", "winner": "a"}, "line 1: winner: expected one of two"),
        ({"id": "0", "a": "a", "winner": "a"}, "line 1: b=None"),
        ([1], "line 1: expected a JSON object"),
    ],
)
def test_a_wrong_line_is_named(problem, tmp_path, line, message):
    with pytest.raises(SmoothieError, match=message):
        read_verdicts(written(tmp_path / "labels.jsonl", line), problem)


def test_next_inputs_are_never_judged_ones():
    generator = np.random.default_rng(0)
    support = generator.uniform(size=(40, 4))
    verdicts = no_verdicts(support.shape)
    verdicts.labels[3:9] = generator.uniform(size=(6, 4))
    verdicts = Verdicts(verdicts.labels, [Preference(20, 0, 1)])
    for order in ("random", "disagreement", "certainty"):
        rows = next_rows(support, verdicts, 100, order)
        assert sorted(rows) == [*range(3), *range(9, 20), *range(21, 40)]
        assert (next_rows(support, verdicts, 7, order) == rows[:7]).all()
    rows = next_rows(support, verdicts, 100, "disagreement")
    assert (np.diff(support[rows].mean(axis=1)) >= 0).all()
    rows = next_rows(support, verdicts, 100, "certainty")
    scaled = standard(support)
    posterior = fit(scaled, verdicts.labels, verdicts.preferences)
    assert (np.diff(posterior.certainty(scaled)[rows]) >= 0).all()
    drawn = [next_rows(support, verdicts, 5, "random", seed) for seed in (0, 1)]
    assert (drawn[0] != drawn[1]).any()
    with pytest.raises(SmoothieError, match="order=certainly: did you mean certainty"):
        next_rows(support, verdicts, 5, "certainly")
    with pytest.raises(SmoothieError, match="next=0: expected at least 1"):
        next_rows(support, verdicts, 0)
    with pytest.raises(SmoothieError, match="seed=-1: expected at least 0"):
        next_rows(support, verdicts, 5, seed=-1)


def test_a_dialog_asks_until_it_understands(problem):
    heard, said = iter(["what\n", "4\n", "3, 2\n", "s\n", "0\n", "q\n", "1\n"]), []
    lines = list(ask(problem, np.arange(4), said.append, lambda: next(heard)))
    scores = [[json.loads(line)["score"] for line in block.splitlines()] for block in lines]
    assert scores == [[0, 1, 1], [0, 0, 0]]
    assert [json.loads(block.splitlines()[0])["id"] for block in lines] == ["0", "2"]
    assert sum("2 + 2?" in text for text in said) == 1
    assert list(ask(problem, np.arange(4), said.append, lambda: "")) == []  # end of the file


def test_no_text_reaches_the_terminal_as_a_command():
    hostile = as_problem({"a": ["\x1b[2Jgone\nnext"], "b": ["4"], "c": ["5"]}, ["\x1b]0;x"])
    shown = page(hostile, 0, "1 of 1")
    assert "\x1b" not in shown
    assert "gone\nnext" in shown


def test_labels_reach_the_choice(problem):
    judged = {"a": [0, 0, None, None], "b": [0, 0, None, None], "c": [1, 1, None, None]}
    result = smoothie.route(problem, encoder=None, labels=judged)
    assert result.candidates[:2] == ["c", "c"]
    assert result.method == "few_labels"
    assert len(result.confidence) == 4
    assert "few_labels" in str(result)
    assert result.report()
    won = Verdicts(
        no_verdicts((4, 3)).labels, [Preference(r, 2, j) for r in range(3) for j in (0, 1)]
    )
    assert "c" in smoothie.route(problem, encoder=None, labels=won).candidates
    with pytest.raises(SmoothieError, match=r"^labels: expected method=few_labels, found"):
        smoothie.route(problem, method="mbr_chrf", labels=judged)
    with pytest.raises(SmoothieError, match=r"^labels: expected finite"):
        smoothie.route(problem, encoder=None, labels={**judged, "a": [np.inf, 0, None, None]})
    with pytest.raises(SmoothieError, match=r"^k: "):
        smoothie.route(problem, labels=judged, k=3)


def test_commands_label_and_route(problem, tmp_path, monkeypatch, capsys):
    """What was judged is added to the file, and the choices follow it."""
    table, path = tmp_path / "answers.csv", tmp_path / "labels.jsonl"
    rows = zip(*ANSWERS.values(), strict=True)
    table.write_text("a,b,c\n" + "".join(",".join(row) + "\n" for row in rows))
    heard = iter(["3\n", "3\n", "q\n", "2\n", ""])
    monkeypatch.setattr("sys.stdin", type("Typed", (), {"readline": lambda self: next(heard)})())
    label = ["label", str(table), str(path), "--encoder", "none"]
    assert main([*label, "--print"]) == 0
    assert not path.exists()
    assert "[3] c" in capsys.readouterr().out
    assert main(label) == 0
    first = path.read_text()
    assert len(first.splitlines()) == 6
    assert "2 inputs judged, 0 before" in capsys.readouterr().out
    assert main(label) == 0
    assert path.read_text().startswith(first)
    assert len({json.loads(line)["id"] for line in path.read_text().splitlines()}) == 3
    routed = tmp_path / "routed.csv"
    given = ["route", str(table), "--encoder", "none", "--labels", str(path), "-o", str(routed)]
    assert main(given) == 0
    assert "by few_labels" in capsys.readouterr().out
    assert routed.read_text().count(",c,") >= 2
