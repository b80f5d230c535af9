import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothie import SmoothieError
from smoothie.metrics import final
from smoothie.metrics.final import may_say, read_answer, says_answer
from smoothie.metrics.views import VIEWS, final_answer, final_answers, make_view, view_answers


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is (B).", "B"),
        (" (c) bank", "C"),
        ("B", "B"),
        ("D. A river bank.", "D"),
        ("Therefore, among A through E, the answer is B.", "B"),
        ("The correct answer is option C, because A is wrong.", "C"),
        ("**Answer:** D", "D"),
        ("The answer is **b) yes**", "B"),
        ("Step 1: 3 + 4 = 7.\n#### 1,072", "1072"),
        ("so \\boxed{\\text{42}} and 7 remain.", "42"),
        ("first \\boxed{1}, in the end \\boxed{2}", "2"),
        ("the answer (arabic numerals) is 540.00.", "540"),
        ("A: 18 dollars", "18"),
        ("A: 18 dollars of 20", "18"),
        ("Answer: 5\n#### 4", "4"),  # the last marker, of whatever kind
        ("#### 4\nAnswer: 5", "5"),
        ("The answer is 3.\nNo: the answer is 6.", "6"),
        ('The answer is: **"River Bank"**', "river bank"),
        ("They pay $5.50 twice. The total is 11 dollars.", "11"),
        ("The answer is unknown. She has 3 left.", "3"),
        ("so the best option is (E).", "E"),
        ("So the answer is yes, they can.", "yes"),
        ("\\boxed{River bank}", "river bank"),
        ("The answer is that nobody can ever know it. I think of 4.", "4"),
        ("It fell by -.5", "-0.5"),
        ("It went on for long. 7 was what they had said", "7"),
        ("They say 7 of plan X then", "7"),
        ("7 was what they had said", "7"),
        ("(b) 5 of them! They saw 6 things\n8 was what they had said", "8"),
        ("(b) 5 of them! They saw 6 things\nas they had said before", "B"),
        ("A bank is what it is.", None),
        ("In 1905 it began. It went on for long.", None),
        ("C) library\nThat is where books are.", "C"),
        ("", None),
        ("The answer is [1, 2].", "[1, 2]"),
        ("Answer: {'b': 1, 'a': [2]} as shown", "{'a': [2], 'b': 1}"),
        ("The answer is (4, 1)", "(4, 1)"),
        ("The answer is (4, 1, so 4.", "4"),
        ("Answer: 1, 2, 3.", "1,2,3"),
        ("The answer is $\\dfrac{3}{4}$ of it.", "0.75"),
        ("The answer is \\(2\\sqrt3\\).", "2\\sqrt{3}"),
        ("The answer is -\\frac{3}{4}.", "-0.75"),
        ("The answer is $30+12$50=80.", "30"),
        ("Answer: Seven.", "7"),
        ("From 1990-1995", "1995"),
        ("It weighs 6.02 \u00d7 10^23 of them", "602000000000000000000000"),
        ("It was on Jan. 1st, 2000.", "2000-01-01"),
        ("They ate 1 1/2 of it.", "1.5"),
        ("In 2020 it was COVID-19.", "19"),  # no minus within a word
        ("He was born in 1942 and flew to P2 with an H2O bottle", "1942"),
        ("It was written on paper of format A4.", None),
    ],
)
def test_final_answer(text, answer):
    assert final_answer(text) == answer


SAYING = [
    "[[7]]",
    "so \\boxed{7}",
    "#### 7",
    "The answer is 7",
    "Answer: 7",
    "FINAL ANSWER: 7",
    "the best option is (B)",
    "my choice is C",
    "The answer is [1, 2]",
    "The answer is river bank",
    "It is far.\nA: 7",
    "7",
    "(b)",
    "12.5 km",
    "Seven.",
    "**seven**",
    "March 3, 2024",
]
PROSE = [
    "It opened in 1907, as far as anybody knows.",
    "A [link] and a # of things: all of it \\alpha",
    "WHAT: they went on for long, and so did we",
    "It is by the sea",
    "a choice and an option, which is far from here",
]


@pytest.mark.parametrize("text", SAYING)
def test_a_text_that_says_its_answer_is_read(text):
    filler = "It was far and they went on for long. "
    assert may_say(text)
    assert says_answer(text)
    if text[0] not in "71(S*M":  # these say it by being nothing else
        assert says_answer(filler * 3 + text)
        assert says_answer(filler * 30 + text)


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_not_read(text):
    assert not may_say(text)
    assert not says_answer(text)
    assert not read_answer(text)[1]


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from([*SAYING, *PROSE, "\n", " ", ".", "7", "A:", "[[", "#"]), max_size=5)
)
def test_what_is_not_read_says_nothing(pieces):
    text = "".join(pieces)
    assert says_answer(text) == read_answer(text)[1] or len(text) > 250


@pytest.mark.parametrize(("before", "after"), [(45, 300), (46, 300), (300, 195), (300, 196)])
def test_of_long_texts_beginning_and_end_are_looked_at(before, after):
    """50 and 200 characters, of which the marker takes five."""
    assert may_say("x" * before + "nswer" + "x" * after) == (before == 45 or after == 195)
    assert may_say("x" * 46 + "nswer" + "x" * 196)  # all of a text that is no longer


def test_short_texts_may_be_nothing_but_an_answer():
    for text in ("x" * 5, "x" * 39 + "1", "x 7 " * 10, "twelve"):
        assert may_say(text)
    for text in ("x" * 6, "x" * 40 + "1", "x" * 39, "twelfth"):
        assert not may_say(text)


def test_final_answers_are_equal_where_answers_are():
    texts = np.array([["it is 7", "#### 7.0", "no"], ["(A)", "maybe", "A"]], dtype=object)
    assert (final_answers(texts[:1], share=0.9) < 0).all()
    found = final_answers(texts, share=0.5)
    same = found[:, :, None] == found[:, None, :]
    assert same.tolist() == [
        [[True, True, False], [True, True, False], [False, False, True]],
        [[True, False, True], [False, True, False], [True, False, True]],
    ]
    assert (found[texts == "no"] < 0).all()


def test_answers_are_compared_input_by_input():
    """Of mathematics, options and prose in one set, also where prose ends in numbers."""
    texts = np.array(
        [
            ["so \\boxed{7}", "I add and get 7", "The answer is 8.", "It cannot be told"],
            ["It opened in 1907.", "They opened it in 1907.", "Nobody knows it", "It is old"],
            ["A", "(a)", "B: a river", "I choose a"],
            ["The answer is long.", "It is old", "It is far away", "It is by the sea"],
            ["1907", "in 1907, I think, and not before that", "1,907", "1908 or so, they say"],
        ],
        dtype=object,
    )
    found = final_answers(texts, share=2 / 3)
    same = found[:, :, None] == found[:, None, :]
    assert same.sum(axis=(1, 2)).tolist() == [6, 4, 6, 4, 10]
    assert (found >= 0).sum(axis=1).tolist() == [3, 0, 3, 0, 4]
    assert len(np.unique(found[found < 0])) == (found < 0).sum()
    alone = [final_answers(texts[[row]], share=2 / 3) >= 0 for row in range(5)]
    np.testing.assert_array_equal(np.concatenate(alone), found >= 0)


def test_two_texts_and_a_quarter_have_to_say_their_answer():
    for candidates in range(1, 13):
        for saying in range(candidates + 1):
            row = ["The answer is 7."] * saying + ["It is of no use"] * (candidates - saying)
            found = final_answers(np.array([row], dtype=object), share=1) >= 0
            enough = saying == candidates or (saying >= 2 and 4 * saying >= candidates)
            assert found.any() == enough
            assert found.sum() == (saying if enough else 0)


@pytest.mark.parametrize("rows", [1, 2, 60, 100])
def test_all_of_up_to_100_inputs_are_checked_for_answers(rows):
    texts = np.full((rows, 2), "it is 7", dtype=object)
    assert (final_answers(texts, share=1.0) == 0).all()
    for row in range(rows):
        fewer = texts.copy()
        fewer[row, row % 2] = "no"
        assert (final_answers(fewer, share=1.0) < 0).all()
        assert (final_answers(fewer, share=1 - 0.4 / rows) < 0).all()
        assert (final_answers(fewer, share=1 - 0.6 / rows) >= 0).any()


def test_of_more_inputs_100_are_checked_evenly_spread():
    texts = np.full((397, 1), "it is 7", dtype=object)
    for row in (0, 4, 200, 392, 396):  # (397 - 1) / 99 is 4
        fewer = texts.copy()
        fewer[row] = "no"
        assert (final_answers(fewer, share=1.0) < 0).all()
        fewer[row + 1 : row + 4] = "no"
        fewer[row] = texts[0, 0]
        assert (final_answers(fewer, share=1.0) >= 0).any()


@pytest.mark.parametrize(
    ("view", "text", "answer"),
    [
        ("final_number", "They pay $5.50 twice: 11.00 dollars.", "11"),
        ("final_number", "#### 1,072", "1072"),
        ("final_number", "so -0.0 it is", "0"),
        ("final_number", "none", None),
        ("option_letter", "(B) 5 apples", "B"),
        ("option_letter", "The answer is c) 12", "C"),
        ("option_letter", "Out of 4 apples, the best option is (d).", "D"),
        ("option_letter", "42", None),
        ("option_letter", "", None),
        ("first_line", "\n  Jane Austen \nwrote it", "Jane Austen"),
        ("first_line", "one\ntwo\nthree", "one"),
        ("first_line", "one", "one"),
        ("first_line", " \n", None),
        ("short_answer", "The  Eiffel-Tower!", "eiffeltower"),
        ("short_answer", "the", None),
        ("text", " as it is\n", "as it is"),
        ("text", "\t", None),
    ],
)
def test_views(view, text, answer):
    assert VIEWS[view](text) == answer


@pytest.mark.parametrize(
    ("pattern", "text", "answer"),
    [
        (r"Answer: (\w+)", "Answer: yes. Answer: no", "yes"),
        (r"(?s).*Answer: (\w+)", "Answer: yes.\nAnswer: no", "no"),
        (r"\d+", "it is 42", "42"),
        (r"(yes)|(no)", "no", "no"),
        (r"x( *)", "x  ", None),
        (r"y", "x", None),
    ],
)
def test_a_view_of_a_pattern(pattern, text, answer):
    assert make_view("regex", pattern)(text) == answer


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (("colour",), "view=colour: expected one of final_answer, .*, regex"),
        (("regex",), "view=regex needs a pattern"),
        (("regex", "("), r"pattern=\(: not a regular expression"),
        (("text", "a"), "pattern=a needs view=regex, found view=text"),
        (("math", "a"), "pattern=a needs view=regex, found view=math"),
        (("math",), "view=math is no view of one text"),
    ],
)
def test_bad_views_are_named(settings, message):
    with pytest.raises(SmoothieError, match=message):
        make_view(*settings)


def test_each_distinct_text_is_viewed_once():
    seen = []

    def view(text):
        seen.append(text)
        return text[0] if text else None

    texts = np.array([["a", "", "ab"], ["", "b", "a"]], dtype=object)
    found = view_answers(texts, view)
    assert sorted(seen) == ["", "a", "ab", "b"]
    flat = found.ravel()
    assert len({flat[0], flat[2], flat[5]}) == 1
    assert flat[0] >= 0 <= flat[4] != flat[0]
    assert flat[1] < 0 > flat[3] != flat[1]


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="A1,. ()BaXZ\n-!?\t", max_size=80))
def test_the_end_of_a_sentence_is_enough_where_something_is_found_there(text):
    """The same as to look at all of it."""
    sentence = re.split(r"(?<=[.!?])\s+(?=\S)", text.rpartition("\n")[2])[-1]
    assert final.last_sentence(text.rpartition("\n")[2]) == sentence
    for pattern in (final.IN_SENTENCE, final.OPTION_IN_SENTENCE):
        *_, expected = [pattern.match(text), *pattern.finditer(sentence)]
        found = final.last_match(pattern, text)
        assert (found and found[0]) == (expected and expected[0])
        assert (found and found.groups()) == (expected and expected.groups())
