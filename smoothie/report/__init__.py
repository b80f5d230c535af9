"""Tables and plots of results."""

from smoothie.report.registry import PLOTS, register_plot

__all__ = ["PLOTS", "register_plot"]
