"""Units of texts, to be sent through a model as a whole, and a bar that shows their progress."""

from collections.abc import Sequence
from typing import Any

CHARACTERS = 8192  # of a unit, for each thread of a CPU: a few seconds with a large model
DELAY = 0.2  # seconds before a bar is shown


def units_of(
    lengths: Sequence[int], order: Sequence[int], most: int, room: float
) -> list[list[int]]:
    """Split texts into units of about the same cost.

    Parameters
    ----------
    lengths : sequence of int
        Characters of each text.
    order : sequence of int
        Positions of the texts to split, the longest first so that those of a unit are similar.
    most : int
        Texts in a unit.
    room : float
        Characters of a unit, as if all of its texts were as long as its first.

    Returns
    -------
    list of list of int
        Positions. The size of a unit depends on its first text alone, so that after some units
        are done, the rest is split as before.
    """
    units, start = [], 0
    while start < len(order):
        size = max(1, int(min(most, room / max(1, lengths[order[start]]))))
        units.append(list(order[start : start + size]))
        start += size
    return units


def room_on(device: str) -> float:
    """Characters of a unit on a torch device; a GPU takes any number in no time."""
    if not device.startswith("cpu"):
        return float("inf")
    import torch

    return CHARACTERS * torch.get_num_threads()


class Bar:
    """A progress bar in characters, which are known before texts are tokenized.

    Parameters
    ----------
    lengths : sequence of int
        Characters of each text.
    shown : bool
    """

    def __init__(self, lengths: Sequence[int], shown: bool) -> None:
        self.lengths, self.shown = lengths, shown
        self._bar: Any = None

    def start(self, places: Sequence[int]) -> None:
        """Show the bar for texts at some positions."""
        from tqdm import tqdm

        total = sum(self.lengths[place] for place in places)
        off = not self.shown or not places
        self._bar = tqdm(total=total, unit="char", unit_scale=True, delay=DELAY, disable=off)

    def done(self, places: Sequence[int]) -> None:
        """Texts at some positions are done."""
        self._bar.update(sum(self.lengths[place] for place in places))

    def __enter__(self) -> "Bar":
        """Show nothing yet."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the bar where it is."""
        if self._bar is not None:
            self._bar.close()
