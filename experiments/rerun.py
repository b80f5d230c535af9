"""Make a result again from its signature, and compare: nothing in the folder is changed.

    python -m experiments.rerun OUT
    smoothie rerun OUT

OUT is the output folder of a run. The settings in its signature.json are composed and run again.
Paths among them are those of the folder that the command is typed in. The status is 0 if the data
and all tables are the same, and 1 if anything differs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.config import one_sentence_errors
from experiments.groups import CONF, register_groups
from smoothie.errors import SmoothieError
from smoothie.report.output import earlier_files
from smoothie.storage.files import read_json

SIGNATURE = "signature.json"
DRAWN = (".png", ".pdf", ".html")  # not compared: they show what the tables hold
NOT_AGAIN = ("output.plots=false", "output.vectors=null", "output.router=null")  # nothing is spent
PARTS = ("data", "versions", "signature")


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        "python -m experiments.rerun", description="Make a result again, and compare."
    )
    parser.add_argument("folder", type=Path, help="output folder of a run")
    folder = parser.parse_args(arguments).folder
    with one_sentence_errors():
        with tempfile.TemporaryDirectory() as temporary:
            run_again(read_signature(folder)["command"], Path(temporary))
            lines, same = compare_folders(folder, Path(temporary))
        sys.stdout.write("".join(f"{line}\n" for line in lines))
        return 0 if same else 1


def read_signature(folder: Path) -> Mapping[str, Any]:
    """The signature of a result.

    Raises
    ------
    SmoothieError
        If there is none, or it does not say which settings the result was made by.
    """
    path = folder / SIGNATURE
    if not path.is_file():
        raise SmoothieError(f"{path}: not found; expected the output folder of a run")
    signature = read_json(path)
    command = signature.get("command") if isinstance(signature, dict) else None
    settings = command.get("settings") if isinstance(command, dict) else None
    if not isinstance(settings, list) or not all(isinstance(value, str) for value in settings):
        raise SmoothieError(
            f"{path}: it does not say by which settings the result was made (command.settings); "
            f"only results of experiments.run can be made again"
        )
    return dict(signature)


def run_again(command: Mapping[str, Any], folder: Path) -> None:
    """Run the settings of a result, and write its tables to another folder."""
    from hydra import compose, initialize_config_dir

    from experiments.pipeline import run
    from smoothie.report.artifacts import write_artifacts
    from smoothie.report.contents import artifacts_of_run

    register_groups()
    settings = [*command["settings"], *NOT_AGAIN]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose(str(command.get("config", "config")), overrides=settings)
    result = run(cfg)
    artifacts = artifacts_of_run(cfg.output.k_curve, cfg.output.budgets)
    write_artifacts(result, artifacts, folder, plots=False)


def compare_folders(before: Path, after: Path) -> tuple[list[str], bool]:
    """Lines that say what is the same and what differs, and whether all is the same."""
    old, new = read_json(before / SIGNATURE), read_json(after / SIGNATURE)
    lines = [
        f"{SIGNATURE}: {part} {what}"
        for part in PARTS
        for what in differing_entries(old.get(part), new.get(part))
    ]
    same = old.get("data") == new.get("data")
    names = [name for name in earlier_files(before) if not name.endswith(DRAWN)]
    for name in sorted({*names, *earlier_files(after)} - {SIGNATURE}):
        how = how_they_differ(before / name, after / name)
        lines.append(f"{name}: {how or 'the same'}")
        same &= how is None
    return lines, same


def differing_entries(old: Any, new: Any) -> list[str]:
    """What two parts of a signature disagree on."""
    if old == new:
        return []
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [f"was {old}, is {new}"]
    names = sorted({*old, *new})
    return [
        f"{name} was {old.get(name)}, is {new.get(name)}"
        for name in names
        if old.get(name) != new.get(name)
    ]


def how_they_differ(before: Path, after: Path) -> str | None:
    """How two files differ, in some words; None if all bytes are equal."""
    for path, what in ((before, "was not there"), (after, "is not made any more")):
        if not path.is_file():
            return what
    if before.read_bytes() == after.read_bytes():
        return None
    if before.suffix == ".csv":
        return how_tables_differ(pd.read_csv(before), pd.read_csv(after))
    old, new = (path.read_text(encoding="utf-8").splitlines() for path in (before, after))
    if len(old) != len(new):
        return f"{len(old)} lines, now {len(new)}"
    return f"{sum(a != b for a, b in zip(old, new, strict=True))} of {len(old)} lines differ"


def how_tables_differ(old: pd.DataFrame, new: pd.DataFrame) -> str:
    """The cells that differ and, of numbers, by how much at most."""
    if list(old.columns) != list(new.columns) or len(old) != len(new):
        return f"{old.shape[0]} rows of {old.shape[1]}, now {new.shape[0]} of {new.shape[1]}"
    said = []
    for name in old.columns:
        changed = ~((old[name] == new[name]) | (old[name].isna() & new[name].isna()))
        if not changed.any():
            continue
        numbers = all(pd.api.types.is_numeric_dtype(table[name]) for table in (old, new))
        most = f" by up to {(old[name] - new[name])[changed].abs().max():.2g}" if numbers else ""
        said.append(f"{name} in {int(changed.sum())} of {len(old)} rows{most}")
    return "; ".join(said) or "the same values, written in another way"


if __name__ == "__main__":
    sys.exit(main())
