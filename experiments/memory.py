"""In-memory cache between the jobs of a sweep in one process."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

Thing = TypeVar("Thing")


class Memory:
    """A least-recently-used cache of objects, by kind and by the settings that they depend on.

    Parameters
    ----------
    size : int
        Number of objects of each kind.
    """

    def __init__(self, size: int = 8) -> None:
        self.size = size
        self._things: dict[str, dict[str, Any]] = {}

    def get(self, make: Callable[[], Thing], kind: str, *settings: Any) -> Thing:
        """The object of these settings, created if it is not cached; drops the least recent one."""
        of_kind = self._things.setdefault(kind, {})
        key = json.dumps(settings, sort_keys=True, default=str)
        of_kind[key] = of_kind.pop(key) if key in of_kind else make()
        if len(of_kind) > self.size:
            del of_kind[next(iter(of_kind))]
        thing: Thing = of_kind[key]
        return thing
