"""Stored selections: what somebody else's method chose, read from a file beside the generations."""

from dataclasses import dataclass


@dataclass(eq=False)
class StoredSelections:
    """The choices of a method that the source of the generations stores.

    Parameters
    ----------
    folder : str or None
        The ensemble's name in the paper's repository; None if it is not stored there.
    file : str
        METHOD_test.json, which holds the chosen texts (`smoothie.loaders.hub.SmoothieData`).

    Notes
    -----
    For the paper's PairRM row: the selections were made by LLM-Blender's PairRM on raw generations.
    """

    folder: str | None = None
    file: str = "pair_rm_test.json"

    @property
    def path(self) -> str:
        """ENSEMBLE/METHOD_test.json."""
        return f"{self.folder}/{self.file}"
