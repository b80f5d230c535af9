"""Small files and models that the tests make for themselves, and the real data they may use."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

# Workers of pytest-xdist share the cores, but NumPy, SciPy and torch would each take all of them,
# in every worker and in every process that a test starts. They read this when they are imported.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("MKL_NUM_THREADS", "1")  # torch

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parents[1]

# For the tests that ask for models (`encoders`) alone: no other test may find one.
if "SMOOTHIE_ENCODERS" in os.environ:
    os.environ["SMOOTHIE_ENCODERS_OF_TESTS"] = os.environ.pop("SMOOTHIE_ENCODERS")

# A busy machine is no reason to fail: no example is timed.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

# Fixtures that import torch or start processes, which takes seconds: see CONTRIBUTING.md.
SLOW = {"bart", "bert", "encoders", "forked", "machines", "mirror", "one_after_the_other"}
SLOW |= {"pair_rm", "tiny_encoder", "tiny_model"}


# Files that take longest, the longest first: where workers share the files, none comes last.
LONGEST = ["test_reproduce", "test_pages", "test_cluster", "test_real_data", "test_run"]
LONGEST += ["test_sweep", "test_odd_settings", "test_page_browser", "test_tutorial", "test_hub"]
LONGEST += ["test_extending", "test_encoders", "test_readme", "test_mathematics", "test_site"]
LONGEST += ["test_config", "test_odd_inputs", "test_diagnosis", "test_faults", "test_groups"]
LONGEST += ["test_static"]
PLACE = {name: place for place, name in enumerate(LONGEST)}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as slow whatever uses a slow fixture; the rest is marked where it stands."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: PLACE.get(item.path.stem, len(PLACE)))
    for item in items:
        if SLOW & set(getattr(item, "fixturenames", ())):
            item.add_marker("slow")


# Tests of commands and experiments that are not measured. Traced, Hydra, pandas and torch take
# twice their time, and what these tests use of smoothie/ the others measure.
UNMEASURED = {"test_benchmarks", "test_config", "test_damaged_caches", "test_determinism"}
UNMEASURED |= {"test_faults", "test_groups", "test_odd_settings", "test_page_browser"}
UNMEASURED |= {"test_pages", "test_readme", "test_real_data", "test_reproduce"}
UNMEASURED |= {"test_reproduction", "test_rerun", "test_site", "test_tutorial"}
OF_PROCESSES = "COVERAGE_PROCESS_CONFIG"  # where coverage says that processes are measured, too


@contextmanager
def unmeasured() -> Iterator[None]:
    """No coverage, neither of this process nor of those that it starts."""
    if OF_PROCESSES not in os.environ:
        yield
        return
    # Not Coverage.stop: in a worker, another measurement would go on in its place.
    settings = os.environ.pop(OF_PROCESSES)
    here, in_threads = sys.gettrace(), threading.gettrace()
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        sys.settrace(here)
        threading.settrace(in_threads)
        os.environ[OF_PROCESSES] = settings


def environment(measured: bool = False, **more: str) -> dict[str, str]:
    """That of a process that a test starts, which takes half the time where it is not measured."""
    kept = {name: value for name, value in os.environ.items() if measured or name != OF_PROCESSES}
    return kept | more


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Measure coverage where it is worth its time."""
    if item.path.stem not in UNMEASURED:
        return (yield)
    with unmeasured():
        return (yield)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real cached generations beside the checkout."""
    folder = Path(os.environ.get("SMOOTHIE_SHARED", ROOT.parent / "shared"))
    if not (folder / "data" / "sets").is_dir():
        pytest.skip(f"no real cached generations at {folder}")
    return folder


@pytest.fixture(scope="session")
def encoders() -> Path:
    """Local folders of the encoders all-MiniLM-L6-v2 and all-mpnet-base-v2."""
    place = os.environ.get("SMOOTHIE_ENCODERS_OF_TESTS", "~/.cache/smoothie-encoders")
    folder = Path(place).expanduser()
    if not (folder / "all-MiniLM-L6-v2").is_dir() or not (folder / "all-mpnet-base-v2").is_dir():
        pytest.skip(f"no encoders at {folder}")
    return folder


def write_lines(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def make_set(
    folder: Path,
    inputs: int = 12,
    candidates: tuple[str, ...] = ("alpha", "beta", "gamma"),
    labels: bool = True,
    references: bool = True,
    texts: bool = True,
) -> Path:
    """A small set in the local layout; candidate 0 is right twice as often as the others."""
    words = ["red", "green", "blue", "white", "black"]
    rows, generations, scores = [], {name: [] for name in candidates}, []
    for i in range(inputs):
        right = words[i % len(words)]
        rows.append(
            {
                "id": f"q{i}",
                "task": "colours" if i % 2 else "shades",
                "input": f"What colour is thing number {i}?" if texts else "",
                "references": [f"it is {right} today"] if references else [],
            }
        )
        for j, name in enumerate(candidates):
            correct = (i + j) % 3 != 0 if j == 0 else (i + j) % 3 == 0
            said = right if correct else words[(i + j + 1) % len(words)]
            generations[name].append({"id": f"q{i}", "generation": f"it is {said} today"})
            scores.append({"id": f"q{i}", "model": name, "score": float(correct)})
    write_lines(folder / "dataset.jsonl", rows)
    for name, lines in generations.items():
        write_lines(folder / "generations" / f"{name}.jsonl", lines)
    if labels:
        write_lines(folder / "labels.jsonl", scores)
    return folder


@pytest.fixture
def local_set(tmp_path: Path) -> Path:
    """A small set in the local layout."""
    return make_set(tmp_path / "tiny")


def store_vectors(folder: Path, target: Path, seed: int = 0) -> Path:
    """Random vectors for a set, equal texts with equal vectors, as encoder=stored reads them."""
    generator = np.random.default_rng(seed)
    known: dict[str, np.ndarray] = {}

    def vector(text: str) -> np.ndarray:
        return known.setdefault(text, generator.normal(size=8).astype(np.float32))

    target.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in (folder / "dataset.jsonl").open(encoding="utf-8")]
    np.save(target / "inputs.npy", np.stack([vector(row["input"]) for row in rows]))
    for path in (folder / "generations").glob("*.jsonl"):
        texts = [json.loads(line)["generation"] for line in path.open(encoding="utf-8")]
        np.save(target / f"{path.stem}.npy", np.stack([vector(text) for text in texts]))
    return target


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model with random weights: two layers of 16 dimensions."""
    folder = tmp_path_factory.mktemp("tiny-encoder")
    with unmeasured():
        return write_encoder(folder)


def write_encoder(folder: Path) -> Path:
    """Write the model of `tiny_encoder`."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    letters = [chr(c) for c in range(33, 127)]
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *letters,
        *("##" + c for c in letters),
    ]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), encoding="utf-8")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder / "bert")
    BertTokenizerFast(str(folder / "vocab.txt")).save_pretrained(folder / "bert")
    transformer = Transformer(str(folder / "bert"), max_seq_length=64)
    model = SentenceTransformer(modules=[transformer, Pooling(16)], device="cpu")
    model.save(str(folder / "model"))
    return folder / "model"


@pytest.fixture(scope="session")
def forked() -> Iterator[Callable]:
    """Run modules side by side in processes that need not import anything: tests/forked.py."""
    # Not measured: its processes end without saving what was measured.
    plain = environment(PYTHONPATH=str(ROOT), HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")
    with subprocess.Popen(
        [sys.executable, str(ROOT / "tests" / "forked.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=plain,
    ) as process:

        def run(
            module: str, *arguments: list, folder: Path, environment: dict[str, str] | None = None
        ) -> list[tuple[int, str]]:
            """The exit status and output of each list of arguments."""
            outputs = [folder / f"output-{i}" for i in range(len(arguments))]
            orders = [
                {
                    "module": module,
                    "arguments": list(map(str, given)),
                    "folder": str(folder),
                    "environment": environment or {},
                    "output": str(output),
                }
                for given, output in zip(arguments, outputs, strict=True)
            ]
            process.stdin.write(json.dumps(orders) + "\n")
            process.stdin.flush()
            statuses = json.loads(process.stdout.readline())
            shown = [output.read_text(encoding="utf-8") for output in outputs]
            for output in outputs:
                output.unlink()
            return list(zip(statuses, shown, strict=True))

        yield run
        process.stdin.close()


def write_results(result, folder: Path, plots: bool = True, sizes=(1, 2, 5, 10), budgets=()) -> str:
    """Write the files of a run, as the command line does."""
    from smoothie.report.artifacts import write_artifacts
    from smoothie.report.contents import artifacts_of_run

    return write_artifacts(
        result, artifacts_of_run(sizes, budgets), folder, plots, formats=("png", "pdf")
    )


@pytest.fixture
def composed_by_hydra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable:
    """Compose a configuration from overrides, with a cache of the test's own."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_dir

    from experiments.groups import register_groups

    register_groups()
    monkeypatch.setenv("SMOOTHIE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SMOOTHIE_LOCK", str(tmp_path / "hub.lock.json"))
    monkeypatch.chdir(ROOT)

    def make(*overrides: str, name: str = "config"):
        # Of smoothie/ it runs nothing, and traced it takes twice its time.
        with unmeasured(), initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
            return hydra_compose(name, overrides=list(overrides))

    return make


@pytest.fixture
def compose(composed_by_hydra: Callable) -> Callable:
    """The same; that of a run piece by piece, which test_config.py compares with Hydra's."""
    from experiments.paper.jobs import compose_run

    def make(*overrides: str, name: str = "config"):
        if name != "config":
            return composed_by_hydra(*overrides, name=name)
        with unmeasured():
            return compose_run(overrides)

    return make
