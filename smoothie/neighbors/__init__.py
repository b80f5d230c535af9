"""Nearest inputs: exact, cached on disk, or approximate."""
