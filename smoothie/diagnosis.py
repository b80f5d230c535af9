"""What can be said of a run without labels: how methods choose, agree and hold still."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError
from smoothie.estimator import inverse_error_weights, resolve_errors, triplet_errors
from smoothie.evaluation import INTERVAL, Bootstrap
from smoothie.evidence import HINDSIGHT, OF_ANSWERS, OF_LABELS, Evidence, Need, Votes, declared
from smoothie.routers.base import Router, Routing
from smoothie.routers.consensus import Consensus, shared_meaning
from smoothie.routers.smoothie_global import SmoothieGlobal

BETA = 2.0  # of shared wording, as Consensus has it
CLOSE = 0.05  # of the median squared distance: texts that say the same
MOST = 0.5  # share of inputs on which a pair says the same, from which it counts as one voice
SAMPLE = 200  # inputs, evenly spread, that are routed again with a candidate left out
RESAMPLED = 1 << 25  # inputs drawn in all resamples: more inputs, fewer resamples
FEWEST = 100  # resamples
NEAR = 1e-4  # of the largest weight: a difference that rounding of the vectors may turn

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MethodDiagnosis:
    """How one method chooses.

    Attributes
    ----------
    name : str
    shares : ndarray of shape (K,)
        Share of the inputs that go to each candidate.
    weights, low, high : ndarray of shape (K,) or None
        Mean weights with their 95% bootstrap intervals; None if the method has none, the intervals
        also where weights cannot be estimated again.
    top : int or None
        The candidate with the largest mean weight.
    top_probability : float or None
        Share of bootstrap resamples of the inputs in which it is the same candidate.
    wording, meaning : float or None
        How well the chosen texts are supported by the others, in shared n-grams and in embeddings:
        0 as random ones, 1 as the best supported ones, below 0 worse than random.
    length : float or None
        Mean length of the chosen texts over that of all texts.
    ties : float or None
        Share of the inputs on which two candidates or more share the largest weight; None for
        methods with the same weights on all of them.
    near_ties : int or None
        Inputs on which the two largest weights differ by less than `NEAR` of the larger one without
        being equal: vectors that were computed in other batches, or on another machine, may turn
        the choice. None where `ties` is.
    stability : float or None
        Share of the choices that stay when one of the other candidates is left out.
    """

    name: str
    shares: Floats
    weights: Floats | None = None
    low: Floats | None = None
    high: Floats | None = None
    top: int | None = None
    top_probability: float | None = None
    wording: float | None = None
    meaning: float | None = None
    length: float | None = None
    ties: float | None = None
    near_ties: int | None = None
    stability: float | None = None


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What a run says of itself.

    Attributes
    ----------
    candidates : tuple of str
    inputs : int
    methods : tuple of MethodDiagnosis
    agreement : ndarray of shape (M, M)
        Share of the inputs on which two methods choose the same candidate.
    same : ndarray of shape (K, K)
        Share of the inputs on which two candidates' texts are equal, up to case and white space, or
        nearly so: their squared distance is below a twentieth of the median.
    cliques : tuple of tuple of int
        Candidates that say the same as one another on most inputs: each pair of a clique does.
    degenerate : float or None
        Share of the inputs on which an estimated error is zero or less; None without distances.
    spread : float or None
        Standard deviation of the errors that Smoothie-Global estimates, over their mean.
    to_label : tuple of str
        Ids of a few inputs whose labels would tell whether a method is better than random choice.
    """

    candidates: tuple[str, ...]
    inputs: int
    methods: tuple[MethodDiagnosis, ...]
    agreement: Floats
    same: Floats
    cliques: tuple[tuple[int, ...], ...]
    degenerate: float | None = None
    spread: float | None = None
    to_label: tuple[str, ...] = ()

    def of(self, name: str) -> MethodDiagnosis | None:
        """What is said of a method; None if it is not among them."""
        return next((method for method in self.methods if method.name == name), None)

    def agreement_beyond_chance(self, name: str, others: Sequence[str]) -> float | None:
        """Mean agreement of a method with others, of what is possible beyond chance.

        Parameters
        ----------
        name : str
        others : sequence of str
            Those that are not among the methods are left out, and so is the method itself.

        Returns
        -------
        float or None
            1 where all choose the same, 0 where they agree as often as independent choices that
            take each candidate equally often; None if there are no others.
        """
        places = {method.name: place for place, method in enumerate(self.methods)}
        compared = [places[other] for other in others if other in places and other != name]
        if name not in places or not compared:
            return None
        chance = 1 / len(self.candidates)
        mean = float(self.agreement[places[name], compared].mean())
        return (mean - chance) / (1 - chance)


def diagnose(
    candidates: Sequence[str],
    evidence: Evidence,
    routers: Mapping[str, Router],
    routings: Mapping[str, Routing],
    bootstrap: Bootstrap | None = None,
    stability: bool = True,
) -> Diagnosis:
    """Say what can be said without labels.

    Parameters
    ----------
    candidates : sequence of K str
    evidence : Evidence
        What there was to route by; scores in it are not looked at.
    routers, routings : mapping of method
        What chose, and what it chose. Methods that look at labels or at no answer are left out.
    bootstrap : Bootstrap, optional
        How intervals are made.
    stability : bool
        Whether to route again with each candidate left out, which takes longest.

    Returns
    -------
    Diagnosis

    Notes
    -----
    O(draws N K^2), and what `smoothie.wording` takes. Stability costs K further routings of at
    most `SAMPLE` inputs for each method.
    """
    free = {name: routings[name] for name in routings if is_label_free(routers.get(name))}
    choices = {name: routing.choices[0] for name, routing in free.items()}
    views = supports(evidence)
    draws = resample(evidence, free, bootstrap or Bootstrap())
    methods = []
    for name, routing in free.items():
        method = describe(name, routing, choices[name], len(candidates), views)
        if evidence.has(Need.TEXTS):
            method = replace(method, length=relative_length(evidence.texts, choices[name]))
        method = with_intervals(method, draws.get(name), draws.get("distances"), routers[name])
        if stability:
            method = replace(method, stability=stability_of(routers[name], evidence))
        methods.append(method)
    same = same_share(evidence)
    degenerate = spread = None
    if evidence.has(Need.DISTANCES):
        degenerate = float((triplet_errors(evidence.distances) <= 0).any(axis=1).mean())
        errors = resolve_errors(triplet_errors(evidence.distances.mean(axis=0)))
        spread = float(errors.std() / errors.mean())
    return Diagnosis(
        tuple(candidates),
        evidence.shape[0],
        tuple(methods),
        agreement_of(list(choices.values())),
        same,
        cliques_of(same >= MOST),
        degenerate,
        spread,
    )


def is_label_free(router: Router | None) -> bool:
    """Whether a method chooses by the answers, and by no labels."""
    if router is None:
        return False
    seen = declared(router)
    return bool(seen & OF_ANSWERS) and not seen & (HINDSIGHT | OF_LABELS)


def supports(evidence: Evidence) -> dict[str, Floats]:
    """How well the others support each text, (N, K), in each view that there is."""
    views = {}
    if evidence.has(Need.TEXTS):
        views["wording"] = evidence.wording(BETA)
    if evidence.has(Need.DISTANCES):
        views["meaning"] = shared_meaning(evidence.distances)
    return views


def describe(
    name: str,
    routing: Routing,
    choices: NDArray[np.intp],
    candidates: int,
    views: Mapping[str, Floats],
) -> MethodDiagnosis:
    """All that needs no resampling."""
    shares = np.bincount(choices, minlength=candidates) / len(choices)
    support = {view: share_of_way(values, choices) for view, values in views.items()}
    wording, meaning = support.get("wording"), support.get("meaning")
    weights = top = ties = near_ties = None
    if routing.weights is not None:
        weights = routing.weights.reshape(-1, candidates).mean(axis=0)
        top = int(weights.argmax())
        if routing.weights.ndim == 2:
            second, largest = np.sort(routing.weights, axis=1)[:, -2:].T
            ties = float((second == largest).mean())
            near_ties = int(((second < largest) & (second > (1 - NEAR) * largest)).sum())
    return MethodDiagnosis(
        name,
        shares,
        weights,
        top=top,
        wording=wording,
        meaning=meaning,
        ties=ties,
        near_ties=near_ties,
    )


def share_of_way(support: Floats, choices: NDArray[np.intp]) -> float | None:
    """Where the chosen texts' support lies from random (0) to best (1); None if all is equal."""
    random, best = support.mean(), support.max(axis=1).mean()
    if not best > random:
        return None
    return float((support[np.arange(len(support)), choices].mean() - random) / (best - random))


def relative_length(texts: NDArray[np.object_], choices: NDArray[np.intp]) -> float | None:
    """Mean length of the chosen texts over that of all texts; None if all are empty."""
    lengths = np.array([[len(text) for text in row] for row in texts], dtype=np.float64)
    chosen = lengths[np.arange(len(lengths)), choices].mean()
    return float(chosen / lengths.mean()) if lengths.any() else None


def resample(
    evidence: Evidence, routings: Mapping[str, Routing], bootstrap: Bootstrap
) -> dict[str, Floats]:
    """Means over resamples of the inputs: of each method's weights, and of the distances."""
    rows, candidates = evidence.shape
    parts = {
        name: routing.weights
        for name, routing in routings.items()
        if routing.weights is not None and routing.weights.ndim == 2
    }
    pairs = np.triu_indices(candidates, k=1)
    if evidence.has(Need.DISTANCES):
        parts["distances"] = evidence.distances[:, *pairs]
    if not parts:
        return {}
    draws = min(bootstrap.draws, max(FEWEST, RESAMPLED // rows))
    columns = np.concatenate(list(parts.values()), axis=1)
    means = replace(bootstrap, draws=draws).means(columns)
    ends = np.cumsum([part.shape[1] for part in parts.values()])[:-1]
    found = dict(zip(parts, np.split(means, ends, axis=1), strict=True))
    if "distances" in found:
        square = np.zeros((draws, candidates, candidates))
        square[:, *pairs] = found["distances"]
        found["distances"] = square + square.swapaxes(1, 2)
    return found


def with_intervals(
    method: MethodDiagnosis, drawn: Floats | None, distances: Floats | None, router: Router
) -> MethodDiagnosis:
    """Intervals of the weights, and how often the top candidate stays on top.

    Parameters
    ----------
    method : MethodDiagnosis
    drawn : ndarray of shape (draws, K) or None
        Mean weights of each resample, where they differ between inputs.
    distances : ndarray of shape (draws, K, K) or None
        Mean distances of each resample: Smoothie-Global estimates its weights again by them.
    router : Router
        What chose.
    """
    if drawn is None and distances is not None and isinstance(router, SmoothieGlobal):
        drawn = inverse_error_weights(resolve_errors(triplet_errors(distances)))
    if drawn is None:
        return method
    low, high = np.percentile(drawn, INTERVAL, axis=0)
    probability = float((drawn.argmax(axis=1) == method.top).mean())
    return replace(method, low=low, high=high, top_probability=probability)


def stability_of(router: Router, evidence: Evidence) -> float | None:
    """Share of choices that stay when one of the other candidates is left out.

    None where a candidate less is too few, or where the method needs more than answers.
    """
    rows, candidates = evidence.shape
    if candidates < 4 or declared(router) - {Need.DISTANCES, Need.INPUTS, Need.TEXTS, Need.TASKS}:
        return None
    some = np.unique(np.linspace(0, rows - 1, min(rows, SAMPLE)).astype(np.intp))
    everyone = np.arange(candidates)
    stays, compared = 0, 0
    try:
        with without_warnings():  # they were given when all inputs were routed
            before = router.route(part_of(evidence, some, everyone).limited_to(router)).choices[0]
            for left_out in everyone:
                others = np.delete(everyone, left_out)
                routing = router.route(part_of(evidence, some, others).limited_to(router))
                after = others[routing.choices[0]]
                stays += int((after == before)[before != left_out].sum())
                compared += int((before != left_out).sum())
    except SmoothieError:  # a setting that does not fit so few
        return None
    return stays / compared if compared else None


@contextmanager
def without_warnings() -> Iterator[None]:
    """Let routers say nothing but errors."""
    routers = logging.getLogger("smoothie.routers")
    before = routers.level
    routers.setLevel(logging.ERROR)
    try:
        yield
    finally:
        routers.setLevel(before)


def part_of(evidence: Evidence, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Evidence:
    """The answers of some candidates to some inputs."""
    blank = np.zeros((len(rows), len(columns), len(columns)))
    has_distances = evidence.has(Need.DISTANCES)
    square = (rows[:, None, None], columns[:, None], columns)
    votes = Votes(
        evidence.distances[square] if has_distances else blank,
        evidence.inputs[rows] if evidence.has(Need.INPUTS) else None,
        evidence.texts[rows[:, None], columns] if evidence.has(Need.TEXTS) else None,
        evidence.tasks[rows] if evidence.has(Need.TASKS) else None,
    )
    part = Evidence(votes)
    return part if has_distances else part.without(Need.DISTANCES, "there are none")


def same_share(evidence: Evidence) -> Floats:
    """Share of the inputs on which two candidates say the same, (K, K); of oneself, one."""
    rows, candidates = evidence.shape
    same = np.zeros((rows, candidates, candidates), dtype=bool)
    if evidence.has(Need.TEXTS):
        numbers: dict[str, int] = {}
        folded = [
            numbers.setdefault(" ".join(text.lower().split()), len(numbers))
            for text in evidence.texts.ravel().tolist()
        ]
        coded = np.array(folded).reshape(rows, candidates)
        same |= coded[:, :, None] == coded[:, None, :]
    if evidence.has(Need.DISTANCES):
        pairs = evidence.distances[:, *np.triu_indices(candidates, k=1)]
        same |= evidence.distances <= CLOSE * np.median(pairs)
    share: Floats = same.mean(axis=0)
    np.fill_diagonal(share, 1.0)
    return share


def agreement_of(choices: Sequence[NDArray[np.intp]]) -> Floats:
    """Share of the inputs on which methods choose the same, (M, M)."""
    return np.array([[float((one == other).mean()) for other in choices] for one in choices])


def cliques_of(linked: NDArray[np.bool_]) -> tuple[tuple[int, ...], ...]:
    """Groups of two or more in which each is linked to all others, each member in one group.

    Of several ways to form them, the largest group comes first; K is small, so that all neighbors
    of a member are tried.
    """
    free = set(range(len(linked)))
    groups = []
    while free:
        group = max((grown(linked, free, first) for first in sorted(free)), key=len)
        if len(group) < 2:
            break
        groups.append(group)
        free -= set(group)
    return tuple(groups)


def grown(linked: NDArray[np.bool_], free: set[int], first: int) -> tuple[int, ...]:
    """A clique around a first member: others join one by one, those with most links first."""
    links = {j: sum(bool(linked[j, other]) for other in free) for j in free}
    group = [first]
    for j in sorted(free - {first}, key=lambda j: (-links[j], j)):
        if all(linked[j, member] for member in group):
            group.append(j)
    return tuple(sorted(group))


def confidence_of(
    evidence: Evidence, choices: NDArray[np.intp], weights: Floats | None = None
) -> Floats:
    """How much better the others support each chosen text than an average one, (N,).

    Parameters
    ----------
    evidence : Evidence
        Texts, distances or both.
    choices : ndarray of shape (N,)
        By any method.
    weights : ndarray of shape (N, K), optional
        Of `Consensus`, where they are known.

    Returns
    -------
    ndarray of shape (N,)
        From 0, no better than an average text, to 1, where no other text has any support. It is
        about 0 where all wrote the same: nothing is to be gained there.

    Notes
    -----
    (K w - 1)/(K - 1) for the weight w of the chosen text, at least 0. For all methods it is the
    support that Consensus counts: Smoothie's own weights tell less (docs/research.md).
    """
    if weights is None:
        router = Consensus()
        weights = router.route(evidence.limited_to(router)).weights
        assert weights is not None
    candidates = weights.shape[1]
    chosen = weights[np.arange(len(weights)), choices]
    return np.asarray(((candidates * chosen - 1) / (candidates - 1)).clip(0, 1))
