"""The artifacts of a run, in the order in which the terminal shows them."""

from collections.abc import Sequence

from smoothie.report.artifacts import Artifact
from smoothie.report.budgets import budget_curve
from smoothie.report.choices import CHOICES, MEAN_WEIGHTS, ROUTED, SIGNATURE, WEIGHTS
from smoothie.report.costs import COSTS
from smoothie.report.diagnosis import DIAGNOSIS
from smoothie.report.k_curve import k_curve
from smoothie.report.scores import BY_INPUT, BY_TASK, SCORES, UNSCORED


def artifacts_of_run(sizes: Sequence[int] = (), budgets: Sequence[int] = ()) -> list[Artifact]:
    """All that a run writes.

    Parameters
    ----------
    sizes : sequence of int
        Values of k in the curve of score against k; without any it is not computed.
    budgets : sequence of int
        Numbers of labels in the curve of score against labels; without any it is not computed.
    """
    chosen = [CHOICES, WEIGHTS, MEAN_WEIGHTS, ROUTED, SIGNATURE]
    scored = [UNSCORED, SCORES, BY_TASK, BY_INPUT]
    return [*chosen, *scored, k_curve(sizes), budget_curve(budgets), COSTS, DIAGNOSIS]
