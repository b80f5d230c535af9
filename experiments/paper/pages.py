"""The page with published and reproduced numbers side by side."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pandas as pd

from experiments.paper.comparison import (
    KEY,
    OURS_ONLY,
    SLACK,
    VERDICTS,
    counts,
    is_absent,
    of_experiment,
    summary_line,
)
from experiments.paper.layouts import Cell, Layout, Line, cells_of
from experiments.paper.paper_layouts import layouts_of
from smoothie.report.tables import interval, markdown, number

MARKS = {
    "equal": "=",
    "within our interval": "≈",
    "differs": "≠",
    "quoted": "q",
    "another machine": "t",
}
NONE = "\N{EN DASH}"
LEGEND = f"""\
In the tables a cell is *published / ours* with a mark:

- `=` equal, as far as the published digits go;
- `≈` not equal, but the published value lies within our 95% interval;
- `≠` different;
- `q` quoted: carried over from the publication, nothing was reproduced;
- `t` a time, on another machine;
- `{NONE}` on one side: not available there.

A table with nothing on one side shows the other alone. `comparison.csv` has every cell with its
interval, source and command."""
COMMANDS = 1  # of an experiment that the page shows: the others differ in names only
FACTS = 6  # notes of an experiment that the page shows
MOVES = 10  # rows of a table of moves


def report(
    comparison: pd.DataFrame,
    lacking: Mapping[str, Sequence[str]],
    switches: pd.DataFrame | None,
    signature: Mapping[str, Any],
    titles: Mapping[str, str],
    figures: Mapping[str, str],
    absent: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """The whole page, as Markdown.

    Parameters
    ----------
    comparison : DataFrame
        What `comparison.compare` returns.
    lacking : mapping of experiment -> sentences
        What is not available, and how to get it.
    switches : DataFrame or None
        Columns switch, from, to, those of `KEY`, value_before, value_after: a row for each cell
        that was computed under both settings. An optional column, about, describes the switch.
    signature : mapping
        How the numbers were computed, shown at the top.
    titles : mapping of experiment -> title
        In the order of the page; further experiments follow under their own names.
    figures : mapping of experiment -> path
        Images, relative to the page.
    absent : mapping of experiment -> titles of panels, optional
        What is not drawn, as it has no value of ours beside a published one.
    """
    found = dict.fromkeys([*titles, *comparison["experiment"], *lacking])
    shown = [name for name in found if name in lacking or name in set(comparison["experiment"])]
    full = {name: titles.get(name, name) for name in shown}
    parts = [
        "# Published against reproduced",
        header(signature),
        f"**{summary_line(comparison)}.**",
        counts_table(comparison, full),
        not_drawn(figures, absent or {}, full),
        LEGEND,
    ]
    for name, title in full.items():
        parts.append(section(comparison, name, title, lacking.get(name, ()), figures.get(name)))
    if switches is not None and len(switches):
        parts.append(switch_section(switches))
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def header(signature: Mapping[str, Any]) -> str:
    """How the numbers were computed, a line for each entry."""
    lines = []
    for name, value in signature.items():
        if isinstance(value, Mapping):
            value = ", ".join(f"{key} {entry}" for key, entry in value.items())
        lines.append(f"- {name}: {f'`{value}`' if name == 'command' else value}")
    return "\n".join(lines)


def not_drawn(
    figures: Mapping[str, str], absent: Mapping[str, Sequence[str]], titles: Mapping[str, str]
) -> str:
    """A line that names the figures and panels that are left out."""
    names = []
    for experiment, panels in absent.items():
        name = titles.get(experiment, experiment).split(".")[0]
        names.append(f"{name} ({', '.join(panels)})" if experiment in figures else name)
    if not names:
        return ""
    return f"Not drawn, as they have no value of ours beside a published one: {', '.join(names)}."


def counts_table(comparison: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Verdicts by experiment, and in all."""
    names = ["cells", *VERDICTS, OURS_ONLY]
    table = {row["experiment"]: row for row in counts(comparison).to_dict("records")}
    nothing = dict.fromkeys(names, 0)
    rows = [
        [title, *(str(table.get(name, nothing)[column] or "") for column in names)]
        for name, title in {**titles, "all": "**all**"}.items()
    ]
    return markdown(["Experiment", *names], rows)


def section(
    comparison: pd.DataFrame, name: str, title: str, lacking: Sequence[str], figure: str | None
) -> str:
    """One experiment: what was found, what is missing, its tables and its figure."""
    chosen = of_experiment(comparison, name)
    parts = [f"## {title}"]
    if len(chosen):
        parts.append(f"{summary_line(chosen)}.")
    made = [f"- made by `{command}`" for command in chosen["command"].unique() if command]
    facts = few(made, COMMANDS)
    notes = chosen["note"][~chosen["note"].isin(["", "quoted"])].value_counts(sort=False)
    facts += few(f"- {note} ({c} {'cell' if c == 1 else 'cells'})" for note, c in notes.items())
    facts += [f"- not available: {sentence}" for sentence in lacking]
    sources = dict.fromkeys(source.split(";")[0] for source in chosen["source"] if source)
    facts += [f"- published: {'; '.join(sources)}"] if sources else []
    parts.append("\n".join(facts))
    cells = cells_of(comparison, name)
    for layout in layouts_of(name, cells):
        table = cell_table(layout, layout.grid(cells))
        if table:
            parts.append(f"{layout.caption}:\n\n{table}" if layout.caption else table)
    if figure:
        parts.append(f"![{title}]({PurePosixPath(figure)})")
    return "\n\n".join(part.strip("\n") for part in parts if part)


def few(lines: Iterable[str], most: int = FACTS) -> list[str]:
    """The first lines, and how many more there are."""
    found = list(lines)
    more = [f"- and {len(found) - most} more in comparison.csv"] if len(found) > most else []
    return found[:most] + more


def cell_table(layout: Layout, grid: Sequence[Sequence[Cell | None]]) -> str:
    """The cells of a layout as Markdown, or nothing if there are none."""
    present = [cell for row in grid for cell in row if cell is not None]
    kept = [i for i, row in enumerate(grid) if any(row)]
    if not present:
        return ""
    both = (
        any(not is_absent(cell["published"]) for cell in present),
        any(not is_absent(cell["reproduced"]) for cell in present),
    )
    rows = [
        [named(layout.rows[i]), *(shown(cell, layout.digits, both) for cell in grid[i])]
        for i in kept
    ]
    return markdown(["", *(named(column) for column in layout.columns)], rows)


def named(line: Line) -> str:
    """The title of a row or column with that of its group."""
    return f"{line.group} {line.title}".strip()


def shown(cell: Cell | None, digits: int | None, both: tuple[bool, bool]) -> str:
    """A cell of a table: published, ours and a mark, or only the side that the table has."""
    if cell is None:
        return ""
    digits = digits_of(cell) if digits is None else digits
    theirs, ours = cell["published"], cell["reproduced"]
    if both == (True, False):
        return value_text(theirs, digits)
    if both == (False, True):
        text = value_text(ours, digits)
        known = not (np.isnan(cell["ci_low"]) or np.isnan(cell["ci_high"]))
        return f"{text} {interval(cell['ci_low'], cell['ci_high'], digits)}" if known else text
    if isinstance(theirs, str) and cell["verdict"] == "equal":
        return f"{theirs} ="
    texts = [value_text(value, digits) for value in (theirs, ours)]
    while texts[0] == texts[1] and cell["verdict"] == "differs" and digits < 8:
        digits += 1  # so that numbers that differ look different
        texts = [value_text(value, digits) for value in (theirs, ours)]
    return f"{texts[0]} / {texts[1]} {MARKS.get(cell['verdict'], '')}".strip()


def value_text(value: Any, digits: int) -> str:
    """A number or a name; a dash where there is neither."""
    if is_absent(value):
        return NONE
    return value if isinstance(value, str) else number(value, digits)


def digits_of(cell: Cell) -> int:
    """Decimals of the published value: 1 for a tolerance of 0.05."""
    tolerance = cell["tolerance"]
    if np.isnan(tolerance):
        return 2
    return max(0, int(np.ceil(-np.log10(2 * tolerance) - SLACK))) if tolerance else 0


def switch_section(switches: pd.DataFrame) -> str:
    """What each switch of the protocol moves."""
    rows, details = [], []
    for names, group in switches.groupby(["switch", "from", "to"], sort=False, dropna=False):
        switch, before, after = (str(name) for name in names)
        pairs = zip(group["value_before"], group["value_after"], strict=True)
        moves = group.assign(size=[size_of_move(*pair) for pair in pairs])
        known = moves.dropna(subset="size")
        moved = known[known["size"] > 0].sort_values("size", ascending=False, kind="stable")
        share = f"{len(moved)} of {len(known)} cells" if len(moved) else "nothing"
        rows.append([f"`{switch}`", before, after, share])
        if len(moved):
            about = f" ({group['about'].iloc[0]})" if "about" in group else ""
            details.append(moves_table(f"`{switch}`{about} from {before} to {after}", moved))
    parts = ["## Which switch moves what", markdown(["Switch", "from", "to", "moves"], rows)]
    return "\n\n".join(part.strip("\n") for part in [*parts, *details])


def size_of_move(before: Any, after: Any) -> float:
    """Size of a change: infinite from one name to another, NaN where there is no value."""
    if is_absent(before) and is_absent(after):
        return float("nan")
    numbers = pd.to_numeric(pd.Series([before, after]), errors="coerce")
    distance = float(abs(numbers[1] - numbers[0]))
    if np.isnan(distance):
        return 0.0 if str(before) == str(after) else float("inf")
    return distance if distance > SLACK else 0.0


def digits_of_move(size: float) -> int:
    """Decimals that show two digits of a move, so that a small one is not shown as none."""
    return min(8, max(2, int(1 - np.floor(np.log10(size))))) if np.isfinite(size) else 2


def moves_table(switch: str, moved: pd.DataFrame) -> str:
    """The largest moves of one switch."""
    rows = []
    for move in moved.head(MOVES).to_dict("records"):
        key = [str(move[part]) for part in KEY if not is_absent(move[part])]
        where = ", ".join(part for part in key if part != "all")
        values = pd.Series([move["value_before"], move["value_after"]])
        numbers = pd.to_numeric(values, errors="coerce")
        digits = digits_of_move(move["size"])
        texts = [
            number(n, digits) if pd.notna(n) else (NONE if is_absent(v) else str(v))
            for n, v in zip(numbers, values, strict=True)
        ]
        rows.append([where, *texts, number(numbers[1] - numbers[0], digits, signed=True)])
    count = f"{len(moved)} {'cell' if len(moved) == 1 else 'cells'}"
    most = f", the {MOVES} largest moves" if len(moved) > MOVES else ""
    table = markdown(["Cell", "before", "after", "difference"], rows)
    return f"{switch} moves {count}{most}:\n\n{table}"
