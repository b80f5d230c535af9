"""What a finding is, and how names in it are listed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from smoothie.errors import printable

EXAMPLES = 3  # listed in a message


@dataclass(frozen=True)
class Finding:
    """Something odd about a problem.

    Attributes
    ----------
    kind : str
        In a word: blank, copies, shuffled, ...
    odd : str
        What is odd: whose texts, how many.
    follows : str
        What follows for the results, and what to do.
    ids : tuple of str
        Of a few inputs where it can be seen.
    serious : bool
        Whether it is likely a mistake, which is told before every run; the others are for those
        who ask.

    Examples
    --------
    >>> print(Finding("blank", "blank texts: a on 2 of 9 inputs", "fill them in", ("q1", "q7")))
    blank texts: a on 2 of 9 inputs; fill them in (inputs q1, q7)
    """

    kind: str
    odd: str
    follows: str
    ids: tuple[str, ...] = ()
    serious: bool = True

    def __str__(self) -> str:
        """All of it in one line."""
        noun = "input" if len(self.ids) == 1 else "inputs"
        where = f" ({noun} {', '.join(map(printable, self.ids))})" if self.ids else ""
        return f"{self.odd}; {self.follows}{where}"


def listed(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = len(names) - EXAMPLES
    return ", ".join(names[:EXAMPLES]) + (f" and {more} more" if more > 0 else "")


def examples(ids: Sequence[str], rows: Iterable[int]) -> tuple[str, ...]:
    """Ids of the first few of some rows."""
    return tuple(ids[row] for row, _ in zip(rows, range(EXAMPLES), strict=False))
