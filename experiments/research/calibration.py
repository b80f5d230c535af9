"""What a run says of itself without labels, against what it gains over random choice.

    python -m experiments.research.calibration folders=[A,B,C] encoder=minilm

Writes signals.csv and calibration.md into hydra.run.dir; docs/research.md explains them.
"""

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import hydra
import numpy as np
import pandas as pd
from hydra.core.hydra_config import HydraConfig
from numpy.typing import NDArray
from omegaconf import DictConfig

from experiments.command import start
from experiments.config import one_sentence_errors
from experiments.groups import CONF
from experiments.memory import Memory
from experiments.research.ablation import draw_ensembles, gap_closed
from experiments.research.confidences import CONFIDENCES, halves
from experiments.settings import Settings, read_settings
from experiments.steps import encode, load, make_encoder, score_problem
from smoothie.diagnosis import Diagnosis, MethodDiagnosis, diagnose
from smoothie.errors import SmoothieError
from smoothie.evaluation import spearman
from smoothie.evidence import Evidence
from smoothie.report.output import write_table
from smoothie.report.tables import markdown, number
from smoothie.routers.consensus import Consensus
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.routers.smoothie_local import SmoothieLocal
from smoothie.storage.files import write_text

Floats = NDArray[np.float64]
Signal = Callable[[Diagnosis, MethodDiagnosis], float | None]

METHODS = {
    "consensus": Consensus(),
    "smoothie_global": SmoothieGlobal(),
    "smoothie_local": SmoothieLocal(),
}
FEW = 5  # distinct ensembles of a set, from which ranks among them say something


def of_global(name: str) -> Signal:
    """A signal of Smoothie-Global, whatever the method."""
    return lambda diagnosis, method: getattr(diagnosis.of("smoothie_global"), name)


def largest_pair(diagnosis: Diagnosis, method: MethodDiagnosis) -> float:
    """Share of the inputs on which the most alike pair of candidates says the same."""
    same = diagnosis.same
    return float(same[np.triu_indices(len(same), k=1)].max())


SIGNALS: dict[str, Signal] = {
    "wording": lambda diagnosis, method: method.wording,
    "meaning": lambda diagnosis, method: method.meaning,
    "wording of Global's choice": of_global("wording"),
    "top probability": lambda diagnosis, method: method.top_probability,
    "top probability of Global": of_global("top_probability"),
    "agreement of methods": lambda diagnosis, method: diagnosis.agreement_beyond_chance(
        method.name, list(METHODS)
    ),
    "spread of errors": lambda diagnosis, method: diagnosis.spread,
    "stability": lambda diagnosis, method: method.stability,
    "shortness": lambda diagnosis, method: None if method.length is None else -method.length,
    "largest share": lambda diagnosis, method: float(method.shares.max()),
    "most alike pair": largest_pair,
    "degenerate": lambda diagnosis, method: diagnosis.degenerate,
    "ties": lambda diagnosis, method: method.ties,
    "number of candidates": lambda diagnosis, method: float(len(diagnosis.candidates)),
}


def measure(
    settings: Settings, folder: str, limit: int | None, drawn: tuple[int, int]
) -> pd.DataFrame:
    """Gains and signals on one folder and its sub-ensembles: a row for each method and ensemble."""
    dataset = {"source": "local", "path": folder, "cleaning": "none", "limit": limit}
    here, memory = replace(settings, dataset=dataset), Memory()
    source, problem, _ = load(here, memory)
    scores = score_problem(here, source, problem, memory)
    if scores is None or scores.per_candidate or not scores.scored.any():
        raise SmoothieError(f"{folder}: there are no scores of single texts to compare by")
    votes = encode(here, make_encoder(here, memory), problem, memory)
    everyone = np.arange(len(problem.candidates))
    ensembles = {tuple(columns) for columns in draw_ensembles(len(everyone), *drawn)}
    rows = []
    for place, columns in enumerate([tuple(everyone), *sorted(ensembles)]):
        part = Evidence(votes.select(np.array(columns)))
        quality, scored = scores.quality[:, columns], scores.scored
        routings = {name: router.route(part) for name, router in METHODS.items()}
        names = [problem.candidates[j] for j in columns]
        diagnosis = diagnose(names, part, METHODS, routings, settings.bootstrap)
        for method in diagnosis.methods:
            routing = routings[method.name]
            row = {
                "dataset": problem.name,
                "inputs": int(scored.sum()),
                "ensemble": place,
                "candidates": len(columns),
                "method": method.name,
                "gap_closed": gap_closed(routing.choices[0, scored], quality[scored]),
            }
            row |= {name: signal(diagnosis, method) for name, signal in SIGNALS.items()}
            for name, confidence in CONFIDENCES.items():
                values = confidence(part, routing, routings["consensus"])
                row |= halves(name, values, routing.choices[0], quality, scored)
            rows.append(row)
    return pd.DataFrame(rows)


def correlation(table: pd.DataFrame, signal: str) -> float:
    """Spearman's correlation of a signal with the gap closed; NaN if either is constant."""
    known = table[[signal, "gap_closed"]].dropna()
    if len(known) < 2:
        return float("nan")
    return spearman(known[signal].to_numpy(float), known["gap_closed"].to_numpy(float))


def ranks_table(signals: pd.DataFrame) -> str:
    """How a signal ranks sub-ensembles within sets, and sets: a row for each method and signal."""
    rows = []
    for method, table in signals.groupby("method", sort=False):
        for signal in SIGNALS:
            of_sets = table[table.ensemble > 0].groupby("dataset")
            within = [correlation(part, signal) for _, part in of_sets if len(part) >= FEW]
            within = [value for value in within if not np.isnan(value)]
            means = table.groupby("dataset")[[signal, "gap_closed"]].mean()
            without = [correlation(means.drop(index=name), signal) for name in means.index]
            rows.append(
                [
                    str(method),
                    signal,
                    number(float(np.mean(within)) if within else np.nan, 2, signed=True),
                    f"{sum(value > 0 for value in within)} of {len(within)}",
                    number(correlation(means, signal), 2, signed=True),
                    f"{number(min(without), 2, True)} to {number(max(without), 2, True)}",
                ]
            )
    header = ["method", "signal", "within sets", "sets above 0", "between sets", "one set left out"]
    return markdown(header, rows)


def best_threshold(values: Floats, gained: NDArray[np.bool_], weights: Floats) -> float:
    """The value that tells gains (at or above it) from losses (below) best.

    Parameters
    ----------
    values : ndarray of shape (n,)
        A signal.
    gained : ndarray of shape (n,), bool
    weights : ndarray of shape (n,)
        What each run counts.

    Returns
    -------
    float
        It has the largest mean of two shares, of gains at or above it and of losses below it;
        minus infinity where nothing was lost.
    """
    if gained.all() or not gained.any():
        return -np.inf if gained.all() else np.inf
    tried = [-np.inf, *np.unique(values)]
    of_gains, of_losses = weights * gained, weights * ~gained

    def balance(threshold: float) -> float:
        safe = values >= threshold
        return float(
            of_gains[safe].sum() / of_gains.sum() + of_losses[~safe].sum() / of_losses.sum()
        )

    return float(max(tried, key=balance))


def judge(table: pd.DataFrame, signal: str) -> pd.DataFrame:
    """Call the runs of each set safe or not by the threshold that is best on the other sets.

    Parameters
    ----------
    table : DataFrame
        Rows of `measure` of one method.
    signal : str

    Returns
    -------
    DataFrame
        dataset, safe, gained; rows without the signal are left out.
    """
    known = table.dropna(subset=[signal])
    gained = (known["gap_closed"] > 0).to_numpy()
    values = known[signal].to_numpy(float)
    sets = known["dataset"].to_numpy()
    counts = known.groupby("dataset")["dataset"].transform("size").to_numpy(float)
    safe = np.zeros(len(known), dtype=bool)
    for name in dict.fromkeys(sets):
        out = sets == name
        safe[out] = values[out] >= best_threshold(values[~out], gained[~out], 1 / counts[~out])
    return pd.DataFrame({"dataset": sets, "safe": safe, "gained": gained})


def verdict_row(judged: pd.DataFrame) -> list[str]:
    """Of the runs called safe, how many gained; of the others, how many lost."""
    safe, other = judged[judged.safe], judged[~judged.safe]
    return [
        f"{int(safe.gained.sum())} of {len(safe)}",
        f"{int((~other.gained).sum())} of {len(other)}",
        f"{int((~judged.gained).sum())} of {len(judged)}",
    ]


def verdict_table(signals: pd.DataFrame) -> str:
    """Every signal as a verdict, its threshold chosen on the other sets."""
    rows = []
    for method, table in signals.groupby("method", sort=False):
        for signal in SIGNALS:
            if table[signal].notna().any():
                threshold = fitted(table, signal)
                row = verdict_row(judge(table, signal))
                rows.append([str(method), signal, *row, number(threshold, 2)])
    header = ["method", "signal", "called safe: gained", "called unsafe: lost", "all: lost"]
    return markdown([*header, "threshold on all sets"], rows)


def fitted(table: pd.DataFrame, signal: str) -> float:
    """The threshold that is best on all sets."""
    known = table.dropna(subset=[signal])
    counts = known.groupby("dataset")["dataset"].transform("size").to_numpy(float)
    gained = (known["gap_closed"] > 0).to_numpy()
    return best_threshold(known[signal].to_numpy(float), gained, 1 / counts)


def sets_table(signals: pd.DataFrame) -> str:
    """How often each method loses to random on a set and its sub-ensembles."""
    rows = []
    for name, table in signals.groupby("dataset"):
        methods = table.groupby("method", sort=False)["gap_closed"]
        lost = [f"{int((gaps <= 0).sum())} of {len(gaps)}" for _, gaps in methods]
        full = table[table.ensemble == 0]
        closed = [number(value, 1) for value in full["gap_closed"]]
        size = [str(full["inputs"].iloc[0]), str(full["candidates"].iloc[0])]
        rows.append([str(name), *size, *closed, *lost])
    header = ["dataset", "inputs", "candidates", *METHODS]
    return markdown([*header, *(f"{name}: lost" for name in METHODS)], rows)


def confidence_table(signals: pd.DataFrame) -> str:
    """What the more confident half of the inputs gains beyond the other half."""
    rows = []
    for method, table in signals.groupby("method", sort=False):
        for name in CONFIDENCES:
            full = table[table.ensemble == 0][name].dropna()
            drawn = table[table.ensemble > 0].dropna(subset=[name])
            if full.empty:
                continue
            means = drawn.groupby("dataset")[name]
            rows.append(
                [
                    str(method),
                    name,
                    number(float(full.mean()), 1, signed=True),
                    f"{int((full > 0).sum())} of {len(full)}",
                    number(float(means.mean().mean()), 1, signed=True),
                    f"{100 * means.agg(lambda gains: (gains > 0).mean()).mean():.0f}%",
                ]
            )
    header = ["method", "confidence", "difference", "sets above 0", "sub-ensembles: difference"]
    return markdown([*header, "above 0"], rows)


PAGE = """\
# What a run says of itself

The share of the way from random to the oracle (percent) that three methods close on {sets} sets,
and how many of its ensembles (the set and random sub-ensembles of it) they lose to random on:

{table}
Rank correlation of each signal with that share: the mean over sets of the correlation between
sub-ensembles, and the correlation between sets, also with each set left out:

{ranks}
Each signal as a verdict, safe at or above a threshold. The threshold for a set is the one that is
best on the other sets:

{verdicts}
What the half of the inputs with the higher confidence gains over random beyond what the other half
gains, in percent of the way from random to the oracle over all inputs:

{confidences}"""


def run(cfg: DictConfig, folder: Path) -> str:
    """Measure all sets and write the tables."""
    if isinstance(cfg.folders, str) or len(cfg.folders) < 2:
        raise SmoothieError("folders: expected a list of two or more, such as [A,B]")
    settings = read_settings(cfg)
    limits = dict(cfg.limits)
    parts = []
    for name in map(str, cfg.folders):
        limit = limits.get(Path(name).name)
        parts.append(measure(settings, name, limit, (cfg.sub_ensembles, cfg.seed)))
    # Rounded first: the tables are those of the file, also where a threshold is a matter of digits.
    signals = pd.concat(parts, ignore_index=True).round(4)
    write_table(signals, folder / "signals.csv")
    page = page_of(signals)
    write_text(folder / "calibration.md", page)
    return page


def page_of(signals: pd.DataFrame) -> str:
    """The tables."""
    return PAGE.format(
        sets=signals["dataset"].nunique(),
        table=sets_table(signals),
        ranks=ranks_table(signals),
        verdicts=verdict_table(signals),
        confidences=confidence_table(signals),
    )


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="calibration")
def main(cfg: DictConfig) -> None:
    """Command line."""
    with one_sentence_errors():
        sys.stdout.write(run(cfg, Path(HydraConfig.get().runtime.output_dir)))


if __name__ == "__main__":
    start(main)
