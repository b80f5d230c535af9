"""AlpacaEval model outputs: MODEL.json files of {instruction, output, generator, dataset}.

Quality comes from annotations (a judge's preference for each output) or, where those are not
available, from a leaderboard (one number for each model).

The files do not all list the instructions in the same order, so outputs are joined by instruction.
The paper's released code stacks them by position instead; that is available as a setting, because
it is what the stored weights were computed from.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from smoothie.errors import SmoothieError, printable
from smoothie.fields import as_name, as_score
from smoothie.loaders.base import choose_candidates, existing_folder, register_source
from smoothie.loaders.hub import HubSource
from smoothie.problem import Input, Problem, assemble
from smoothie.storage.files import child, read_json, user_path

log = logging.getLogger(__name__)

ALIGNMENTS = ("instruction", "position")


@register_source("alpaca_eval")
@dataclass
class AlpacaEval(HubSource):
    """Outputs of models on the AlpacaEval instructions.

    Attributes
    ----------
    outputs : str
        Folder of the repository (or below `folder`) that holds the MODEL.json files.
    align : {"instruction", "position"}
        How outputs are joined: by instruction, or by their place in the file.
    leaderboard : str or None
        A CSV file with one row for each model: its name in the column `model` or in the first one.
    leaderboard_column : str
        The column to score by, for instance win_rate or length_controlled_winrate.
    annotations : str or None
        A folder of MODEL.json or MODEL/annotations.json, as `alpaca_eval` writes them: rows of
        {instruction, preference}, where a preference of 1 is for the reference, 2 for the model.

    Examples
    --------
    >>> from smoothie.loaders import AlpacaEval
    >>> source = AlpacaEval(lock="hub.lock.json")
    >>> source.load(["claude-2", "gemini-pro", "Storm-7B"]).texts.shape  # doctest: +SKIP
    (805, 3)
    """

    outputs: str = "alpaca/downloaded_outputs"
    align: str = "instruction"
    leaderboard: str | None = None
    leaderboard_column: str = "win_rate"
    annotations: str | None = None

    def read(self, candidates: Sequence[str] | None) -> Problem:
        """Read the outputs; the inputs stand in the order of the first candidate by name."""
        if self.align not in ALIGNMENTS:
            raise SmoothieError(f"align={self.align}: expected one of {', '.join(ALIGNMENTS)}")
        available = self.files.stems(self.outputs, ".json") if candidates is None else candidates
        names = choose_candidates(available, candidates, self.outputs)
        files = {name: child(Path(self.outputs), f"{name}.json").as_posix() for name in names}
        rows = {name: read_outputs(self.files.fetch(file)) for name, file in files.items()}
        lead = min(names)
        first = rows[lead]
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
                        f"{lead} has {len(inputs)}; they cannot be stacked by position"
                    )
                texts = {i.id: r[1] for i, r in zip(inputs, rows[name], strict=True)}
            else:
                written = {instruction: output for instruction, output, _ in rows[name]}
                texts = {i.id: written[i.text] for i in inputs if i.text in written}
            generations[name] = texts
        labels = None
        if self.annotations is not None:
            folder = existing_folder(self.annotations, "annotations")
            ids = {item.text: item.id for item in inputs}
            labels = {name: read_annotations(folder, name, ids) for name in names}
        problem = assemble("alpaca_eval", inputs, generations, labels, missing=self.missing)
        if self.leaderboard is not None:
            path = user_path(self.leaderboard)
            known = read_leaderboard(path, self.leaderboard_column)
            numbers = np.array([known.get(name, np.nan) for name in problem.candidates])
            if not np.isfinite(numbers).all():
                lost = problem.candidates[int((~np.isfinite(numbers)).argmax())]
                raise SmoothieError(f"{path}: no {self.leaderboard_column} of {lost}")
            problem = replace(problem, leaderboard=numbers)
        return problem

    def files_needed(self, candidates: Sequence[str] | None, train: bool = False) -> list[str]:
        """The outputs of the candidates."""
        del train  # there is no training split
        names = self.files.stems(self.outputs, ".json") if candidates is None else candidates
        return [f"{self.outputs}/{name}.json" for name in names]


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
        task = as_name(row.get("dataset"), "dataset", f"{path}, row {i}")
        rows.append((str(texts[0]), str(texts[1]), task))
    if len({instruction for instruction, _, _ in rows}) < len(rows):
        raise SmoothieError(f"{path}: an instruction occurs twice, so outputs cannot be joined")
    return rows


def read_annotations(folder: Path, model: str, ids: dict[str, str]) -> dict[str, float]:
    """A judge's preference for a model over the reference, id -> 0 to 1."""
    paths = [child(folder, f"{model}.json"), child(folder, model) / "annotations.json"]
    path = next((path for path in paths if path.is_file()), None)
    if path is None:
        raise SmoothieError(f"{folder}: found neither {model}.json nor {model}/annotations.json")
    content = read_json(path)
    if not isinstance(content, list):
        raise SmoothieError(f"{path}: expected a list of {{instruction, preference}}")
    labels: dict[str, float] = {}
    unknown = 0
    for i, row in enumerate(content):
        where = f"{path}, row {i}"
        if not isinstance(row, dict) or not isinstance(row.get("instruction"), str):
            raise SmoothieError(f"{where}: expected a text under 'instruction'")
        if row.get("preference") is None:  # the judge's answer could not be parsed
            continue
        preference = as_score(row["preference"], where, "preference")
        if not 1 <= preference <= 2:
            raise SmoothieError(f"{where}: preference {preference} is not between 1 and 2")
        key = ids.get(row["instruction"])
        if key is None:
            unknown += 1
        elif labels.setdefault(key, preference - 1) != preference - 1:
            raise SmoothieError(f"{where}: a different preference for the same instruction")
    if unknown:
        log.warning(
            "%s: %d of %d rows are about instructions that are not among the inputs; not used",
            printable(path),
            unknown,
            len(content),
        )
    return labels


def read_leaderboard(path: Path, column: str) -> dict[str, float]:
    """One column of a leaderboard, by model."""
    import pandas as pd

    try:
        table = pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise SmoothieError(f"{path}: not a readable CSV file ({error})") from error
    if column not in table:
        raise SmoothieError(f"{path}: no column {column!r}; it has {', '.join(table.columns)}")
    names = table["model"] if "model" in table else table.iloc[:, 0]
    numbers: dict[str, float] = {}
    for name, value in zip(names, table[column], strict=True):
        try:
            number = float(value)
        except ValueError as error:
            raise SmoothieError(f"{path}, column {column}: not a number ({error})") from error
        if numbers.setdefault(str(name), number) != number and not np.isnan(number):
            raise SmoothieError(f"{path}, column {column}: two different numbers of {name}")
    return numbers
