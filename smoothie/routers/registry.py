"""Routers by the name that a configuration calls them; the configurations are in conf/method."""

from typing import Any

from smoothie.routers.best_on_val import BestOnVal
from smoothie.routers.best_single import BestSingle
from smoothie.routers.consensus import Consensus
from smoothie.routers.labeled_knn import LabeledKNN
from smoothie.routers.logistic_regression import LogisticRegressionRouter
from smoothie.routers.majority_vote import MajorityVote
from smoothie.routers.mbr import MBR
from smoothie.routers.mbr_overlap import MBROverlap
from smoothie.routers.mlp import MLPRouter
from smoothie.routers.oracle import Oracle
from smoothie.routers.random import Random
from smoothie.routers.scorer import ScorerRouter
from smoothie.routers.smoothie_answers import SmoothieAnswers
from smoothie.routers.smoothie_generations import SmoothieGenerations
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.routers.smoothie_local import SmoothieLocal
from smoothie.routers.smoothie_prior import SmoothiePrior
from smoothie.routers.stored import StoredSelections
from smoothie.routers.train_time import SmoothieGlobalTrain, SmoothieLocalTrain
from smoothie.routers.weighted_vote import WeightedVote

ROUTERS: dict[str, type[Any]] = {
    "random": Random,
    "best_on_val": BestOnVal,
    "labeled_knn": LabeledKNN,
    "logistic_regression": LogisticRegressionRouter,
    "mlp": MLPRouter,
    "smoothie_global": SmoothieGlobal,
    "smoothie_local": SmoothieLocal,
    "smoothie_generations": SmoothieGenerations,
    "smoothie_global_train": SmoothieGlobalTrain,
    "smoothie_local_train": SmoothieLocalTrain,
    "stored": StoredSelections,
    "consensus": Consensus,
    "mbr": MBR,
    "mbr_overlap": MBROverlap,
    "majority_vote": MajorityVote,
    "weighted_vote": WeightedVote,
    "smoothie_answers": SmoothieAnswers,
    "scorer": ScorerRouter,
    "smoothie_prior": SmoothiePrior,
    "best_single": BestSingle,
    "oracle": Oracle,
}
