"""Results as Markdown and LaTeX tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from smoothie.errors import printable

if TYPE_CHECKING:
    import pandas as pd

    from smoothie.clock import Clock


def summary_rows(results: pd.DataFrame, digits: int) -> tuple[list[str], list[list[str]]]:
    """Header and cells of the summary table; `results` is what `evaluation.evaluate` returns.

    Where scores are incomplete, it has the number of inputs of each row, and of its comparison.
    """
    import pandas as pd

    header = ["Method", "Score", "95% interval", "vs. random", "95% interval"]
    header += ["Gap closed", "Rank corr.", "Labels"]
    partial = is_partial(results)
    header += ["n", "n common"] if partial else []
    rows = []
    for row in results.to_dict("records"):
        is_random = row["method"] == "random"  # not compared with itself
        low, high = row["difference_low"], row["difference_high"]
        rows.append(
            [
                row["method"],
                number(row["score"], digits),
                interval(row["ci_low"], row["ci_high"], digits),
                "" if is_random else number(row["difference"], digits, signed=True),
                "" if is_random else interval(low, high, digits, signed=True),
                "" if is_random or pd.isna(row["gap_closed"]) else f"{row['gap_closed']:.1f}%",
                number(row["rank_correlation"], 2),
                str(row["labels_used"]),
                *([str(row["n"]), str(row["difference_n"])] if partial else []),
            ]
        )
    return header, rows


def is_partial(results: pd.DataFrame) -> bool:
    """Whether some methods, or their comparisons, are of other inputs than others."""
    return len({*results["n"], *results["difference_n"]}) > 1


def number(value: float, digits: int, signed: bool = False) -> str:
    """A number, or nothing where there is none."""
    import pandas as pd

    return "" if pd.isna(value) else f"{value:{'+' if signed else ''}.{digits}f}"


def interval(low: float, high: float, digits: int, signed: bool = False) -> str:
    """An interval in square brackets, or nothing where there is none."""
    import pandas as pd

    return (
        "" if pd.isna(low) else f"[{number(low, digits, signed)}, {number(high, digits, signed)}]"
    )


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with aligned columns, the first one to the left."""
    cells = [[markdown_escaped(cell) for cell in row] for row in (header, *rows)]
    widths = [max(3, *(len(row[i]) for row in cells)) for i in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = []
    for row in [cells[0], rule, *cells[1:]]:
        padded = [
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("| " + " | ".join(padded) + " |")
    return "\n".join(lines) + "\n"


def markdown_escaped(text: str) -> str:
    """A text on one line in which nothing is HTML, a link, an image or the border of a cell.

    Emphasis and code are left to the page's own cells.
    """
    for special, escape in MARKDOWN_ESCAPES.items():
        text = text.replace(special, escape)
    return printable(text)


MARKDOWN_ESCAPES = {"\\": "\\\\", "&": "&amp;", "<": "&lt;", "|": "\\|", "](": "]\\("}


def step_table(clock: Clock) -> str:
    """Where the time went: a Markdown table of steps, seconds, shares and notes."""
    total = max(sum(clock.seconds.values()), 1e-9)
    rows = [
        [name, f"{seconds:.2f}", f"{100 * seconds / total:.0f}%", clock.notes.get(name, "")]
        for name, seconds in clock.seconds.items()
    ]
    return markdown(["Step", "Seconds", "Share", "Note"], rows)


LATEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
}


def escaped(text: str) -> str:
    """Text in which no character is a command of LaTeX."""
    return "".join(LATEX_ESCAPES.get(c, c) for c in text)


def latex(header: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    """A LaTeX table that needs the package booktabs."""

    def line(cells: Sequence[str]) -> str:
        return " & ".join(escaped(cell) for cell in cells) + r" \\"

    body = "\n".join(line(row) for row in rows)
    return (
        "\\begin{table}\n\\centering\n"
        f"\\caption{{{escaped(caption)}}}\n"
        f"\\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}\n\\toprule\n"
        f"{line(header)}\n\\midrule\n{body}\n\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
    )
