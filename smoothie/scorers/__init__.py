"""Scorers judge texts without labels of the problem."""

from smoothie.scorers.base import SCORERS, ModelScorer, Scorer, register_scorer
from smoothie.scorers.pair_rm import PairRM
from smoothie.scorers.preferences import StoredPreferences
from smoothie.scorers.reward_model import RewardModel
from smoothie.scorers.stored import StoredScores

__all__ = [
    "SCORERS",
    "ModelScorer",
    "PairRM",
    "RewardModel",
    "Scorer",
    "StoredPreferences",
    "StoredScores",
    "register_scorer",
]
