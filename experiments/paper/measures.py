"""Compute the cells of the paper's tables and figures.

A measure computes cells from one run, a summary from all runs of an experiment. A cell is a dict of
dataset, ensemble, method, quantity, x, value and, where they apply, ci_low, ci_high, n and
note; published cells (results/published) have the same keys.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.memory import Memory
from experiments.paper.comparison import KEY
from experiments.paper.jobs import Job
from experiments.settings import Settings
from experiments.steps import make_encoder
from smoothie.estimator import triplet_errors
from smoothie.evaluation import CANDIDATE, INTERVAL, spearman
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.routers.smoothie_local import SmoothieLocal
from smoothie.run import Result

Cell = dict[str, Any]
KEYS = KEY[1:]  # of a cell within its experiment
QUOTED = "quoted"  # the note of values that are copied from the publication


@dataclass(frozen=True, eq=False)
class Run:
    """A finished run, and the keys of its cells."""

    job: Job
    settings: Settings
    result: Result

    @property
    def dataset(self) -> str:
        """The dataset's name in the tables."""
        return str(self.job.place.get("dataset", self.result.problem.name))

    @property
    def ensemble(self) -> str:
        """The ensemble's name in the tables; the model's, where candidates are prompts."""
        place = self.job.place
        return str(place.get("dataset.model", place.get("ensemble", self.result.names["ensemble"])))

    def cell(self, method: str, quantity: str, value: Any, x: Any = "", **more: Any) -> Cell:
        """One cell of this run."""
        keys = (self.dataset, self.ensemble, method, quantity, str(x))
        return {**dict(zip(KEYS, keys, strict=True)), "value": value, **more}


def scores(run: Run, x: Any = None) -> list[Cell]:
    """The score of every method; x is k where the grid has one."""
    result = run.result
    if result.table is None:
        return []
    inputs = len(result.problem.inputs)
    cells = []
    for row in result.table.to_dict("records"):
        if row["method"].startswith(CANDIDATE):
            continue
        lacking = row["n"] < inputs
        note = f"{row['n']:,} of {inputs:,} inputs are scored" if lacking else ""
        cells.append(
            run.cell(
                row["method"],
                "score",
                row["score"],
                run.job.place.get("k", "") if x is None else x,
                ci_low=row["ci_low"],
                ci_high=row["ci_high"],
                n=row["n"],
                note=note,
            )
        )
    return cells


def scores_by_encoder(run: Run) -> list[Cell]:
    """As `scores`; x is the encoder, for the methods that depend on it."""
    encoder = str(run.job.place["encoder"])
    of_encoder = ("smoothie_local", "smoothie_global")
    cells = scores(run, "")
    for cell in cells:
        if cell["method"] in of_encoder:
            cell["x"] = encoder
    return [cell for cell in cells if cell["method"] in of_encoder or encoder == "mpnet"]


def qualities(run: Run) -> NDArray[np.float64]:
    """Mean quality of each candidate over the scored inputs."""
    assert run.result.scores is not None
    return np.asarray(run.result.scores.quality[run.result.scores.scored].mean(axis=0))


def selected_rank(run: Run) -> list[Cell]:
    """Rank of the one candidate that Smoothie-Global selects, 1 + the number of better ones."""
    routing = run.result.routings.get("smoothie_global")
    if routing is None or run.result.scores is None:
        return []
    quality = qualities(run)
    chosen = routing.choices[0, 0]
    rank = 1 + int((quality > quality[chosen]).sum())
    return [
        run.cell("smoothie_global", "selected_rank", rank),
        run.cell("smoothie_global", "selected", run.result.problem.candidates[chosen]),
    ]


def rank_correlation(run: Run) -> list[Cell]:
    """Spearman's correlation of Smoothie-Global's weights with the candidates' quality."""
    routing = run.result.routings.get("smoothie_global")
    if routing is None or run.result.scores is None or routing.weights is None:
        return []
    value = spearman(routing.weights, qualities(run))
    return [run.cell("smoothie_global", "rank_correlation", value)]


def rank_shares(run: Run) -> list[Cell]:
    """How often the text that Smoothie-Local chose ranks first, second, ... (ties rank alike)."""
    result = run.result
    routing = result.routings.get("smoothie_local")
    if routing is None or result.scores is None:
        return []
    quality = result.scores.quality[result.scores.scored]
    choices = routing.choices[0, result.scores.scored]
    chosen = quality[np.arange(len(quality)), choices]
    ranks = 1 + (quality > chosen[:, None]).sum(axis=1)
    every = np.arange(1, quality.shape[1] + 1)
    hits = (ranks[:, None] == every).astype(np.float64)
    draws = result.bootstrap.means(hits)
    low, high = np.percentile(draws, INTERVAL, axis=0)
    return [
        run.cell(
            "smoothie_local",
            "rank_share",
            hits[:, i].mean(),
            every[i],
            ci_low=low[i],
            ci_high=high[i],
            n=len(hits),
        )
        for i in range(len(every))
    ]


def seconds(run: Run) -> list[Cell]:
    """Seconds from embeddings to choices for 1,000 inputs, the median of five repetitions."""
    encoder = make_encoder(run.settings, Memory())
    generations, _ = encoder.encode_problem(run.result.problem, inputs=False)
    cells = []
    for method, router in (
        ("smoothie_local", SmoothieLocal(k=1)),
        ("smoothie_global", SmoothieGlobal()),
    ):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            router.fit(generations)
            times.append(time.perf_counter() - start)
        value = float(np.median(times)) * 1000 / len(generations)
        note = "with distances, without encoding; on this machine"
        cells.append(run.cell(method, "seconds_per_1000", value, note=note))
    return cells


def leaderboard(run: Run) -> list[Cell]:
    """Win rates of whole candidates on AlpacaEval, and the weights where they were published."""
    column = str(run.job.place["dataset.leaderboard_column"])
    problem, routings = run.result.problem, run.result.routings
    # The exact expectation of random choice; the published draws are quoted.
    names = {"random": "ensemble_mean"} | {n: n for n in ("smoothie_global", "best_single")}
    found = [cell for cell in scores(run, column) if cell["method"] in names]
    cells = [{**cell, "method": names[cell["method"]]} for cell in found]
    chosen = int(routings["smoothie_global"].choices[0, 0])
    weights = routings["smoothie_global"].weights
    assert weights is not None
    assert problem.leaderboard is not None
    correlation = spearman(weights, problem.leaderboard)
    cells.append(run.cell("smoothie_global", "rank_correlation", correlation, column))
    kept = [i for i, name in enumerate(problem.candidates) if name != "gemini-pro"]
    without = spearman(weights[kept], problem.leaderboard[kept])
    cells.append(
        run.cell("smoothie_global", "rank_correlation_without_gemini-pro", without, column)
    )
    if column != "win_rate":
        return cells
    cells.append(run.cell("smoothie_global", "selected", problem.candidates[chosen]))
    cells.append(run.cell("smoothie_global", "selected_share", share_of_draws(run, chosen)))
    for name, weight in zip(problem.candidates, weights, strict=True):
        cells.append(run.cell("smoothie_global", "weight", float(weight), name))
    stored = Path(run.settings.dataset["leaderboard"]).with_name("alpaca_eval_selections.csv")
    if stored.is_file() and "smoothie_local" in routings:
        table = pd.read_csv(stored)
        table = table[(table.method == "smoothie_local") & (table.ensemble == run.ensemble)]
        known = dict(zip(table.id, table.candidate, strict=True))
        local = routings["smoothie_local"].choices[0]
        equal = [
            problem.candidates[j] == known[key]
            for key, j in zip(problem.ids, local, strict=True)
            if key in known
        ]
        if equal:
            share = 100 * float(np.mean(equal))
            cells.append(run.cell("smoothie_local", "selections_equal", share, n=len(equal)))
    return cells


def share_of_draws(run: Run, chosen: int) -> float:
    """How often Smoothie-Global selects the same candidate on bootstrap resamples, in percent."""
    distances = run.result.votes.distances
    means = run.result.bootstrap.means(distances.reshape(len(distances), -1))
    errors = triplet_errors(means.reshape(-1, *distances.shape[1:]))
    return 100 * float((errors.argmin(axis=1) == chosen).mean())


MEASURES: dict[str, Callable[[Run], list[Cell]]] = {
    "scores": scores,
    "scores_by_encoder": scores_by_encoder,
    "selected_rank": selected_rank,
    "rank_correlation": rank_correlation,
    "rank_shares": rank_shares,
    "seconds": seconds,
    "leaderboard": leaderboard,
}


def overall(method: str, quantity: str, value: Any, x: Any = "", **more: Any) -> Cell:
    """A cell about all datasets and ensembles of an experiment."""
    keys = ("all", "all", method, quantity, str(x))
    return {**dict(zip(KEYS, keys, strict=True)), "value": value, **more}


def of(cells: pd.DataFrame, quantity: str, method: str | None = None) -> pd.DataFrame:
    """Cells of one quantity."""
    wanted = cells.quantity == quantity
    return cells[wanted if method is None else wanted & (cells.method == method)]


def rank_counts(cells: pd.DataFrame, published: pd.DataFrame) -> list[Cell]:
    """How often Smoothie-Global selects the best candidate, the second best, ..."""
    ranks = of(cells, "selected_rank").value.astype(int)
    shown = of(published, "rank_count").x.astype(int).tolist() or sorted(set(ranks))
    found = [
        overall("smoothie_global", "rank_count", int((ranks == rank).sum()), rank) for rank in shown
    ]
    return [*found, overall("smoothie_global", "best_identified", int((ranks == 1).sum()))]


def correlation_box(cells: pd.DataFrame, published: pd.DataFrame) -> list[Cell]:
    """Mean of the rank correlations, and the box of the figure."""
    del published
    values = of(cells, "rank_correlation").value.astype(float).to_numpy()
    q1, median, q3 = np.percentile(values, [25, 50, 75])
    reach = 1.5 * (q3 - q1)
    box = {
        "mean": values.mean(),
        "q1": q1,
        "median": median,
        "q3": q3,
        "whisker_low": values[values >= q1 - reach].min(),
        "whisker_high": values[values <= q3 + reach].max(),
    }
    return [overall("smoothie_global", f"rank_correlation_{k}", float(v)) for k, v in box.items()]


def table_of(cells: pd.DataFrame) -> pd.DataFrame:
    """Scores with a row for each dataset and ensemble and a column for each method."""
    found = of(cells, "score")
    table = found.pivot_table(index=["dataset", "ensemble"], columns="method", values="value")
    return table.astype(float)


def gains_of_local(cells: pd.DataFrame, published: pd.DataFrame) -> list[Cell]:
    """The largest lead of Smoothie-Local over the unsupervised and the supervised baseline."""
    del published
    table = table_of(cells)
    found = []
    for name, rival in (("unsupervised", "random"), ("supervised", "labeled_knn")):
        if rival in table:
            gain = (table["smoothie_local"] - table[rival]).max()
            found.append(overall("smoothie_local", f"largest_gain_over_{name}", gain))
    return found


def gains_of_prompts(cells: pd.DataFrame, published: pd.DataFrame) -> list[Cell]:
    """The largest lead of either Smoothie over random choice."""
    del published
    table = table_of(cells)
    best = table[["smoothie_global", "smoothie_local"]].max(axis=1)
    return [overall("smoothie", "largest_gain_over_random", (best - table["random"]).max())]


def shares_above_random(cells: pd.DataFrame, published: pd.DataFrame) -> list[Cell]:
    """Share of ensembles in which train-time Smoothie-Global beats random choice, by dataset."""
    del published
    table = table_of(cells)
    if "smoothie_global_train" not in table:
        return []
    above = table["smoothie_global_train"] > table["random"]
    shares = above.groupby("dataset").mean()
    return [
        {**overall("smoothie_global_train", "share_above_random", share), "dataset": dataset}
        for dataset, share in shares.items()
    ]


def means_of_ensembles(cells: pd.DataFrame, published: pd.DataFrame) -> list[Cell]:
    """Mean score of each method over the ensembles."""
    del published
    means = table_of(cells).mean()
    return [overall(str(method), "score_mean", value) for method, value in means.items()]


def alpaca_eval(cells: pd.DataFrame, published: pd.DataFrame) -> list[Cell]:
    """Gains, counts and correlations over the ensembles; what cannot be reproduced is quoted."""
    found = quoted(published)
    gemini = set(of(cells, "weight")[lambda t: t.x == "gemini-pro"].ensemble)
    for x in ("win_rate", "lc_win_rate"):
        ours = by_ensemble(cells, "score", "smoothie_global", x)
        means = by_ensemble(cells, "score", "ensemble_mean", x)
        best = by_ensemble(cells, "score", "best_single", x)
        picks = by_ensemble(published, "score", "random", x).reindex(ours.index)
        gains = {"random": ours - picks, "ensemble_mean": ours - means}
        for rival, gain in gains.items():
            note = "over the stored random picks, which are quoted" if rival == "random" else ""
            for ensemble, value in gain.items():
                cell = overall("smoothie_global", f"gain_over_{rival}", value, x, note=note)
                found.append({**cell, "ensemble": ensemble})
            for name, value in (("mean", gain.mean()), ("largest", gain.max())):
                quantity = f"{name}_gain_over_{rival}"
                found.append(overall("smoothie_global", quantity, value, x, note=note))
        hits = int(np.isclose(ours, best).sum())
        found.append(overall("smoothie_global", "best_identified", hits, x))
        if x != "win_rate":
            continue
        gain = gains["random"]
        inside = gain.index.isin(gemini)
        for name, value in (
            ("smallest_gain_over_random", gain.min()),
            ("mean_gain_over_random_with_gemini-pro", gain[inside].mean()),
            ("mean_gain_over_random_without_gemini-pro", gain[~inside].mean()),
        ):
            found.append(overall("smoothie_global", name, value, x))
        above = picks - means
        for name, rows in (("with", inside), ("without", ~inside)):
            quantity = f"mean_above_ensemble_mean_{name}_gemini-pro"
            found.append(overall("random", quantity, above[rows].mean(), x, note="quoted picks"))
        for quantity in ("rank_correlation", "rank_correlation_without_gemini-pro"):
            mean = by_ensemble(cells, quantity, "smoothie_global", x).mean()
            name = quantity.replace("rank_correlation", "rank_correlation_mean")
            found.append(overall("smoothie_global", name, mean, x))
    return [{**cell, "dataset": "alpaca_eval"} for cell in found]


def quoted(published: pd.DataFrame) -> list[Cell]:
    """Win rates of mixtures of candidates: they would need a judge, so they are quoted."""
    mixed = published[
        (published.quantity == "score") & published.method.isin(["random", "smoothie_local"])
    ]
    return [
        {**{key: row[key] for key in KEYS}, "value": float(row["value"]), "note": QUOTED}
        for row in mixed.to_dict("records")
    ]


def by_ensemble(
    cells: pd.DataFrame, quantity: str, method: str, x: str = "win_rate"
) -> "pd.Series[float]":
    """One number for each ensemble."""
    found = of(cells, quantity, method)
    found = found[(found.x == x) & (found.ensemble != "all")]
    return found.set_index("ensemble").value.astype(float).sort_index()


Summary = Callable[[pd.DataFrame, pd.DataFrame], list[Cell]]

SUMMARIES: Mapping[str, Summary] = {
    "rank_counts": rank_counts,
    "correlation_box": correlation_box,
    "gains_of_local": gains_of_local,
    "gains_of_prompts": gains_of_prompts,
    "shares_above_random": shares_above_random,
    "means_of_ensembles": means_of_ensembles,
    "alpaca_eval": alpaca_eval,
}


def best_model_rows(cells: list[Cell], method: str | None, published: pd.DataFrame) -> list[Cell]:
    """The row "best model" of the tables that have one, computed from one of our methods."""
    wanted = published[published.method == "best_model"]
    places = set(zip(wanted.dataset, wanted.ensemble, strict=True))
    return [
        {**cell, "method": "best_model"}
        for cell in cells
        if cell["method"] == method
        and cell["quantity"] == "score"
        and (cell["dataset"], cell["ensemble"]) in places
    ]
