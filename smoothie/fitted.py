"""Choices of a fitted router for new inputs, given as texts."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from smoothie.encoders.base import Encoder
from smoothie.encoders.named import HUB_IDS, named_encoder
from smoothie.errors import SmoothieError
from smoothie.problem import Problem
from smoothie.routers.loading import load_router
from smoothie.routers.saved import SavedEstimator
from smoothie.routers.smoothie_global import SmoothieGlobal


def choose_by_inputs(
    router: str | Path | SavedEstimator, problem: Problem, encoder: str | Encoder | None
) -> tuple[SavedEstimator, Problem, NDArray[np.intp], str | None]:
    """Choose for the inputs of a problem; their answers are not looked at.

    Parameters
    ----------
    router : path or fitted router
    problem : Problem
        With all candidates that the router was fitted to; others are left out.
    encoder : str, Encoder or None
        "auto" takes the one that the router was fitted with, if `named_encoder` has a name for it.

    Returns
    -------
    fitted : SavedEstimator
    problem : Problem
        The candidates in the order of the router.
    choices : ndarray of shape (N,)
    signature : str or None
        Of the encoder; None if none was needed.

    Raises
    ------
    SmoothieError
        If a candidate is missing, there are no inputs to choose by, or the encoder is another.
    """
    fitted = router if isinstance(router, SavedEstimator) else load_router(router)
    where = "router" if isinstance(router, SavedEstimator) else str(router)
    try:
        problem = of_candidates(problem, fitted)
        if isinstance(fitted, SmoothieGlobal):
            choices = fitted.predict_texts(problem.input_texts, groups=problem.tasks)
            return fitted, problem, choices, None
        chosen = encoder_of(fitted, encoder, problem)
        choices = fitted.predict_texts(problem.input_texts, chosen)
        return fitted, problem, choices, chosen.signature
    except SmoothieError as error:
        raise SmoothieError(f"{where}: {error}") from error


def of_candidates(problem: Problem, fitted: SavedEstimator) -> Problem:
    """The candidates that a router was fitted to, in its order."""
    if fitted.candidates is not None:
        return problem.select(fitted.candidates)
    count, found = fitted.weights_.shape[-1], len(problem.candidates)
    if found != count:
        raise SmoothieError(f"fitted to {count} candidates without names, found {found}")
    return problem


def encoder_of(fitted: SavedEstimator, encoder: str | Encoder | None, problem: Problem) -> Encoder:
    """What embeds the inputs for a fitted router."""
    if not problem.has_inputs:
        raise SmoothieError("it chooses by the inputs, and there are none: name their column")
    if encoder is not None and encoder != "auto":
        return named_encoder(encoder) if isinstance(encoder, str) else encoder
    # A file of somebody else may name any model: only those that "auto" may take are fetched.
    if encoder is None or fitted.encoder is None or fitted.encoder.name not in HUB_IDS.values():
        made_by = "" if fitted.encoder is None else f", {fitted.encoder}"
        raise SmoothieError(f"it needs the encoder that it was fitted with{made_by}: name it")
    return named_encoder(fitted.encoder.name)
