"""Stored selections: the choices of another method, read from a file beside the generations."""

from dataclasses import dataclass

from smoothie.errors import NotAvailableError
from smoothie.evidence import Evidence, Need
from smoothie.routers.base import Router, Routing, register_router


@register_router("stored")
@dataclass(eq=False, repr=False)
class StoredSelections(Router):
    """The choices of a method that are stored with the generations.

    Parameters
    ----------
    folder : str or None
        The ensemble's name in the paper's repository; None if it is not stored there.
    file : str
        METHOD_test.json, which holds the chosen texts (`smoothie.loaders.hub.SmoothieData`).

    Notes
    -----
    For the paper's PairRM row: the selections were made by LLM-Blender's PairRM on raw generations.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import StoredSelections
    >>> stored = {"3b_ensemble/pair_rm_test.json": np.array([[2, 0]])}
    >>> evidence = Evidence(Votes(np.zeros((2, 3, 3))), selections=stored.__getitem__)
    >>> StoredSelections(folder="3b_ensemble").route(evidence).choices
    array([[2, 0]])
    """

    folder: str | None = None
    file: str = "pair_rm_test.json"

    needs = frozenset({Need.SELECTIONS})

    @property
    def path(self) -> str:
        """ENSEMBLE/METHOD_test.json."""
        return f"{self.folder}/{self.file}"

    def route(self, evidence: Evidence) -> Routing:
        """Look up the choices."""
        if self.folder is None:
            raise NotAvailableError(Need.SELECTIONS.value)
        return Routing(evidence.selections(self.path))
