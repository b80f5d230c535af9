"""What one process remembers between the jobs of a sweep."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

Thing = TypeVar("Thing")


class Memory:
    """Things by kind and by the settings that made them, the most recent ones of each kind.

    Parameters
    ----------
    size : int
        How many of each kind.
    """

    def __init__(self, size: int = 8) -> None:
        self.size = size
        self._things: dict[str, dict[str, Any]] = {}

    def get(self, make: Callable[[], Thing], kind: str, *settings: Any) -> Thing:
        """The thing of these settings; made if it is not there, the least recent one dropped."""
        of_kind = self._things.setdefault(kind, {})
        key = json.dumps(settings, sort_keys=True, default=str)
        of_kind[key] = of_kind.pop(key) if key in of_kind else make()
        if len(of_kind) > self.size:
            del of_kind[next(iter(of_kind))]
        thing: Thing = of_kind[key]
        return thing
