"""Formats that benchmarks and tools write answers in, one module for each.

`FORMATS` is all there is to know them by: to add one, write a module with a `FORMAT` and name it
here. Whoever comes first is asked first whether a file or folder looks like it.
"""

from collections.abc import Mapping

from smoothie.loaders.formats import (
    alpaca_eval,
    every_eval_ever,
    inspect_logs,
    llm_router_bench,
    lm_eval,
    mt_bench,
    router_bench,
    saved_dataset,
)
from smoothie.loaders.formats.base import Format, Wanted, understood

FORMATS: Mapping[str, Format] = {
    "dataset": saved_dataset.FORMAT,
    "lm_eval": lm_eval.FORMAT,
    "mt_bench": mt_bench.FORMAT,
    "alpaca_eval": alpaca_eval.FORMAT,
    "inspect": inspect_logs.FORMAT,
    "router_bench": router_bench.FORMAT,
    "llm_router_bench": llm_router_bench.FORMAT,
    "every_eval_ever": every_eval_ever.FORMAT,  # looks into all folders below
}

__all__ = ["FORMATS", "Format", "Wanted", "understood"]
