r"""Numbers and dates as people write them, each in one form: 1,500 and 1.5e3, 3 March 2024.

Nothing is computed but quotients of two integers: what looks like a formula is not evaluated.
Units are left out and not converted. Most texts omit the unit that the question asks for, so 5 km
must equal 5, and 5 must equal 5 m: an equivalence cannot tell 5 km from 5 m then. For the same
reason 72% is 72 and not 0.72.
"""

import re
from datetime import date
from decimal import Decimal

from smoothie.metrics.numbers import shortest

# A minus between two digits is none: 1990-1995. Commas separate thousands, or they end the number.
SIGN = r"(?:(?<!\d)[-\u2212])?"
DIGITS = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
NUMBER = rf"(?=[-\u2212.\d]){SIGN}(?:{DIGITS})"  # what is looked at first makes the search fast
TEN_TO = r"10\s?(?:\^|\*\*)\s?\{?\s?(?P<power>[-+\u2212]?\d{1,3})(?!\d)\}?"
TIMES = r"\s?(?:[\u00d7·*x]|\\times|\\cdot)\s?"
SCIENTIFIC = (
    rf"(?P<mantissa>{NUMBER})(?:[eE](?P<e>[-+]?\d{{1,3}})(?!\w)|{TIMES}{TEN_TO})"
    rf"|(?P<minus>{SIGN}){TEN_TO.replace('power', 'alone')}"
)
RATIO = (
    r"(?P<sign>(?:(?<!\d)[-\u2212]\s?)?)(?:(?P<whole>\d{1,9})\s)?"
    r"(?P<over>\d{1,15})\s?/\s?(?P<under>\d{1,15})"
)
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
MONTH = (
    r"(?i:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sep(?:t|tember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
)
DAY = r"\d{1,2}(?:st|nd|rd|th)?"
NAMED = rf"(?:{MONTH}\s{DAY},?|{DAY}\s(?:of\s)?{MONTH},?)\s\d{{4}}"
PARTIAL = rf"{MONTH}\s{DAY}|{DAY}\s(?:of\s)?{MONTH}|{MONTH},?\s\d{{4}}"
SEPARATED = r"\d{4}(?P<a>[-/.])\d{1,2}(?P=a)\d{1,2}|\d{1,2}(?P<b>[-/.])\d{1,2}(?P=b)\d{4}"
AROUND = (r"(?<![\w./^{-])", r"(?![\w/^]|[.,-]\d)")  # of a whole number or date
WIDE = re.compile(rf"{AROUND[0]}(?:{NAMED}|{SEPARATED}|{SCIENTIFIC}|{RATIO}){AROUND[1]}")
WEEKDAY = "(?i:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?)"
DATE = re.compile(rf"(?:{WEEKDAY},?\s)?({NAMED}|{PARTIAL}|{SEPARATED})")
SCIENTIFIC_ALONE, RATIO_ALONE = re.compile(SCIENTIFIC), re.compile(RATIO)
PART = re.compile(r"\d+|[^\W\d]{3,}")
WINDOW = 40  # characters on either side of a number in which the rest of a date or a power is
WORDS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
OF_WORD = {word: str(value) for value, word in enumerate(WORDS.split())}


def number_form(digits: str, power: int = 0) -> str:
    """A number times a power of ten in one form: integers exactly, others to 15 digits.

    Examples
    --------
    >>> from smoothie.metrics.values import number_form
    >>> number_form("1,500.0"), number_form("1.5", 3), number_form("-.50")
    ('1500', '1500', '-0.5')
    """
    plain = digits.replace(",", "").replace("\u2212", "-")
    if not power and len(plain) < 16 and plain.isdigit():
        return plain.lstrip("0") or "0"
    value = Decimal(f"{plain}e{power}")
    written = f"{value:f}"
    whole, _, rest = written.partition(".")
    if not rest.strip("0"):
        return whole if value else "0"
    return shortest(float(value)) if float(value) else str(value.normalize())


def ratio_form(found: re.Match[str]) -> str | None:
    """A quotient of integers, also 1 1/2; None for a division by zero."""
    whole, over, under = int(found["whole"] or 0), int(found["over"]), int(found["under"])
    if under == 0:
        return None
    over += whole * under
    form = str(over // under) if over % under == 0 else shortest(over / under)
    return f"-{form}" if found["sign"] and over else form


def scientific_form(found: re.Match[str]) -> str:
    """A number with a power of ten."""
    power = int((found["e"] or found["power"] or found["alone"]).replace("\u2212", "-"))
    return number_form(found["mantissa"] or f"{found['minus']}1", power)


def date_form(text: str) -> str | None:
    """A date as ISO 8601 writes it; None if there is no such day.

    03/03/2024 is a date whichever comes first, and so is 25/12/2024; 03/04/2024 is two, and equal
    to itself alone.

    Parameters
    ----------
    text : str
        What `DATE` matches.

    Examples
    --------
    >>> from smoothie.metrics.values import date_form
    >>> date_form("March 3rd, 2024"), date_form("25.12.2024"), date_form("03/04/2024")
    ('2024-03-03', '2024-12-25', '3/4/2024')
    """
    parts = PART.findall(text)
    names = [MONTHS.index(part[:3].lower()) + 1 for part in parts if not part.isdigit()]
    values = [int(part) for part in parts if part.isdigit()]
    if names:
        day = next((value for value in values if value < 32), None)
        year = next((value for value in values if value > 999), None)
        return iso(year, names[0], day)
    if len(parts[0]) == 4:
        return iso(*values)
    first, second, year = values
    readings = {iso(year, first, second), iso(year, second, first)} - {None}
    if len(readings) == 2:
        separator = text.strip("0123456789")[0]
        return separator.join(map(str, values))
    return readings.pop() if readings else None


def iso(year: int | None, month: int, day: int | None) -> str | None:
    """A date of which the year or the day may be missing; None if there is no such day."""
    try:
        known = date(year or 2024, month, 1 if day is None else day).isoformat()
    except ValueError:
        return None
    if day is None:
        return known[:7]
    return known if year else f"--{known[5:]}"


def value_form(text: str) -> str | None:
    """A date, a quotient, a number with a power of ten or a number word; None if a text is none.

    Examples
    --------
    >>> from smoothie.metrics.values import value_form
    >>> value_form("1 1/2"), value_form("6.02e23"), value_form("Seven"), value_form("7 or 8")
    ('1.5', '602000000000000000000000', '7', None)
    """
    if ratio := RATIO_ALONE.fullmatch(text):
        return ratio_form(ratio)
    if scientific := SCIENTIFIC_ALONE.fullmatch(text):
        return scientific_form(scientific)
    if dated := DATE.fullmatch(text):
        return date_form(dated[1])
    return OF_WORD.get(text.lower())


def value_around(text: str, start: int, stop: int) -> str | None:
    """The date, quotient or power of ten that a number at text[start:stop] is a part of, or None.

    Examples
    --------
    >>> from smoothie.metrics.values import value_around
    >>> value_around("on 3 March 2024.", 3, 4), value_around("on 3 horses", 3, 4)
    ('2024-03-03', None)
    """
    for found in WIDE.finditer(text, max(0, start - WINDOW), stop + WINDOW):
        if found.start() <= start and stop <= found.end():
            return value_form(found[0])
    return None
