"""What importing costs: heavy packages are imported where they are used."""

import ast
import re
import subprocess
import sys
import tomllib

import pytest

import smoothie
from smoothie import routers
from smoothie.optional import EXTRA_OF
from tests.conftest import ROOT
from tests.test_house import imported, modules

HEAVY = ["torch", "transformers", "datasets", "pandas", "scipy", "matplotlib"]


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import smoothie", ["numpy", "hydra", *HEAVY]),
        ("from smoothie import *", ["hydra", "smoothie.routers.consensus", *HEAVY]),
        ("from smoothie.routers import *", ["hydra", *HEAVY]),
        ("import experiments.run", ["numpy", *HEAVY]),
        ("from experiments.groups import register_groups as f; f()", ["sklearn", *HEAVY]),
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


PACKAGE_OF = {"faiss": "faiss-cpu", "hydra": "hydra-core", "sklearn": "scikit-learn"}
PACKAGE_OF |= {"yaml": "PyYAML", "mlflow": "mlflow-skinny"}


def package_names(requirements):
    """Names of packages, without versions and extras."""
    return {re.match(r"[\w.-]+", entry).group().lower().replace("_", "-") for entry in requirements}


def imports_of(folder):
    """Top-level modules that are neither ours nor Python's."""
    names = {
        name.partition(".")[0]
        for path in modules(folder)
        for name in imported(ast.parse(path.read_text()))
    }
    return names - set(sys.stdlib_module_names) - {"smoothie", "experiments", "tests"}


def test_everything_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = package_names(project["dependencies"])
    extras = {
        extra: package_names(entries) for extra, entries in project["optional-dependencies"].items()
    }
    declared = base.union(*extras.values())
    for folder in ("smoothie", "experiments"):
        for name in imports_of(folder):
            package = PACKAGE_OF.get(name, name).lower().replace("_", "-")
            assert package in declared, f"{folder} imports {name}"
            if folder == "smoothie" and package not in base:  # the extra that a message names
                assert package in extras[EXTRA_OF[name]], name
    assert base <= {  # and nothing is declared in vain
        PACKAGE_OF.get(name, name).lower().replace("_", "-")
        for folder in ("smoothie", "experiments")
        for name in imports_of(folder)
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "program", "message"),
    [
        (
            "huggingface_hub",
            "from smoothie.storage.lock import HubLock as L; L.at('x').revision('model', 'a/b')",
            r"the Hub needs huggingface_hub: pip install 'smoothie-router\[encode\]'",
        ),
        (
            "pyarrow",
            "from smoothie.report.write_back import format_of as f; from pathlib import Path; "
            "f(Path('x.parquet'))",
            r"x.parquet: a Parquet file needs pyarrow: pip install 'smoothie-router\[hub\]'",
        ),
        (
            "ray",
            "from smoothie.parallel.cluster import RayCluster; RayCluster()",
            r"a Ray cluster needs Ray: pip install 'smoothie-router\[ray\]'",
        ),
        (
            "faiss",
            "from smoothie.neighbors.approximate import build_index as f; import numpy as np; "
            "f(np.zeros((9, 2), np.float32), 0)",
            r"approximate neighbors need faiss: pip install 'smoothie-router\[faiss\]'",
        ),
        (
            "math_verify",
            "from smoothie.routers import MajorityVote as M; M(view='math')",
            r"view=math needs math_verify: pip install 'smoothie-router\[math\]'",
        ),
        (
            "statsmodels",
            "from smoothie.significance import compare_pairs as f; import pandas as pd; "
            "f(pd.DataFrame({'a': [1.0], 'b': [2.0]}))",
            r"a comparison of methods needs statsmodels: "
            r"pip install 'smoothie-router\[statistics\]'",
        ),
    ],
)
def test_a_missing_package_is_said_with_the_line_that_installs_it(package, program, message):
    """In a process where the package cannot be imported."""
    hide = (
        "import sys; from importlib.machinery import PathFinder as P; find = P.find_spec; "
        f"P.find_spec = lambda n, *a, **k: None if n.partition('.')[0] == {package!r} "
        "else find(n, *a, **k); "
    )
    shown = subprocess.run([sys.executable, "-c", hide + program], capture_output=True, text=True)
    assert re.search(message, shown.stderr), shown.stderr
