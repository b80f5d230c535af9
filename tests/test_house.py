"""The walls of the house: imports run in one direction, and functions fit on a screen."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

# Rooms of smoothie/, from the ground up: each may import itself and those below, as docs/design.md
# draws them.
FLOORS = [
    ["errors", "clock", "registry", "cleaning", "fields", "not_fitted", "optional"],
    ["storage", "parallel"],
    ["models"],
    ["pretrained", "problem", "estimator", "posterior", "ngrams", "wording", "inspection"],
    ["neighbors", "loaders", "labeling"],
    ["encoders", "metrics"],
    ["scorers", "evidence"],
    ["routers"],
    ["evaluation", "significance"],
    ["run", "diagnosis", "to_label"],
    ["report", "answers", "fitted"],
    ["front"],
    ["sharing"],
    ["cli"],
    ["start"],
    ["__main__"],
]
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
LONGEST = 60  # lines of a function, its docstring aside


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(ROOT / "smoothie").parts[0].removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of the modules that are imported, at the top or inside of functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (entry.name for entry in node.names)


@pytest.mark.parametrize(
    "path", modules("smoothie"), ids=lambda path: str(path.relative_to(ROOT / "smoothie"))
)
def test_no_import_runs_back_up(path):
    room = room_of(path)
    if room == "__init__":
        return
    for name in imported(ast.parse(path.read_text())):
        package, _, rest = name.partition(".")
        assert package != "experiments"
        if package == "smoothie" and rest:
            other = rest.split(".")[0]
            assert FLOOR_OF[other] <= FLOOR_OF[room], f"{room} imports {other}"


def test_functions_fit_on_a_screen():
    long = []
    for path in [*modules("smoothie"), *modules("experiments")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                first = node.body[0]
                lines = node.end_lineno - node.lineno + 1
                if ast.get_docstring(node) is not None:
                    lines -= first.end_lineno - first.lineno + 1
                if lines > LONGEST:
                    long.append(f"{path.relative_to(ROOT)}: {node.name} has {lines} lines")
    assert long == []
