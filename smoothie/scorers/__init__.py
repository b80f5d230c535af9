"""Scorers, which judge texts without labels of this problem; configurations are in conf/scorer."""

from typing import Any

from smoothie.scorers.base import ModelScorer, Scorer
from smoothie.scorers.pair_rm import PairRM
from smoothie.scorers.preferences import StoredPreferences
from smoothie.scorers.reward_model import RewardModel
from smoothie.scorers.stored import StoredScores

SCORERS: dict[str, type[Any]] = {
    "stored": StoredScores,
    "preferences": StoredPreferences,
    "reward_model": RewardModel,
    "pair_rm": PairRM,
}

__all__ = [
    "SCORERS",
    "ModelScorer",
    "PairRM",
    "RewardModel",
    "Scorer",
    "StoredPreferences",
    "StoredScores",
]
