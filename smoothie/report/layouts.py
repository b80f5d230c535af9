"""What the tables of the paper look like: which cell stands in which row and column."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from smoothie.report.comparison import KEY, of_experiment

TITLES = {
    "table1": "Table 1. Selecting one model for each task",
    "figure2a": "Figure 2a. Rank correlation of weights and quality",
    "alpaca_eval": "Figures 2b and 2c. AlpacaEval, ten ensembles of five",
    "table2": "Table 2. Multi-task routing",
    "figure3": "Figure 3. Rank of Smoothie-Local's choice",
    "table3": "Table 3. Prompt selection",
    "figure4": "Figure 4. Prompt selection with Pythia models",
    "neighbourhood": "Neighbourhood size",
    "train_time": "Weights from a training split",
    "embedding_ablation": "Another encoder",
    "random_ensembles": "Fifty random ensembles",
    "mix_instruct": "Table 10. MixInstruct",
    "gsm8k": "Table 11. GSM8K",
    "run_time": "Run times",
    "alpaca_eval_preferences": "Ten random ensembles with judged preferences",
}
METHODS = {
    "random": "Random",
    "ensemble_mean": "Ensemble mean",
    "pair_rm": "PairRM",
    "labeled_knn": "Labeled-kNN",
    "best_model": "Best-Model",
    "smoothie": "Smoothie",
    "smoothie_global": "Smoothie-Global",
    "smoothie_local": "Smoothie-Local",
    "smoothie_global_train": "Smoothie-Global-Train",
    "smoothie_local_train": "Smoothie-Local-Train",
    "best_on_val": "Best-on-Val",
    "best_single": "Best single",
    "oracle": "Oracle",
}
WITH_LABELS = ("labeled_knn", "best_model", "best_on_val", "best_single", "oracle")
TASKS = {
    "cnn_dailymail": "CNN",
    "definition_extraction": "Def. Ext.",
    "e2e_nlg": "E2E",
    "squad": "SQuAD",
    "trivia_qa": "TriviaQA",
    "web_nlg": "WebNLG",
    "xsum": "XSum",
}
MIXED = {"distr_acc": "DISTR-ACC", "distr_rouge2": "DISTR-ROUGE2"}
SIZES = {"3b": "3B", "7b": "7B"}
PYTHIA = {f"pythia-{size}": size.upper() for size in ("410m", "1b", "2.8b", "6.9b")}
WIDEST = 10  # columns of a table on a page
NEIGHBOURS = (1, 5, 10, 20, 50, 100)
RATES = {"win_rate": "win rate", "lc_win_rate": "length-controlled win rate"}
NAMES = METHODS | TASKS | MIXED | SIZES | RATES
WHOLE = {"dataset": "all", "ensemble": "all", "quantity": "score", "x": ""}

Cell = dict[str, Any]
Cells = Mapping[tuple[str, ...], Cell]


@dataclass(frozen=True)
class Line:
    """A row or a column of a table.

    Attributes
    ----------
    title : str
        What stands at its head.
    key : mapping of str -> str
        The parts of a cell's key that it fixes; the rest comes from the other axis and the layout.
    group : str
        What neighbouring lines have in common: a block of rows, a heading over columns.
    low : bool
        Whether lower values of a column are better.
    """

    title: str
    key: Mapping[str, str]
    group: str = ""
    low: bool = False


@dataclass(frozen=True)
class Layout:
    """A table of cells of one experiment.

    Attributes
    ----------
    experiment : str
    columns, rows : sequence of Line
    digits : int or None
        Decimals to show; None for as many as each published value has.
    key : mapping of str -> str
        Parts of the key that all cells share, unless a row or column says otherwise.
    caption : str
        What tells it from the other tables of its experiment.
    name : str
        Name of the file of a table of the paper; empty for the others.
    """

    experiment: str
    columns: Sequence[Line]
    rows: Sequence[Line]
    digits: int | None = 1
    key: Mapping[str, str] = field(default_factory=dict)
    caption: str = ""
    name: str = ""

    def grid(self, cells: Cells) -> list[list[Cell | None]]:
        """The cell of each row and column, or None where neither side has one."""
        return [
            [cells.get(self.place(row, column)) for column in self.columns] for row in self.rows
        ]

    def places(self) -> set[tuple[str, ...]]:
        """The keys of its cells."""
        return {self.place(row, column) for row in self.rows for column in self.columns}

    def place(self, row: Line, column: Line) -> tuple[str, ...]:
        """The key of a cell."""
        parts = {**WHOLE, "experiment": self.experiment, **self.key, **column.key, **row.key}
        return tuple(parts[part] for part in KEY)


def cells_of(comparison: pd.DataFrame, experiment: str) -> Cells:
    """The cells of an experiment by their key."""
    records = of_experiment(comparison, experiment).to_dict("records")
    return {
        tuple(str(record[part]) for part in KEY): {str(name): v for name, v in record.items()}
        for record in records
    }


def methods(names: Iterable[str], group: str = "", **key: str) -> tuple[Line, ...]:
    """A row for each method."""
    return tuple(Line(METHODS[name], {"method": name, **key}, group) for name in names)


def axis(part: str, titles: Mapping[str, str], group: str = "", **key: str) -> tuple[Line, ...]:
    """A line for each value of one part of the key."""
    return tuple(Line(title, {part: value, **key}, group) for value, title in titles.items())


def blocks(names: Sequence[str], ensembles: Mapping[str, str]) -> tuple[Line, ...]:
    """The same methods for each ensemble, one below the other."""
    return tuple(
        line for key, title in ensembles.items() for line in methods(names, title, ensemble=key)
    )


MIXED_COLUMNS = tuple(
    line for size, title in SIZES.items() for line in axis("dataset", MIXED, title, ensemble=size)
)
ROUTING = ("random", "pair_rm", "labeled_knn", "best_model", "smoothie_global", "smoothie_local")
PROMPTED = {"falcon-1b": "Falcon", "llama-2-7b": "Llama-2"}
SELECTION = ("random", "smoothie_global", "best_on_val")
SELECTION_TRAIN = ("random", "smoothie_global", "smoothie_global_train", "best_on_val")
TRAINED = ("smoothie_global_train", "smoothie_local_train")
WITHOUT_SMOOTHIE = ("random", "pair_rm", "labeled_knn", "best_model")
ENCODERS = {"bge_small": "BGE-small", "mpnet": "SBERT"}

PAPER_TABLES = (
    Layout("table1", axis("dataset", TASKS), blocks(SELECTION, SIZES), name="table1"),
    Layout("table2", MIXED_COLUMNS, methods(ROUTING), name="table2"),
    Layout(
        "table3",
        axis("dataset", TASKS),
        blocks(("random", "smoothie_global", "smoothie_local", "best_on_val"), PROMPTED),
        name="table3",
    ),
    Layout(
        "train_time",
        axis("dataset", TASKS),
        blocks(SELECTION_TRAIN, SIZES),
        caption="Selecting one model for each task",
        name="train_time_selection",
    ),
    Layout(
        "train_time",
        MIXED_COLUMNS,
        methods((*ROUTING, *TRAINED)),
        caption="Multi-task routing",
        name="train_time_routing",
    ),
    Layout(
        "embedding_ablation",
        MIXED_COLUMNS,
        (
            *methods(WITHOUT_SMOOTHIE),
            *(
                Line(f"Smoothie-Local ({title})", {"method": "smoothie_local", "x": x})
                for x, title in ENCODERS.items()
            ),
        ),
        name="embedding_ablation",
    ),
    Layout(
        "mix_instruct",
        (
            Line("ChatGPT rank", {"quantity": "score"}, low=True),
            Line("Rank correlation", {"quantity": "rank_correlation"}),
        ),
        methods(("random", "smoothie_global")),
        digits=2,
        key={"dataset": "mix_instruct", "ensemble": "mix_instruct"},
        name="mix_instruct",
    ),
    Layout(
        "gsm8k",
        (Line("Accuracy", {}),),
        methods(("random", "smoothie_global")),
        key={"dataset": "gsm8k", "ensemble": "gsm8k"},
        name="gsm8k",
    ),
)


def ranks(last: int) -> tuple[Line, ...]:
    """A column for each rank."""
    return axis("x", {str(rank): str(rank) for rank in range(1, last + 1)})


TRIALS = tuple(Line(f"trial {trial}", {"ensemble": f"alpaca_eval_{trial}"}) for trial in range(10))
SELECTED = (
    Line("Smoothie-Global", {"method": "smoothie_global", "quantity": "selected"}),
    Line(
        "Smoothie-Local's choices equal (%)",
        {"method": "smoothie_local", "quantity": "selections_equal"},
    ),
)


def win_rates(x: str) -> tuple[Line, ...]:
    """The columns of AlpacaEval for one kind of win rate."""
    chosen = {"method": "smoothie_global", "x": x}
    correlation = Line("Rank correlation", {**chosen, "quantity": "rank_correlation"})
    return (
        *methods(("smoothie_global", "random", "ensemble_mean", "smoothie_local"), x=x),
        Line("Gain over random", {**chosen, "quantity": "gain_over_random"}),
        Line("Gain over the mean", {**chosen, "quantity": "gain_over_ensemble_mean"}),
        *((correlation,) if x == "win_rate" else ()),
    )


GLOBAL_RANKS = {"method": "smoothie_global", "quantity": "rank_count"}
FIGURE_TABLES = (
    Layout(
        "table1",
        ranks(5),
        (Line("cases", {}),),
        0,
        GLOBAL_RANKS,
        "Rank of the selected model among its ensemble, over the 14 cases",
    ),
    Layout(
        "figure2a",
        axis(
            "quantity",
            {
                f"rank_correlation_{statistic}": title
                for statistic, title in {
                    "whisker_low": "lower whisker",
                    "q1": "first quartile",
                    "median": "median",
                    "mean": "mean",
                    "q3": "third quartile",
                    "whisker_high": "upper whisker",
                }.items()
            },
        ),
        methods(("smoothie_global",)),
        2,
    ),
    Layout(
        "figure3",
        ranks(5),
        tuple(
            Line(f"{MIXED[dataset]}, {SIZES[size]}", {"dataset": dataset, "ensemble": size})
            for dataset in MIXED
            for size in SIZES
        ),
        3,
        {"method": "smoothie_local", "quantity": "rank_share"},
        "Share of inputs at which the choice has this rank",
    ),
    Layout(
        "figure4",
        axis("ensemble", PYTHIA),
        tuple(
            line
            for dataset in ("e2e_nlg", "xsum", "cnn_dailymail", "squad")
            for line in methods(("random", "smoothie_global"), TASKS[dataset], dataset=dataset)
        ),
        2,
    ),
    Layout(
        "neighbourhood",
        axis("x", {str(k): f"k={k}" for k in NEIGHBOURS}),
        tuple(
            Line(f"{MIXED[dataset]}, {SIZES[size]}", {"dataset": dataset, "ensemble": size})
            for dataset in MIXED
            for size in SIZES
        ),
        1,
        {"method": "smoothie_local"},
    ),
    Layout(
        "random_ensembles",
        ranks(7),
        (Line("cases", {}),),
        0,
        GLOBAL_RANKS,
        "Rank of the selected model, over fifty ensembles and seven tasks",
    ),
    Layout(
        "random_ensembles",
        axis("dataset", TASKS),
        methods(("smoothie_global_train",)),
        2,
        {"quantity": "share_above_random"},
        "Share of the ensembles in which the selected model beats random choice",
    ),
    *(
        Layout("alpaca_eval", columns, TRIALS, 2, {"dataset": "alpaca_eval"}, caption)
        for columns, caption in (
            (SELECTED, "Selected model"),
            (win_rates("win_rate"), "Win rate, and what Smoothie-Global gains"),
            (
                win_rates("lc_win_rate"),
                "Length-controlled win rate, and what Smoothie-Global gains",
            ),
        )
    ),
)


def layouts_of(experiment: str, cells: Cells) -> list[Layout]:
    """The tables of an experiment, and others for the cells that these leave over."""
    found = [
        layout for layout in (*PAPER_TABLES, *FIGURE_TABLES) if layout.experiment == experiment
    ]
    placed = {place for layout in found for place in layout.places()}
    over = [dict(zip(KEY, key, strict=True)) for key in cells if key not in placed]
    whole = [
        key for key in over if key["ensemble"] == "all" and key["dataset"] in ("all", experiment)
    ]
    weights = [key for key in over if key["quantity"] == "weight"]
    others = [key for key in over if key not in whole and key not in weights]
    parts = (
        ("In all", whole, ("method", "quantity", "x")),
        ("Weights", weights, ("method", "x")),
        ("Further cells" if found else "", others, ("method", "quantity", "x")),
    )
    for caption, keys, down in parts:
        found += crosstab(experiment, keys, down, caption)
    return found


def crosstab(
    experiment: str, keys: Sequence[Mapping[str, str]], down: Sequence[str], caption: str
) -> list[Layout]:
    """Tables for any cells: some parts of the key on one axis, the rest on the other.

    The axis with more lines goes down, so that a page is wide enough; one long line is cut. What all
    cells share is said in the caption.
    """
    if not keys:
        return []
    shared = {part: keys[0][part] for part in KEY[1:] if len({key[part] for key in keys}) == 1}
    if shared.get("dataset") == experiment:
        del shared["dataset"]
    axes = []
    for parts in (down, [part for part in KEY[1:] if part not in down]):
        values = dict.fromkeys(tuple(key[part] for part in parts) for key in keys)
        fixed = [dict(zip(parts, value, strict=True)) for value in values]
        titles = [head({part: f[part] for part in f if part not in shared}) for f in fixed]
        axes.append([Line(title, f) for title, f in zip(titles, fixed, strict=True)])
    columns, rows = sorted(axes, key=len)
    if len(columns) == 1 and len(rows) > 2 * WIDEST:
        rows, columns = columns, rows
    if len(rows) == 1:
        rows = [Line(head(shared), rows[0].key)]
    elif shared:
        caption = ": ".join(text for text in (caption, head(shared)) if text)
    if len(columns) == 1:
        columns = [Line("value", columns[0].key)]
    return [
        Layout(experiment, columns[i : i + WIDEST], rows, None, {}, "" if i else caption)
        for i in range(0, len(columns), WIDEST)
    ]


def head(parts: Mapping[str, str]) -> str:
    """Some parts of a key in words."""
    words = [
        NAMES.get(value, value.replace("_", " ") if part == "quantity" else value)
        for part, value in parts.items()
        if value not in ("", "all") and (part, value) != ("quantity", "score")
    ]
    return ", ".join(dict.fromkeys(words))
