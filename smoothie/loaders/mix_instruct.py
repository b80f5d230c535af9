"""MixInstruct: instructions answered by eleven models, with ChatGPT's pairwise comparisons.

One file for each split, `{train,val,test}_data_prepared.jsonl`, rows of::

    {"id", "instruction", "input", "output",
     "candidates": [{"model", "text", ...}, ...],
     "cmp_results": "{'model_a,model_b': 'A is better', ...}" or null}

Labels are ranks (1 is best, lower is better), computed from the comparisons as LLM-Blender and the
paper do: a model's rank is one more than the number of models that won more comparisons.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from smoothie.errors import SmoothieError, shown
from smoothie.fields import as_id, as_text
from smoothie.loaders.base import choose_candidates, register_source
from smoothie.loaders.hub import HubSource
from smoothie.problem import Input, Problem, assemble
from smoothie.storage.files import NOT_JSON, parse_json, read_jsonl

RANKS = ("model", "text")


@register_source("mix_instruct")
@dataclass
class MixInstruct(HubSource):
    """The dataset of LLM-Blender (Jiang et al., ACL 2023).

    Attributes
    ----------
    split : {"test", "val", "train"}
        Only the test split has comparisons.
    ranks_by : {"model", "text"}
        Whose rank a text has: that of the candidate, or, as in the paper's code, that of the last
        candidate in the row's order that wrote the same text.
    compared_only : bool
        Leave out rows without comparisons, as the paper does (4,771 of 5,000 are left).

    Examples
    --------
    >>> from smoothie.loaders import MixInstruct
    >>> source = MixInstruct(lock="hub.lock.json")
    >>> source.load().texts.shape  # doctest: +SKIP
    (4771, 11)
    """

    repository: str = "llm-blender/mix-instruct"
    split: str = "test"
    ranks_by: str = "model"
    compared_only: bool = True
    lower_is_better: bool = True

    def read(self, candidates: Sequence[str] | None) -> Problem:
        """Read the split."""
        if self.ranks_by not in RANKS:
            raise SmoothieError(f"ranks_by={self.ranks_by}: expected {' or '.join(RANKS)}")
        path = self.files.fetch(f"{self.split}_data_prepared.jsonl")
        inputs: list[Input] = []
        seen: set[str] = set()
        texts: dict[str, dict[str, str]] = {}
        labels: dict[str, dict[str, float]] = {}
        for number, row in read_jsonl(path):
            where = f"{path}, line {number}"
            ranks = read_ranks(row.get("cmp_results"), where)
            if not ranks and self.compared_only:
                continue
            parts = [as_text(row.get(key), key, where).strip() for key in ("instruction", "input")]
            key = as_id(row.get("id", f"{self.split}_{number:05d}"), where)
            if key in seen:
                raise SmoothieError(f"{where}: id {shown(key)} occurs twice")
            seen.add(key)
            inputs.append(Input(key, "mix_instruct", "\n\n".join(parts).strip()))
            written = read_candidates(row.get("candidates"), where)
            if self.ranks_by == "text":
                rank_of = {written[name]: ranks[name] for name in written if name in ranks}
                ranks = {name: rank_of[text] for name, text in written.items() if text in rank_of}
            for name, text in written.items():
                texts.setdefault(name, {})[key] = text
                if name in ranks:
                    labels.setdefault(name, {})[key] = ranks[name]
        if not inputs:
            raise SmoothieError(f"{path}: no rows with comparisons; set compared_only=false")
        names = choose_candidates(sorted(texts), candidates, str(path))
        chosen = {name: texts[name] for name in names}
        return assemble("mix_instruct", inputs, chosen, labels, missing=self.missing)

    def files_needed(self, candidates: Sequence[str] | None, train: bool = False) -> list[str]:
        """The one file of the split."""
        del candidates
        return [f"{'train' if train else self.split}_data_prepared.jsonl"]


def read_candidates(value: Any, where: str) -> dict[str, str]:
    """Model -> text, in the row's order."""
    if not isinstance(value, list) or not value:
        raise SmoothieError(f"{where}: expected a list of {{model, text}} under 'candidates'")
    texts = {}
    for entry in value:
        if not isinstance(entry, dict) or not isinstance(entry.get("model"), str):
            raise SmoothieError(f"{where}: a candidate has no text under 'model'")
        if entry["model"] in texts:
            raise SmoothieError(f"{where}: two texts of {shown(entry['model'])}")
        texts[entry["model"]] = as_text(entry.get("text"), "text", where)
    return texts


def read_ranks(value: Any, where: str) -> dict[str, float]:
    """Rank of each model by its won comparisons; empty where there are none.

    Ties in the number of wins share the better rank; "same" verdicts count for nobody.
    """
    if value is None or value == "null" or value == "":
        return {}
    comparisons = parse_literal(value, where) if isinstance(value, str) else value
    if not isinstance(comparisons, dict):
        raise SmoothieError(f"{where}: 'cmp_results' is not a table of comparisons")
    wins: dict[str, int] = {}
    for pair, verdict in comparisons.items():
        names = str(pair).split(",")
        if len(names) != 2:
            raise SmoothieError(f"{where}: 'cmp_results' compares {shown(pair)}, not two models")
        for name, winner in zip(names, ("A is better", "B is better"), strict=True):
            wins[name] = wins.get(name, 0) + (verdict == winner)
    return {
        name: 1.0 + sum(other > count for other in wins.values()) for name, count in wins.items()
    }


def parse_literal(text: str, where: str) -> Any:
    """Read JSON or, as most rows are, a Python literal; nothing is evaluated."""
    try:
        return parse_json(text)
    except NOT_JSON:
        pass
    try:
        return ast.literal_eval(text)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError) as error:
        raise SmoothieError(f"{where}: 'cmp_results' is neither JSON nor a literal") from error
