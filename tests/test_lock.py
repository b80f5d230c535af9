"""The lock file with several processes at once; downloads are in loaders/test_hub.py."""

import json
import os
import subprocess
import sys

from smoothie.storage.files import sha256
from tests.conftest import ROOT


def test_no_entry_is_lost_and_no_reader_sees_half_a_file(tmp_path):
    """Each process adds entries of its own, and reads those of the others meanwhile."""
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from smoothie.storage.lock import HubLock\n"
        "lock = HubLock(Path(sys.argv[1]))\n"
        "for i in range(30):\n"
        "    with lock._update() as entries:\n"
        "        entry = entries.setdefault('models/both', {'revision': 'r', 'files': {}})\n"
        "        entry['files'].setdefault(f'{sys.argv[2]}{i}', 'x' * 64)\n"
        "    assert lock.known('model', 'both') == 'r'\n"
    )
    path = tmp_path / "hub.lock.json"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", program, path, name], env=os.environ | {"PYTHONPATH": str(ROOT)}
        )
        for name in "abcd"
    ]
    assert [process.wait() for process in running] == [0, 0, 0, 0]
    files = json.loads(path.read_text())["models/both"]["files"]
    assert set(files) == {f"{name}{i}" for name in "abcd" for i in range(30)}
    before = sha256(path)
    done = subprocess.run(
        [sys.executable, "-c", program, path, "a"], env=os.environ | {"PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0
    assert sha256(path) == before  # what is known already changes nothing
    assert not list(tmp_path.glob(".*"))
