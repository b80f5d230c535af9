"""Convert the values of fields in files to texts, names, ids and numbers, or refuse them."""

import math
from collections.abc import Iterable
from typing import Any

from smoothie.errors import CONTROL, SmoothieError, shown


def as_text(value: Any, key: str, where: str) -> str:
    """A text; null becomes the empty one."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise SmoothieError(f"{where}: '{key}' must be a text, found {shown(value)}")
    return value


def as_name(value: Any, key: str, where: str) -> str:
    """A text that tables and files will show, such as a task; null becomes the empty one."""
    name = as_text(value, key, where)
    require_names(f"'{key}'", [name], where)
    return name


def as_id(value: Any, where: str) -> str:
    """An id, from a text or a whole number, as text."""
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise SmoothieError(
            f"{where}: expected a text or a whole number under 'id', found {shown(value)}"
        )
    key = str(value)
    require_ids([key], where)
    return key


def require_ids(ids: Iterable[str], where: str) -> None:
    """Refuse ids that no file can hold: with a NUL character, or a lone surrogate."""
    together = "".join(ids)  # to check all of them at once
    if "\0" in together or has_lone_surrogates(together):
        faulty = next(key for key in ids if "\0" in key or has_lone_surrogates(key))
        raise SmoothieError(
            f"{where}: the id {shown(faulty)} holds a NUL character or a lone surrogate"
        )


def require_names(what: str, names: Iterable[str], where: str) -> None:
    """Refuse names with line breaks, other control characters or lone surrogates."""
    for name in names:
        if CONTROL.search(name):
            raise SmoothieError(
                f"{where}: {what} {shown(name)} holds a control character or a lone surrogate; "
                f"names must be printable"
            )


def as_references(value: Any, where: str) -> tuple[str, ...]:
    """References as a tuple of texts: from null, one text or number, or a list of them.

    Blank ones are left out: every text contains them.
    """
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    for item in values:
        finite = not isinstance(item, float) or math.isfinite(item)
        if isinstance(item, bool) or not isinstance(item, str | int | float) or not finite:
            raise SmoothieError(f"{where}: references must be a list of texts, found {shown(item)}")
    return tuple(str(item) for item in values if str(item).strip())


def as_score(value: Any, where: str, what: str = "score") -> float:
    """A finite number; true and false are refused."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not is_finite(value):
        raise SmoothieError(f"{where}: the {what} must be a finite number, found {shown(value)}")
    return float(value)


def is_finite(value: float) -> bool:
    """Whether a number is a finite float."""
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number of more than 308 digits
        return False


def has_lone_surrogates(text: str) -> bool:
    """Whether a text holds lone surrogates, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def without_lone_surrogates(text: str) -> str:
    """Replace lone surrogates, which texts cut off by a tokenizer can end in."""
    if has_lone_surrogates(text):
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
