"""What a few labels are worth: gaps closed against the number of labels, on several sets.

    python -m experiments.research.labels folders=[A,B,C] encoder=minilm

In each trial, half of the scored inputs may be labeled, and methods are scored on the other half.
Writes gaps.csv, parents.csv and labels.md into hydra.run.dir; docs/research.md explains them.
"""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
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
from experiments.research.ablation import closed_by_input, draw_ensembles
from experiments.research.parents import ROUTED, compared, parents_table
from experiments.settings import Settings, read_settings
from experiments.steps import encode, load, make_encoder, score_problem
from smoothie.errors import SmoothieError
from smoothie.evidence import Evidence, Labelled
from smoothie.labeling import ORDERS, Verdicts, next_rows, no_verdicts
from smoothie.posterior import PRIOR, Prior, checked, fit, standard
from smoothie.report.output import write_table
from smoothie.report.tables import markdown, number
from smoothie.routers.base import seeded
from smoothie.routers.consensus import Consensus
from smoothie.routers.labeled_knn import LabeledKNN
from smoothie.storage.files import write_text

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

STEP = 5  # labels between two decisions on which inputs to label
PRIORS = {
    f"slope {slope:g}, candidates {candidates:g}": PRIOR._replace(
        slope=slope, of_candidates=candidates
    )
    for slope, candidates in product((0.15, 0.3, 0.6), (0.02, 0.08, 0.32))
}


@dataclass(frozen=True)
class Curve:
    """Settings of the command, as conf/labels.yaml describes them."""

    folders: list[str]
    limits: dict[str, int]
    budgets: list[int]
    trials: int = 20
    sub_ensembles: int = 8
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Trial:
    """One ensemble, with the inputs that may be labeled and those to choose for."""

    support: Floats
    quality: Floats
    inputs: NDArray[np.floating] | None
    pool: Rows
    asked: Rows

    def closed(self, quality: Floats) -> Floats:
        """What the texts of the largest numbers (asked, K) close of the gap, in percent: (asked,).

        Their mean is the share of the way from random choice to the oracle.
        """
        return closed_by_input(quality.argmax(axis=1), self.quality[self.asked])

    def by(self, labeled: Rows, prior: Prior = PRIOR) -> Floats:
        """What few labels close."""
        support, quality = self.support[labeled], self.quality[labeled]
        posterior = checked(fit(support, quality, prior=prior), support, quality)
        return self.closed(posterior.expected(self.support[self.asked]))

    def order(self, order: str, count: int, seed: int) -> Rows:
        """The first inputs to label."""
        support = self.support[self.pool]
        if order != "certainty":
            return self.pool[next_rows(support, no_verdicts(support.shape), count, order, seed)]
        labels, found = np.full(support.shape, np.nan), np.zeros(0, dtype=np.intp)
        while len(found) < count:
            wanted = min(STEP, count - len(found))
            rows = next_rows(support, Verdicts(labels), wanted, order, seed)
            labels[rows] = self.quality[self.pool[rows]]
            found = np.concatenate([found, rows])
        return self.pool[found]


def results_of(
    trial: Trial, seed: int, budgets: list[int], full: bool
) -> Iterator[tuple[str, int, Floats]]:
    """What methods close at each budget: method, labels, and the shares of the inputs asked."""
    yield "consensus", 0, trial.closed(trial.support[trial.asked])
    budgets = [budget for budget in budgets if budget <= len(trial.pool)]
    for order in ORDERS if full else ORDERS[:1]:
        rows = trial.order(order, max(budgets), seed)
        for budget in budgets:
            yield f"few_labels, {order}", budget, trial.by(rows[:budget])
            if order != ORDERS[0]:
                continue
            means = trial.quality[rows[:budget]].mean(axis=0)
            yield "best_on_val", budget, trial.closed(np.tile(means, (len(trial.asked), 1)))
            if trial.inputs is not None and full:
                sample = Labelled(trial.quality[rows[:budget]], trial.inputs[rows[:budget]])
                asked = trial.inputs[trial.asked]
                chosen = LabeledKNN().choose(sample, asked, len(asked))
                yield "labeled_knn", budget, trial.closed(np.eye(len(means))[chosen])
            for name, prior in PRIORS.items() if full else ():
                yield name, budget, trial.by(rows[:budget], prior)


def measure(settings: Settings, curve: Curve, folder: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Gaps closed on a set, means over trials, and few labels compared with their parents.

    Returns
    -------
    gaps : DataFrame
        A row for each ensemble, method and number of labels.
    parents : DataFrame
        See `experiments.research.parents.compared`.
    """
    limit = curve.limits.get(Path(folder).name)
    dataset = {"source": "local", "path": folder, "cleaning": "none", "limit": limit}
    here, memory = replace(settings, dataset=dataset), Memory()
    source, problem, _ = load(here, memory)
    scores = score_problem(here, source, problem, memory)
    if scores is None or scores.per_candidate or scores.scored.sum() < 2:
        raise SmoothieError(f"{folder}: there are no scores of single texts to compare by")
    votes = encode(here, make_encoder(here, memory), problem, memory)
    everyone = np.arange(len(problem.candidates))
    ensembles = [everyone, *draw_ensembles(len(everyone), curve.sub_ensembles, curve.seed)]
    rows, trials = [], []
    for place, columns in enumerate(ensembles):
        support = standard(Consensus().support(Evidence(votes.select(columns))))
        for seed in range(curve.trials if place == 0 else max(1, curve.trials // 4)):
            order = seeded(curve.seed + seed).permutation(np.flatnonzero(scores.scored))
            half = len(order) // 2
            trial = Trial(
                support, scores.quality[:, columns], votes.inputs, order[:half], order[half:]
            )
            closed = {}
            for method, budget, shares in results_of(trial, seed, curve.budgets, place == 0):
                rows.append((problem.name, place, len(columns), method, budget, shares.mean()))
                closed[method, budget] = shares
            if place == 0:
                trials.append((trial.asked, closed))
    names = ["dataset", "ensemble", "candidates", "method", "labels", "gap_closed"]
    table = pd.DataFrame(rows, columns=names)
    gaps = table.groupby(names[:-1], sort=False)["gap_closed"].mean().reset_index()
    return gaps, compared(problem.name, trials)


def curve_table(gaps: pd.DataFrame, keep: Callable[[str], bool]) -> str:
    """A row for each method, a column for each number of labels: mean and lowest over sets."""
    budgets = sorted(gaps["labels"].unique())
    rows = []
    for method, table in gaps.groupby("method", sort=False):
        if not keep(str(method)):
            continue
        cells = []
        for budget in budgets:
            values = table[table["labels"] == budget].groupby("dataset")["gap_closed"].mean()
            some = f"{number(float(values.mean()), 1)} ({number(float(values.min()), 1)})"
            cells.append(some if len(values) else "")
        rows.append([str(method), *cells])
    return markdown(["method", *(str(budget) for budget in budgets)], rows)


def sets_table(gaps: pd.DataFrame) -> str:
    """A row for each set: Consensus, and few labels beside the best candidate on them."""
    rows = []
    shown = (ROUTED, "best_on_val")
    budgets = [budget for budget in sorted(gaps["labels"].unique()) if budget]
    for name, table in gaps.groupby("dataset", sort=False):
        cells = table.set_index(["method", "labels"])["gap_closed"]
        pairs = [
            " / ".join(number(float(cells.get((method, budget), np.nan)), 1) for method in shown)
            for budget in budgets
        ]
        rows.append([str(name), number(float(cells["consensus", 0]), 1), *pairs])
    return markdown(["dataset", "consensus", *(str(budget) for budget in budgets)], rows)


def left_out(gaps: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, str]]:
    """For each set, what the prior that is best on the other sets closes on it.

    Returns
    -------
    closed : DataFrame
        Gaps closed, a row for each set and a column for each number of labels.
    chosen : dict
        The prior of each set.
    """
    some = gaps[gaps["method"].isin(list(PRIORS))]
    means = some.groupby(["method", "labels", "dataset"])["gap_closed"].mean().unstack()
    chosen = {}
    for name in means.columns:
        others = means.drop(columns=name).mean(axis=1).groupby("method").mean()
        chosen[str(name)] = str(others.idxmax())
    closed = {name: means.loc[best, name] for name, best in chosen.items()}
    return pd.DataFrame(closed).T, chosen


def left_out_table(gaps: pd.DataFrame) -> str:
    """`left_out`, the mean over sets, and how often which prior was chosen."""
    closed, chosen = left_out(gaps)
    cells = [number(float(mean), 1) for mean in closed.mean()]
    names = list(chosen.values())
    times = ", ".join(f"{best}: {names.count(best)}" for best in sorted(set(names)))
    header = ["prior", *(str(budget) for budget in closed.columns)]
    return f"{markdown(header, [['best on the others', *cells]])}\nChosen: {times}.\n"


PAGE = """\
# What a few labels are worth

Share of the way from random choice to the oracle, in percent, on inputs that are not labeled, by
the number of labels: mean over {sets} sets, the lowest in brackets. Larger budgets are means over
the sets that have so many inputs.

{curve}
Sub-ensembles of 3 to 8 candidates, the mean of each set:

{drawn}
Each set, few labels / best on the same labels:

{single}
Few labels less what they join, in percent of the gap: mean over the sets, and on how many of them
few labels are worse, and worse by more than noise (1.96 standard errors, over inputs and trials):

{parents}
The prior of few labels, and that which is best on the other sets:

{priors}
{left_out}"""


def run(cfg: DictConfig, folder: Path) -> str:
    """Measure all sets and write the tables."""
    curve = general(cfg, Curve)
    if isinstance(cfg.folders, str) or len(cfg.folders) < 2:
        raise SmoothieError("folders: expected a list of two or more, such as [A,B]")
    settings = read_settings(cfg)
    parts = [measure(settings, curve, str(name)) for name in cfg.folders]
    # Rounded as they are written, so that the tables are made of what is in the files.
    gaps, parents = (
        pd.concat(tables, ignore_index=True).round(3) for tables in zip(*parts, strict=True)
    )
    write_table(gaps, folder / "gaps.csv")
    write_table(parents, folder / "parents.csv")
    full, drawn = gaps[gaps.ensemble == 0], gaps[gaps.ensemble > 0]
    page = PAGE.format(
        sets=len(cfg.folders),
        curve=curve_table(full, lambda name: name not in PRIORS),
        drawn=curve_table(drawn, lambda name: True),
        single=sets_table(full),
        parents=parents_table(parents),
        priors=curve_table(full, lambda name: name in PRIORS),
        left_out=left_out_table(full),
    )
    write_text(folder / "labels.md", page)
    return page


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="labels")
def main(cfg: DictConfig) -> None:
    """Command line."""
    with one_sentence_errors():
        sys.stdout.write(run(cfg, Path(HydraConfig.get().runtime.output_dir)))


if __name__ == "__main__":
    start(main)
