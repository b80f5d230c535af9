import hashlib
import json
import shutil
import subprocess
import sys

import pytest

from smoothie import SmoothieError
from smoothie.loaders import AlpacaEval, HuggingFaceDataset, LocalFolder, SmoothieData
from smoothie.storage.lock import HubLock
from tests.conftest import ROOT, environment
from tests.loaders.mirror import COMMIT, MODELS, REPOSITORY, make_mirror, serve, write_json
from tests.paper_mirror import make_paper_mirror

MODELS_3B = ["dolly-3b", "incite-3b", "pythia-2.8b", "gemma-2b"]


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


def test_alpaca_eval_is_joined_by_instruction_by_default(mirror):
    joined = AlpacaEval(folder=str(mirror)).load()
    assert joined.candidates == ("Ann", "bob", "cec")
    for i, item in enumerate(joined.inputs):
        assert item.text == f"Do {i}"
        assert joined.texts[i].tolist() == [f"{name} does {i}" for name in joined.candidates]
    stacked = AlpacaEval(folder=str(mirror), align="position").load(["cec", "Ann"])
    assert stacked.texts[8].tolist() == ["cec does 3", "Ann does 8"]
    assert stacked.ids == joined.ids
    with pytest.raises(SmoothieError, match=r"align=hope"):
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
        ({"dataset": None}, "expected the name of one"),
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
    places = {
        "HF_ENDPOINT": address,
        "HF_HOME": str(tmp_path / "hf"),
        "HF_HUB_DISABLE_XET": "1",
        "NO_PROXY": "127.0.0.1",
    }
    return subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "lock.json"), *more],
        env=environment(measured=True, **places),
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
        ({"path": None}, "path=null: expected a folder"),
        ({"path": str(tmp_path / "split"), "split": "dev"}, "cannot be loaded"),
        ({"path": str(tmp_path / "plain"), "split": "dev"}, "without splits, so no 'dev'"),
    ):
        with pytest.raises(SmoothieError, match=message):
            HuggingFaceDataset(**settings).load()


def test_tasks_can_take_their_input_from_another_key(mirror):
    settings = {"folder": str(mirror), "dataset": "squad"}
    keys = {"squad": "multi_model_prompt"}
    assert SmoothieData(**settings, input_keys=keys).load().inputs[0].text == "long prompt"
    with pytest.raises(SmoothieError, match=r"no key 'question' \(input_keys\.squad\)"):
        SmoothieData(**settings, input_keys={"squad": "question"}).load()


@pytest.fixture
def paper(tmp_path):
    return make_paper_mirror(tmp_path / "paper", rows=6) / "smoothie_data"


def test_sets_of_several_tasks_as_generated_and_pooled(paper):
    parts = ["squad", "trivia_qa", "definition_extraction"]
    settings = {"folder": str(paper), "dataset": "acc_group", "parts": parts}
    whole = SmoothieData(**settings).load(MODELS_3B)
    assert whole.tasks == ("squad", "trivia_qa", "definition_extraction") * 2
    pooled = SmoothieData(**settings, pooled=True).load(MODELS_3B)
    assert pooled.tasks == ("squad",) * 6 + ("trivia_qa",) * 6 + ("definition_extraction",) * 6
    assert pooled.candidates == tuple(MODELS_3B)
    alone = SmoothieData(folder=str(paper), dataset="trivia_qa").load(MODELS_3B)
    assert (pooled.texts[6:12] == alone.texts).all()
    assert pooled.inputs[6].references == alone.inputs[0].references
    assert len(set(pooled.ids)) == 18
    with pytest.raises(SmoothieError, match="squad has no parts"):
        SmoothieData(folder=str(paper), dataset="squad", pooled=True).load(MODELS_3B)


def test_stored_selections_are_found_among_the_texts(paper):
    source = SmoothieData(folder=str(paper), dataset="acc_group", cleaning="paper", limit=4)
    problem = source.load(MODELS_3B)
    path = paper / "multi_model_results" / "acc_group" / "3b_ensemble" / "pair_rm_test.json"
    stored = json.loads(path.read_text())["generations"]
    raw = SmoothieData(folder=str(paper), dataset="acc_group").load(MODELS_3B)
    choices = source.selections("3b_ensemble/pair_rm_test.json", problem)
    assert choices.shape == (1, 4)
    for i in range(4):
        assert raw.texts[i, choices[0, i]] == stored[i]
        assert stored[i] not in raw.texts[i, : choices[0, i]].tolist()
    write_json(path, {"generations": [stored, stored]})
    assert source.selections("3b_ensemble/pair_rm_test.json", problem).shape == (2, 4)
    for content, message in (
        ({"generations": ["nobody's"] * 6}, "text 0 was written by none of the candidates"),
        ({"generations": stored[:3]}, "3 texts for 6 inputs"),
        ({}, "expected"),
    ):
        write_json(path, content)
        with pytest.raises(SmoothieError, match=message):
            source.selections("3b_ensemble/pair_rm_test.json", problem)


def test_files_are_found_without_asking_the_hub(paper, tmp_path):
    source = SmoothieData(folder=str(paper), dataset="squad", train_split="train")
    names = source.files_needed(["dolly-3b"])
    assert names == [
        "datasets/squad_test.jsonl",
        "multi_model_results/squad/model_gens/dolly-3b_test.json",
    ]
    assert all(source.files.local_path(name) is not None for name in names)
    assert source.files.local_path("datasets/other_test.jsonl") is None
    prompts = SmoothieData(folder=str(paper), dataset="squad", model="falcon-1b")
    assert prompts.files_needed(None, train=True)[1].endswith("falcon-1b/individual_train.json")
    far = SmoothieData(dataset="squad", lock=str(tmp_path / "lock.json"), repository="no/where")
    assert far.files.local_path(names[0]) is None


@pytest.mark.slow
def test_one_command_downloads_what_an_experiment_needs(paper, tmp_path, monkeypatch):
    """Pinned in the lock file, resumed without fetching anything twice, then used offline."""
    monkeypatch.delenv("SMOOTHIE_DATA", raising=False)

    def command(module, *more, measured=False, **places):
        return subprocess.run(
            [sys.executable, "-m", f"experiments.{module}", "experiment=gsm8k", *more],
            env=environment(measured, **places),
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )

    settings = ["debug=true", f"overrides=['dataset.repository={REPOSITORY}']", "switches=null"]
    settings += [f"hydra.run.dir={tmp_path / 'out'}"]
    places = {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}
    places |= {"SMOOTHIE_LOCK": str(tmp_path / "lock.json")}
    places |= {"SMOOTHIE_ENCODERS": str(tmp_path / "encoders")}
    (tmp_path / "encoders" / "all-mpnet-base-v2").mkdir(parents=True)
    with serve(paper) as (address, asked):
        first = command("download", *settings, measured=True, HF_ENDPOINT=address, **places)
        assert first.returncode == 0, first.stderr
        assert first.stdout.startswith("8 files and 0 models are available")
        lock = json.loads((tmp_path / "lock.json").read_text())
        assert lock[f"datasets/{REPOSITORY}"]["revision"] == COMMIT
        assert len(lock[f"datasets/{REPOSITORY}"]["files"]) == 8
        before = len(asked)
        second = command("download", *settings, HF_ENDPOINT=address, **places)
        assert second.stdout == first.stdout
        assert [request for request in asked[before:] if "/resolve/" in request] == []
        (paper / "datasets" / "gsm8k_test.jsonl").unlink()
        (tmp_path / "hf").rename(tmp_path / "gone")
        third = command("download", *settings, measured=True, HF_ENDPOINT=address, **places)
        assert third.returncode == 0
        assert "7 files" in third.stdout
        assert "not fetched: " in third.stdout
        assert "gsm8k_test.jsonl" in third.stdout
    (tmp_path / "hf").rename(tmp_path / "hf-in-part")
    (tmp_path / "gone").rename(tmp_path / "hf")
    found = command("reproduce", *settings, measured=True, HF_HUB_OFFLINE="1", **places)
    assert f"{REPOSITORY} at {COMMIT[:12]}" in found.stdout
    assert "gsm8k: 1 of 1" in found.stdout
    shutil.rmtree(tmp_path / "hf")
    (tmp_path / "lock.json").unlink()
    offline = command("download", *settings, HF_ENDPOINT="http://127.0.0.1:9", **places)
    assert offline.returncode == 1
    assert "the Hub did not answer" in offline.stderr
    assert "Traceback" not in offline.stderr
