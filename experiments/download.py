"""Download the files that the paper's experiments need, at their pinned commits.

    python -m experiments.download                       # everything
    python -m experiments.download experiment=table1     # what one table needs

If interrupted, the same command resumes the download. The first download of a repository writes its
commit and the checksum of each file into the lock file; later ones are checked against it.
"""

import logging
import sys

import hydra
from omegaconf import DictConfig
from tqdm import tqdm

from experiments.command import start
from experiments.config import build, general, one_sentence_errors, plain
from experiments.groups import CONF
from experiments.memory import Memory
from experiments.paper.jobs import compose_run, expand, stored_selections
from experiments.reproduce import Reproduction, experiments_of
from experiments.settings import Settings, read_settings
from experiments.steps import make_encoder
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.errors import SmoothieError
from smoothie.loaders import SOURCES
from smoothie.loaders.hub import HubSource, SmoothieData
from smoothie.storage.lock import HubLock, download_model

Wanted = tuple[str, str, str | None, str]  # kind, repository, revision, file


def wanted_of(run: Settings) -> list[Wanted]:
    """Hub files that a run reads: texts, training split, stored selections."""
    source = build(SOURCES, "source", run.dataset, "dataset")
    if not isinstance(source, HubSource) or source.folder is not None:
        return []
    names = source.files_needed(run.ensemble.candidates)
    if isinstance(source, SmoothieData) and source.train_split is not None:
        names += source.files_needed(run.ensemble.candidates, train=True)
    if isinstance(source, SmoothieData) and not source.pooled:
        names += stored_selections(run.routers, source).values()
    return [("dataset", source.repository, source.revision, name) for name in names]


def models_of(run: Settings) -> list[tuple[str, str | None]]:
    """Hub id and revision of the encoder, unless it is a local folder."""
    encoder = make_encoder(run, Memory())
    if not isinstance(encoder, SentenceEncoder) or encoder.folder is not None:
        return []
    return [(encoder.model, encoder.revision)]


def download(cfg: DictConfig) -> str:
    """Fetch the files that are missing.

    Returns
    -------
    str
        What to show to the user.

    Raises
    ------
    SmoothieError
        If nothing could be fetched; single files that the Hub lacks are listed instead.
    """
    general(cfg, Reproduction)
    protocol = plain(cfg.protocol, "protocol")
    files: dict[Wanted, None] = {}
    models: dict[tuple[str, str | None], None] = {}
    for name, experiment in experiments_of(cfg, protocol).items():
        for job in expand(name, experiment, protocol, cfg.debug):
            overrides = [*job.overrides, *(str(entry) for entry in cfg.overrides)]
            run = read_settings(compose_run(overrides))
            files.update(dict.fromkeys(wanted_of(run)))
            models.update(dict.fromkeys(models_of(run)))
    lock = HubLock.at(str(cfg.paths.lock))
    for kind, repository, revision in dict.fromkeys(wanted[:3] for wanted in files):
        lock.revision(kind, repository, revision)  # fails here if the Hub does not answer
    lost = []
    for kind, repository, revision, name in tqdm(list(files), unit="file"):
        try:
            lock.download(kind, repository, revision, name)
        except SmoothieError as error:
            lost.append(str(error))
    if files and len(lost) == len(files):
        raise SmoothieError(f"no file could be fetched; the first: {lost[0]}")
    for model, revision in models:
        download_model(model, lock.revision("model", model, revision))
    counts = f"{len(files) - len(lost)} files and {len(models)} models are available"
    done = f"{counts}; see {lock.path}\n"
    return done + "".join(f"not fetched: {message}\n" for message in lost)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="reproduce")
def main(cfg: DictConfig) -> None:
    """Command line."""
    for name in ("httpx", "httpx2"):  # the progress bar is enough
        logging.getLogger(name).setLevel(logging.WARNING)
    with one_sentence_errors():
        sys.stdout.write(download(cfg))


if __name__ == "__main__":
    start(main)
