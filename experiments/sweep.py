"""The tables of a sweep, from the files that its jobs have written so far."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from smoothie.evaluation import CANDIDATE
from smoothie.report.output import UNFINISHED, write_table
from smoothie.report.page.of_run import PAGE
from smoothie.report.page.of_sweep import page_of_sweep
from smoothie.report.scores import COMPARISONS, METRICS
from smoothie.report.tables import interval, markdown, number
from smoothie.storage.files import write_text

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

PROBLEM = ["dataset", "ensemble", "encoder", "metric"]
WIDEST = 14  # columns that a page has room for
BOUNDS = ["random", "oracle"]  # between which gaps are measured
FILES = ["sweep.csv", "sweep_comparisons.csv", "sweep_labels.csv", "sweep.md", PAGE]


def collect_sweep(folder: Path) -> None:
    """Write all rows of all jobs, and tables with a row for each problem.

    sweep.csv has the rows of each job's metrics.csv, sweep_comparisons.csv those of its
    comparisons.csv; sweep.md shows scores and gaps closed, and report.html links to the pages of
    the jobs, where they have any.

    Parameters
    ----------
    folder : Path
        Of the sweep; its jobs are in folders below, by default named by their numbers. Jobs may
        run in several processes, on several machines that share the folder: each of them calls
        this when it is done, and the last finds all of them. Their order is that of the names,
        with numbers compared by value, whichever finished first.
    """
    from filelock import FileLock

    started = (folder / "multirun.yaml").stat().st_mtime
    with FileLock(folder / ".sweep.guard"):
        # A job that has written comparisons.csv has also written metrics.csv; another may have
        # written only the latter.
        jobs = [
            path.parent
            for path in folder.glob("**/comparisons.csv")
            if path.parent.name != UNFINISHED  # files that a job is about to move to their place
            and path.stat().st_mtime >= started  # not from an earlier sweep in this folder
        ]
        jobs.sort(key=lambda job: by_value(job.relative_to(folder).as_posix()))
        if not jobs:
            for name in FILES:
                (folder / name).unlink(missing_ok=True)
            return
        metrics = read_jobs(folder, jobs, "metrics.csv")
        comparisons = read_jobs(folder, jobs, "comparisons.csv")
        write_table(metrics, folder / "sweep.csv", [*METRICS, "job"])
        write_table(comparisons, folder / "sweep_comparisons.csv", [*COMPARISONS, "job"])
        scores = markdown(*narrow(*score_rows(metrics)))
        gaps = markdown(*narrow(*gap_rows(comparisons)))
        page = f"{scores}\n{GAPS}\n\n{gaps}"
        learned = [job for job in jobs if (job / "labels_to_overtake.csv").exists()]
        if learned:
            labels = read_jobs(folder, learned, "labels_to_overtake.csv")
            write_table(labels, folder / "sweep_labels.csv")
            page += f"\n{LABELS}\n\n{markdown(*label_rows(labels))}"
        else:  # from an earlier sweep
            (folder / "sweep_labels.csv").unlink(missing_ok=True)
        write_text(folder / "sweep.md", page)
        pages = {name for job, name in named(folder, jobs) if (job / PAGE).exists()}
        if pages:
            write_text(folder / PAGE, page_of_sweep(metrics, comparisons, pages))
        else:
            (folder / PAGE).unlink(missing_ok=True)
        log.info("collected %d jobs in %s", len(jobs), folder / "sweep.csv")


def named(folder: Path, jobs: list[Path]) -> list[tuple[Path, str]]:
    """Folders of jobs, with their names in the tables."""
    return [(job, job.relative_to(folder).as_posix()) for job in jobs]


def by_value(name: str) -> list[str | int]:
    """A key that sorts names with their numbers by value: 2 before 10."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if i % 2 else part for i, part in enumerate(parts)]


LABELS = "Labels at which a method that learns from them overtakes one without, for good:"
GAPS = "Share of the way from random to the oracle in percent, with 95% intervals:"


def read_jobs(folder: Path, jobs: list[Path], name: str) -> pd.DataFrame:
    """The tables of this name that jobs have written, concatenated."""
    import pandas as pd

    tables = []
    for job, label in named(folder, jobs):
        table = pd.read_csv(
            job / name,
            dtype={"k": "Int64", "labels": "Int64"},
            keep_default_na=False,
            na_values=[""],
        )
        table["job"] = label
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def with_columns(sweep: pd.DataFrame) -> tuple[pd.DataFrame, list[str], list[str]]:
    """The methods of a sweep, with the column of a table that each row goes to.

    Where a method was run with several k, each k has a column. Candidates are left out: they
    differ from problem to problem.

    Returns
    -------
    methods : DataFrame
    columns : list of str
        In the order of the methods.
    shown : list of str
        What to show of each problem: its dataset, and what differs between problems.
    """
    methods = sweep[~sweep["method"].str.startswith(CANDIDATE)].copy()
    several = methods.groupby("method")["k"].transform("nunique") > 1
    methods["column"] = methods["method"].where(
        ~several, methods["method"] + " k=" + methods["k"].astype(str)
    )
    order = {name: i for i, name in enumerate(dict.fromkeys(methods["method"]))}
    methods["order"] = methods["method"].map(order)
    columns = list(dict.fromkeys(methods.sort_values(["order", "k"], kind="stable")["column"]))
    shown = [name for name in PROBLEM if name == "dataset" or methods[name].nunique() > 1]
    return methods, columns, shown


def narrow(header: list[str], rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """A table, transposed if it is too wide for a page, so that methods become rows."""
    if len(header) <= max(WIDEST, len(rows) + 1):
        return header, rows
    first, *others = zip(header, *rows, strict=True)
    return list(first), [list(cells) for cells in others]


def score_rows(metrics: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the scores: a row for each problem, a column for each method."""
    methods, columns, shown = with_columns(metrics)
    rows = []
    for _, part in methods.groupby(PROBLEM, sort=False):
        scores = part.drop_duplicates("column").set_index("column")["score"]
        digits = 1 if scores.max() > 10 else 2
        first = part.iloc[0]
        cells = [number(scores.get(column, float("nan")), digits) for column in columns]
        rows.append([*(str(first[name]) for name in shown), str(first["n"]), *cells])
    return [*shown, "n", *columns], rows


def gap_rows(comparisons: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the gaps closed: a row for each problem, their mean and the lowest."""
    import pandas as pd

    methods, columns, shown = with_columns(comparisons[~comparisons["method"].isin(BOUNDS)])
    rows, gaps = [], []
    for _, part in methods.groupby(PROBLEM, sort=False):
        of_column = part.drop_duplicates("column").set_index("column").reindex(columns)
        gaps.append(of_column["gap_closed"])
        cells = [
            f"{number(gap, 1)} {interval(low, high, 0)}" if pd.notna(gap) else ""
            for gap, low, high in of_column[["gap_closed", "gap_low", "gap_high"]].to_numpy()
        ]
        rows.append([*(str(part.iloc[0][name]) for name in shown), *cells])
    blank = [""] * (len(shown) - 1)
    table = pd.DataFrame(gaps)
    # Nothing for a method that was skipped somewhere: its mean would be over other problems.
    for name, row in (("mean", table.mean(skipna=False)), ("lowest", table.min(skipna=False))):
        rows.append([name, *blank, *(number(gap, 1) for gap in row)])
    return [*shown, *columns], rows


def label_rows(labels: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the labels needed: a row for each problem and method without labels."""
    import pandas as pd

    labels = labels[~labels["label_free"].isin(BOUNDS)]
    learners = list(dict.fromkeys(labels["labelled"]))
    shown = [name for name in PROBLEM[:-1] if name == "dataset" or labels[name].nunique() > 1]
    rows = []
    for _, part in labels.groupby(["job", "label_free"], sort=False):
        first = part.iloc[0]
        needed = part.set_index("labelled")["labels"].reindex(learners)
        cells = [f"> {first['looked_at']}" if pd.isna(at) else str(at) for at in needed]
        rows.append([*(str(first[name]) for name in shown), first["label_free"], *cells])
    return [*shown, "without labels", *learners], rows
