"""What importing costs: heavy packages are imported where they are used."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import smoothie", ["torch", "transformers", "datasets", "pandas", "matplotlib", "hydra"]),
        ("import experiments.run", ["torch", "transformers", "datasets", "matplotlib", "pandas"]),
    ],
)
def test_heavy_packages_are_not_imported(statement, absent):
    program = f"import sys; {statement}; print(*[m for m in {absent!r} if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == []
