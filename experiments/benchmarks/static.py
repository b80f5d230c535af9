"""The static encoder against the one that it is distilled from, in gaps closed and in time.

    python -m experiments.benchmarks.static FOLDER...

says how much of the way from random choice to the oracle methods close on sets in the local layout
with either encoder, and how long both take. Kept in results/static. The static encoder has to be
there: `python -m experiments.distill` makes it.
"""

import shlex
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.benchmarks.encoding import short_and_long
from experiments.benchmarks.timing import Row, machine, side_by_side, table
from experiments.config import one_sentence_errors
from experiments.memory import Memory
from experiments.paper.jobs import compose_run
from experiments.places import RESULTS, encoders_folder, keep
from experiments.research.ablation import VARIANTS, gap_closed
from experiments.settings import read_settings
from experiments.steps import encode, load, make_encoder, score_problem
from smoothie.encoders.named import static_folder
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.encoders.static import StaticEncoder
from smoothie.errors import SmoothieError
from smoothie.report.output import write_table
from smoothie.report.tables import markdown, number

COMMAND = "python -m experiments.benchmarks.static"
ENCODERS = {
    "minilm": ("encoder=minilm", "encoder.profile=fast"),
    "static": ("encoder=static",),
}
METHODS = {
    "consensus": "consensus",
    "smoothie_local": "smoothie_local k=1",
    "smoothie_global": "smoothie_global",
}
NO_ENCODER = "consensus, no encoder"
TEACHER = "all-MiniLM-L6-v2"


def static_against_models() -> list[Row]:
    """The time of the static encoder beside that of its teacher, in both profiles."""
    teacher = encoders_folder() / TEACHER
    if not (static_folder().is_dir() and teacher.is_dir()):
        return [Row("encoder=static: not distilled, or no encoder to compare with", "", np.nan)]
    ours = StaticEncoder(str(static_folder()))
    rows = []
    for kind, texts in short_and_long().items():
        length = np.mean([len(text) for text in texts])
        what = f"encoder=static, {len(texts)} {kind} texts of {length:.0f} characters"
        for profile in ("exact", "fast"):
            rival = SentenceEncoder(str(teacher), profile=profile, device="cpu", progress=False)
            run = partial(rival._encode, texts, rival.number_type)  # past the cache
            times = side_by_side(partial(ours.encode, texts), run, 3)
            rows.append(Row(what, f"{TEACHER}, {profile}, {rival.number_type}", *times))
    return rows


def gaps_of(folder: Path) -> list[dict[str, object]]:
    """Gaps closed on one set: a row for each encoder and method."""
    rows: list[dict[str, object]] = []
    memory = Memory()
    for name, encoder in ENCODERS.items():
        data = ("dataset=local", f"dataset.path={folder}")
        settings = read_settings(compose_run([*data, *encoder]))
        source, problem, _ = load(settings, memory)
        scores = score_problem(settings, source, problem, memory)
        if scores is None or scores.per_candidate or not scores.scored.any():
            raise SmoothieError(f"{folder}: there are no scores of single texts to compare by")
        votes = encode(settings, make_encoder(settings, memory), problem, memory)
        methods = {**METHODS, NO_ENCODER: "meaning 0"} if name == "minilm" else METHODS
        for method, variant in methods.items():
            choices = VARIANTS[variant](votes).argmax(axis=1)[scores.scored]
            gap = gap_closed(choices, scores.quality[scores.scored])
            rows.append(
                {"dataset": problem.name, "encoder": name, "method": method, "gap_closed": gap}
            )
    return rows


def gap_table(gaps: pd.DataFrame) -> str:
    """A row for each set, the mean, and the share of the teacher's mean that is kept."""
    wide = gaps.pivot_table(
        index="dataset", columns=["method", "encoder"], values="gap_closed", sort=False
    )
    columns = [(method, encoder) for method in METHODS for encoder in ENCODERS]
    wide = wide[[*columns, (NO_ENCODER, "minilm")]]
    means = wide.mean()
    lines = [
        [str(name), *(number(float(value), 1) for value in row)]
        for name, row in zip(wide.index, wide.to_numpy(), strict=True)
    ]
    lines.append(["mean", *(number(float(value), 1) for value in means)])
    kept = []
    for method in METHODS:
        share = 100 * means[(method, "static")] / means[(method, "minilm")]
        kept += ["", f"{share:.0f}%"]
    lines.append(["kept of the mean", *kept, ""])
    heads = [f"{method}, {encoder}" for method, encoder in columns]
    return markdown(["Set", *heads, NO_ENCODER], lines)


def compare(folders: Sequence[Path]) -> tuple[pd.DataFrame, str]:
    """All gaps, and the tables in Markdown."""
    gaps = pd.DataFrame([row for folder in folders for row in gaps_of(folder)])
    shown = f"{gap_table(gaps)}\n{table(static_against_models())}\nMeasured on {machine()}.\n"
    return gaps, shown


def main() -> None:
    """Print Markdown tables, and write them to results."""
    folders = [Path(word) for word in sys.argv[1:]]
    with one_sentence_errors():
        if not folders:
            raise SmoothieError("expected folders of sets in the local layout")
        gaps, shown = compare(folders)
    # folders by name: their paths are not part of the command
    command = shlex.join([*COMMAND.split(), *(folder.name for folder in folders)])
    write_table(gaps, RESULTS / "static" / "gaps.csv")
    keep(command, shown, RESULTS / "static" / "gaps.md")
    sys.stdout.write(shown)


if __name__ == "__main__":
    main()
