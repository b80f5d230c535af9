"""What a run says of itself without labels: diagnosis.md, diagnosis.json and a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from smoothie.diagnosis import Diagnosis, MethodDiagnosis, diagnose
from smoothie.errors import NotAvailableError, printable
from smoothie.evaluation import Bootstrap
from smoothie.evidence import Evidence
from smoothie.inspection.findings import listed
from smoothie.report.artifacts import Artifact
from smoothie.report.output import OutputFolder
from smoothie.report.tables import interval, markdown, markdown_escaped, number
from smoothie.routers.base import Router, Routing
from smoothie.routers.consensus import Consensus
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.routers.smoothie_local import SmoothieLocal
from smoothie.run import Result, choose
from smoothie.to_label import COUNT, inputs_to_label

STANDARD: Mapping[str, type[Router]] = {
    "smoothie_global": SmoothieGlobal,
    "smoothie_local": SmoothieLocal,
    "consensus": Consensus,
}
# From which value of its signal on a method is called likely to beat random choice. The signal is
# how well the others' wording supports Global's choice. Thresholds were chosen on 15 sets
# (results/calibration/calibration.md), as were the rates: of runs called likely and of runs called
# doubtful, how many there were and how many were better than random choice. The rates are of sets
# that were judged by the thresholds of the others.
THRESHOLDS = {"smoothie_global": 0.33, "smoothie_local": 0.15}
RATES = {
    "smoothie_global": ((170, 149), (50, 28)),
    "smoothie_local": ((189, 186), (31, 20)),
}
CONSENSUS = (220, 215)  # the same runs; it lost too few to find out which
EXPLAINED = """\
Support is that of the chosen texts by the others, in shared n-grams and in embeddings: 0% as random
ones, 100% as the best supported ones. Top: the candidate with the largest mean weight, and the
share of bootstrap resamples of the inputs in which it is the same one. Stable: choices that stay
when one of the other candidates is left out. Length: that of the chosen texts over that of all.
Ties: inputs on which candidates share the largest weight. Near ties: inputs on which the largest
weight exceeds the second by less than 0.01%, so that rounding may turn the choice.
"""
WHY_THESE = """\
A random sample of the inputs on which answers differ: whether a method is better than random choice
on 20 such inputs is whether it is on all of them in about seven of eight runs (docs/research.md).
"""


def diagnosed(
    candidates: tuple[str, ...],
    evidence: Evidence,
    routers: Mapping[str, Router],
    routings: Mapping[str, Routing],
    bootstrap: Bootstrap | None = None,
    ids: Sequence[str] = (),
) -> Diagnosis:
    """Diagnose methods beside Smoothie-Global, Smoothie-Local and Consensus.

    These three are added with their defaults where they are missing and can be used. With ids of
    the inputs, it says which to label.
    """
    all_routers, all_routings = dict(routers), dict(routings)
    for name, kind in STANDARD.items():
        if name in all_routings:
            continue
        router = kind()
        with suppress(NotAvailableError):
            all_routings[name] = choose(router, evidence)
            all_routers[name] = router
    found = diagnose(candidates, evidence, all_routers, all_routings, bootstrap)
    return replace(found, to_label=inputs_to_label(evidence, ids)) if len(ids) else found


def signals(diagnosis: Diagnosis) -> dict[str, float]:
    """What was found to tell whether a method beats random choice, where it is known."""
    chosen = diagnosis.of("smoothie_global")
    if chosen is None or chosen.wording is None:
        return {}
    return {name: chosen.wording for name in THRESHOLDS if diagnosis.of(name) is not None}


def verdict(diagnosis: Diagnosis) -> str:
    """Which methods are likely to beat random choice, in a sentence or two.

    It is made from `signals` alone: nothing else was found to predict anything
    (docs/research.md).
    """
    found = signals(diagnosis)
    likely = [name for name, value in found.items() if value >= THRESHOLDS[name]]
    doubtful = [name for name in found if name not in likely]
    sentences = []
    if not found:
        sentences.append(
            "Nothing that is known here without labels tells whether these choices are any good."
        )
    if likely:
        rates = ", ".join(f"{name} ({rate(RATES[name][0])} runs like this one)" for name in likely)
        sentences.append(f"Likely to beat random choice: {rates}.")
    if diagnosis.of("consensus") is not None:
        runs, better = CONSENSUS
        sentences.append(
            f"consensus was better than random choice in {better} of {runs} other runs; what marks "
            f"the other {runs - better} is not known."
        )
    if doubtful:
        rates = ", ".join(
            f"{name} ({rate(RATES[name][1])} runs like this one; {reason(diagnosis)})"
            for name in doubtful
        )
        named = [printable(key) for key in diagnosis.to_label]
        which = f" ({listed(named)})" if named else ""
        many = len(diagnosis.to_label) or COUNT
        sentences.append(f"Doubtful: {rates}. Label about {many} inputs{which} to know.")
    return " ".join(sentences)


def rate(counts: tuple[int, ...]) -> str:
    """How many of some runs were better than random choice."""
    runs, better = counts
    return f"{better} of {runs}"


def reason(diagnosis: Diagnosis) -> str:
    """Why a method is called doubtful."""
    chosen = diagnosis.of("smoothie_global")
    assert chosen is not None
    return (
        f"the others' wording hardly supports {diagnosis.candidates[int(chosen.shares.argmax())]}"
    )


def report(diagnosis: Diagnosis) -> str:
    """All of it as a Markdown page."""
    parts = [
        f"# {diagnosis.inputs} inputs, {len(diagnosis.candidates)} candidates, without labels",
        markdown_escaped(verdict(diagnosis)) + "\n",
        "## Who is chosen",
        method_table(diagnosis),
        EXPLAINED,
        "## Shares and weights of the candidates",
        candidate_table(diagnosis),
        "Share of the inputs; mean weight with its 95% interval.\n",
    ]
    if len(diagnosis.methods) > 1:
        names = [method.name for method in diagnosis.methods]
        parts += ["## Methods that choose the same", matrix(names, diagnosis.agreement)]
    parts += ["## Candidates that say the same", matrix(diagnosis.candidates, diagnosis.same)]
    parts += ["\n".join(remarks(diagnosis)) + "\n"]
    if diagnosis.to_label:
        named = ", ".join(markdown_escaped(key) for key in diagnosis.to_label)
        parts += ["## Inputs to label first", f"{WHY_THESE}\n\n{named}\n"]
    return "\n\n".join(part.rstrip("\n") for part in parts) + "\n"


def remarks(diagnosis: Diagnosis) -> list[str]:
    """What is worth a sentence."""
    lines = []
    for clique in diagnosis.cliques:
        names = ", ".join(diagnosis.candidates[j] for j in clique)
        lines.append(f"{names} say the same on most inputs: they vote as {len(clique)}.")
    if not diagnosis.cliques:
        lines.append("No two candidates say the same on most inputs.")
    if diagnosis.degenerate is not None:
        lines.append(
            f"On {100 * diagnosis.degenerate:.0f}% of the inputs an estimated error is zero or "
            f"less: the model of independent errors does not fit there."
        )
    return lines


def method_table(diagnosis: Diagnosis) -> str:
    """A row for each method."""
    rows = []
    for method in diagnosis.methods:
        top = "" if method.top is None else diagnosis.candidates[method.top]
        shown = [method.wording, method.meaning, method.stability, method.length, method.ties]
        near = "" if method.near_ties is None else str(method.near_ties)
        rows.append([method.name, top, percent(method.top_probability), *map(percent, shown), near])
    header = ["Method", "Top", "on top", "Support: wording", "meaning", "Stable", "Length", "Ties"]
    header.append("Near ties")
    return markdown(header, rows)


def candidate_table(diagnosis: Diagnosis) -> str:
    """A row for each candidate, with the share and the weight that each method gives it."""
    header = ["Candidate"]
    for method in diagnosis.methods:
        header += [method.name, *(["weight"] if method.weights is not None else [])]
    rows = []
    for j, name in enumerate(diagnosis.candidates):
        cells = [name]
        for method in diagnosis.methods:
            cells.append(percent(float(method.shares[j])))
            if method.weights is not None:
                cells.append(weight(method, j))
        rows.append(cells)
    return markdown(header, rows)


def weight(method: MethodDiagnosis, candidate: int) -> str:
    """A mean weight, with its interval where there is one."""
    assert method.weights is not None
    shown = number(float(method.weights[candidate]), 3)
    if method.low is None or method.high is None:
        return shown
    return f"{shown} {interval(method.low[candidate], method.high[candidate], 3)}"


def matrix(names: Any, values: Any) -> str:
    """A square table of shares."""
    rows = [[name, *map(percent, row)] for name, row in zip(names, values, strict=True)]
    return markdown(["", *names], rows)


def percent(value: float | None) -> str:
    """A share in percent, or nothing where there is none."""
    return "" if value is None else f"{100 * value:.0f}%"


def as_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """All of it for programs."""

    def plain(value: Any) -> Any:
        if isinstance(value, np.ndarray):
            return value.tolist()
        if isinstance(value, dict):
            return {key: plain(inner) for key, inner in value.items()}
        return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value

    found: dict[str, Any] = plain(asdict(diagnosis))
    return {"verdict": verdict(diagnosis), **found}


def diagnose_run(result: Result) -> Diagnosis:
    """Diagnose the methods of a run."""
    names = result.problem.candidates
    bootstrap = result.bootstrap
    ids = result.problem.ids
    return diagnosed(names, result.evidence, result.routers, result.routings, bootstrap, ids)


def write_diagnosis(result: Result, diagnosis: Diagnosis, output: OutputFolder) -> None:
    """A page, and the same for programs."""
    output.text("diagnosis.md", report(diagnosis))
    output.json("diagnosis.json", as_json(diagnosis))


def show_diagnosis(result: Result, diagnosis: Diagnosis) -> str:
    """The verdict, where the rest is, and what is odd."""
    said = markdown_escaped(verdict(diagnosis))
    lines = [said, *remarks(diagnosis)] if diagnosis.cliques else [said]
    return "### Without labels\n\n" + "\n".join(lines) + "\nMore in diagnosis.md.\n"


DIAGNOSIS = Artifact(diagnose_run, write_diagnosis, show_diagnosis, part="diagnosis")
