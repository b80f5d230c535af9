"""Inputs to label: a random sample of those on which answers differ, in any order of the rows."""

import hashlib

import numpy as np

from smoothie import route
from smoothie.evidence import Evidence, Votes
from smoothie.report.diagnosis import verdict
from smoothie.to_label import inputs_to_label


def votes_of(texts):
    texts = np.array(texts, dtype=object)
    rows, candidates = texts.shape
    return Evidence(Votes(np.zeros((rows, candidates, candidates)), texts=texts))


def test_the_sample_is_that_of_the_smallest_hashes_of_inputs_whose_answers_differ():
    ids = [f"q{i}" for i in range(60)]
    texts = [["same"] * 3 if i % 3 == 0 else ["same", "same", f"other {i}"] for i in range(60)]
    chosen = inputs_to_label(votes_of(texts), ids, 7)
    hashes = {key: hashlib.sha256(key.encode()).hexdigest() for key in ids}
    left = sorted((key for i, key in enumerate(ids) if i % 3), key=hashes.get)
    assert set(chosen) == set(left[:7])
    assert list(chosen) == sorted(chosen, key=ids.index)
    order = np.random.default_rng(0).permutation(60)
    again = inputs_to_label(votes_of([texts[i] for i in order]), [ids[i] for i in order], 7)
    assert set(again) == set(chosen)


def test_distances_tell_where_there_are_no_texts():
    distances = np.zeros((3, 3, 3))
    distances[1, 0, 1] = distances[1, 1, 0] = 0.5
    assert inputs_to_label(Evidence(Votes(distances)), ["a", "b", "c"]) == ("b",)


def test_the_report_names_them():
    answers = {name: [f"{name} says {i}" for i in range(30)] for name in ("one", "two", "three")}
    result = route(answers, encoder=None)
    assert len(result.diagnosis.to_label) == 20
    section = result.report().partition("## Inputs to label first")[2]
    assert ", ".join(result.diagnosis.to_label) in section
    if "Doubtful" in verdict(result.diagnosis):
        assert f"20 inputs ({result.diagnosis.to_label[0]}, " in result.verdict()
