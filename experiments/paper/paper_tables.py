"""The tables of the paper in LaTeX, with our numbers."""

import re
from collections.abc import Mapping, Sequence
from itertools import groupby

from experiments.paper.comparison import is_absent
from experiments.paper.layouts import Cell, Cells, Layout, Line
from experiments.paper.names import WITH_LABELS
from smoothie.report.tables import escaped, number

Grid = Sequence[Sequence[Cell | None]]


def paper_table(layout: Layout, cells: Cells, title: str, beside: bool = False) -> str:
    """A table in the layout of the paper; it needs the package booktabs.

    Parameters
    ----------
    layout : Layout
        One of `paper_layouts.PAPER_TABLES`.
    cells : mapping of key -> cell
        What `layouts.cells_of` returns.
    title : str
        Beginning of the caption.
    beside : bool
        Whether to show the published value in small type after ours.

    Returns
    -------
    str
        A table environment. In each column of a block the best value is bold, and the best of the
        methods without labels underlined, with all others whose 95% interval reaches its interval;
        neither if no value is told apart from the best or an interval is not known. "--" where ours
        is not available.
    """
    grid = layout.grid(cells)
    blocked = any(row.group for row in layout.rows)
    lead = 2 if blocked else 1  # columns before the numbers
    blocks, start = [], 0
    for group, lines in groupby(layout.rows, key=lambda row: row.group):
        rows = list(lines)
        part = grid[start : start + len(rows)]
        start += len(rows)
        marked = mark_best(layout, rows, part)
        body = []
        for i, row in enumerate(rows):
            first = [escaped(group) if i == 0 else ""] if blocked else []
            values = [
                text + published(part[i][j], layout, beside) for j, text in enumerate(marked[i])
            ]
            body.append(" & ".join([*first, escaped(row.title), *values]) + r" \\")
        blocks.append("\n".join(body))
    # LaTeX numbers tables itself.
    caption = re.sub(r"^(Table \d+)\.", r"\1 of the paper.", title)
    caption += f". {layout.caption}" if layout.caption else ""
    label = layout.name
    if beside:
        caption += ". In small type: published values"
        label += "-published-beside"
    return (
        "\\begin{table}\n\\centering\n"
        f"\\caption{{{escaped(caption)}.}}\n\\label{{tab:{label}}}\n"
        f"\\begin{{tabular}}{{{'l' * lead}{'r' * len(layout.columns)}}}\n\\toprule\n"
        + head_rows(layout.columns, lead)
        + "\\midrule\n"
        + "\n\\midrule\n".join(blocks)
        + "\n\\bottomrule\n\\end{tabular}\n\\end{table}\n"
    )


def head_rows(columns: Sequence[Line], lead: int) -> str:
    """The titles of the columns, under those of their groups if they have any."""
    empty = [""] * lead
    lines = " & ".join([*empty, *(escaped(column.title) for column in columns)]) + " \\\\\n"
    if not any(column.group for column in columns):
        return lines
    spans, rules, start = [], [], lead + 1
    for group, members in groupby(columns, key=lambda column: column.group):
        width = len(list(members))
        spans.append(f"\\multicolumn{{{width}}}{{c}}{{{escaped(group)}}}")
        rules.append(f"\\cmidrule(lr){{{start}-{start + width - 1}}}")
        start += width
    return " & ".join([*empty, *spans]) + " \\\\\n" + " ".join(rules) + "\n" + lines


def mark_best(layout: Layout, rows: Sequence[Line], grid: Grid) -> list[list[str]]:
    """Our values of a block of rows, the best of each column marked.

    So are all that cannot be told apart from it, as their intervals overlap its interval: without
    the scores of single inputs, this is what is known, and more careful than a paired comparison.
    Nothing is marked where all would be.
    """
    digits = layout.digits or 0
    texts = [
        [
            "--" if is_missing(cell) or cell is None else number(cell["reproduced"], digits)
            for cell in line
        ]
        for line in grid
    ]
    marked = [list(line) for line in texts]
    free = [i for i, row in enumerate(rows) if row.key["method"] not in WITH_LABELS]
    for j, column in enumerate(layout.columns):
        for among, command in ((free, "underline"), (range(len(rows)), "textbf")):
            known = {i: grid[i][j] for i in among if texts[i][j] != "--"}
            reached = not_worse({i: cell for i, cell in known.items() if cell}, column.low)
            if len(reached) < len(known):
                for i in reached:
                    marked[i][j] = f"\\{command}{{{marked[i][j]}}}"
    return marked


def not_worse(cells: Mapping[int, Cell], low: bool) -> list[int]:
    """The rows whose interval reaches that of the best value; none if an interval is not known."""
    ends = {i: (cell["ci_low"], cell["ci_high"]) for i, cell in cells.items()}
    if not ends or any(is_absent(end) for both in ends.values() for end in both):
        return []
    best = (min if low else max)(cells, key=lambda i: cells[i]["reproduced"])
    below, above = ends[best]
    return [i for i, (start, end) in ends.items() if start <= above and end >= below]


def published(cell: Cell | None, layout: Layout, beside: bool) -> str:
    """The published value in small type, if requested and known."""
    if not beside or cell is None or is_absent(cell["published"]):
        return ""
    return f" {{\\scriptsize({number(cell['published'], layout.digits or 0)})}}"


def is_missing(cell: Cell | None) -> bool:
    """Whether nothing was reproduced, as for quoted values, which are not ours."""
    return cell is None or is_absent(cell["reproduced"]) or cell["verdict"] == "quoted"
