"""Tables and plots of results, by themselves and beside the published ones."""

from smoothie.report.registry import PLOTS, register_plot

__all__ = ["PLOTS", "register_plot"]
