"""Plots of a run, by name."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from smoothie.registry import Registry, wrong_function

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "pdf")  # of figures
Plot = Callable[[Any], "Figure | None"]  # of a result; None where there is nothing to draw


def wrong_plot(thing: Any) -> str | None:
    """Why an object cannot be used as a plot; None if it can."""
    return wrong_function(thing, ("the result of a run",))


PLOTS: Registry[Plot] = Registry("plot", "smoothie.plots", wrong_plot, "smoothie.report")
register_plot = PLOTS.register
