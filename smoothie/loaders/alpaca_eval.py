"""AlpacaEval model outputs: MODEL.json files of {instruction, output, generator, dataset}.

The files do not all list the instructions in the same order, so outputs are joined by instruction.
The paper's released code stacks them by position instead; that is kept as a setting, because it is
what the stored weights were computed from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from smoothie.errors import SmoothieError
from smoothie.files import read_json
from smoothie.loaders.base import choose_candidates
from smoothie.loaders.hub import HubSource
from smoothie.problem import Input, Problem, assemble

ALIGNMENTS = ("instruction", "position")


@dataclass
class AlpacaEval(HubSource):
    """Outputs of models on the AlpacaEval instructions.

    Attributes
    ----------
    outputs : str
        Folder of the repository (or below `folder`) that holds the MODEL.json files.
    align : {"instruction", "position"}
        How outputs are joined: by instruction, or by their place in the file.
    """

    outputs: str = "alpaca/downloaded_outputs"
    align: str = "instruction"

    def read(self, candidates: Sequence[str] | None) -> Problem:
        """Read the outputs; the inputs stand in the order of the first file by name."""
        if self.align not in ALIGNMENTS:
            raise SmoothieError(
                f"dataset.align={self.align}: expected one of {', '.join(ALIGNMENTS)}"
            )
        available = sorted(self.files.stems(self.outputs, ".json"))
        names = choose_candidates(available, candidates, self.outputs)
        rows = {
            name: read_outputs(self.files.fetch(f"{self.outputs}/{name}.json"))
            for name in {*names, available[0]}
        }
        first = rows[available[0]]
        inputs = [
            Input(f"alpaca_eval_{i:04d}", task, instruction)
            for i, (instruction, _, task) in enumerate(first)
        ]
        generations = {}
        for name in names:
            if self.align == "position":
                if len(rows[name]) != len(inputs):
                    raise SmoothieError(
                        f"{self.outputs}/{name}.json: {len(rows[name])} outputs where "
                        f"{available[0]} has {len(inputs)}; they cannot be stacked by position"
                    )
                texts = {i.id: r[1] for i, r in zip(inputs, rows[name], strict=True)}
            else:
                written = {instruction: output for instruction, output, _ in rows[name]}
                texts = {i.id: written[i.text] for i in inputs if i.text in written}
            generations[name] = texts
        return assemble("alpaca_eval", inputs, generations, missing=self.missing)


def read_outputs(path: Path) -> list[tuple[str, str, str]]:
    """Read (instruction, output, dataset) from one MODEL.json."""
    content = read_json(path)
    if not isinstance(content, list) or not content:
        raise SmoothieError(f"{path}: expected a list of {{instruction, output}}")
    rows = []
    for i, row in enumerate(content):
        texts = [row.get(key) for key in ("instruction", "output")] if isinstance(row, dict) else []
        if len(texts) != 2 or not all(isinstance(text, str) for text in texts):
            raise SmoothieError(f"{path}, row {i}: expected texts under 'instruction' and 'output'")
        rows.append((str(texts[0]), str(texts[1]), str(row.get("dataset") or "")))
    if len({instruction for instruction, _, _ in rows}) < len(rows):
        raise SmoothieError(f"{path}: an instruction occurs twice, so outputs cannot be joined")
    return rows
