"""The one table of a sweep, from what its jobs have written so far."""

import logging
from pathlib import Path

import pandas as pd

from experiments.write import METRICS, write_table
from smoothie.files import write_text
from smoothie.report.tables import CANDIDATE, markdown, number

log = logging.getLogger(__name__)

PROBLEM = ["dataset", "ensemble", "encoder", "metric"]


def collect_sweep(folder: Path) -> None:
    """Write sweep.csv, every row of every job, and sweep.md, a row for each problem.

    Parameters
    ----------
    folder : Path
        Of the sweep; its jobs are in folders below. Jobs may run in several processes,
        and each of them calls this when it is done.
    """
    from filelock import FileLock

    started = (folder / "multirun.yaml").stat().st_mtime
    with FileLock(folder / ".sweep.guard"):
        tables = []
        for path in sorted(folder.glob("**/metrics.csv"), key=lambda path: path.stat().st_mtime):
            if path.stat().st_mtime >= started:  # not from an earlier sweep in this folder
                table = pd.read_csv(
                    path, dtype={"k": "Int64"}, keep_default_na=False, na_values=[""]
                )
                table["job"] = path.parent.relative_to(folder).as_posix()
                tables.append(table)
        if not tables:
            for name in ("sweep.csv", "sweep.md"):
                (folder / name).unlink(missing_ok=True)
            return
        sweep = pd.concat(tables, ignore_index=True)
        write_table(sweep, [*METRICS, "job"], folder / "sweep.csv")
        header, rows = sweep_rows(sweep)
        write_text(folder / "sweep.md", markdown(header, rows))
        log.info("collected %d jobs in %s", len(tables), folder / "sweep.csv")


def sweep_rows(sweep: pd.DataFrame) -> tuple[list[str], list[list[str]]]:
    """Header and cells of a table with a row for each problem and a column for each method.

    Where a method was run with several k, each k has a column. What does not differ between the
    problems is left out. Candidates are not shown: they differ from problem to problem.
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
    rows = []
    for _, part in methods.groupby(PROBLEM, sort=False):
        scores = part.drop_duplicates("column").set_index("column")["score"]
        digits = 1 if scores.max() > 10 else 2
        first = part.iloc[0]
        cells = [number(scores.get(column, float("nan")), digits) for column in columns]
        rows.append([*(str(first[name]) for name in shown), str(first["n"]), *cells])
    return [*shown, "n", *columns], rows
