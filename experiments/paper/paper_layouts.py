"""The tables of the paper, and the numbers of its figures as tables."""

from collections.abc import Iterable, Mapping, Sequence

from experiments.paper.comparison import KEY
from experiments.paper.layouts import Cells, Layout, Line, crosstab
from experiments.paper.names import METHODS, MIXED, NEIGHBORS, PYTHIA, SIZES, TASKS


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
        "neighborhood",
        axis("x", {str(k): f"k={k}" for k in NEIGHBORS}),
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
    """The tables of an experiment, and others for the remaining cells."""
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
