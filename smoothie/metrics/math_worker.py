"""Compares formulas by math-verify, a pair for each line of JSON: started by `mathematics`.

It is a process of its own, because what is compared comes from models: a formula can take hours or
all memory, and math-verify's own limits use signals, which only work in a main thread. The parent
ends this process when a pair takes too long. Nothing of smoothie is imported.
"""

import json
import logging
import sys
from functools import lru_cache
from typing import Any

MEMORY = 4 * 2**30  # bytes of address space


def main() -> None:
    """Answer 1 for each pair that is equal in either order, 0 for others."""
    import resource

    from math_verify import LatexExtractionConfig, parse, verify

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable()
    # Not ExprExtractionConfig, which has sympy evaluate the text as Python.
    config = [LatexExtractionConfig()]

    @lru_cache(maxsize=1024)
    def parsed(formula: str) -> list[Any]:
        found: list[Any] = parse(
            f"${formula}$", config, fallback_mode="no_fallback", parsing_timeout=None
        )
        return found

    def equal(first: str, second: str) -> bool:
        one, other = parsed(first), parsed(second)
        if not one or not other:
            return False
        return any(verify(*pair, timeout_seconds=None) for pair in ((one, other), (other, one)))

    answer(1)  # ready
    for line in sys.stdin:
        try:
            answer(equal(*json.loads(line)))
        except Exception:  # whatever a formula does to its parser: it is equal to none
            answer(0)


def answer(value: bool | int) -> None:
    """Write one line."""
    sys.stdout.write(f"{int(value)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
