"""Generate texts with a causal language model of the transformers library.

    python -m experiments.generate inputs=FOLDER/dataset.jsonl output=FOLDER model.name=MODEL

Every prompt is a candidate (or, with `candidate=NAME only=[PROMPT]`, every model is one). Decoding
is greedy. Texts are written every few seconds; the same command resumes where it stopped, and
refuses to mix texts that were generated with other settings.
"""

import logging
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import hydra
from omegaconf import DictConfig, OmegaConf

from experiments.command import start
from experiments.config import general, literal, named, one_sentence_errors, part, plain, typed
from experiments.groups import CONF
from smoothie.encoders.sentence import DTYPES
from smoothie.errors import SmoothieError, StoppedError
from smoothie.loaders.local import read_generations, read_inputs
from smoothie.models.checks import LoadingReport, check_tokenizer, check_weights
from smoothie.models.loading import loading_reports
from smoothie.problem import Input
from smoothie.storage.files import child, read_json, user_path, write_json, write_jsonl
from smoothie.storage.lock import HubLock
from smoothie.storage.work import FLUSH_SECONDS

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Generation:
    """Settings of the command, as conf/generate.yaml describes them."""

    inputs: str
    output: str
    lock: str
    batch_size: int
    only: list[str] | None = None
    candidate: str | None = None
    limit: int | None = None

    def __post_init__(self) -> None:
        """Check the settings, before anything is read."""
        for name in ("batch_size", "limit"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SmoothieError(f"{name}={value}: expected at least 1")


@dataclass(frozen=True)
class Model:
    """Settings of the model."""

    name: str
    revision: str | None = None
    gguf_file: str | None = None
    dtype: str = "float32"
    device: str | None = None
    chat: bool = True
    max_input_tokens: int = 2048

    def __post_init__(self) -> None:
        """Check the settings, before anything is read."""
        if self.max_input_tokens < 1:
            raise SmoothieError(f"max_input_tokens={self.max_input_tokens}: expected at least 1")


@dataclass(frozen=True)
class Prompts:
    """The templates, by prompt and task."""

    prompts: dict[str, dict[str, str]]
    max_new_tokens: int = 48

    def __post_init__(self) -> None:
        """Check the settings, before anything is read."""
        if self.max_new_tokens < 1:
            raise SmoothieError(f"max_new_tokens={self.max_new_tokens}: expected at least 1")


def checked(cfg: DictConfig) -> DictConfig:
    """The settings in their types; refuses those of another type or range."""
    settings = asdict(general(cfg, Generation))
    for kind, group in ((Model, "model"), (Prompts, "prompts")):
        with named(group):
            settings[group] = asdict(kind(**typed(kind, plain(part(cfg, group), group), group)))
    made: DictConfig = OmegaConf.create(literal(settings))
    return made


class CausalModel:
    """A causal language model with its tokenizer; loaded at the first generation."""

    def __init__(self, settings: DictConfig, lock: str) -> None:
        self.settings = settings
        if settings.dtype not in DTYPES:
            raise SmoothieError(f"model.dtype={settings.dtype}: expected {', '.join(DTYPES)}")
        folder = Path(settings.name).expanduser()
        self.is_folder = folder.is_dir()
        self.name = str(folder) if self.is_folder else settings.name
        self.lock = lock
        self.loaded: tuple[Any, Any] | None = None  # loaded on first use

    @property
    def revision(self) -> str | None:
        """Commit of a Hub model; None for a folder."""
        if self.is_folder:
            return None
        return HubLock.at(self.lock).revision("model", self.name, self.settings.revision)

    def load(self) -> tuple[Any, Any]:
        """Model and tokenizer."""
        if self.loaded is None:
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer

            options: dict[str, Any] = {"trust_remote_code": False}
            if self.revision:
                options["revision"] = self.revision
            if self.settings.gguf_file:
                options["gguf_file"] = self.settings.gguf_file
            options["dtype"] = getattr(torch, self.settings.dtype)
            # Quantized weights in one GGUF file are not reported weight by weight.
            reported: AbstractContextManager[list[LoadingReport]] = (
                nullcontext([]) if self.settings.gguf_file else loading_reports()
            )
            try:
                tokenizer = AutoTokenizer.from_pretrained(self.name, **options)
                with reported as reports:
                    model: Any = AutoModelForCausalLM.from_pretrained(self.name, **options)
            except (OSError, ValueError, ImportError) as error:
                reason = str(error).strip().split("\n")[0]
                raise SmoothieError(f"model {self.name}: cannot be loaded ({reason})") from error
            for report in reports:
                check_weights(report)
            if self.is_folder and not self.settings.gguf_file:
                check_tokenizer(tokenizer, model, Path(self.name))
            tokenizer.padding_side = "left"
            tokenizer.truncation_side = "left"
            if tokenizer.pad_token is None:
                tokenizer.pad_token = tokenizer.eos_token
            device = self.settings.device or ("cuda" if torch.cuda.is_available() else "cpu")
            model.to(device).eval()
            self.loaded = model, tokenizer
        return self.loaded

    def generate(self, prompts: list[str], max_new_tokens: int) -> list[str]:
        """Greedy continuations of a batch of prompts, without special tokens."""
        import torch

        model, tokenizer = self.load()
        if self.settings.chat:
            prompts = [
                tokenizer.apply_chat_template(
                    [{"role": "user", "content": prompt}],
                    add_generation_prompt=True,
                    tokenize=False,
                )
                for prompt in prompts
            ]
        batch = tokenizer(
            prompts,
            return_tensors="pt",
            padding=True,
            truncation=True,
            max_length=self.settings.max_input_tokens,
            add_special_tokens=not self.settings.chat,
        ).to(model.device)
        with torch.inference_mode():
            tokens = model.generate(
                input_ids=batch["input_ids"],
                attention_mask=batch["attention_mask"],
                max_new_tokens=max_new_tokens,
                do_sample=False,
                pad_token_id=tokenizer.pad_token_id,
            )
        new = tokens[:, batch["input_ids"].shape[1] :]
        texts: list[str] = tokenizer.batch_decode(new, skip_special_tokens=True)
        return [text.strip() for text in texts]


def fill(templates: DictConfig, item: Input, name: str) -> str:
    """The prompt of one input."""
    if item.task not in templates:
        raise SmoothieError(f"prompts.prompts.{name}: no template for the task {item.task!r}")
    template = str(templates[item.task])
    if "{input}" not in template:
        raise SmoothieError(f"prompts.prompts.{name}.{item.task}: no {{input}} in the template")
    return template.replace("{input}", item.text)


def run(cfg: DictConfig) -> None:
    """Generate with every prompt that the settings name."""
    from filelock import FileLock

    cfg = checked(cfg)
    inputs = read_inputs(user_path(str(cfg.inputs)))
    names = list(cfg.only or cfg.prompts.prompts)
    for name in names:
        if name not in cfg.prompts.prompts:
            raise SmoothieError(f"only={name}: the prompts are {', '.join(cfg.prompts.prompts)}")
    if cfg.candidate is not None and len(names) != 1:
        raise SmoothieError("candidate=NAME goes with exactly one prompt: set only=[PROMPT]")
    folder = user_path(str(cfg.output))
    (folder / "generations").mkdir(parents=True, exist_ok=True)
    model = CausalModel(cfg.model, cfg.lock)
    for name in names:
        candidate = cfg.candidate or name
        templates = cfg.prompts.prompts[name]
        settings = {
            "model": Path(model.name).name if model.is_folder else model.name,
            "revision": model.revision,
            "gguf_file": cfg.model.gguf_file,
            "dtype": cfg.model.dtype,
            "chat": cfg.model.chat,
            "max_new_tokens": cfg.prompts.max_new_tokens,
            "max_input_tokens": cfg.model.max_input_tokens,
            "decoding": "greedy",
            "templates": OmegaConf.to_container(templates, resolve=True),
        }
        path = child(folder / "generations", f"{candidate}.jsonl")
        with FileLock(folder / ".generation.guard"):  # for other candidates
            note_settings(folder / "generation.json", candidate, settings, path)
        with FileLock(path.parent / f".{candidate}.guard"):  # for the same one, made elsewhere
            generate_missing(cfg, model, name, inputs, path)


def note_settings(record: Path, candidate: str, settings: dict[str, Any], path: Path) -> None:
    """Write down how a candidate's texts are made; refuse those that were made differently."""
    made = read_json(record) if record.exists() else {}
    if path.exists() and made.get(candidate) != settings:
        raise SmoothieError(
            f"{path}: was generated with other settings; delete it to generate it again"
        )
    if made.get(candidate) != settings:
        write_json(record, made | {candidate: settings})


def generate_missing(
    cfg: DictConfig, model: CausalModel, name: str, inputs: list[Input], path: Path
) -> None:
    """Generate the texts that a file lacks; it is written every few seconds."""
    from tqdm import tqdm

    texts = read_generations(path) if path.exists() else {}
    asked = inputs[: cfg.limit]
    # Batches are the same after an interruption: only whole ones are written.
    todo = [item for item in asked if item.id not in texts]
    todo.sort(key=lambda item: len(item.text), reverse=True)
    log.info("%s: %d of %d texts exist", path.stem, len(asked) - len(todo), len(asked))
    since = time.monotonic()
    unwritten = 0
    try:
        with tqdm(total=len(todo), desc=path.stem, unit="text") as bar:
            for first in range(0, len(todo), cfg.batch_size):
                part = todo[first : first + cfg.batch_size]
                prompts = [fill(cfg.prompts.prompts[name], item, name) for item in part]
                answers = model.generate(prompts, cfg.prompts.max_new_tokens)
                texts.update(zip((item.id for item in part), answers, strict=True))
                unwritten += len(part)
                bar.update(len(part))
                if time.monotonic() - since >= FLUSH_SECONDS:
                    write_texts(path, inputs, texts)
                    since, unwritten = time.monotonic(), 0
    except KeyboardInterrupt:
        counts = f"{sum(item.id in texts for item in asked)} of {len(asked)} texts are written"
        raise StoppedError(f"stopped; {path}: {counts}; the same command goes on") from None
    finally:
        if unwritten:
            write_texts(path, inputs, texts)


def write_texts(path: Path, inputs: list[Input], texts: dict[str, str]) -> None:
    """Write the texts that exist so far, in the order of the inputs."""
    rows = [{"id": item.id, "generation": texts[item.id]} for item in inputs if item.id in texts]
    write_jsonl(path, rows)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="generate")
def main(cfg: DictConfig) -> None:
    """Command line."""
    with one_sentence_errors():
        run(cfg)


if __name__ == "__main__":
    start(main)
