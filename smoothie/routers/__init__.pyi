from .base import ROUTERS, Router, Routing, register_router
from .best_on_val import BestOnVal
from .best_single import BestSingle
from .consensus import Consensus
from .few_labels import FewLabels
from .labeled_knn import LabeledKNN
from .loading import SAVED, load_router
from .logistic_regression import LogisticRegressionRouter
from .majority_vote import MajorityVote
from .mbr import MBR
from .mbr_overlap import MBROverlap
from .mlp import MLPRouter
from .oracle import Oracle
from .random import Random
from .scorer import ScorerRouter
from .smoothie_answers import SmoothieAnswers
from .smoothie_generations import SmoothieGenerations
from .smoothie_global import SmoothieGlobal
from .smoothie_local import SmoothieLocal
from .smoothie_prior import SmoothiePrior
from .stored import StoredSelections
from .train_time import SmoothieGlobalTrain, SmoothieLocalTrain
from .weighted_vote import WeightedVote

__all__ = [
    "MBR",
    "ROUTERS",
    "SAVED",
    "BestOnVal",
    "BestSingle",
    "Consensus",
    "FewLabels",
    "LabeledKNN",
    "LogisticRegressionRouter",
    "MBROverlap",
    "MLPRouter",
    "MajorityVote",
    "Oracle",
    "Random",
    "Router",
    "Routing",
    "ScorerRouter",
    "SmoothieAnswers",
    "SmoothieGenerations",
    "SmoothieGlobal",
    "SmoothieGlobalTrain",
    "SmoothieLocal",
    "SmoothieLocalTrain",
    "SmoothiePrior",
    "StoredSelections",
    "WeightedVote",
    "load_router",
    "register_router",
]
