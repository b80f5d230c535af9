"""What the page of a sweep shows: the results of all jobs, and links to their pages."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from smoothie import __version__
from smoothie.evaluation import CANDIDATE
from smoothie.inspection.findings import listed
from smoothie.report.page.curves import line_of
from smoothie.report.page.html import render
from smoothie.report.page.methods import tones_of, tones_of_other
from smoothie.report.page.of_run import PAGE

if TYPE_CHECKING:
    import pandas as pd

PROBLEM = ["dataset", "ensemble", "encoder", "metric"]
KEYS = ["job", "method"]
BOUNDS = ["random", "oracle"]  # between which gaps are measured
COMPARED = ["difference", "difference_low", "difference_high", "gap_closed"]
MOST_ROWS = 5_000  # of the table; sweep.csv has all of them


def page_of_sweep(metrics: pd.DataFrame, comparisons: pd.DataFrame, pages: Collection[str]) -> str:
    """The page of a sweep.

    Parameters
    ----------
    metrics, comparisons : DataFrame
        The rows of all jobs, as sweep.csv and sweep_comparisons.csv have them.
    pages : collection of str
        Jobs that have a page of their own.

    Returns
    -------
    str
        HTML. Candidates by themselves are left out: they differ from job to job.
    """
    methods = metrics[~metrics["method"].str.startswith(CANDIDATE)]
    methods = methods.merge(comparisons[[*KEYS, *COMPARED]], on=KEYS, how="left")
    shown = [key for key in PROBLEM if key == "dataset" or methods[key].nunique() > 1]
    several_k = methods["k"].nunique() > 1
    rows = [
        {
            **{str(key): value for key, value in row.items()},
            **tones_of(str(row["method"])),
            "k": "" if row["k"] != row["k"] or row["k"] is None else str(row["k"]),
            "link": link_to(row["job"]) if row["job"] in pages else None,
        }
        for row in methods.head(MOST_ROWS).astype(object).to_dict("records")
    ]
    content = {
        "title": f"Sweep of {listed(list(dict.fromkeys(map(str, metrics['dataset']))))}",
        "version": __version__,
        "digits": 1 if methods["score"].max() > 10 else 2,
        "facts": [f"{methods['job'].nunique():,} jobs", f"{methods['method'].nunique()} methods"],
        "tones": [tones_of(str(name)) for name in dict.fromkeys(methods["method"])],
        "columns": shown,
        "several_k": several_k,
        "rows": rows,
        "left_out": max(0, len(methods) - MOST_ROWS),
        "gaps": gaps(methods, shown),
        "charts": charts_against_k(methods, shown),
    }
    return render("sweep.html", content)


def gaps(methods: pd.DataFrame, shown: list[str]) -> dict[str, Any]:
    """Gap closed, a row for each problem and a column for each method, or method and k."""
    compared = methods[~methods["method"].isin(BOUNDS)]
    several = compared.groupby("method")["k"].transform("nunique") > 1
    with_k = compared["method"] + " k=" + compared["k"].astype(str)
    columns = compared["method"].where(~several, with_k)
    problems = compared[shown].astype(str).agg(", ".join, axis=1)
    found = (
        compared.assign(column=columns, problem=problems)
        .drop_duplicates(["problem", "column"])
        .pivot(index="problem", columns="column", values="gap_closed")
        .reindex(index=list(dict.fromkeys(problems)), columns=list(dict.fromkeys(columns)))
    )
    return {
        "problems": list(found.index),
        "columns": list(found.columns),
        "values": found.to_numpy(dtype=float),
    }


def link_to(job: str) -> str:
    """The page of a job, whose name may hold anything that a folder's may."""
    return f"./{quote(job)}/{PAGE}"


def charts_against_k(methods: pd.DataFrame, shown: list[str]) -> list[dict[str, Any]]:
    """For each dataset, ensemble and metric, a line for each method and encoder with several k."""
    charts = []
    for (dataset, ensemble, metric), part in methods.groupby(
        ["dataset", "ensemble", "metric"], sort=False, dropna=False
    ):
        curves = {}
        for (method, encoder), own in part.groupby(["method", "encoder"], sort=False, dropna=False):
            points = own.dropna(subset=["k"]).drop_duplicates("k").sort_values("k")
            if len(points) > 1:
                curves[f"{method}, {encoder}" if "encoder" in shown else str(method)] = points
        if not curves:
            continue
        # One method with several encoders: the colors are theirs.
        drawn = [tones_of_other(i) for i in range(len(curves))]
        if "encoder" not in shown:
            drawn = [tones_of(key) for key in curves]
        lines = [
            line_of(key, own, points, "k")
            for own, (key, points) in zip(drawn, curves.items(), strict=True)
        ]
        named = [str(dataset), *([str(ensemble)] if "ensemble" in shown else [])]
        charts.append(
            {
                "section": "curves",
                "title": ", ".join(named),
                "x": "k, inputs in a neighborhood",
                "y": str(metric),
                "log": True,
                "lines": lines,
            }
        )
    return charts
