"""What a run writes: each artifact knows how it is computed, its files and its plot."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smoothie.clock import Clock
from smoothie.optional import install_line, is_installed
from smoothie.report.output import OutputFolder
from smoothie.report.registry import PLOTS
from smoothie.run import Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Artifact:
    """One thing that a run writes.

    Attributes
    ----------
    compute : callable
        Given the result, computes the artifact; None if this run has none. Its value is passed to
        the other functions.
    write : callable
        Writes files to an open `OutputFolder`.
    show : callable, optional
        What the terminal shows of it.
    plot : callable, optional
        Draws a figure; None if there is nothing to draw.
    figure : str
        Name of the plot's files, without their ending.
    part : str
        Name of the value for report.html; empty if the page does not show it.
    """

    compute: Callable[[Result], Any]
    write: Callable[[Result, Any, OutputFolder], None]
    show: Callable[[Result, Any], str] | None = None
    plot: Callable[[Result, Any], Figure | None] | None = None
    figure: str = ""
    part: str = ""


def write_artifacts(
    result: Result,
    artifacts: Sequence[Artifact],
    folder: Path,
    plots: bool = True,
    clock: Clock | None = None,
    formats: Sequence[str] = ("png",),
    page: bool = False,
    sample: int | None = None,
) -> str:
    """Write all files of a run.

    Parameters
    ----------
    result : Result
    artifacts : sequence of Artifact
        In the order in which the terminal shows them.
    folder : Path
        Created if it does not exist; see `OutputFolder` for what happens to files of earlier runs.
    plots : bool
        Whether to draw.
    clock : Clock, optional
        Takes the time of the steps "evaluate" and "report".
    formats : sequence of {"png", "pdf"}
        Of the figures.
    page : bool
        Whether to write report.html.
    sample : int, optional
        So many inputs in its browser of inputs; by default all, as far as it opens quickly.

    Returns
    -------
    str
        What to show to the user: the table, and the paths of what was written.
    """
    clock = clock or Clock()
    if plots and not is_installed("matplotlib"):
        log.warning("no plots are drawn: they need matplotlib, %s", install_line("plots"))
        plots = False
    with clock.step("evaluate"):
        computed = [(artifact, artifact.compute(result)) for artifact in artifacts]
    there = [(artifact, value) for artifact, value in computed if value is not None]
    with clock.step("report"), OutputFolder(folder) as output:
        for artifact, value in there:
            artifact.write(result, value, output)
            if plots and artifact.plot is not None:
                figure = artifact.plot(result, value)
                if figure is not None:
                    output.figure(artifact.figure, figure, formats)
        if plots:
            draw_registered(result, output, formats)
        look = ""
        if page:
            from smoothie.report.page.of_run import PAGE, page_of_run

            found = {artifact.part: value for artifact, value in there if artifact.part}
            output.text(PAGE, page_of_run(result, found, sample))
            look = f"Open {folder / PAGE} in a browser to look at all inputs.\n"
    shown = [artifact.show(result, value) for artifact, value in there if artifact.show]
    listed = "\n".join(f"  {path}" for path in output.paths)
    return "\n" + "\n".join([*filter(None, shown), f"Written:\n{listed}\n{look}"])


def draw_registered(result: Result, output: OutputFolder, formats: Sequence[str]) -> None:
    """Draw the plots of other packages; one that fails only causes a warning."""
    for name, plot in PLOTS.items():
        try:
            figure = plot(result)
        except Exception as error:  # another package's code may raise anything
            log.warning("plot %s is skipped: %s: %s", name, type(error).__name__, error)
            continue
        if figure is not None:
            output.figure(name, figure, formats)
