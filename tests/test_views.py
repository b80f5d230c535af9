import numpy as np
import pytest

from smoothie.views import final_answer, final_answers


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
        ("They pay $5.50 twice. The total is 11 dollars.", "11"),
        ("The answer is unknown. She has 3 left.", "3"),
        ("so the best option is (E).", "E"),
        ("So the answer is yes, they can.", "yes"),
        ("\\boxed{River bank}", "river bank"),
        ("The answer is that nobody can ever know it. I think of 4.", "4"),
        ("It fell by -.5", "-0.5"),
        ("A bank is what it is.", None),
        ("In 1905 it began. It went on for long.", None),
        ("C) library\nThat is where books are.", "C"),
        ("", None),
    ],
)
def test_final_answer(text, answer):
    assert final_answer(text) == answer


def test_final_answers_are_equal_where_answers_are():
    texts = np.array([["it is 7", "#### 7.0", "no"], ["(A)", "maybe", "A"]], dtype=object)
    assert final_answers(texts, share=0.9) is None
    found = final_answers(texts, share=0.5)
    same = found[:, :, None] == found[:, None, :]
    assert same.tolist() == [
        [[True, True, False], [True, True, False], [False, False, True]],
        [[True, False, True], [False, True, False], [True, False, True]],
    ]
    assert (found[texts == "no"] < 0).all()
