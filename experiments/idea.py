"""The idea in one picture: real answers to one question, their distances, errors, and the choice.

    python -m experiments.idea

Writes results/idea/: the picture, and a table of what it shows, which is also the README's.
"""

import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from experiments.places import DEMO, RESULTS, ROOT, keep
from smoothie.encoders.stored import StoredVectors
from smoothie.estimator import squared_distances, triplet_errors
from smoothie.evidence import Evidence, Votes
from smoothie.loaders.local import LocalFolder
from smoothie.metrics.scoring import score
from smoothie.problem import Problem
from smoothie.report.output import write_table
from smoothie.report.style import DARK, LOOKS, PAGE, SMALL, new_figure, save, write_title
from smoothie.report.tables import markdown, markdown_escaped, number
from smoothie.routers.consensus import Consensus

COMMAND = "python -m experiments.idea"
FOLDER = RESULTS / "idea"
QUESTION = "qa_046"  # whose answers are short, and three of them right
METRIC = {"short_question_answering": "substring"}

Floats = NDArray[np.float64]


def example() -> tuple[Problem, int, Floats, pd.DataFrame]:
    """The demo's answers to one question.

    Returns
    -------
    problem : Problem
    row : int
        Of the question.
    distances : ndarray of shape (K, K)
        Squared, between the embeddings of its answers.
    table : DataFrame
        A row for each candidate: its answer, `error` (the closed form on this question alone),
        `support` by Consensus, and `score` by the references.
    """
    problem = LocalFolder(path=str(DEMO), metrics=METRIC).load().by_id()
    row = [item.id for item in problem.inputs].index(QUESTION)
    vectors, _ = StoredVectors(str(DEMO / "embeddings")).encode_problem(problem, inputs=False)
    distances = squared_distances(np.asarray(vectors))
    evidence = Evidence(Votes(distances, texts=problem.texts))
    scores = score(problem, "auto", METRIC)
    assert scores is not None
    table = pd.DataFrame(
        {
            "candidate": problem.candidates,
            "answer": problem.texts[row],
            "error": triplet_errors(distances[row]),
            "support": Consensus().support(evidence)[row],
            "score": scores.values[row],
        }
    )
    return problem, row, distances[row], table


def shown(table: pd.DataFrame, question: str) -> str:
    """The example as Markdown."""
    rows = []
    for item in table.to_dict("records"):
        error, support = number(item["error"], 2), number(item["support"], 2)
        rows.append(
            [
                item["candidate"],
                markdown_escaped(short(item["answer"], 66)),
                f"**{error}**" if item["error"] == table.error.min() else error,
                f"**{support}**" if item["support"] == table.support.max() else support,
                "yes" if item["score"] else "no",
            ]
        )
    header = ["prompt", "answer", "error", "support", "right"]
    return f"*{question}*\n\n{markdown(header, rows)}"


def short(text: str, longest: int) -> str:
    """The beginning of a text, in one line."""
    return textwrap.shorten(text, longest, placeholder=" ...")


def draw(question: str, distances: Floats, table: pd.DataFrame, folder: Path) -> None:
    """The picture: answers, distances and errors."""
    from matplotlib.patches import Rectangle

    figure, (texts, matrix, bars) = new_figure(PAGE, 2.3, 3)
    grid = texts.get_gridspec()
    assert grid is not None
    grid.set_width_ratios([1.75, 1, 0.8])
    rows = np.arange(len(table))
    numbers = [str(i + 1) for i in rows]
    best = int(table.error.argmin())
    colors = [LOOKS["consensus"].color if i == best else DARK for i in range(len(table))]

    texts.axis("off")
    write_title(texts, question)
    for i, answer in enumerate(table.answer):
        lines = textwrap.wrap(short(answer, 84), 46)
        height = 1 - (i + 0.5) / len(table)
        style: dict[str, Any] = {"fontsize": SMALL, "va": "center", "transform": texts.transAxes}
        texts.text(0, height, numbers[i], color=colors[i], weight="bold", **style)
        texts.text(0.06, height, "\n".join(lines), color=colors[i], parse_math=False, **style)

    write_title(matrix, "Squared distances")
    matrix.imshow(distances, cmap="Greys", vmin=0, vmax=2.5 * distances.max())
    for (i, j), distance in np.ndenumerate(distances):
        if i != j:
            matrix.text(j, i, number(distance, 1), fontsize=SMALL, ha="center", va="center")
    for axis in (matrix.xaxis, matrix.yaxis):
        axis.set_ticks(rows, numbers, fontsize=SMALL)
    matrix.tick_params(length=0)
    matrix.spines[:].set_visible(False)
    matrix.add_patch(
        Rectangle((-0.5, best - 0.5), len(rows), 1, fill=False, color=colors[best], clip_on=False)
    )

    write_title(bars, "Estimated errors")
    bars.barh(rows, table.error, color=colors, height=0.6)
    bars.set_yticks(rows, numbers, fontsize=SMALL)
    bars.invert_yaxis()
    bars.annotate(
        "smallest: returned",
        (table.error[best], best),
        xytext=(4, 0),
        textcoords="offset points",
        color=colors[best],
        fontsize=SMALL,
        va="center",
    )
    save(figure, folder, "idea")


def main() -> None:
    """Command line."""
    problem, row, distances, table = example()
    text = shown(table, problem.inputs[row].text)
    keep(COMMAND, text, FOLDER / "idea.md", ROOT / "README.md")
    write_table(table, FOLDER / "idea.csv")
    draw(problem.inputs[row].text, distances, table, FOLDER)
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
