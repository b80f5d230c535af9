"""The files of a comparison of published and reproduced numbers, each written whole."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.paper.comparison import KEY, REPRODUCED, compare
from experiments.paper.layouts import cells_of
from experiments.paper.names import TITLES
from experiments.paper.pages import report
from experiments.paper.paper_figures import FIGURES, draw_figures
from experiments.paper.paper_layouts import PAPER_TABLES
from experiments.paper.paper_tables import paper_table
from smoothie.report.output import write_table
from smoothie.storage.files import write_text


def write_report(
    folder: Path,
    published: pd.DataFrame,
    reproduced: pd.DataFrame,
    lacking: Mapping[str, Sequence[str]] | None = None,
    switches: pd.DataFrame | None = None,
    signature: Mapping[str, Any] | None = None,
    titles: Mapping[str, str] = TITLES,
) -> list[Path]:
    """Write report.md, comparison.csv, reproduced.csv, switches.csv, tables and figures.

    Parameters
    ----------
    folder : Path
        Where to write; files of an earlier report that this one does not write are removed.
    published, reproduced : DataFrame
        See `comparison.compare`.
    lacking : mapping of experiment -> sentences, optional
        What is not available, and how to get it.
    switches : DataFrame, optional
        What each switch of the protocol moves, see `pages.report`.
    signature : mapping, optional
        How the numbers were computed.
    titles : mapping of experiment -> title
        In the order of the page.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    SmoothieError
        If the cells cannot be compared; then nothing is written.
    """
    comparison = compare(published, reproduced)
    written = [folder / "comparison.csv", folder / "reproduced.csv"]
    write_table(comparison, written[0])
    write_table(reproduced.reindex(columns=[*KEY, *REPRODUCED]), written[1])
    if switches is not None and len(switches):
        written.append(folder / "switches.csv")
        write_table(switches, written[-1])
    for layout in PAPER_TABLES:
        cells = cells_of(comparison, layout.experiment)
        title = titles.get(layout.experiment, layout.experiment)
        if not cells:
            continue
        for name, beside in table_names(layout.name).items():
            written.append(folder / "tables" / name)
            write_text(written[-1], paper_table(layout, cells, title, beside))
    figures, absent = draw_figures(comparison, folder / "figures")
    images = {name: f"figures/{paths[0].name}" for name, paths in figures.items()}
    written += [path for paths in figures.values() for path in paths]
    written.append(folder / "report.md")
    page = report(comparison, lacking or {}, switches, signature or {}, titles, images, absent)
    write_text(written[-1], page)
    remove_stale(folder, written)
    return written


def table_names(name: str) -> dict[str, bool]:
    """The two files of a table, and whether published values stand beside ours."""
    return {f"{name}.tex": False, f"{name}_published_beside.tex": True}


def remove_stale(folder: Path, written: Sequence[Path]) -> None:
    """Remove files of an earlier report that this one did not write."""
    names = ["switches.csv"]
    names += [f"tables/{name}" for layout in PAPER_TABLES for name in table_names(layout.name)]
    names += [f"figures/{name}.{suffix}" for name in FIGURES for suffix in ("png", "pdf", "csv")]
    for name in names:
        if folder / name not in written:
            (folder / name).unlink(missing_ok=True)
