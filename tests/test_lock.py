"""The lock file with several processes at once; downloads are in loaders/test_hub.py."""

import json
import os
import subprocess
import sys

import pytest

from smoothie import SmoothieError
from smoothie.storage.files import sha256
from smoothie.storage.lock import HubLock
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


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[]", "expected a JSON object of repositories"),
        ('{"models/a/b": {"revision": 5, "files": {}}}', "expected a 'revision' and 'files' under"),
        ('{"models/a/b": []}', "expected a 'revision' and 'files' under 'models/a/b'"),
    ],
)
def test_a_lock_file_of_another_shape(tmp_path, content, message):
    (tmp_path / "lock.json").write_text(content)
    with pytest.raises(SmoothieError, match=message):
        HubLock(tmp_path / "lock.json").revision("model", "a/b")


def test_what_is_known_without_asking(tmp_path):
    path, commit = tmp_path / "lock.json", "0123456789" * 4
    path.write_text(json.dumps({"models/a/b@tag": {"revision": commit, "files": {}}}))
    lock = HubLock.at(str(path))
    assert lock.revision("model", "a/b", "tag") == commit
    assert lock.known("model", "a/b", "tag") == commit
    assert lock.known("model", "a/b", "f" * 40) == lock.revision("model", "a/b", "f" * 40)
    assert lock.known("model", "nobody/nothing") is None
    assert lock.cached("model", "nobody/nothing", None, "config.json") is None
    with pytest.raises(SmoothieError, match="needs a lock file"):
        HubLock.at(None)
