"""The router interface: what a router declares to need, and how it chooses."""

from dataclasses import MISSING, dataclass, fields, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError, shown
from smoothie.evidence import Evidence, Need
from smoothie.registry import Registry, setting_without_default, wrong_dataclass

MOST_TRIALS = 100_000  # the paper has 10


@dataclass(frozen=True, eq=False)
class Routing:
    """What a router chose.

    Attributes
    ----------
    choices : ndarray of shape (T, N), int
        Chosen candidate for each input; T trials, one unless the router draws at random.
    probabilities : ndarray of shape (K,), optional
        If given, the router draws by these, and its score is the exact expectation.
    weights : ndarray of shape (K,) or (N, K), optional
        How much each candidate is trusted, if the router has weights.
    labels_used : int
        Labeled inputs that one choice was learned from.
    known : ndarray of shape (N,), bool, optional
        Inputs on which the choices may be scored, if not on all: a bound is one only where every
        candidate has a score.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.routers import Routing
    >>> scores = np.array([[1.0, 0.0], [0.5, 0.25]])
    >>> Routing(np.array([[0, 1]])).scores(scores)
    array([1.  , 0.25])
    >>> Routing(np.array([[0, 1]]), probabilities=np.array([0.5, 0.5])).scores(scores)
    array([0.5  , 0.375])
    """

    choices: NDArray[np.intp]
    probabilities: NDArray[np.float64] | None = None
    weights: NDArray[np.float64] | None = None
    labels_used: int = 0
    known: NDArray[np.bool_] | None = None

    def scores(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Score of each input, (N,): a gather, averaged over trials or in expectation.

        NaN where the value of a choice, in any trial, is NaN.
        """
        if self.probabilities is not None:
            expected: NDArray[np.float64] = values @ self.probabilities
            return expected
        gathered: NDArray[np.float64] = values[np.arange(len(values)), self.choices].mean(axis=0)
        return gathered

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> "Routing":
        """The choices for some of the inputs: a mask, or positions in any order."""
        weights = self.weights
        if weights is not None and weights.ndim == 2:
            weights = weights[rows]
        known = None if self.known is None else self.known[rows]
        return replace(self, choices=self.choices[:, rows], weights=weights, known=known)


class Router:
    """Chooses a candidate for each input, from the evidence that it declares to need.

    A router is a dataclass: its fields are its settings, with their defaults.

    Attributes
    ----------
    needs : frozenset of Need
        Evidence that it cannot route without; a run skips it where any is missing.
    uses : frozenset of Need
        Evidence that it uses if available.
    fewest : int
        Candidates without which it cannot choose.

    Examples
    --------
    A router that takes the shortest text:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Need, Votes
    >>> from smoothie.routers import Router, Routing
    >>> @dataclass(eq=False, repr=False)
    ... class Shortest(Router):
    ...     needs = frozenset({Need.TEXTS})
    ...
    ...     def route(self, evidence):
    ...         lengths = np.vectorize(len)(evidence.texts)
    ...         return Routing(lengths.argmin(axis=1)[None, :])
    >>> texts = np.array([["long one", "short"], ["a", "bc"]], dtype=object)
    >>> Shortest().route(Evidence(Votes(np.zeros((2, 2, 2)), texts=texts))).choices
    array([[1, 0]])
    """

    fewest: ClassVar[int] = 2

    @property
    def needs(self) -> frozenset[Need]:
        """Nothing but the number of inputs and candidates."""
        return frozenset()

    @property
    def uses(self) -> frozenset[Need]:
        """Nothing more than it needs."""
        return frozenset()

    def check(self, shape: tuple[int, int]) -> None:
        """Refuse settings that do not fit the number of inputs and candidates, before all else.

        Raises
        ------
        SmoothieError
            In one sentence that begins with the name of the setting.
        """

    def route(self, evidence: Evidence) -> Routing:
        """Choose a candidate for each input.

        Raises
        ------
        NotAvailableError
            If something that is needed is not available.
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        """The class with the settings that differ from the defaults."""
        parts = []
        for entry in fields(self):  # type: ignore[arg-type]
            if entry.init:
                value, default = getattr(self, entry.name), entry.default
                if default is MISSING or value != default:
                    parts.append(f"{entry.name}={value!r}")
        return f"{type(self).__name__}({', '.join(parts)})"


def wrong_router(thing: Any) -> str | None:
    """Why an object cannot be used as a router; None if it can."""
    if not (isinstance(thing, type) and issubclass(thing, Router)):
        return "expected a subclass of smoothie.routers.Router"
    if thing.route is Router.route:
        return "it has no method route(evidence)"
    return wrong_dataclass(thing) or setting_without_default(thing)


ROUTERS: Registry[type[Router]] = Registry(
    "router", "smoothie.routers", wrong_router, "smoothie.routers"
)
register_router = ROUTERS.register


def seeded(seed: int) -> np.random.Generator:
    """A random generator; see `require_seed` for what is refused."""
    require_seed(seed)
    return np.random.default_rng(seed)


def require_seed(seed: int) -> None:
    """Refuse a seed below zero, or beyond what scikit-learn takes."""
    if not 0 <= seed < 2**32:
        raise SmoothieError(f"seed={shown(seed)}: expected zero or more, below 2^32")


def require_trials(trials: int) -> None:
    """Refuse no trials, and more than memory holds."""
    if not 1 <= trials <= MOST_TRIALS:
        raise SmoothieError(f"trials={shown(trials)}: expected 1 to {MOST_TRIALS:,}")
