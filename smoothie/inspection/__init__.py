"""What is odd about the texts of a problem, and what follows for its results."""

from smoothie.inspection.checks import inspect, warn_about_texts
from smoothie.inspection.findings import Finding, listed

__all__ = ["Finding", "inspect", "listed", "warn_about_texts"]
