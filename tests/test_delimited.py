"""Answers between delimiters: what is found, and what counts as equal."""

import json
import sys

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from smoothie.metrics.delimited import canonical, delimited_answer
from smoothie.metrics.views import final_answer, final_answers


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("I think [[A]]. No: [[ (b) ]].", "B"),
        ("[[72]]", "72"),
        ("[[$1,200.50]]", "1200.5"),
        ("[[ 3 apples ]]", "3"),
        ("[[x = 3]]", "x=3"),
        ("[[*]]", "*"),
        ("[['']]", "''"),
        ("[['1zd']]", "1zd"),
        ('[["a b", "c"]]', "a b,c"),
        ("[[[ c ]]", "C"),
        ("[[1, 2], [3, 4]]", "1,2],[3,4"),  # a list of lists: equal to itself, at least
        ("[[[1, 2]]]", "[1, 2]"),
        ("[[[1, 2]]] it is", "[1, 2]"),
        ("so [[1]]]", "1"),
        ("[[**Paris**.]]", "paris"),
        ("[[*1/2*]]", "0.5"),
        ("[[$x$]]", "x"),
        ("[[**B**]]", "B"),
        (r"so $\boxed{\text{(C)}}$", "C"),
        (r"\boxed{\frac{1}{2}}", "0.5"),
        (r"\boxed{1/0}", "1/0"),
        (r"\boxed{x^{2} + {y}}", "x^{2}+{y}"),
        (r"first \boxed{1}, then [[2]]", "2"),
        (r"first [[2]], then \boxed{1}", "1"),
        (r"\boxed{72\%}", "72"),
        (r"never closed \boxed{1", None),
        ('{"reasoning": "a [1]", "answer": "\'ab\'"}', "ab"),
        ('```json\n{"reasoning": "...",\n "answer": ["b", 2]}\n```', "['b', 2]"),
        ('{"Final Answer": {"b": 1}}', "{'b': 1}"),
        ('{"answer": -3.50}', "-3.5"),
        ('{"answer": yes it is,\n "why": 1}', "yes it is"),  # no JSON: the line
        ('{"answer": yes it is }\nThat is all', "yes it is"),
        ('{"answer": ["é", true]}', "[é,true]"),
        ('{"answer": true}', "true"),
        ('{"answer": {1, 2}, "x": 0}', "{1,2},x:0"),  # no JSON: the line
        ('{"answer": ""}', None),
        ("[[ {{1: 2}} ]]", "{{1:2}}"),  # no literal: a dict cannot be in a set
        ("no delimiters, [1]", None),
        ("", None),
    ],
)
def test_what_is_found(text, answer):
    assert delimited_answer(text) == answer


VALUES = st.recursive(
    st.integers(-(10**6), 10**6) | st.text("abc 'x", max_size=5) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text("ab"), inner, max_size=2).map(lambda d: dict(sorted(d.items())))
    ),
    max_leaves=5,
)


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_a_value_is_the_same_however_it_is_written(value):
    """As Python, as JSON, in a field or between brackets, with other white space."""
    written = repr(value)
    assume("[[" not in written)
    assume("]]" not in written)
    forms = [
        f'{{"answer": {json.dumps(written)}}}',
        f"It is [[ {written} ]].",
        f"It is \\boxed{{{written}}}",
    ]
    if "True" not in written and "False" not in written:
        forms.append(f'{{"reasoning": "x", "answer": {json.dumps(value)}}}')
    assert {delimited_answer(form) for form in forms} == {written}


@given(st.text(max_size=60))
@settings(max_examples=300)
def test_any_text_is_read(text):
    for form in (text, f"[[{text}]]", f"\\boxed{{{text}}}", f'"answer": {text}'):
        found = delimited_answer(form)
        assert found is None or found
    once = canonical(text)
    assert once is None or isinstance(once, str)


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"answer": ' + "[" * 100_000, "\\boxed{" * 9_000])
def test_deep_nesting_is_no_fault(deep):
    limit = sys.getrecursionlimit()
    delimited_answer(deep)
    delimited_answer(f"[[{deep}]]")
    assert sys.getrecursionlimit() == limit


def test_sets_and_dicts_are_the_same_in_any_order():
    assert delimited_answer("[[ {'b', 'a', 3} ]]") == "{'a', 'b', 3}"
    assert delimited_answer("[[ {'b': 1, 'a': (2,)} ]]") == "{'a': (2,), 'b': 1}"
    assert delimited_answer("[[ (1, [2, {5, 4}]) ]]") == "(1, [2, {4, 5}])"


@pytest.mark.parametrize("inside", [" ", "- ", "[-", "{", "(", "$", "1 a ", '"answer" ', "\\text{"])
def test_long_answers_take_no_longer_than_their_length(inside):
    """Patterns do not go back and forth: these would take hours otherwise."""
    for length in (900, 100_000):
        delimited_answer(f"[[a{inside * length}b]]")
        delimited_answer(f'\\boxed{{a{inside * length}}} "answer": [{inside * length}')


def test_nothing_is_run():
    assert delimited_answer("[[ [__import__('os').getpid()] ]]") == "[__import__(os).getpid()]"


def test_views_take_delimiters_first():
    assert final_answer('{"steps": "12 + 3", "answer": "[12, 3]"}') == "[12, 3]"
    assert final_answer("The answer is 12. [[B]]") == "B"
    assert final_answer("[[]] The answer is 12.") == "12"
    texts = [["[[x y]]", "It is [[X  Y]]", "[[z]]"]]
    import numpy as np

    answers = final_answers(np.array(texts, dtype=object), 1.0)
    assert answers is not None
    assert answers[0, 0] == answers[0, 1] != answers[0, 2]
