"""A small mirror of everything that the paper's experiments read, in the Hub's layout."""

import json
import shutil
from pathlib import Path

import numpy as np

from tests.loaders.mirror import write_json

TASKS = {
    "cnn_dailymail": "text",
    "definition_extraction": "answer",
    "e2e_nlg": "text",
    "squad": "answer",
    "trivia_qa": "answer",
    "web_nlg": "text",
    "xsum": "text",
}
GROUPS = {
    "acc_group": ["squad", "trivia_qa", "definition_extraction"],
    "rouge2_group": ["cnn_dailymail", "e2e_nlg", "web_nlg", "xsum"],
}
MODELS = ["dolly-3b", "incite-3b", "pythia-2.8b", "gemma-2b", "llama-2-7b", "mistral-7b"]
MODELS += ["vicuna-7b", "gemma-7b", "nous-capybara"]
ENSEMBLES = {"3b_ensemble": MODELS[:4], "7b_ensemble": MODELS[4:]}
GSM8K = ["gemma-7b", "llema-7b", "phi-2"]
PROMPTED = ["falcon-1b", "llama-2-7b", "pythia-410m", "pythia-1b", "pythia-2.8b", "pythia-6.9b"]
ALPACA = ["Ein-70B-v0.1", "FsfairX-Zephyr-Chat-v0.1", "Meta-Llama-3-70B-Instruct"]
ALPACA += ["Nanbeige-Plus-Chat-v0.1", "Qwen1.5-110B-Chat", "Storm-7B", "claude-2", "gemini-pro"]
ALPACA += ["mistral-large-2402", "yi-large-preview"]
MIX = ["alpaca-native", "chatglm-6b", "dolly-v2-12b", "flan-t5-xxl", "koala-7B-HF"]
MIX += ["llama-7b-hf-baize-lora-bf16", "moss-moon-003-sft", "mpt-7b-instruct"]
MIX += ["oasst-sft-4-pythia-12b-epoch-3.5", "stablelm-tuned-alpha-7b", "vicuna-13b-1.1"]
WORDS = ["red", "green", "blue", "white", "black", "brown", "grey", "pink", "gold", "navy"]


def write_lines(path: Path, rows: list[dict]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def make_paper_mirror(root: Path, rows: int = 24) -> Path:
    """Write smoothie_data/, mix_instruct/, sets/ below a folder."""
    draw = np.random.default_rng(0)
    data = root / "smoothie_data"
    for split in ("train", "test"):
        for task, kind in TASKS.items():
            write_dataset(data, task, [task] * rows, split, kind, draw)
        for group, tasks in GROUPS.items():
            kind = TASKS[tasks[0]]
            names = [tasks[i % len(tasks)] for i in range(rows)]
            write_dataset(data, group, names, split, kind, draw)
        write_gsm8k(data, split, rows, draw)
    for i, name in enumerate(ALPACA):
        items = [
            {"instruction": f"Do {j}", "output": f"{WORDS[(i * j) % 7]} {name[:2]} does {j}"}
            for j in range(rows)
        ]
        if name == "gemini-pro":
            items = items[:5] + items[:4:-1]
        write_json(data / "alpaca" / "downloaded_outputs" / f"{name}.json", items)
    write_mix_instruct(root / "mix_instruct", rows, draw)
    write_preferences(root / "sets" / "alpaca_eval_preferences", rows, draw)
    return root


def answer(truth: str, skill: float, draw: np.random.Generator) -> str:
    """A generation: right with a probability, followed by what base models go on with."""
    said = truth if draw.random() < skill else str(draw.choice(WORDS))
    tail = str(draw.choice(["", "<eos>", "</s>", "\nQuestion: next", "<|endoftext|>"]))
    return f" {said}{tail}"


def write_dataset(
    data: Path, name: str, tasks: list[str], split: str, kind: str, draw: np.random.Generator
) -> None:
    truths = [str(draw.choice(WORDS)) for _ in tasks]
    full = [t if kind == "answer" else f"the thing is {t} and large" for t in truths]
    lines = [
        {
            "task_name": task,
            "idx": i,
            "embedding_input": f"{task} {split} passage about {truths[i]} {i // 3}",
            "multi_model_prompt": f"{task} {split} passage about {truths[i]}. Question {i}",
            "reference": [full[i]] if task == "trivia_qa" else full[i],
        }
        for i, task in enumerate(tasks)
    ]
    write_lines(data / "datasets" / f"{name}_{split}.jsonl", lines)
    written = {}
    for j, model in enumerate(MODELS):
        written[model] = [answer(t, 0.3 + 0.07 * j, draw) for t in full]
        folder = data / "multi_model_results" / name / "model_gens"
        write_json(folder / f"{model}_{split}.json", {"generations": written[model]})
    for ensemble, members in ENSEMBLES.items():
        chosen = [written[str(draw.choice(members))][i] for i in range(len(tasks))]
        path = data / "multi_model_results" / name / ensemble / f"pair_rm_{split}.json"
        write_json(path, {"generations": chosen})
    for model in PROMPTED if name in TASKS else []:
        texts = [[answer(t, 0.3 + 0.1 * p, draw) for p in range(3)] for t in full]
        folder = data / "multi_prompt_results" / name / model
        write_json(folder / f"individual_{split}.json", {"generations": texts})


def write_gsm8k(data: Path, split: str, rows: int, draw: np.random.Generator) -> None:
    truths = [str(draw.integers(10, 2000)) for _ in range(rows)]
    lines = [
        {"task_name": "gsm8k", "idx": i, "embedding_input": f"How many {i}?", "reference": truth}
        for i, truth in enumerate(truths)
    ]
    write_lines(data / "datasets" / f"gsm8k_{split}.jsonl", lines)
    for j, model in enumerate(GSM8K):
        texts = []
        for truth in truths:
            number = truth if draw.random() < 0.3 + 0.2 * j else str(draw.integers(10, 2000))
            texts.append(f"We get {number} at last.\nSo the answer is {number}.\n\nQ: next 7")
        folder = data / "multi_model_results" / "gsm8k" / "model_gens"
        write_json(folder / f"{model}_{split}.json", {"generations": texts})


def write_mix_instruct(folder: Path, rows: int, draw: np.random.Generator) -> None:
    lines = []
    for i in range(rows):
        candidates = [
            {"model": m, "text": f"{draw.choice(WORDS)} {j % 4}", "decoding_method": "top_p"}
            for j, m in enumerate(MIX)
        ]
        verdicts = {
            f"{first},{second}": str(draw.choice(["A is better", "B is better", "same good"]))
            for first in MIX
            for second in MIX
            if first != second
        }
        stored = [json.dumps(verdicts), repr(verdicts), None][i % 3 if i % 6 == 2 else i % 2]
        lines.append(
            {
                "id": f"unified/{i}",
                "instruction": f"Do {i}",
                "input": "" if i % 2 else f"with {i}",
                "output": "done",
                "candidates": candidates,
                "cmp_results": stored,
            }
        )
    write_lines(folder / "test_data_prepared.jsonl", lines)


def write_preferences(folder: Path, rows: int, draw: np.random.Generator) -> None:
    names = [f"model-{i:02d}" for i in range(12)]
    ids = [f"q{i}" for i in range(rows)]
    write_lines(folder / "dataset.jsonl", [{"id": key, "input": f"Do {key}"} for key in ids])
    labels = []
    for j, name in enumerate(names):
        texts = [f"{draw.choice(WORDS)} {j % 5}" for _ in ids]
        generations = [{"id": k, "generation": t} for k, t in zip(ids, texts, strict=True)]
        write_lines(folder / "generations" / f"{name}.jsonl", generations)
        labels += [{"id": k, "model": name, "score": float(draw.random())} for k in ids]
    write_lines(folder / "labels.jsonl", labels)


def copy_encoders(model: Path, folder: Path) -> Path:
    """One small model under the names of the paper's two encoders."""
    for name in ("all-mpnet-base-v2", "bge-small-en-v1.5"):
        shutil.copytree(model, folder / name)
    return folder


def make_places(root: Path, encoder: Path) -> dict[str, str]:
    """The mirror with one small model for all encoders: where it is, as the environment says it."""
    make_paper_mirror(root)
    copy_encoders(encoder, root / "encoders")
    (root / "encoders" / "all-MiniLM-L6-v2").symlink_to(root / "encoders" / "all-mpnet-base-v2")
    return places_of(root)


def places_of(root: Path) -> dict[str, str]:
    """The variables that point at a mirror."""
    return {
        "SMOOTHIE_DATA": str(root / "smoothie_data"),
        "SMOOTHIE_MIX_INSTRUCT": str(root / "mix_instruct"),
        "SMOOTHIE_SETS": str(root / "sets"),
        "SMOOTHIE_ENCODERS": str(root / "encoders"),
        "SMOOTHIE_CACHE": str(root / "cache"),
    }
