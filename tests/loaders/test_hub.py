import hashlib
import json
import os
import subprocess
import sys

import pytest

from smoothie import SmoothieError
from smoothie.loaders import AlpacaEval, HuggingFaceDataset, LocalFolder, SmoothieData
from smoothie.lock import HubLock
from tests.conftest import ROOT
from tests.loaders.mirror import COMMIT, MODELS, REPOSITORY, make_mirror, serve, write_json


@pytest.fixture
def mirror(tmp_path):
    return make_mirror(tmp_path / "mirror")


def test_models_as_candidates(mirror):
    source = SmoothieData(
        folder=str(mirror), dataset="squad", cleaning="paper", train_split="train"
    )
    problem = source.load()
    assert problem.name == "squad"
    assert problem.candidates == MODELS
    assert problem.texts[4, 0] == "answer 4 "  # the paper's rule strips before it cuts
    assert problem.texts[3, 0] == "answer 99 "
    assert problem.inputs[4].text == "test passage 4"
    assert problem.inputs[4].references == ("answer 4",)
    assert problem.inputs[3].references == ("answer 3", "Answer No 3")
    train = source.load_train(("pythia", "dolly"))
    assert train.candidates == ("pythia", "dolly")
    assert train.inputs[0].text == "train passage 0"


def test_prompts_as_candidates(mirror):
    source = SmoothieData(folder=str(mirror), dataset="squad", model="dolly")
    problem = source.load()
    assert problem.name == "squad_dolly"
    assert problem.candidates == tuple(f"prompt_{p}" for p in range(11))
    assert problem.texts[2, 10] == "answer 12"
    assert source.load(["prompt_10", "prompt_0"]).texts[2].tolist() == ["answer 12", "answer 2"]


def test_alpaca_eval_is_joined_by_instruction_unless_asked(mirror):
    joined = AlpacaEval(folder=str(mirror)).load()
    assert joined.candidates == ("Ann", "bob", "cec")
    for i, item in enumerate(joined.inputs):
        assert item.text == f"Do {i}"
        assert joined.texts[i].tolist() == [f"{name} does {i}" for name in joined.candidates]
    stacked = AlpacaEval(folder=str(mirror), align="position").load(["cec", "Ann"])
    assert stacked.texts[8].tolist() == ["cec does 3", "Ann does 8"]
    assert stacked.ids == joined.ids
    with pytest.raises(SmoothieError, match=r"dataset\.align=hope"):
        AlpacaEval(folder=str(mirror), align="hope").load()


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("dolly_test.json", {"generations": ["x"]}, "1 generations for 9 inputs"),
        ("dolly_test.json", {"texts": []}, 'expected {"generations"'),
        ("dolly_test.json", {"generations": [1] * 9}, "generation 0 is not a text but 1"),
        ("dolly_test.json", {"generations": [None, *"abcdefgh"]}, "dolly lacks 1 of 9 inputs"),
    ],
)
def test_broken_files_are_named(mirror, file, content, message):
    write_json(mirror / "multi_model_results" / "squad" / "model_gens" / file, content)
    with pytest.raises(SmoothieError, match=message):
        SmoothieData(folder=str(mirror), dataset="squad").load()


def test_missing_names_are_named(mirror):
    for settings, message in (
        ({"dataset": "xsum"}, "xsum_test.jsonl: no such file"),
        ({"dataset": None}, "needs dataset.dataset"),
        ({"dataset": "squad", "model": "phi"}, "individual_test.json: no such file"),
        ({"dataset": "squad", "folder": "/nowhere"}, "no such folder"),
    ):
        with pytest.raises(SmoothieError, match=message):
            SmoothieData(**{"folder": str(mirror)} | settings).load()
    with pytest.raises(SmoothieError, match=r"phi_test.json: no such file"):
        SmoothieData(folder=str(mirror), dataset="squad").load(["dolly", "gemma", "phi"])


def load_from_hub(tmp_path, address, *more):
    """Load a problem in a process whose Hub is the mirror."""
    program = (
        "import sys\n"
        "from smoothie import SmoothieError\n"
        "from smoothie.loaders import SmoothieData\n"
        f"source = SmoothieData(repository={REPOSITORY!r}, dataset='squad', lock=sys.argv[1])\n"
        "try:\n"
        "    problem = source.load(sys.argv[2:] or None)\n"
        "except SmoothieError as error:\n"
        "    sys.exit(str(error))\n"
        "print(*problem.candidates, problem.texts[4, 0].split()[1])\n"
    )
    environment = os.environ | {
        "HF_ENDPOINT": address,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "lock.json"), *more],
        env=environment,
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )


def test_the_hub_is_asked_once_and_then_the_lock_file(mirror, tmp_path):
    with serve(mirror) as (address, asked):
        first = load_from_hub(tmp_path, address)
        assert first.stdout.split() == [*MODELS, "4"], first.stderr
        lock = json.loads((tmp_path / "lock.json").read_text())
        entry = lock[f"datasets/{REPOSITORY}"]
        assert entry["revision"] == COMMIT
        name = "multi_model_results/squad/model_gens/dolly_test.json"
        assert entry["files"][name] == hashlib.sha256((mirror / name).read_bytes()).hexdigest()
        assert set(entry["files"]) == {
            "datasets/squad_test.jsonl",
            *(f"multi_model_results/squad/model_gens/{model}_test.json" for model in MODELS),
        }
        before = len(asked)
        second = load_from_hub(tmp_path, address, *MODELS)
        assert second.stdout == first.stdout
        # commit and files are known: nothing needs the network
        assert [request for request in asked[before:] if REPOSITORY in request] == []

    offline = load_from_hub(tmp_path, "http://127.0.0.1:9", *MODELS)
    assert offline.stdout == first.stdout, offline.stderr


def test_a_file_that_differs_from_its_checksum_is_refused(mirror, tmp_path):
    with serve(mirror) as (address, _):
        assert load_from_hub(tmp_path, address).returncode == 0
        path = tmp_path / "lock.json"
        lock = json.loads(path.read_text())
        lock[f"datasets/{REPOSITORY}"]["files"]["datasets/squad_test.jsonl"] = "0" * 64
        path.write_text(json.dumps(lock))
        refused = load_from_hub(tmp_path, address, *MODELS)
    assert refused.returncode == 1
    assert "differs from 000000000000... in" in refused.stderr


def test_without_the_hub_the_message_says_what_to_do(tmp_path):
    failed = load_from_hub(tmp_path, "http://127.0.0.1:9", *MODELS)
    assert failed.returncode == 1
    assert "the Hub did not answer" in failed.stderr
    assert "give a local folder" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert not (tmp_path / "lock.json").exists()


def test_a_commit_is_used_as_it_is_and_a_lock_file_is_needed(tmp_path):
    lock = HubLock(tmp_path / "lock.json")
    assert lock.revision("model", "some/model", COMMIT) == COMMIT
    with pytest.raises(SmoothieError, match="needs a lock file"):
        HubLock.at(None)
    (tmp_path / "lock.json").write_text("[]")
    with pytest.raises(SmoothieError, match="expected a JSON object"):
        lock.revision("model", "some/model")


def test_a_saved_hugging_face_dataset(local_set, tmp_path):
    import datasets

    problem = LocalFolder(path=str(local_set)).load()
    problem.to_dataset().save_to_disk(str(tmp_path / "plain"))
    loaded = HuggingFaceDataset(path=str(tmp_path / "plain")).load()
    assert loaded.inputs == problem.inputs
    assert (loaded.texts == problem.texts).all()
    parts = {"test": problem.to_dataset(), "train": problem.take(slice(3)).to_dataset()}
    datasets.DatasetDict(parts).save_to_disk(str(tmp_path / "split"))
    source = HuggingFaceDataset(path=str(tmp_path / "split"), train_split="train")
    assert len(source.load(["gamma", "beta"]).inputs) == 12
    assert source.load_train(["gamma"]).texts.shape == (3, 1)
    for settings, message in (
        ({"path": None}, "needs dataset.path"),
        ({"path": str(tmp_path / "split"), "split": "dev"}, "cannot be loaded"),
        ({"path": str(tmp_path / "plain"), "split": "dev"}, "without splits, so no 'dev'"),
    ):
        with pytest.raises(SmoothieError, match=message):
            HuggingFaceDataset(**settings).load()
