"""Scoring: ROUGE-2 of every text once, against scoring as the released code does."""

import numpy as np

from experiments.benchmarks.timing import Row, side_by_side
from experiments.places import DEMO
from smoothie.loaders.local import LocalFolder
from smoothie.metrics.rouge import bigrams
from smoothie.metrics.scoring import reference_scores
from smoothie.parallel.local import cores

# Texts that the released code scores for each input with the default methods: random, best_on_val
# and labeled_knn in ten trials each, smoothie_global, smoothie_local and consensus once, and every
# candidate once, from which best_single and oracle follow.
TRIALS = 3 * 10 + 3


def scores_against_the_released_way() -> list[Row]:
    """The demo, all texts against all references; the rival is timed on one pass over them."""
    from rouge_score.rouge_scorer import RougeScorer

    problem = LocalFolder(path=str(DEMO)).load()
    metrics = dict.fromkeys(problem.tasks, "rouge2")
    scorer = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"])
    inputs, candidates = problem.texts.shape

    def ours() -> np.ndarray:
        bigrams.cache_clear()
        return reference_scores(problem, metrics, workers=cores()).values

    def rival() -> np.ndarray:
        values = [
            [scorer.score_multi(item.references, text)["rouge2"].fmeasure for text in row]
            for item, row in zip(problem.inputs, problem.texts, strict=True)
        ]
        return 100.0 * np.array(values)

    np.testing.assert_array_equal(ours(), rival())  # to the last bit
    seconds, one_pass = side_by_side(ours, rival, 3)
    passes = (TRIALS + candidates) / candidates
    what = f"ROUGE-2 of the demo's texts, N={inputs} K={candidates}"
    name = f"four types of ROUGE, once for each method and trial ({passes:.1f} times one pass)"
    return [Row(what, name, seconds, passes * one_pass)]
