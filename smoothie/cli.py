"""The command `smoothie`: route, evaluate and check files of answers."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from smoothie import __version__
from smoothie.errors import INTERRUPTED, SmoothieError, interrupted, meant, report, stopped
from smoothie.optional import install_line, is_installed

if TYPE_CHECKING:
    from smoothie.front import RoutedTexts

DESCRIPTION = """\
Several language models answered the same inputs. Which answers should be returned?

  smoothie route answers.csv -o routed.csv      choose one answer a row, without labels
  smoothie check answers.csv                    what is in the file, and what is odd about it
  smoothie report answers.csv                   whether to trust the choices, without labels
  smoothie evaluate answers.csv                 score the choices where there are references
  smoothie label answers.csv labels.jsonl       judge a few inputs; route --labels uses them
  smoothie push router.npz user/name            share a fitted router on the Hub
  smoothie demo                                 real answers that are shipped: a table, a page
"""
EXAMPLES = {
    "route": """\
examples:
  smoothie route answers.csv -o routed.csv
  smoothie route answers.jsonl --columns id=qid,input=prompt --candidates gpt,llama
  smoothie route answers.csv --encoder static     (in a hurry: token vectors, no model)
  smoothie route answers.csv --encoder none       (wording alone: no model, no download)
  smoothie route answers.csv --method smoothie_local --set k=20 --save-router router.npz
  smoothie route new.csv --router router.npz -o routed.csv
  smoothie route answers.csv --labels labels.jsonl  (what "smoothie label" wrote)
  smoothie route answers.csv --push-to-hub user/routed
""",
    "label": """\
Shows some inputs with all their answers and asks which are the best. Verdicts are added to a file,
one JSON object a line: {"id": ..., "model": ..., "score": ...}, or a preference between two,
{"id": ..., "a": ..., "b": ..., "winner": ...}. It may be written by other means, too.

examples:
  smoothie label answers.csv labels.jsonl --next 10
  smoothie label answers.csv labels.jsonl --print     (do not ask: only show the inputs)
  smoothie route answers.csv --labels labels.jsonl -o routed.csv
""",
    "check": """\
examples:
  smoothie check answers.csv
  smoothie check answers.csv --encoder minilm     (takes the time of encoding, too)
""",
    "evaluate": """\
examples:
  smoothie evaluate answers.csv --metric exact_match
  smoothie evaluate answers.csv --method majority_vote --columns references=gold
""",
    "report": """\
examples:
  smoothie report answers.csv
  smoothie report answers.csv --method smoothie_global --encoder minilm -o report.md
  smoothie report answers.csv --html report.html    (a page: results, and every answer)
""",
    "push": """\
Routed answers are pushed by smoothie route --push-to-hub. A repository that does not exist is
created, private unless --public is given.

examples:
  smoothie push router.npz user/router
  smoothie route new.csv --router hf://user/router@COMMIT -o routed.csv
""",
    "demo": "examples:\n  smoothie demo\n  smoothie demo -o FOLDER\n",
}
HYDRA = {  # commands that hand over to the experiments, with their settings as NAME=VALUE
    "run": ("experiments.run", [], "one routing problem by its configuration"),
    "sweep": ("experiments.run", ["-m"], "many of them: smoothie sweep k=1,5,20"),
    "compare": ("experiments.compare", [], "which methods of a run differ by more than chance"),
    "rerun": ("experiments.rerun", [], "a result made again by its signature, and compared"),
    "reproduce": ("experiments.reproduce", [], "the paper's tables and figures"),
}
USAGE, DATA = 2, 1  # exit statuses


class Parser(argparse.ArgumentParser):
    """A parser that suggests what was meant."""

    def error(self, message: str) -> NoReturn:
        """One sentence and status 2."""
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns
    -------
    int
        0; 1 if a file or its contents are wrong; 130 if it was interrupted. Wrong usage exits
        with 2.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0] in HYDRA:
        return hand_over(*HYDRA[given[0]][:2], given[1:])
    parser = make_parser()
    if given and not given[0].startswith("-") and given[0] not in COMMANDS:
        parser.error(f"no command {given[0]!r}: {meant(given[0], [*COMMANDS, *HYDRA])}")
    options = parser.parse_args(given)
    options.given = given
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    return guarded(lambda: COMMANDS[options.command](options))


def guarded(command: Callable[[], object]) -> int:
    """Run a command; whatever goes wrong is one sentence, and the exit status."""
    try:
        command()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (Exception, KeyboardInterrupt) as error:
        if interrupted(error):
            sys.stderr.write(f"{stopped(error)}\n")
            return INTERRUPTED
        sys.stderr.write(f"smoothie: error: {report(error)}\n")
        return DATA
    return 0


def hand_over(module: str, flags: Sequence[str], arguments: Sequence[str]) -> int:
    """Run one of the experiments' commands, in this process and in the caller's folder."""
    import runpy

    if not (is_installed("hydra") and is_installed("sklearn")):
        sys.stderr.write(f"smoothie: error: {module} needs Hydra: {install_line('run')}\n")
        return DATA
    sys.argv = [module, *flags, *arguments]
    return guarded(lambda: runpy.run_module(module, run_name="__main__", alter_sys=True))


def make_parser() -> Parser:
    """The options of all commands."""
    layout = argparse.RawDescriptionHelpFormatter
    others = "\n".join(f"  smoothie {name:<10} {what}" for name, (_, _, what) in HYDRA.items())
    parser = Parser("smoothie", description=DESCRIPTION, epilog=others, formatter_class=layout)
    parser.add_argument("--version", action="version", version=f"smoothie {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name: str, what: str) -> argparse.ArgumentParser:
        return commands.add_parser(
            name, help=what, description=what, epilog=EXAMPLES[name], formatter_class=layout
        )

    for name, what in (
        ("route", "choose one answer for each input"),
        ("check", "say what a file of answers holds, and what is odd about it"),
        ("report", "route, and say what can be said of the choices without labels"),
        ("evaluate", "route, and score the choices by references or labels in the file"),
    ):
        command = add(name, what)
        add_file(command, "drop_inputs" if name == "check" else "error")
        if name == "check":
            command.add_argument("--encoder", help="take the time that it needs here: minilm, ...")
        else:
            add_method(command)
        if name == "route":
            add_output(command)
        if name == "report":
            command.add_argument("-o", "--output", type=Path, help="Markdown file to write")
            command.add_argument(
                "--html", type=Path, metavar="FILE", help="page to write, with all inputs: .html"
            )
            command.add_argument(
                "--sample", type=int, metavar="N", help="so many inputs on the page, at random"
            )
        if name == "evaluate":
            command.add_argument("--metric", default="auto", help="such as rouge2, exact_match, f1")
            command.add_argument("--draws", type=int, default=2000, help="bootstrap resamples")
    label = add("label", "ask which answers to a few inputs are the best")
    add_file(label, "error")
    label.add_argument("labels", type=Path, help="file of verdicts, .jsonl: read, and added to")
    label.add_argument("--next", type=int, default=5, help="inputs to judge; default: 5")
    label.add_argument("--order", default="certainty", help="or disagreement, random")
    label.add_argument("--seed", type=int, default=0, help="of the order")
    label.add_argument("--encoder", default="auto", help="minilm, mpnet, static, a folder, none")
    label.add_argument("--print", action="store_true", help="show the inputs, ask nothing")
    push = add("push", "push a fitted router to the Hugging Face Hub")
    push.add_argument("file", type=Path, help="what smoothie route --save-router wrote: .npz")
    push.add_argument("repository", metavar="USER/NAME", help="created if it does not exist")
    push.add_argument(
        "--public", action="store_true", help="create a repository that everybody may read"
    )
    demo = add("demo", "route real answers of six prompts of one model, and score the choices")
    demo.add_argument("-o", "--output", type=Path, default=Path("smoothie-demo"), help="folder")
    return parser


def add_output(command: argparse.ArgumentParser) -> None:
    """Options of what is written."""
    command.add_argument("--labels", type=Path, help="verdicts on a few answers: .jsonl")
    command.add_argument(
        "-o", "--output", type=Path, help="file to write: .csv, .tsv, .jsonl, .parquet"
    )
    command.add_argument(
        "--output-format",
        choices=["choices", "wide", "alpaca_eval", "lm_eval", "router_arena"],
        metavar="FORMAT",
        help="choices, wide, alpaca_eval, lm_eval or router_arena; default: by the name",
    )
    command.add_argument(
        "--save-router", type=Path, metavar="FILE", help="write the fitted router: .npz"
    )
    command.add_argument(
        "--push-to-hub", metavar="USER/NAME", help="push the routed answers, privately"
    )


def add_file(command: argparse.ArgumentParser, missing: str) -> None:
    """Options of the input file."""
    command.add_argument("file", type=Path, help="a table of answers, a folder, a Hub id")
    command.add_argument("--format", help="csv, alpaca_eval, lm_eval, ...; by default guessed")
    command.add_argument("--columns", help="which column is what: id=qid,input=prompt")
    command.add_argument("--select", help="of several things in a file: filter=strict-match")
    command.add_argument("--candidates", metavar="A,B", help="which candidates, in which order")
    command.add_argument(
        "--missing", default=missing, choices=["error", "drop_inputs", "drop_candidates"]
    )


def add_method(command: argparse.ArgumentParser) -> None:
    """Options of the method."""
    command.add_argument("--method", default="consensus", help="default: consensus")
    command.add_argument("--encoder", default="auto", help="minilm, mpnet, static, a folder, none")
    command.add_argument(
        "--router", metavar="FILE", help="a saved router, or hf://user/name@COMMIT of the Hub"
    )
    command.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the method"
    )


def load(options: argparse.Namespace) -> Any:
    """The problem of a file."""
    from smoothie.inspection.checks import warn_about_texts
    from smoothie.loaders.files import read_answers

    columns = dict(pairs(options.columns.split(","), "--columns")) if options.columns else None
    select = dict(pairs(options.select.split(","), "--select")) if options.select else None
    names = options.candidates.split(",") if options.candidates else None
    problem = read_answers(options.file, options.format, columns, names, options.missing, select)
    if options.command != "check":  # which lists all that is odd
        warn_about_texts(problem)
    return problem


def pairs(given: Sequence[str], flag: str) -> list[tuple[str, str]]:
    """NAME=VALUE, each."""
    for pair in given:
        if not all(pair.partition("=")):
            raise SmoothieError(f"{flag} {pair}: expected NAME=VALUE")
    return [(name, value) for name, _, value in (pair.partition("=") for pair in given)]


def settings_of(method: str, given: Sequence[str]) -> dict[str, Any]:
    """Settings of a method, in the types of its fields."""
    import typing
    from dataclasses import fields

    from smoothie.routers.base import ROUTERS

    if method not in ROUTERS:
        raise SmoothieError(f"--method {method}: {meant(method, ROUTERS)}")
    kind = ROUTERS[method]
    hints = typing.get_type_hints(kind)
    known = {entry.name: hints[entry.name] for entry in fields(kind) if entry.init}  # type: ignore[arg-type]
    settings = {}
    for name, text in pairs(given, "--set"):
        if name not in known:
            raise SmoothieError(f"--set {name}: {method} has no such setting; {meant(name, known)}")
        settings[name] = converted(text, known[name], name)
    return settings


NAMES_OF_KINDS = {int: "a whole number", float: "a number", bool: "true or false"}


def converted(text: str, kind: Any, name: str) -> Any:
    """A text as a value of a type."""
    import typing

    kinds = [part for part in typing.get_args(kind) or (kind,) if part is not type(None)]
    if bool in kinds and text.lower() in ("true", "false"):
        return text.lower() == "true"
    for number in (int, float):
        if number in kinds:
            try:
                return number(text)
            except ValueError:
                continue
    if str in kinds:
        return text
    expected = " or ".join(NAMES_OF_KINDS.get(part, part.__name__) for part in kinds)
    raise SmoothieError(f"--set {name}={text}: expected {expected}")


def routed(options: argparse.Namespace) -> RoutedTexts:
    """What a method chooses from the answers of a file."""
    from smoothie.front import route

    settings = settings_of(options.method, options.set)
    encoder = None if options.encoder == "none" else options.encoder
    problem, labels = load(options), None
    if getattr(options, "labels", None) is not None:
        from smoothie.labeling import read_verdicts

        labels = read_verdicts(options.labels, problem)
    given = {"router": options.router, "labels": labels}
    return route(problem, method=options.method, encoder=encoder, **given, **settings)


def run_route(options: argparse.Namespace) -> None:
    """Smoothie route."""
    import shlex

    if options.output is not None:
        options.output_format = output_format(options)  # refused before anything is computed
    result = routed(options)
    if options.save_router is not None:
        with writable(options.save_router):
            result.save_router(options.save_router)
    if options.output is not None:
        write_routed(result, options)
    sys.stdout.write(f"{result}\n{result.verdict()}\n")
    if options.save_router is not None:
        sys.stdout.write(f"router written to {options.save_router}\n")
    if options.output is not None:
        sys.stdout.write(f"written to {options.output}\n")
    if options.push_to_hub is not None:
        push(result, options.push_to_hub, shlex.join(["smoothie", *options.given]))
    elif options.output is None and options.save_router is None:
        sys.stdout.write("nothing was written: name a file with -o routed.csv\n")


def run_push(options: argparse.Namespace) -> None:
    """Smoothie push."""
    push(options.file, options.repository, None, options.public)


def push(thing: Any, repository: str, command: str | None, public: bool = False) -> None:
    """Push to the Hub and say where to."""
    from smoothie.sharing import push_to_hub

    address = push_to_hub(thing, repository, command=command, public=public)
    sys.stdout.write(f"pushed to {address}\n")


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Say in one sentence that a file cannot be written."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise SmoothieError(f"{path}: cannot be written ({reason})") from error


def output_format(options: argparse.Namespace) -> str:
    """In which format to write."""
    from smoothie.loaders.formats import lm_eval
    from smoothie.report import write_back

    path, source = options.output, options.file
    if options.output_format is not None:
        return str(options.output_format)
    if not path.suffix and source.is_dir() and lm_eval.looks_like(source):
        return "lm_eval"
    return write_back.format_of(path)


def write_routed(result: RoutedTexts, options: argparse.Namespace) -> None:
    """Write the choices, or the chosen answers as one more model."""
    from smoothie.report import write_back

    problem, path, format = result.problem, options.output, options.output_format
    with writable(path):
        if format == "choices":
            write_back.write_table(result.to_frame(), path)
        elif format == "wide":
            write_back.write_table(write_back.wide(problem, result.texts, path), path)
        elif format == "alpaca_eval":
            write_back.write_alpaca_eval(problem, result.texts, path)
        elif format == "router_arena":
            write_back.write_router_arena(problem, result.candidates, path)
        else:
            write_back.write_lm_eval(problem, result.candidates, options.file, path)


def run_evaluate(options: argparse.Namespace) -> None:
    """Smoothie evaluate."""
    from smoothie.front import evaluate
    from smoothie.report.scores import PARTIAL
    from smoothie.report.tables import is_partial, markdown, summary_rows

    result = routed(options)
    table = evaluate(result, metric=options.metric, draws=options.draws)
    sys.stdout.write(f"{result}\n\n{markdown(*summary_rows(table, 1))}")
    sys.stdout.write(PARTIAL if is_partial(table) else "")
    sys.stdout.write("best_single and oracle know all labels: they are bounds, not methods.\n")


def run_report(options: argparse.Namespace) -> None:
    """Smoothie report."""
    from smoothie.storage.files import write_text

    if options.sample is not None and options.sample < 1:
        raise SmoothieError(f"--sample {options.sample}: expected at least 1")
    if options.sample is not None and options.html is None:
        raise SmoothieError("--sample: expected --html FILE, the page that it is for")
    result = routed(options)
    if options.output is None:
        sys.stdout.write(result.report() if options.html is None else f"{result.verdict()}\n")
    for path, make in (
        (options.output, result.report),
        (options.html, lambda: result.page(options.sample)),
    ):
        if path is not None:
            with writable(path):
                write_text(path, make())
            sys.stdout.write(f"written to {path}\n")


def run_label(options: argparse.Namespace) -> None:
    """Smoothie label."""
    from smoothie.front import route
    from smoothie.labeling import ask, next_rows, no_verdicts, page, read_verdicts
    from smoothie.routers.consensus import Consensus
    from smoothie.storage.files import write_text

    problem, path = load(options), options.labels
    known = read_verdicts(path, problem) if path.exists() else no_verdicts(problem.texts.shape)
    result = route(problem, encoder=None if options.encoder == "none" else options.encoder)
    support = Consensus().support(result.evidence)
    rows = next_rows(support, known, options.next, options.order, options.seed)
    if options.print:
        for place, row in enumerate(rows, start=1):
            sys.stdout.write(page(problem, int(row), f"{place} of {len(rows)}") + "\n")
        return
    written = path.read_text(encoding="utf-8").rstrip("\n") if path.exists() else ""
    judged = 0
    for lines in ask(problem, rows, sys.stdout.write, sys.stdin.readline):
        written = f"{written}\n{lines}".strip("\n")
        with writable(path):
            write_text(path, written + "\n")
        judged += 1
    sys.stdout.write(f"{judged} inputs judged, {int(known.judged.sum())} before; see {path}\n")


def run_check(options: argparse.Namespace) -> None:
    """Smoothie check."""
    from smoothie.loaders.files import guess
    from smoothie.report.check import checked

    problem = load(options)
    format = options.format or f"{guess(options.file)} (guessed)"
    said = checked(problem, options.encoder, command_to_run(options))
    sys.stdout.write(f"format: {format}\n{said}")


def command_to_run(options: argparse.Namespace) -> Callable[[bool], str]:
    """The command that routes the file that was checked; of one that is not complete, if asked."""
    import shlex

    def command(incomplete: bool) -> str:
        parts = ["smoothie", "route", str(options.file)]
        for flag in ("format", "columns", "select", "candidates"):
            if getattr(options, flag):
                parts += [f"--{flag}", getattr(options, flag)]
        if incomplete:
            parts += ["--missing", options.missing]
        if options.encoder:
            parts += ["--encoder", options.encoder]
        return shlex.join([*parts, "-o", "routed.csv"])

    return command


def run_demo(options: argparse.Namespace) -> None:
    """Smoothie demo."""
    from dataclasses import replace

    from smoothie.encoders.stored import StoredVectors
    from smoothie.loaders.local import LocalFolder
    from smoothie.metrics.scoring import score
    from smoothie.report.artifacts import write_artifacts
    from smoothie.report.contents import artifacts_of_run
    from smoothie.routers.base import ROUTERS
    from smoothie.run import describe as signature_of
    from smoothie.run import run

    folder = Path(__file__).parent / "demo"
    methods = ("random", "smoothie_global", "smoothie_local", "consensus", "best_single", "oracle")
    problem = LocalFolder(path=str(folder), metrics=DEMO_METRICS).load().by_id()
    encoder = StoredVectors(str(folder / "embeddings"))
    scores = score(problem, "auto", DEMO_METRICS)
    routers = {name: ROUTERS[name]() for name in methods}
    result = run(problem, routers, encoder=encoder, scores=scores)
    result = replace(
        result,
        routed=result.routings["consensus"],
        names={"dataset": problem.name, "ensemble": "all", "encoder": "demo"},
        signature=signature_of(result, encoder),
    )
    artifacts = artifacts_of_run((1, 2, 5, 10, 20))
    sys.stdout.write(write_artifacts(result, artifacts, options.output, page=True))


DEMO_METRICS = {
    "short_question_answering": "substring",
    "definition_extraction": "substring",
    "data_to_text": "rouge2",
}

COMMANDS: dict[str, Callable[[argparse.Namespace], None]] = {
    "route": run_route,
    "check": run_check,
    "report": run_report,
    "evaluate": run_evaluate,
    "label": run_label,
    "push": run_push,
    "demo": run_demo,
}
