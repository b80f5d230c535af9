"""Tables and plots of results, and the trackers that they are handed to."""

from smoothie.report.registry import PLOTS, register_plot
from smoothie.report.trackers import TRACKERS, register_tracker

__all__ = ["PLOTS", "TRACKERS", "register_plot", "register_tracker"]
