"""The evidence available to routers, each of which sees what it declared and no more."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import NotAvailableError, SmoothieError
from smoothie.metrics.views import final_answers
from smoothie.neighbors.index import NeighborIndex
from smoothie.problem import common_rows, scored_columns
from smoothie.wording import shared_wording

Floats = NDArray[np.float64]
Inputs = NDArray[np.floating[Any]]
Selections = Callable[[str], NDArray[np.intp]]


class Need(Enum):
    """What a router may declare to need, with the message for where it is missing."""

    INPUTS = "the inputs have no vectors to compare them by"
    CANDIDATE_SCORES = "it needs scores"
    ALL_SCORES = "it needs scores of single inputs"
    LABELS = "it needs labels"
    LABELED_INPUTS = "the labeled inputs have no vectors"
    TRAIN = "there is no training split with vectors"
    GENERATIONS = "it needs several generations of each candidate, embedded by a model"
    SELECTIONS = "no selections are stored for this dataset and ensemble"
    VERDICTS = "it needs the verdicts of a scorer"
    DISTANCES = "there are no distances between the answers"
    TEXTS = "it reads texts, and only distances are available"
    TASKS = "the inputs have no tasks"


NUMBERS = ("no", "one", "two", "three")
OF_ANSWERS = frozenset(  # not available before every candidate has answered
    {
        Need.ALL_SCORES,
        Need.GENERATIONS,
        Need.SELECTIONS,
        Need.VERDICTS,
        Need.DISTANCES,
        Need.TEXTS,
    }
)
OF_LABELS = frozenset({Need.LABELS, Need.LABELED_INPUTS})
HINDSIGHT = frozenset({Need.CANDIDATE_SCORES, Need.ALL_SCORES})


class Declared(Protocol):
    """The declarations of a router."""

    @property
    def needs(self) -> frozenset[Need]:
        """Evidence that it cannot route without."""
        ...

    @property
    def uses(self) -> frozenset[Need]:
        """Evidence that it uses if available."""
        ...


def declared(router: Declared) -> frozenset[Need]:
    """All that a router may see: what it needs, and what it uses if available."""
    return router.needs | router.uses


@dataclass(eq=False)
class Votes:
    """Distances between the candidates' answers to some inputs, with what they are about.

    Attributes
    ----------
    distances : ndarray of shape (N, K, K)
        Squared distances between the answers to each input.
    inputs : ndarray of shape (N, e) or None
        Embedded inputs; None where inputs are empty.
    texts : ndarray of shape (N, K), object, or None
        What the candidates wrote, for routers that read texts.
    tasks : ndarray of shape (N,) or None
        Task of each input, for routers that estimate errors task by task.
    mean_distances : ndarray of shape (N, K, K) or None
        Where candidates wrote several generations for each input: `distances` averaged over all of
        them.
    index : NeighborIndex
        Index of nearest inputs; by default an exact one.
    """

    distances: Floats
    inputs: Inputs | None = None
    texts: NDArray[np.object_] | None = None
    tasks: NDArray[Any] | None = None
    mean_distances: Floats | None = None
    index: NeighborIndex = field(default=None)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        """Prepare the search for neighbors."""
        if self.index is None:
            self.index = NeighborIndex(self.inputs)

    @property
    def shape(self) -> tuple[int, int]:
        """Inputs and candidates, (N, K)."""
        return self.distances.shape[0], self.distances.shape[1]

    def select(self, columns: NDArray[np.intp]) -> "Votes":
        """The votes of some of the candidates: a slice, nothing is recomputed."""
        square = (slice(None), columns[:, None], columns)
        return replace(
            self,
            distances=self.distances[square],
            texts=None if self.texts is None else self.texts[:, columns],
            mean_distances=None if self.mean_distances is None else self.mean_distances[square],
        )

    def take(self, rows: NDArray[np.intp]) -> "Votes":
        """The votes about some of the inputs, in this order."""
        return Votes(
            self.distances[rows],
            None if self.inputs is None else self.inputs[rows],
            None if self.texts is None else self.texts[rows],
            None if self.tasks is None else self.tasks[rows],
            None if self.mean_distances is None else self.mean_distances[rows],
        )


@dataclass(frozen=True, eq=False)
class Labelled:
    """A sample of inputs with labels.

    Attributes
    ----------
    scores : ndarray of shape (M, K)
        Scores of the texts, higher is better; in the sample of a fold no value is missing.
    inputs : ndarray of shape (M, e) or None
        Embedded inputs.
    rows : ndarray of shape (M,), int, or None
        Which of the inputs to route they are; None for a training split.
    """

    scores: Floats
    inputs: Inputs | None = None
    rows: NDArray[np.intp] | None = None


@dataclass(frozen=True, eq=False)
class Fold:
    """Inputs to choose for, and the labeled sample to learn from, which contains none of them.

    Attributes
    ----------
    rows : ndarray of shape (n,)
        The inputs to choose for.
    inputs : ndarray of shape (n, e) or None
        Their vectors.
    sample : Labelled
        As many labeled inputs as the budget allows, or as there are. Its columns are the candidates
        that have labels, `Labels.candidates`.
    """

    rows: NDArray[np.intp]
    inputs: Inputs | None
    sample: Labelled


class Labels:
    """Labels within a budget: samples of labeled inputs, and never the label of an input itself.

    A labeled input has a label for every candidate that has any: candidates can be compared on it.

    Parameters
    ----------
    own : Labelled
        The inputs to route. Their scores serve only as labels for inputs of other folds.
    train : Labelled, optional
        A training split; with it, the scores of `own` are not used.
    budget : int, optional
        Largest number of labeled inputs in a sample.
    """

    def __init__(
        self, own: Labelled, train: Labelled | None = None, budget: int = sys.maxsize
    ) -> None:
        self.__own = own
        self.__train = train
        self.budget = budget

    def within(self, budget: int, with_inputs: bool = True) -> "Labels":
        """The same labels with a budget that is no larger, optionally without vectors."""
        budget = min(budget, self.budget)
        own, train = self.__own, self.__train
        if not with_inputs:
            own, train = Labelled(own.scores), None if train is None else Labelled(train.scores)
        return Labels(own, train, budget)

    @property
    def candidates(self) -> NDArray[np.intp]:
        """The candidates that can be learned about: those with labels, ascending."""
        pool = self.__own if self.__train is None else self.__train
        return np.flatnonzero(scored_columns(pool.scores))

    def missing(self, with_inputs: bool = False) -> str | None:
        """Why nothing can be learned from these labels, or None."""
        if self.__train is None:
            if common_rows(self.__own.scores).sum() < 2:
                return "it needs labels of other inputs, and fewer than two inputs have any"
            return None
        if not common_rows(self.__train.scores).any():
            return "no input of the training split has a score for every candidate"
        if with_inputs and self.__train.inputs is None:
            return "the inputs of the training split have no vectors"
        return None

    def folds(
        self, generator: np.random.Generator, folds: int, with_replacement: bool = False
    ) -> Iterator[Fold]:
        """Split the inputs into folds and draw a labeled sample for each, from the other folds.

        Parameters
        ----------
        generator : Generator
            Draws folds and samples.
        folds : int
            Number of folds. With a training split there is one, and the sample is drawn from the
            split.
        with_replacement : bool
            Draw the budget with replacement, as the paper's released code does.
        """
        pool = self.__own if self.__train is None else self.__train
        columns = self.candidates
        for target, known in self.__deal(generator, folds):
            if not len(known):
                raise SmoothieError("label-using methods need at least one labeled input")
            size = self.budget if with_replacement else min(self.budget, len(known))
            drawn = generator.choice(known, size, replace=with_replacement)
            inputs = None if pool.inputs is None else pool.inputs[drawn]
            asked = None if self.__own.inputs is None else self.__own.inputs[target]
            rows = drawn if self.__train is None else None
            yield Fold(target, asked, Labelled(pool.scores[np.ix_(drawn, columns)], inputs, rows))

    def __deal(
        self, generator: np.random.Generator, folds: int
    ) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
        """Rows to choose for, with the labeled rows (of a training split) to learn from."""
        rows = len(self.__own.scores)
        if self.__train is not None:
            yield np.arange(rows), np.flatnonzero(common_rows(self.__train.scores))
            return
        # Scored inputs are distributed first, so that each fold leaves labels to the others.
        scored = common_rows(self.__own.scores)
        order = generator.permutation(rows)
        order = np.concatenate([order[scored[order]], order[~scored[order]]])
        for fold in range(min(folds, rows)):
            target = np.sort(order[fold::folds])
            known = scored.copy()
            known[target] = False
            yield target, np.flatnonzero(known)


class Evidence:
    """All evidence available in a run; `limited_to` restricts it to what one router may see.

    Parameters
    ----------
    votes : Votes
        Distances, inputs and texts of the inputs to route.
    scores : ndarray of shape (N, K), optional
        Quality of every text, higher is better, NaN where there is none.
    per_candidate : bool
        Whether the scores only repeat one number for each candidate.
    train : Votes, optional
        A training split.
    train_labels : Labelled, optional
        The training split's scores, and its embedded inputs.
    verdicts : ndarray of shape (N, K), optional
        A scorer's verdict on every text: higher is better, NaN where there is none.
    selections : callable, optional
        Maps a path to choices (T, N) that were stored with the generations.
    missing : mapping of Need -> str, optional
        Why something is missing, where there is more to say than `Need` does.

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Need, Votes
    >>> from smoothie.routers import MBR
    >>> votes = Votes(np.zeros((2, 3, 3)), inputs=np.zeros((2, 5)))
    >>> evidence = Evidence(votes, scores=np.zeros((2, 3)))
    >>> evidence.has(Need.ALL_SCORES)
    True
    >>> evidence.limited_to(MBR()).has(Need.ALL_SCORES)  # it does not declare them
    False
    """

    def __init__(
        self,
        votes: Votes,
        scores: Floats | None = None,
        per_candidate: bool = False,
        train: Votes | None = None,
        train_labels: Labelled | None = None,
        verdicts: Floats | None = None,
        selections: Selections | None = None,
        missing: Mapping[Need, str] | None = None,
    ) -> None:
        self.shape = votes.shape
        self._missing = dict(missing or {})
        self._index = votes.index
        self._wording: dict[float, Floats] = {}  # shared by all that sees the same texts
        self._answers: dict[float, NDArray[np.intp]] = {}  # likewise
        self._declared: frozenset[Need] | None = None  # all
        self._router = ""
        held: dict[Need, Any] = {
            Need.DISTANCES: votes.distances,
            Need.INPUTS: votes.inputs,
            Need.TEXTS: votes.texts,
            Need.TASKS: votes.tasks,
            Need.GENERATIONS: votes.mean_distances,
            Need.TRAIN: train,
            Need.VERDICTS: verdicts,
            Need.SELECTIONS: selections,
        }
        if scores is not None:
            if common_rows(scores).any():
                held[Need.CANDIDATE_SCORES] = held[Need.ALL_SCORES] = scores
            else:
                nothing = "no input has a score for every candidate that has any"
                self._missing |= dict.fromkeys(HINDSIGHT, nothing)
            single = "it needs scores of single inputs, and there is only one for each candidate"
            labels = Labels(Labelled(scores, votes.inputs), train_labels)
            if per_candidate:
                held[Need.ALL_SCORES] = None
                self._missing |= dict.fromkeys((Need.ALL_SCORES, *OF_LABELS), single)
            else:
                for need in OF_LABELS:
                    reason = labels.missing(need is Need.LABELED_INPUTS)
                    held[need] = labels if reason is None else None
                    self._missing[need] = reason or need.value
        else:
            self._missing |= dict.fromkeys((*HINDSIGHT, *OF_LABELS), "it needs scores")
        self._held = {need: value for need, value in held.items() if value is not None}

    def limited_to(self, router: Declared) -> "Evidence":
        """What a router may see: what it declared, and labels within its budget."""
        limited = object.__new__(Evidence)
        limited.__dict__ |= self.__dict__
        limited._declared = declared(router)
        limited._router = type(router).__name__
        limited._held = {
            need: value for need, value in self._held.items() if need in limited._declared
        }
        if Need.INPUTS not in limited._declared:
            limited._index = NeighborIndex(None)
        budget = getattr(router, "budget", sys.maxsize)
        for need in OF_LABELS & set(limited._held):
            with_inputs = need is Need.LABELED_INPUTS
            limited._held[need] = limited._held[need].within(budget, with_inputs)
        return limited

    def without(self, need: Need, reason: str) -> "Evidence":
        """The same evidence without one part, which is missing for this reason."""
        poorer = object.__new__(Evidence)
        poorer.__dict__ |= self.__dict__
        poorer._held = {held: value for held, value in self._held.items() if held is not need}
        poorer._missing = {**self._missing, need: reason}
        return poorer

    def has(self, need: Need) -> bool:
        """Whether a part of the evidence is available."""
        return need in self._held

    def why_not(self, need: Need) -> str:
        """Why a part of the evidence is not available, in one sentence."""
        if self._declared is not None and need not in self._declared:
            return f"{self._router} does not declare Need.{need.name}"
        return self._missing.get(need, need.value)

    def get(self, need: Need) -> Any:
        """A part of the evidence.

        Raises
        ------
        NotAvailableError
            If it is not available, or was not declared.
        """
        if need not in self._held:
            raise NotAvailableError(self.why_not(need))
        return self._held[need]

    @property
    def distances(self) -> Floats:
        """Squared distances between the answers to each input, (N, K, K)."""
        return np.asarray(self.get(Need.DISTANCES))

    def wording(self, beta: float) -> Floats:
        """Share of the others' wording that each text contains, (N, K), computed once.

        See `smoothie.wording.shared_wording`.
        """
        texts = self.texts
        if beta not in self._wording:
            self._wording[beta] = shared_wording(texts, beta)
        return self._wording[beta]

    def answers(self, share: float) -> NDArray[np.intp]:
        """The final answers of the texts as integers, (N, K), computed once.

        See `smoothie.metrics.views.final_answers`.
        """
        texts = self.texts
        if share not in self._answers:
            self._answers[share] = final_answers(texts, share)
        return self._answers[share]

    @property
    def mean_distances(self) -> Floats:
        """Distances averaged over several generations, (N, K, K)."""
        return np.asarray(self.get(Need.GENERATIONS))

    @property
    def inputs(self) -> Inputs:
        """Embedded inputs, (N, e)."""
        inputs: Inputs = self.get(Need.INPUTS)
        return inputs

    @property
    def texts(self) -> NDArray[np.object_]:
        """What the candidates wrote, (N, K)."""
        texts: NDArray[np.object_] = self.get(Need.TEXTS)
        return texts

    @property
    def tasks(self) -> NDArray[Any]:
        """Task of each input, (N,)."""
        return np.asarray(self.get(Need.TASKS))

    @property
    def verdicts(self) -> Floats:
        """A scorer's verdict on every text, (N, K)."""
        return np.asarray(self.get(Need.VERDICTS))

    @property
    def train(self) -> Votes:
        """The votes of a training split."""
        train: Votes = self.get(Need.TRAIN)
        return train

    @property
    def labels(self) -> Labels:
        """Labels within the router's budget."""
        declared = Need.LABELED_INPUTS if self.has(Need.LABELED_INPUTS) else Need.LABELS
        labels: Labels = self.get(declared)
        return labels

    @property
    def candidate_scores(self) -> Floats:
        """All scores, (N, K), where one number for each candidate would do."""
        return np.asarray(self.get(Need.CANDIDATE_SCORES))

    @property
    def all_scores(self) -> Floats:
        """All scores, (N, K): those that the choices are judged by."""
        return np.asarray(self.get(Need.ALL_SCORES))

    @property
    def selections(self) -> Selections:
        """Choices that were stored with the generations."""
        selections: Selections = self.get(Need.SELECTIONS)
        return selections

    def neighbors(self, k: int) -> NDArray[np.intp]:
        """The k nearest inputs of each input, itself first: (N, k); k = 1 needs no inputs."""
        if k == 1:
            return np.arange(self.shape[0])[:, None]
        if k > 1 and not self.has(Need.INPUTS):
            raise NotAvailableError(f"k={k} needs inputs: {self.why_not(Need.INPUTS)}")
        return self._index.search(k)


def missing_evidence(router: Declared, evidence: Evidence) -> str | None:
    """Which evidence a router needs and lacks, in one sentence; None if it lacks none."""
    fewest, candidates = getattr(router, "fewest", 2), evidence.shape[1]
    if candidates < fewest:
        return f"it needs at least {NUMBERS[fewest]} candidates, found {candidates}"
    for need in Need:  # in the order in which they are listed
        if need in router.needs and not evidence.has(need):
            return evidence.why_not(need)
    return None
