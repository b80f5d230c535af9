"""What importing costs: heavy packages are imported where they are used."""

import subprocess
import sys

import pytest

import smoothie
from smoothie import routers

HEAVY = ["torch", "transformers", "datasets", "pandas", "matplotlib"]


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import smoothie", ["numpy", "hydra", *HEAVY]),
        ("from smoothie import *", ["hydra", "smoothie.routers.consensus", *HEAVY]),
        ("from smoothie.routers import *", ["hydra", *HEAVY]),
        ("import experiments.run", ["numpy", *HEAVY]),
        ("from experiments.groups import register_groups as f; f()", ["sklearn", "scipy", *HEAVY]),
        ("import experiments.pipeline", HEAVY),
    ],
)
def test_heavy_packages_are_not_imported(statement, absent):
    program = f"import sys; {statement}; print(*[m for m in {absent!r} if m in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert shown.stdout.split() == []


def test_public_names_are_those_of_their_modules():
    for name in smoothie.__all__:
        assert getattr(smoothie, name).__name__ == name
    assert set(smoothie.__all__) <= set(dir(smoothie))
    assert not hasattr(smoothie, "nothing")


def test_public_routers_are_registered():
    kinds = [getattr(routers, name) for name in routers.__all__ if name != "Router"]
    kinds = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, routers.Router)]
    assert len(kinds) > 20
    assert set(kinds) <= set(routers.ROUTERS.values())
