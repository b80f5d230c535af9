"""The paper's tables and figures: published beside reproduced, cell by cell.

    python -m experiments.reproduce                      # everything that is possible here
    python -m experiments.reproduce experiment=table1 protocol=corrected

Lists what is available and what is not, runs what is possible, and marks the rest. Where there
is no data at all, it says so at once, with the command that fetches it.
"""

import hashlib
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hydra
import pandas as pd
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from experiments.command import start
from experiments.config import general, literal, one_sentence_errors, plain, typed
from experiments.groups import CONF
from experiments.memory import Memory
from experiments.paper.available import every_experiment, require_data
from experiments.paper.comparison import KEY, REPRODUCED, compare, read_published, summary_line
from experiments.paper.jobs import (
    QUIET,
    Experiment,
    Planned,
    expand,
    listed,
    protocol_overrides,
)
from experiments.paper.measures import (
    MEASURES,
    SUMMARIES,
    Cell,
    Run,
    best_model_rows,
)
from experiments.paper.reproduction import write_report
from experiments.parts import protocol_named
from experiments.pipeline import run_settings
from smoothie import __version__
from smoothie.clock import Clock
from smoothie.errors import SmoothieError
from smoothie.storage.files import sha256, write_json

log = logging.getLogger(__name__)

OTHER = {"as_published": "corrected", "corrected": "as_published"}


@dataclass(frozen=True, eq=False)
class Plan:
    """The runs of one experiment."""

    name: str
    experiment: Experiment
    runs: Sequence[Planned]

    @property
    def possible(self) -> list[Planned]:
        """Runs for which everything is available."""
        return [run for run in self.runs if not run.needs.missing]

    @property
    def lacking(self) -> list[str]:
        """What is not available, and how to get it, in sentences."""
        get = f"`scripts/download experiment={self.name}`"
        missing = list(dict.fromkeys(what for run in self.runs for what in run.needs.missing))
        sentences = []
        impossible = len(self.runs) - len(self.possible)
        if missing:
            sentences.append(
                f"{impossible} of {len(self.runs)} runs lack {listed(missing)}; to get it: {get}."
            )
        dropped: dict[str, list[str]] = {}
        for run in self.possible:
            for method, what in run.needs.dropped.items():
                dropped.setdefault(method, []).append(what)
        for method, whats in dropped.items():
            sentences.append(
                f"{method} is skipped in {len(whats)} runs because {whats[0]} is missing; "
                f"to get it: {get}."
            )
        return sentences

    @property
    def found(self) -> list[str]:
        """Sources of what is available."""
        return list(dict.fromkeys(place for run in self.runs for place in run.needs.found))


@dataclass
class Runner:
    """Runs each distinct setting once, and computes cells from it.

    A run that fails, for instance because of a corrupt file, is recorded in `failures`; the others
    go on.
    """

    extra: Sequence[str]
    published: pd.DataFrame
    known: dict[tuple[str, ...], list[Cell]] = field(default_factory=dict)
    by_settings: dict[str, list[Cell]] = field(default_factory=dict)
    failures: dict[str, list[str]] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)

    def cells(self, plan: Plan) -> list[Cell]:
        """All available cells of an experiment; summaries only if every run was possible."""
        cells: list[Cell] = []
        for run in plan.possible:
            cells += [dict(cell) for cell in self.of_run(plan.experiment, run)]
        published = self.published[self.published.experiment == plan.name]
        cells += best_model_rows(cells, plan.experiment.best_model, published)
        whole = len(plan.possible) == len(plan.runs) and plan.name not in self.failures
        if whole and cells:
            table = pd.DataFrame(cells)
            command = f"python -m experiments.reproduce experiment={plan.name}"
            for name in plan.experiment.summaries:
                for cell in SUMMARIES[name](table, published):
                    cells.append({**cell, "command": command})
        return [{"experiment": plan.name, **cell} for cell in cells]

    def of_run(self, experiment: Experiment, planned: Planned) -> list[Cell]:
        """The cells of one run."""
        job = planned.job
        place = (job.experiment, *job.overrides)
        if place not in self.known:
            key = repr((planned.key, job.place, experiment.measures))
            if key not in self.by_settings:
                self.by_settings[key] = self.take(experiment, planned)
            self.known[place] = self.by_settings[key]
        return self.known[place]

    def take(self, experiment: Experiment, planned: Planned) -> list[Cell]:
        """Run, and compute the cells; none if the run fails, or all of its methods were dropped."""
        job, settings = planned.job, planned.settings
        if not settings.routers:
            return []
        try:
            finished = Run(job, settings, run_settings(settings, Clock(), self.memory))
            return [
                {**cell, "command": job.command}
                for measure in experiment.measures
                for cell in MEASURES[measure](finished)
            ]
        except SmoothieError as error:
            log.error("%s: %s", job.experiment, error)
            self.failures.setdefault(job.experiment, []).append(str(error))
            return []


def experiments_of(cfg: DictConfig, protocol: Mapping[str, Any]) -> dict[str, Experiment]:
    """The requested experiments, under a protocol."""
    chosen = OmegaConf.create({"protocol": literal(dict(protocol)), "experiment": cfg.experiment})
    found = {}
    for name in chosen.experiment:
        settings = plain(chosen.experiment[name], f"experiment.{name}")
        experiment = Experiment(**typed(Experiment, settings, f"experiment.{name}"))
        for kind, names, known in (
            ("measures", experiment.measures, MEASURES),
            ("summaries", experiment.summaries, SUMMARIES),
        ):
            for entry in names:
                if entry not in known:
                    raise SmoothieError(
                        f"experiment.{name}.{kind}: no {entry!r}; there are {', '.join(known)}"
                    )
        found[str(name)] = experiment
    return found


def make_plans(
    cfg: DictConfig, protocol: Mapping[str, Any], extra: Sequence[str]
) -> dict[str, Plan]:
    """The runs of all experiments, with what each needs."""
    plans = {}
    for name, experiment in experiments_of(cfg, protocol).items():
        jobs = expand(name, experiment, protocol, cfg.debug)
        runs = [Planned.of(job, extra, cfg.experiment[name]) for job in jobs]
        plans[name] = Plan(name, experiment, runs)
    return plans


def with_switch(
    cfg: DictConfig,
    plans: Mapping[str, Plan],
    protocol: Mapping[str, Any],
    switch: str,
    extra: Sequence[str],
) -> Iterator[Plan]:
    """The plans that depend on a switch, with those runs under the changed protocol."""
    experiments = experiments_of(cfg, protocol)
    for name, plan in plans.items():
        asked = plan.experiment.switches
        if not any(switch in run.switches for run in plan.runs):
            continue
        if asked is not None and switch not in asked:
            continue
        changed = expand(name, experiments[name], protocol, cfg.debug)
        runs = [
            Planned.of(job, extra, cfg.experiment[name]) if switch in run.switches else run
            for run, job in zip(plan.runs, changed, strict=True)
        ]
        yield Plan(name, experiments[name], runs)


def flipped(protocol: Mapping[str, Any], switch: str) -> dict[str, Any]:
    """A protocol with one switch set as in the other protocol."""
    name = str(protocol["name"])
    protocol_named(name)  # refuses an unknown one
    other = protocol_named(OTHER.get(name, "corrected"))
    if switch not in other:
        known = ", ".join(key for key in other if key != "name")
        raise SmoothieError(f"switches: no switch {switch!r}; there are {known}")
    value = other[switch]
    if value == protocol[switch] and isinstance(value, bool):
        value = not value  # the same in both protocols
    return {**protocol, switch: value}


def try_switches(
    cfg: DictConfig,
    plans: Mapping[str, Plan],
    protocol: Mapping[str, Any],
    changes: Mapping[str, Mapping[str, Any]],
    runner: Runner,
    before: pd.DataFrame,
) -> pd.DataFrame:
    """What each switch changes by itself; `changes` has the protocol with each of them flipped.

    Returns
    -------
    DataFrame
        switch, from, to, the keys of the cell, value_before, value_after, for each cell that was
        computed under both settings; one row with an empty experiment if nothing depends on a
        switch.
    """
    rows: list[dict[Any, Any]] = []
    for switch, changed in changes.items():
        found: list[Cell] = []
        for plan in with_switch(cfg, plans, changed, switch, runner.extra):
            found += runner.cells(plan)
        named = {"switch": switch, "from": protocol[switch], "to": changed[switch]}
        if not found:
            rows.append({**named, "experiment": ""})
            continue
        both = before.merge(pd.DataFrame(found), on=KEY, suffixes=("_before", "_after"))
        both = both[both.quantity != "seconds_per_1000"]
        values = both[[*KEY, "value_before", "value_after"]]
        rows += [dict(row) for row in values.assign(**named).to_dict("records")]
    columns = ["switch", "from", "to", *KEY, "value_before", "value_after"]
    return pd.DataFrame(rows, columns=columns)


def describe_available(plans: Mapping[str, Plan]) -> str:
    """Describe what is available and what is not, before anything is run."""
    lines = ["Available:"]
    places = list(dict.fromkeys(place for plan in plans.values() for place in plan.found))
    lines += [f"  {place}" for place in places] or ["  nothing"]
    lines.append("Runs that are possible:")
    for name, plan in plans.items():
        lines.append(f"  {name}: {len(plan.possible)} of {len(plan.runs)}")
        lines += [f"    {sentence}" for sentence in plan.lacking]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Reproduction:
    """Settings of the command, as conf/reproduce.yaml describes them."""

    debug: bool = False
    switches: list[str] | None = None
    overrides: list[str] = field(default_factory=list)
    published: str = ""


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="reproduce")
def main(cfg: DictConfig) -> None:
    """Command line."""
    # Hundreds of runs would log too much.
    for name in ("smoothie", "experiments.steps", "experiments.pipeline"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with one_sentence_errors():
        sys.stdout.write(reproduce(cfg, Path(HydraConfig.get().runtime.output_dir)))


def reproduce(cfg: DictConfig, folder: Path) -> str:
    """Run what is possible and write the report.

    Returns
    -------
    str
        What to show to the user at the end.

    Raises
    ------
    SmoothieError
        If a setting is wrong, if there is no data at all, or, after the report is written, if a
        run failed because of its data.
    """
    general(cfg, Reproduction)
    protocol = plain(cfg.protocol, "protocol")
    changes = {switch: flipped(protocol, switch) for switch in cfg.switches or []}
    extra = [*(str(entry) for entry in cfg.overrides), *QUIET]
    sys.stdout.write(require_data(cfg, experiments_of(cfg, protocol), extra[: -len(QUIET)]))
    plans = make_plans(cfg, protocol, extra)
    sys.stdout.write(describe_available(plans))
    sys.stdout.flush()
    published = read_published(Path(str(cfg.published)))
    published = pd.concat([published[published.experiment == name] for name in plans])
    runner = Runner(extra, published)
    cells: list[Cell] = []
    for name, plan in plans.items():
        log.info("%s: %d of %d runs", name, len(plan.possible), len(plan.runs))
        cells += runner.cells(plan)
    reproduced = pd.DataFrame(cells, columns=[*KEY, *REPRODUCED])
    switches = try_switches(cfg, plans, protocol, changes, runner, reproduced)
    failed = runner.failures
    broken = {name: [f"a run failed: {why}." for why in whys] for name, whys in failed.items()}
    lacking = {name: [*plan.lacking, *broken.get(name, [])] for name, plan in plans.items()}
    signature = signature_of(protocol, plans, cfg)
    write_json(folder / "signature.json", signature)
    paths = write_report(folder, published, reproduced, lacking, switches, signature)
    listed_paths = "".join(f"  {path}\n" for path in paths if path.suffix in (".md", ".csv"))
    line = summary_line(compare(published, reproduced))
    if failed:
        first = next(iter(failed.values()))[0]
        count = sum(len(whys) for whys in failed.values())
        runs = "a run" if count == 1 else f"{count} runs"
        raise SmoothieError(f"{folder / 'report.md'} is written, but {runs} failed: {first}")
    return f"\n{line}.\nWritten, with tables/ and figures/:\n{listed_paths}"


def signature_of(
    protocol: Mapping[str, Any], plans: Mapping[str, Plan], cfg: DictConfig
) -> dict[str, Any]:
    """How the numbers were computed: protocol, command, versions and data."""
    from importlib.metadata import version

    packages = ("numpy", "rouge-score", "sentence-transformers", "transformers", "torch")
    chosen = "" if set(plans) == set(every_experiment()) else f" experiment=[{','.join(plans)}]"
    if len(plans) == 1:
        chosen = f" experiment={next(iter(plans))}"
    more = [*protocol_overrides(protocol), *(["debug=true"] if cfg.debug else [])]
    return {
        "protocol": str(protocol["name"]),
        "switches": {key: value for key, value in protocol.items() if key != "name"},
        "command": f"python -m experiments.reproduce{chosen} {' '.join(more)}",
        "versions": {"smoothie": __version__} | {name: version(name) for name in packages},
        "data": data_revisions(plans),
    }


def data_revisions(plans: Mapping[str, Plan]) -> dict[str, str]:
    """Each source in use, with a checksum over the names and contents of the files read."""
    files: dict[str, set[Path]] = {}
    for plan in plans.values():
        for run in plan.possible:
            for source, read in run.needs.files.items():
                files.setdefault(source, set()).update(read)
    revisions = {}
    for source, paths in files.items():
        digest = hashlib.sha256()
        for path in sorted(paths):
            digest.update(f"{path.name} {sha256(path)}\n".encode())
        revisions[source] = f"{len(paths)} files, SHA-256 {digest.hexdigest()[:12]}"
    return revisions


if __name__ == "__main__":
    start(main)
