"""Distill a static encoder, which looks token vectors up, from a sentence encoder.

    python -m experiments.distill             # from all-MiniLM-L6-v2, for encoder=static
    python -m experiments.distill encoder=mpnet folder=FOLDER
    python -m experiments.run encoder=static encoder.model=FOLDER

Needs model2vec (the extra `static`); the static encoder itself does not, nor PyTorch.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import hydra
from omegaconf import DictConfig

from experiments.command import start
from experiments.config import build, general, one_sentence_errors
from experiments.groups import CONF
from experiments.parts import encoder_of
from smoothie.encoders.base import ENCODERS
from smoothie.encoders.distilled import DIMENSIONS, distill
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.errors import SmoothieError
from smoothie.storage.files import user_path


@dataclass(frozen=True)
class Distillation:
    """Settings of the command, as conf/distill.yaml describes them."""

    folder: str
    dimensions: int = DIMENSIONS


def run(cfg: DictConfig) -> Path:
    """Distill the encoder of a configuration; returns the folder of the static one."""
    settings = general(cfg, Distillation)
    described = {name: value for name, value in encoder_of(cfg).items() if name != "name"}
    encoder = build(ENCODERS, "encoder", described, "encoder")
    if not isinstance(encoder, SentenceEncoder):
        kind = described["encoder"]
        raise SmoothieError(f"encoder={kind}: expected one of sentence-transformers, as minilm is")
    folder = user_path(settings.folder)
    distill(encoder, folder, settings.dimensions)
    return folder


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="distill")
def main(cfg: DictConfig) -> None:
    """Command line."""
    with one_sentence_errors():
        sys.stdout.write(f"written to {run(cfg)}\n")


if __name__ == "__main__":
    start(main)
