"""Numbers and dates as they are written: against Python's own numbers and calendar."""

import calendar
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smoothie.metrics.delimited import canonical
from smoothie.metrics.values import date_form, number_form, value_around, value_form
from smoothie.metrics.views import final_answer

DATES = st.dates(date(1000, 1, 1), date(9999, 12, 31))
ORDINAL = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}


@given(DATES)
def test_a_date_is_the_same_however_it_is_written(day):
    name, short = calendar.month_name[day.month], calendar.month_abbr[day.month]
    ordinal = f"{day.day}{ORDINAL.get(day.day, 'th')}"
    forms = [
        f"{name} {day.day}, {day.year}",
        f"{name.lower()} {day.day} {day.year}",
        f"{short}. {ordinal}, {day.year}",
        f"{day.day} {name} {day.year}",
        f"{day.day:02} {short} {day.year}",
        f"{ordinal} of {name.upper()}, {day.year}",
        f"{calendar.day_name[day.weekday()]}, {name} {day.day}, {day.year}",
        f"{day.year}-{day.month:02}-{day.day:02}",
        f"{day.year}/{day.month}/{day.day}",
    ]
    assert {value_form(form) for form in forms} == {day.isoformat()}
    sentences = [f"So it was on {form}." for form in forms]
    answers = [f"The answer is {form}." for form in forms] + [f"[[{form}]]" for form in forms]
    assert {final_answer(text) for text in sentences + answers + forms} == {day.isoformat()}


@given(st.integers(0, 32), st.integers(0, 32), st.integers(1000, 9999), st.sampled_from("/.-"))
def test_days_and_months_in_numbers_are_dates_where_only_one_reading_is(first, second, year, mark):
    readings = set()
    for month, day in ((first, second), (second, first)):
        try:
            readings.add(date(year, month, day).isoformat())
        except ValueError:
            continue
    found = date_form(f"{first:02}{mark}{second:02}{mark}{year}")
    if len(readings) == 1:
        assert found == readings.pop()
    else:
        assert found == (f"{first}{mark}{second}{mark}{year}" if readings else None)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("March 2024", "2024-03"),
        ("March 3", "--03-03"),
        ("3rd of March", "--03-03"),
        ("29 February", "--02-29"),
        ("30 February 2024", None),
        ("2024-13-01", None),
        ("2024-02-03-04", None),
        ("2024-02/03", None),
        ("Seven", "7"),
        ("twenty", "20"),
        ("twenty one", None),
        ("7 or 8", None),
        ("9**9**9", None),
        ("10**10**10", None),
        ("1/0", None),
        ("1 / 3", "0.333333333333333"),
        ("-0/5", "0"),
        ("\u22126/3", "-2"),
        ("-10^3", "-1000"),
        ("10^{-2}", "0.01"),
        ("1e-400", "1E-400"),
        ("1e9999", None),
    ],
)
def test_values(text, form):
    assert value_form(text) == form


@given(st.integers(-(10**40), 10**40))
def test_an_integer_is_exact_however_it_is_written(value):
    forms = [
        str(value),
        f"{value:,}",
        f"{value}.0",
        f"{value:,}.00",
        str(value).replace("-", "\u2212"),
    ]
    assert {number_form(form) for form in forms} == {str(value)}
    texts = ["[[{}]]", "So $\\boxed{{{}}}$.", "The answer is {}.", "#### {}", "it is {} then", "{}"]
    assert {final_answer(text.format(form)) for text in texts for form in forms} == {str(value)}
    latex = f"{value:,}".replace(",", "{,}")
    assert canonical(latex) == canonical(rf"\${latex}") == str(value)


@given(st.integers(0, 10**20), st.integers(0, 3), st.integers(0, 3))
def test_zeros_around_a_number_do_not_matter(value, before, after):
    form = "0" * before + str(value) + "." + "0" * after if after else "0" * before + str(value)
    assert number_form(form) == str(value)
    assert number_form(f"-{form}") == (f"-{value}" if value else "0")


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("The answer is March 31, 2024.", "2024-03-31"),
        ("The answer is 1 January 1000.", "1000-01-01"),
        ("The answer is 31 December 1066.", "1066-12-31"),
        ("The answer is 1.0000000000000000000001.", "1"),  # 15 digits
        ("The answer is 5 \u00d7 10^\u22123.", "0.005"),
    ],
)
def test_the_ends_of_dates_and_numbers(text, form):
    assert final_answer(text) == form


@given(st.integers(-(10**6), 10**6), st.integers(1, 10**4))
def test_quotients_are_numbers(over, under):
    ratio = Fraction(over, under)
    decimal = f"{float(ratio) + 0.0:.15g}"
    sign = "-" if over < 0 else ""
    assert value_form(f"{over}/{under}") == decimal
    assert canonical(rf"{sign}\frac{{{abs(over)}}}{{{under}}}") == decimal
    assert canonical(rf"\dfrac{{{over}}}{{{under}}}") == decimal
    assert final_answer(f"The answer is {over}/{under}.") == decimal
    whole, rest = divmod(abs(over), under)
    mixed = f"{sign}{whole} {rest}/{under}"
    assert value_form(mixed) == decimal
    assert canonical(rf"{sign}{whole}\frac{{{rest}}}{{{under}}}") == decimal


@given(st.decimals(-1000, 1000, places=3), st.integers(-30, 30))
def test_powers_of_ten_are_numbers(mantissa, power):
    value = Decimal(f"{mantissa}e{power}")
    forms = ["{}e{}", "{}E{:+}", "{} \u00d7 10^{}", r"{} \times 10^{{{}}}", r"{}\cdot10^{{{}}}"]
    found = {value_form(form.format(mantissa, power)) for form in forms}
    found |= {canonical(form.format(mantissa, power)) for form in forms}
    assert len(found) == 1
    (form,) = found
    if value == value.to_integral_value():
        assert int(form) == value
    else:
        assert float(form) == pytest.approx(float(value), rel=1e-14)


def test_a_value_is_read_around_a_number_of_it_alone():
    text = "On 3 March 2024 they had 1/2 of 7."
    places = {part: (text.index(part), text.index(part) + len(part)) for part in ("3", "1", "7")}
    found = {part: value_around(text, *place) for part, place in places.items()}
    assert found == {"3": "2024-03-03", "1": "0.5", "7": None}
    assert value_around("12/3/2024/5", 0, 2) is None


@pytest.mark.parametrize(
    "same",
    [
        ["72", "72 dollars", "$72", "72.00 USD", "US$72", "€ 72", "72%", r"72\%", "72 percent"],
        ["5 km", "5km", r"5\text{ km}", r"5\,\mathrm{km}", "5"],
        ["-5", "-$5", "\u22125", "- 5", "-5 °C"],
        ["90", r"90^\circ", r"90^{\circ}", "90°", "90 degrees"],
        ["12 cm^2", "12 cm²", r"12\text{ cm}^2", r"12 \text{cm}^{2}", "12 square cm", "12 km/h"],
        ["(0, 1]", r"\left(0,1\right]", r"\left( 0, 1 \right]"],
        [r"\{1, 2\}", "{2, 1}", r"\left\{2,1\right\}"],
        [r"2\sqrt{3}", r"2\sqrt3", r"2 \sqrt 3"],
        [r"\frac{\pi}{2}", r"\dfrac{\pi}{2}", r"\tfrac{\pi}{2}"],
        [r"\frac12", "1/2", "0.5", ".50", r"\tfrac{1}{2}"],
    ],
)
def test_forms_of_one_answer(same):
    assert len({canonical(text) for text in same}) == 1


@pytest.mark.parametrize(
    "different",
    [
        ["72%", "0.72"],
        ["3", "3x", r"3\pi", "1,2,3", "3rd", "3:30"],
        ["1,2,3", "123", "1,234"],
        [r"\frac{x+1}{2}", "x+1/2"],
        [".09", "9", "0.9"],
        ["12345678901234567890", "12345678901234567891"],
        ["9" * 400, "9" * 399 + "8"],
        ["[(4, 1)]", "4", "(4, 1)", "[4, 1]"],
        ["March 3", "March 4", "April 3", "3"],
    ],
)
def test_forms_of_different_answers(different):
    assert len({canonical(text) for text in different}) == len(different)


HOSTILE = [
    "[",
    "{",
    "(",
    "\\boxed{",
    "\\frac{",
    "1,",
    "1/",
    "10^",
    "March ",
    "9**",
    "9^{",
    "-",
    "$",
]
HOSTILE += [
    "1 ",
    "1e9",
    "\\left",
    "^ ",
    "°",
    "3 \u00d7 ",
    "[[",
    "#### ",
    "answer is ",
    '"answer": ',
    "1.",
]


@pytest.mark.parametrize("part", HOSTILE)
def test_hostile_texts_are_read_in_time(part):
    """Nothing is evaluated, no pattern goes back and forth, and nothing recurses."""
    for text in (part * 20_000, f"The answer is {part * 20_000}", f"[[{part * 20_000}]]"):
        final_answer(text)
        canonical(text)
    for short in (part * 40, f"The answer is {part * 40}"):
        final_answer(short)
