"""Speed as ratios to a named rival in the same run, after results were asserted equal."""
