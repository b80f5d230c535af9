"""The tutorial runs from nothing, and its results are those that it shows.

`python -m tests.test_tutorial` runs it and writes the results into it.
"""

import os
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

NOTEBOOK = ROOT / "docs" / "tutorial.ipynb"

pytestmark = pytest.mark.slow


def executed(folder: Path):
    """The notebook, run in a folder of its own, with the commands of the checkout."""
    import nbformat
    from nbclient import NotebookClient

    (folder / "bin").mkdir()
    command = folder / "bin" / "smoothie"
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m smoothie "$@"\n')
    command.chmod(0o755)
    environment = {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "SMOOTHIE_CACHE": str(folder / "cache"),
        "SMOOTHIE_ENCODERS": str(folder / "none"),
        "HF_HUB_OFFLINE": "1",
    }
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(folder)}})
    client.execute(env=os.environ | environment)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times
    return notebook


def shown(notebook) -> list[str]:
    """What each cell of code shows as text."""
    texts = []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            outputs = [
                output.get("text") or output.get("data", {}).get("text/plain", "")
                for output in cell.outputs
            ]
            texts.append("".join(outputs))
    return texts


def test_the_tutorial_shows_what_it_gives(tmp_path):
    nbformat = pytest.importorskip("nbformat", reason="pip install -e .[docs]")
    pytest.importorskip("nbclient", reason="pip install -e .[docs]")
    pytest.importorskip("ipykernel", reason="pip install -e .[docs]")
    stored = nbformat.read(NOTEBOOK, as_version=4)
    assert all(shown(stored)[i] for i in (0, 1, 2))
    assert shown(executed(tmp_path)) == shown(stored)


if __name__ == "__main__":
    import tempfile

    import nbformat

    with tempfile.TemporaryDirectory() as place:
        made = executed(Path(place))
    nbformat.write(made, NOTEBOOK)
