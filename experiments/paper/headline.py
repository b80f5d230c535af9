"""The README's table of reproduced results, from results/reproduced.

python -m experiments.paper.headline
"""

import sys
from pathlib import Path

import pandas as pd

from experiments.paper.comparison import KEY
from smoothie.errors import SmoothieError
from smoothie.report.tables import interval, markdown, number

RESULTS = Path(__file__).parents[2] / "results" / "reproduced"
PROTOCOLS = ("as_published", "corrected")
ALPACA = ("alpaca_eval", "alpaca_eval", "all", "smoothie_global")
CNN = ("table1", "cnn_dailymail", "7b")
OURS = ("alpaca_eval_preferences", "all", "all")
LINES = [  # what is shown, the cell's key, decimals
    ("AlpacaEval: best of five found, of 10", (*ALPACA, "best_identified", "win_rate"), 0),
    ("AlpacaEval: the same, length-controlled", (*ALPACA, "best_identified", "lc_win_rate"), 0),
    ("AlpacaEval: mean gain over random picks", (*ALPACA, "mean_gain_over_random", "win_rate"), 2),
    ("AlpacaEval: largest", (*ALPACA, "largest_gain_over_random", "win_rate"), 2),
    (
        "AlpacaEval: mean gain over the mean member",
        (*ALPACA, "mean_gain_over_ensemble_mean", "win_rate"),
        2,
    ),
    ("AlpacaEval: mean rank correlation", (*ALPACA, "rank_correlation_mean", "win_rate"), 2),
    ("CNN/DailyMail 7B: Random", (*CNN, "random", "score", ""), 1),
    ("CNN/DailyMail 7B: Smoothie-Global", (*CNN, "smoothie_global", "score", ""), 1),
    ("Judged preferences: Random", (*OURS, "random", "score_mean", ""), 1),
    ("Judged preferences: Smoothie-Global", (*OURS, "smoothie_global", "score_mean", ""), 1),
    ("Judged preferences: Smoothie-Local", (*OURS, "smoothie_local", "score_mean", ""), 1),
    ("Judged preferences: best member", (*OURS, "best_single", "score_mean", ""), 1),
]


def headline(folder: Path = RESULTS) -> str:
    """The table, as Markdown.

    Raises
    ------
    SmoothieError
        If the folder lacks the results of a protocol.
    """
    found = {}
    for protocol in PROTOCOLS:
        path = folder / protocol / "comparison.csv"
        if not path.is_file():
            raise SmoothieError(f"{path}: no such file; run experiments.reproduce into its folder")
        table = pd.read_csv(path, dtype={"x": str}, keep_default_na=False)
        found[protocol] = {
            tuple(str(row[part]) for part in KEY): row for row in table.to_dict("records")
        }
    rows = []
    for title, key, digits in LINES:
        first = found[PROTOCOLS[0]].get(key)
        published = "" if first is None else as_text(first["published"], digits)
        rows.append([title, published, *(ours(found[p].get(key), digits) for p in PROTOCOLS)])
    return markdown(["", "published", "as published", "corrected"], rows)


def ours(row: "dict[object, object] | None", digits: int) -> str:
    """Our value with its interval, where there is one."""
    if row is None:
        return ""
    text = as_text(row["reproduced"], digits)
    if row["ci_low"] in ("", None):
        return text
    return f"{text} {interval(float(str(row['ci_low'])), float(str(row['ci_high'])), digits)}"


def as_text(value: object, digits: int) -> str:
    """A number, or empty."""
    return "" if value in ("", None) else number(float(str(value)), digits)


def main() -> None:
    """Command line."""
    try:
        sys.stdout.write(headline())
    except SmoothieError as error:
        raise SystemExit(f"Error: {error}") from None


if __name__ == "__main__":
    main()
