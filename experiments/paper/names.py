"""What experiments, methods and data sets are called in the paper."""

from collections.abc import Mapping

TITLES = {
    "table1": "Table 1. Selecting one model for each task",
    "figure2a": "Figure 2a. Rank correlation of weights and quality",
    "alpaca_eval": "Figures 2b and 2c. AlpacaEval, ten ensembles of five",
    "table2": "Table 2. Multi-task routing",
    "figure3": "Figure 3. Rank of Smoothie-Local's choice",
    "table3": "Table 3. Prompt selection",
    "figure4": "Figure 4. Prompt selection with Pythia models",
    "neighborhood": "Neighborhood size",
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
NEIGHBORS = (1, 5, 10, 20, 50, 100)
RATES = {"win_rate": "win rate", "lc_win_rate": "length-controlled win rate"}
NAMES = METHODS | TASKS | MIXED | SIZES | RATES


def head(parts: Mapping[str, str]) -> str:
    """Some parts of a key in words."""
    words = [
        NAMES.get(value, value.replace("_", " ") if part == "quantity" else value)
        for part, value in parts.items()
        if value not in ("", "all") and (part, value) != ("quantity", "score")
    ]
    return ", ".join(dict.fromkeys(words))
