"""Speed, as ratios against a named rival in the same run, parity asserted before time is taken."""
