"""Ablation of Consensus and of other directions: gaps closed on several sets.

    python -m experiments.research.ablation folders=[A,B,C] encoder=minilm

Writes gaps.csv, grid.csv, gaps.md and left_out.md into hydra.run.dir; docs/research.md explains
them.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from itertools import product
from pathlib import Path

import hydra
import numpy as np
import pandas as pd
from hydra.core.hydra_config import HydraConfig
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.command import start
from experiments.config import general, one_sentence_errors
from experiments.groups import CONF
from experiments.memory import Memory
from experiments.research.directions import DIRECTIONS
from experiments.settings import Settings, read_settings
from experiments.steps import encode, load, make_encoder, score_problem
from smoothie.errors import SmoothieError
from smoothie.evidence import Evidence, Votes
from smoothie.metrics.views import final_answers
from smoothie.report.output import write_table
from smoothie.report.tables import markdown, number
from smoothie.routers.base import seeded
from smoothie.routers.consensus import (
    COARSER,
    Consensus,
    shared_meaning,
    with_answers,
    with_candidates,
)
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.routers.smoothie_local import SmoothieLocal
from smoothie.storage.files import write_text
from smoothie.wording import measured, shared_wording

Support = NDArray[np.float64]
Drawn = tuple[int, int]  # number of sub-ensembles, and their seed
BETAS = [1.0, 1.4, 2.0, 2.8, 4.0]
MEANINGS = [0.0, 0.1, 0.2, 0.5, 1.0]
PRIORS = [0.0, 0.5, 1.0, 2.0]
Constants = tuple[float, float]
NAMES = ("beta", "meaning")
GRID: list[Constants] = list(product(BETAS, MEANINGS))
DRAWS = 1000  # of sets on which constants are chosen


@lru_cache(maxsize=8)
def wording(votes: Votes, beta: float) -> Support:
    """Support in wording, computed once for all variants of an ensemble."""
    assert votes.texts is not None
    return shared_wording(votes.texts, beta)


@lru_cache(maxsize=2)
def answers_of(votes: Votes) -> NDArray[np.intp]:
    """Final answers, of inputs whose texts end in them."""
    assert votes.texts is not None
    return final_answers(votes.texts, Consensus().answered)


def support(
    votes: Votes,
    beta: float = 2.0,
    of_meaning: float = COARSER,
    prior: float = Consensus.prior,
    answers: bool = True,
) -> Support:
    """The support that Consensus maximizes, (N, K), with any constants, with or without answers."""
    total = wording(votes, beta) + of_meaning * shared_meaning(votes.distances)
    if answers:
        total = with_answers(answers_of(votes), total)
    return with_candidates(total, prior)


def against_all_others(votes: Votes, beta: float = 2.0) -> Support:
    """Support with the others' texts as one, in the place of the mean over them."""

    def f_measures(shared: Support) -> Support:
        own = np.diagonal(shared, axis1=1, axis2=2)
        others = own.sum(axis=1, keepdims=True) - own
        whole = (own.shape[1] - 1) * own + beta**2 * others
        found: Support = (1 + beta**2) * (shared.sum(axis=2) - own) / np.maximum(whole, 1)
        return found

    assert votes.texts is not None
    total = measured(votes.texts, f_measures) + COARSER * shared_meaning(votes.distances)
    return with_candidates(with_answers(answers_of(votes), total))


def with_voters(votes: Votes, voters: float) -> Support:
    """Support with a candidate's mean as a number of voters more, whatever candidates are like."""
    own = support(votes, prior=0)
    joined: Support = own + voters / (own.shape[1] - 1) * own.mean(axis=0)
    return joined


def with_neighbors(votes: Votes, k: int) -> Support:
    """Mean support over the nearest inputs; of the input alone where there are no inputs."""
    own = support(votes, prior=0)
    if votes.inputs is None:
        return own
    mean: Support = own[votes.index.search(min(k, len(own)))].mean(axis=1)
    return mean


def weights(votes: Votes, k: int | None) -> Support:
    """Smoothie's weights; k=None: Global."""
    router = SmoothieGlobal() if k is None else SmoothieLocal(k)
    found = router.route(Evidence(votes)).weights
    assert found is not None
    return np.broadcast_to(found, votes.shape)


def meaning(votes: Votes) -> Support:
    """The support of the embeddings alone."""
    return shared_meaning(votes.distances)


VARIANTS: dict[str, Callable[[Votes], Support]] = {
    "smoothie_global": partial(weights, k=None),
    "smoothie_local k=1": partial(weights, k=1),
    "consensus": support,
    "without answers": partial(support, answers=False),
    "meaning alone": meaning,
    "wording alone": partial(support, of_meaning=0, prior=0, answers=False),
    "wording alone, beta 1": partial(support, beta=1, of_meaning=0, prior=0, answers=False),
    **{f"beta {beta:g}": partial(support, beta=beta) for beta in BETAS},
    **{f"meaning {value:g}": partial(support, of_meaning=value) for value in MEANINGS},
    **{f"prior {prior:g}": partial(support, prior=prior) for prior in PRIORS},
    "all others as one text": against_all_others,
    "candidates as one voter": partial(with_voters, voters=1),
    **{f"{k} neighbors": partial(with_neighbors, k=k) for k in (5, 20)},
    **DIRECTIONS,
}


def gap_closed(choices: NDArray[np.intp], quality: NDArray[np.float64]) -> float:
    """Share of the way from random choice to the oracle, in percent; NaN if they are equal."""
    return float(closed_by_input(choices, quality).mean())


def closed_by_input(choices: NDArray[np.intp], quality: NDArray[np.float64]) -> Support:
    """What each choice closes of the gap of all inputs, (R,): their mean is `gap_closed`."""
    gap = quality.max(axis=1).mean() - quality.mean()
    chosen = quality[np.arange(len(quality)), choices]
    shares: Support = 100 * (chosen - quality.mean(axis=1)) / (gap if gap > 0 else np.nan)
    return shares


def draw_ensembles(candidates: int, count: int, seed: int) -> list[NDArray[np.intp]]:
    """Columns of random ensembles of 3 to 8 candidates, fewer than there are."""
    generator = seeded(seed)
    if candidates < 4:
        return []
    sizes = generator.integers(3, min(8, candidates - 1), size=count, endpoint=True)
    return [np.sort(generator.permutation(candidates)[:size]) for size in sizes]


def measure(
    settings: Settings, folder: str, limit: int | None, drawn: Drawn
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gaps closed on one folder.

    Returns
    -------
    gaps : DataFrame
        A row for each variant and ensemble: the folder's own, number 0, and sub-ensembles of it.
    grid : DataFrame
        A row for each combination of the constants: of the folder's own ensemble, and the mean over
        it and all drawn ones.
    """
    dataset = {"source": "local", "path": folder, "cleaning": "none", "limit": limit}
    here, memory = replace(settings, dataset=dataset), Memory()
    source, problem, _ = load(here, memory)
    scores = score_problem(here, source, problem, memory)
    if scores is None or scores.per_candidate or not scores.scored.any():
        raise SmoothieError(f"{folder}: there are no scores of single texts to compare by")
    votes = encode(here, make_encoder(here, memory), problem, memory)
    everyone = np.arange(len(problem.candidates))
    ensembles = [everyone, *draw_ensembles(len(everyone), *drawn)]
    rows, grids = [], []
    for number_of, columns in enumerate(ensembles):
        part, quality = votes.select(columns), scores.quality[:, columns][scores.scored]
        for name, variant in VARIANTS.items():
            choices = variant(part).argmax(axis=1)[scores.scored]
            gap = gap_closed(choices, quality)
            rows.append((problem.name, number_of, len(columns), name, gap))
        grids.append(grid_gaps(part, quality, scores.scored))
    gaps = pd.DataFrame(
        rows, columns=["dataset", "ensemble", "candidates", "variant", "gap_closed"]
    )
    grid = pd.DataFrame(GRID, columns=list(NAMES))
    grid["gap_closed"], grid["over_ensembles"] = grids[0], np.nanmean(grids, axis=0)
    grid.insert(0, "dataset", problem.name)
    return gaps, grid


def gap_table(gaps: pd.DataFrame) -> str:
    """A row for each variant: gaps closed by the full ensembles, and over sub-ensembles."""
    full = gaps[gaps.ensemble == 0].pivot_table(
        index="variant", columns="dataset", values="gap_closed", sort=False
    )
    drawn = gaps[gaps.ensemble > 0].groupby(["variant", "dataset"])["gap_closed"].mean().unstack()
    lowest = gaps[gaps.ensemble > 0].groupby("variant")["gap_closed"].min()
    header = ["variant", *full.columns, "mean", "lowest", "sub-ensembles: mean", "lowest"]
    rows = []
    for name, row in full.iterrows():
        some = [drawn.mean(axis=1).get(name, np.nan), lowest.get(name, np.nan)]
        values = [*row.to_numpy(), row.mean(), row.min(), *some]
        rows.append([str(name), *(number(float(value), 1) for value in values)])
    return markdown(header, rows)


def grid_gaps(votes: Votes, quality: NDArray[np.float64], rows: NDArray[np.bool_]) -> list[float]:
    """Gaps closed with every combination of the constants, in the order of GRID."""
    gaps = []
    for beta, of_meaning in GRID:
        choices = support(votes, beta, of_meaning).argmax(axis=1)
        gaps.append(gap_closed(choices[rows], quality))
    return gaps


def best_of(gaps: pd.DataFrame) -> Constants:
    """The constants with the highest sum of the mean and the lowest gap over some sets.

    Parameters
    ----------
    gaps : DataFrame
        A row for each combination, a column for each set, with its mean over all ensembles.
    """
    everything = np.arange(len(gaps.columns))[None, :]
    beta, of_meaning = gaps.index.to_frame().to_numpy()[chosen_on(gaps, everything)[0]].tolist()
    return beta, of_meaning


def chosen_on(gaps: pd.DataFrame, draws: NDArray[np.intp]) -> NDArray[np.intp]:
    """The best combination of `best_of` on each draw of sets, their columns: (D, S) -> (D,)."""
    drawn = gaps.to_numpy()[:, draws]
    return np.asarray((drawn.mean(axis=2) + drawn.min(axis=2)).argmax(axis=0))


def left_out(grid: pd.DataFrame) -> pd.DataFrame:
    """For each set, what the constants that are best on the others close on it.

    Which ones are best may hang on a single choice of a single set. So they are chosen once on all
    others, and DRAWS times on as many sets drawn from these with replacement.

    Parameters
    ----------
    grid : DataFrame
        grid.csv.

    Returns
    -------
    DataFrame
        A row for each set: the constants of the first choice (NAMES), what they close ("once"), and
        the mean of what those of the draws close ("drawn").
    """
    over, gaps = (
        grid.pivot(index=list(NAMES), columns="dataset", values=name)
        for name in ("over_ensembles", "gap_closed")
    )
    generator, rows = seeded(0), {}
    for name in gaps.columns:
        others = over.drop(columns=name)
        count = len(others.columns)
        draws = generator.integers(count, size=(DRAWS, count))
        closed, best = gaps[name].to_numpy(), best_of(others)
        rows[str(name)] = *best, gaps[name].to_dict()[best], closed[chosen_on(others, draws)].mean()
    return pd.DataFrame.from_dict(rows, orient="index", columns=[*NAMES, "once", "drawn"])


def left_out_table(grid: pd.DataFrame) -> str:
    """`left_out`, with the mean and the lowest over sets, and what is chosen on all of them."""
    found = left_out(grid)
    rows = [
        [str(name), f"{beta:g}", f"{of_meaning:g}", number(once, 1), number(drawn, 1)]
        for name, beta, of_meaning, once, drawn in found.itertuples(name=None)
    ]
    for name, values in (("mean", found.mean()), ("lowest", found.min())):
        rows.append([name, "", "", number(values["once"], 1), number(values["drawn"], 1)])
    every = grid.pivot(index=list(NAMES), columns="dataset", values="over_ensembles")
    beta, of_meaning = best_of(every)
    rows.append(["none left out", f"{beta:g}", f"{of_meaning:g}", "", ""])
    return markdown(["left out", *NAMES, "gap closed", f"mean of {DRAWS:,} draws"], rows)


def run(cfg: DictConfig, folder: Path) -> str:
    """Measure all variants and write the tables."""
    general(cfg, Ablation)
    if len(cfg.folders) < 2:
        raise SmoothieError("folders: expected a list of two or more, such as [A,B]")
    settings, limits, drawn = read_settings(cfg), dict(cfg.limits), (cfg.sub_ensembles, cfg.seed)
    parts = [
        measure(settings, name, limits.get(Path(name).name), drawn)
        for name in map(str, cfg.folders)
    ]
    gaps, grid = (pd.concat(tables, ignore_index=True) for tables in zip(*parts, strict=True))
    write_table(gaps, folder / "gaps.csv")
    write_table(grid, folder / "grid.csv")
    tables = {"gaps.md": gap_table(gaps), "left_out.md": left_out_table(grid)}
    for name, text in tables.items():
        write_text(folder / name, text)
    return "\n".join(tables.values())


@dataclass(frozen=True)
class Ablation:
    """Settings of the command, as conf/ablation.yaml describes them."""

    folders: list[str]
    limits: dict[str, int]
    sub_ensembles: int = 16
    seed: int = 0


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="ablation")
def main(cfg: DictConfig) -> None:
    """Command line."""
    with one_sentence_errors():
        sys.stdout.write(run(cfg, Path(HydraConfig.get().runtime.output_dir)))


if __name__ == "__main__":
    start(main)
