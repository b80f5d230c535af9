"""Our own experiments: what was tried, and what did not help."""
