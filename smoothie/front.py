"""The front door: strings in, choices out."""

from __future__ import annotations

import html
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from smoothie.answers import as_problem
from smoothie.clock import Clock
from smoothie.encoders.base import Encoder, EncoderId, encoder_id
from smoothie.encoders.named import named_encoder
from smoothie.errors import NotAvailableError, SmoothieError, meant
from smoothie.evaluation import Bootstrap
from smoothie.evidence import Evidence, Need, Votes
from smoothie.fitted import choose_by_inputs
from smoothie.inspection.checks import warn_about_texts
from smoothie.metrics.scoring import label_scores, score
from smoothie.problem import Problem, places
from smoothie.routers.base import ROUTERS, Router, Routing
from smoothie.routers.saved import SavedEstimator
from smoothie.run import (
    candidates_alone,
    check_routers,
    choose,
    compare,
    gather,
    require_scored,
    take_votes,
)

if TYPE_CHECKING:
    import pandas as pd

    from smoothie.answers import Answers
    from smoothie.diagnosis import Diagnosis

log = logging.getLogger(__name__)

DEFAULT = "consensus"
FEW_LABELS = "few_labels"
SHOWN = 5  # rows of a printed result
WIDTH = 60  # characters of a text there


@dataclass(frozen=True, eq=False)
class RoutedTexts:
    """One answer for each input.

    Attributes
    ----------
    problem : Problem
        Inputs and answers.
    method : str
        Name of the method.
    routing : Routing
        What it chose.
    evidence : Evidence
        The evidence that it chose by.
    encoder : str or None
        What made the vectors; None if none were used.
    router : Router or None
        The method itself; None if a fitted router chose by the inputs.
    encoder_id : EncoderId or None
        The encoder, as it is kept with a saved router.

    Examples
    --------
    >>> import smoothie
    >>> answers = {"a": ["It is 4.", "6"], "b": ["4", "It is 5."], "c": ["3", "It makes 5."]}
    >>> result = smoothie.route(answers, encoder=None)
    >>> result.texts
    ['It is 4.', 'It makes 5.']
    >>> result.shares()
    {'a': 0.5, 'b': 0.0, 'c': 0.5}
    """

    problem: Problem
    method: str
    routing: Routing
    evidence: Evidence
    encoder: str | None = None
    router: Router | None = None
    encoder_id: EncoderId | None = None

    def save_router(self, path: str | Path) -> None:
        """Write the fitted router to a file, for `route(..., router=path)` and new inputs.

        Raises
        ------
        SmoothieError
            If the method is not fitted to answers: only Smoothie-Global and Smoothie-Local are.
        """
        if not isinstance(self.router, SavedEstimator):
            raise SmoothieError(
                f"method={self.method} cannot be saved: smoothie_local and smoothie_global can"
            )
        self.router.save(path, self.problem.candidates, self.encoder_id)

    @property
    def choices(self) -> NDArray[np.intp]:
        """Number of the chosen candidate for each input, (N,)."""
        choices: NDArray[np.intp] = self.routing.choices[0]
        return choices

    @property
    def candidates(self) -> list[str]:
        """Name of the chosen candidate for each input."""
        return [self.problem.candidates[j] for j in self.choices]

    @property
    def texts(self) -> list[str]:
        """The chosen answer to each input."""
        return [str(self.problem.texts[i, j]) for i, j in enumerate(self.choices)]

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """How much each candidate is trusted, (K,) or (N, K); None if the method does not say."""
        return self.routing.weights

    @cached_property
    def confidence(self) -> NDArray[np.float64]:
        """How much better the other answers support the chosen one than an average one, (N,).

        From 0 to 1, for every method by the support that `Consensus` counts
        (`smoothie.diagnosis.confidence_of`). It is no probability of being right: where all answers
        are the same, it is about 0, as the choice makes no difference.
        """
        from smoothie.diagnosis import confidence_of
        from smoothie.routers.consensus import Consensus

        weights = self.weights if isinstance(self.router, Consensus) else None
        return confidence_of(self.evidence, self.choices, weights)

    @cached_property
    def diagnosis(self) -> Diagnosis:
        """What can be said of the choices without labels."""
        from smoothie.report.diagnosis import diagnosed

        routers = {} if self.router is None else {self.method: self.router}
        routings = {self.method: self.routing} if routers else {}
        ids = self.problem.ids
        return diagnosed(self.problem.candidates, self.evidence, routers, routings, ids=ids)

    def verdict(self) -> str:
        """Which methods to rely on here, in a sentence or two."""
        from smoothie.report.diagnosis import verdict

        used, said = self.routing.labels_used, verdict(self.diagnosis)
        return f"Labeled inputs that were used: {used}. Without them: {said}" if used else said

    def report(self) -> str:
        """What can be said without labels, as a Markdown page that begins with the verdict.

        Smoothie-Global, Smoothie-Local and Consensus are shown beside the method, where they can
        be used.
        """
        from smoothie.report.diagnosis import report

        return report(self.diagnosis)

    def page(self, sample: int | None = None) -> str:
        """The report as one HTML file: results, agreement, and all inputs with their answers.

        Scores are on it where the problem has references or labels. See `shown_inputs` in
        `smoothie.report.page.inputs` for samples.
        """
        from smoothie.report.page.of_texts import page_of_texts

        chosen = (self.method, self.router, self.routing)
        return page_of_texts(self.problem, self.evidence, chosen, self.encoder, sample)

    def shares(self) -> dict[str, float]:
        """Share of the inputs that go to each candidate."""
        counts = np.bincount(self.choices, minlength=len(self.problem.candidates))
        return dict(zip(self.problem.candidates, (counts / counts.sum()).tolist(), strict=True))

    def to_frame(self) -> pd.DataFrame:
        """A table with a row for each input: id, input, candidate, text and confidence."""
        import pandas as pd

        columns: dict[str, Any] = {"id": list(self.problem.ids)}
        if self.problem.has_inputs:
            columns["input"] = self.problem.input_texts
        columns |= {"candidate": self.candidates, "text": self.texts}
        columns["confidence"] = self.confidence
        return pd.DataFrame(columns)

    def __str__(self) -> str:
        """What was chosen, in a few lines."""
        rows, candidates = self.problem.texts.shape
        shares = sorted(self.shares().items(), key=lambda pair: -pair[1])
        lines = [
            f"{rows} inputs routed among {candidates} candidates by {self.method}",
            "  " + ", ".join(f"{name} {100 * share:.0f}%" for name, share in shares),
        ]
        for key, name, text in list(
            zip(self.problem.ids, self.candidates, self.texts, strict=True)
        )[:SHOWN]:
            lines.append(f"  {key}: {name}: {short(text)}")
        if rows > SHOWN:
            lines.append(f"  ... and {rows - SHOWN} more; .to_frame() has all of them")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """What a notebook shows; no text of a model is taken for markup."""
        first, second, *_ = str(self).splitlines()
        table = self.to_frame().head(SHOWN)
        for column in table.select_dtypes(exclude="number"):
            table[column] = [short(text) for text in table[column]]
        more = len(self.texts) - len(table)
        after = f"<p>... and {more} more</p>" if more > 0 else ""
        shown = table.to_html(index=False, float_format="{:.2f}".format)
        return f"<p>{html.escape(first)}<br>{html.escape(second)}</p>{shown}{after}"


def short(text: str) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= WIDTH else line[: WIDTH - 3] + "..."


def route(
    answers: Answers,
    inputs: Sequence[str] | str | None = None,
    method: str | Router = DEFAULT,
    encoder: str | Encoder | None = "auto",
    *,
    names: Sequence[str] | None = None,
    columns: Mapping[str, str] | None = None,
    missing: str = "error",
    router: str | Path | SavedEstimator | None = None,
    labels: Any = None,
    **settings: Any,
) -> RoutedTexts:
    """Choose one answer for each input, without labels or with a few.

    Parameters
    ----------
    answers : mapping, sequence, DataFrame, Dataset or Problem
        What several candidates answered: candidate -> list of texts, a list of lists, a table
        (`smoothie.answers.as_problem`).
    inputs : sequence of str, or str, optional
        What they answered; of a table, the name of its column. Only methods that compare inputs
        look at them.
    method : str or Router
        Name of a router, such as "consensus", "smoothie_local", "majority_vote".
    encoder : str, Encoder or None
        "auto" takes "minilm" where the packages are installed and the method has use for it;
        "minilm", "mpnet", "bge_small", "static", a Hub id or a folder; None uses no encoder.
    names : sequence of str, optional
        Names of the candidates of a list of lists; of a wide table, the columns of answers.
    columns : mapping of role -> column, optional
        Which column of a table is what.
    missing : {"error", "drop_inputs", "drop_candidates"}
        What to do where a candidate has no answer.
    router : path or fitted router, optional
        Chooses by the inputs alone, as it was fitted to other answers of the same candidates
        (`RoutedTexts.save_router`); then there is no method. Its encoder is "auto", or to be named
        where it is none of the named ones; another than it was fitted with is refused.
    labels : mapping of candidate -> sequence of N, array of shape (N, K), or Verdicts, optional
        The quality of some answers, higher is better; None or NaN where nobody judged. They correct
        what Consensus chooses (method "few_labels"). Preferences go into
        `smoothie.labeling.Verdicts`.
    **settings
        Of the router, such as k=20.

    Returns
    -------
    RoutedTexts

    Raises
    ------
    SmoothieError
        If the answers do not fit together, or the method needs what is not there.

    Examples
    --------
    >>> import smoothie
    >>> answers = {
    ...     "a": ["Paris is the capital of France.", "It is 4."],
    ...     "b": ["The capital of France is Paris.", "4"],
    ...     "c": ["Lyon, I believe.", "2 + 2 makes 4."],
    ... }
    >>> result = smoothie.route(answers, encoder=None)
    >>> result.candidates
    ['a', 'c']
    >>> judged = {"a": [0, None], "b": [1, None], "c": [0, None]}
    >>> smoothie.route(answers, encoder=None, labels=judged).candidates
    ['b', 'c']
    """
    problem = as_problem(answers, inputs, names=names, columns=columns, missing=missing)
    if problem is not answers:  # those who load a problem were warned
        warn_about_texts(problem)
    if labels is not None:
        if router is not None:
            raise SmoothieError("labels: a fitted router cannot learn from them")
        return route_by_labels(problem, labels, method, encoder, settings)
    if router is not None:
        if method != DEFAULT or settings:
            raise SmoothieError("router: a fitted router takes no method and no settings")
        return route_by(router, problem, encoder)
    chooser = make_router(method, settings)
    name = method if isinstance(method, str) else ROUTERS.name_of(type(method))
    check_routers({name: chooser}, problem)
    try:
        result = decided(problem, name, chooser, encoder, partial(choose, chooser))
    except NotAvailableError as error:
        raise SmoothieError(f"method={name} cannot be used here: {error}") from error
    return replace(result, router=chooser)


def decided(
    problem: Problem,
    name: str,
    reader: Router,
    encoder: str | Encoder | None,
    decide: Callable[[Evidence], Routing],
) -> RoutedTexts:
    """What is decided by the evidence that a router reads.

    Inputs are sorted by id meanwhile, so that choices do not depend on the order of rows.
    """
    chosen = choose_encoder(encoder, reader)
    ordered = problem.by_id()
    votes = see(ordered, reader, chosen)
    evidence = evidence_of(ordered, votes, chosen)
    routing = decide(evidence)
    if ordered is not problem:
        rows = places(ordered, problem)
        routing, evidence = routing.take(rows), evidence_of(problem, votes.take(rows), chosen)
    signature, made_by = (None, None) if chosen is None else (chosen.signature, encoder_id(chosen))
    return RoutedTexts(problem, name, routing, evidence, signature, encoder_id=made_by)


def route_by(
    router: str | Path | SavedEstimator, problem: Problem, encoder: str | Encoder | None
) -> RoutedTexts:
    """What a fitted router chooses by the inputs."""
    fitted, problem, choices, signature = choose_by_inputs(router, problem, encoder)
    reason = "a fitted router chose by the inputs, and no answer was embedded"
    evidence = gather(problem, votes_of_texts(problem)).without(Need.DISTANCES, reason)
    name = ROUTERS.name_of(type(fitted))
    return RoutedTexts(problem, name, Routing(choices[None, :]), evidence, signature)


def route_by_labels(
    problem: Problem,
    labels: Any,
    method: str | Router,
    encoder: str | Encoder | None,
    settings: Mapping[str, Any],
) -> RoutedTexts:
    """Choose by Consensus and all the labels that there are."""
    from smoothie.labeling import Verdicts
    from smoothie.routers.consensus import Consensus
    from smoothie.routers.few_labels import route_with

    if method not in (DEFAULT, FEW_LABELS):
        raise SmoothieError(f"labels: expected method={FEW_LABELS}, found method={method}")
    if settings:
        raise SmoothieError(f"{next(iter(settings))}: there are no settings beside labels")
    given = labels if isinstance(labels, Verdicts) else Verdicts(as_labels(labels, problem))
    if np.isinf(given.labels).any():
        raise SmoothieError("labels: expected finite numbers, or NaN where there is none")
    check_routers({DEFAULT: Consensus()}, problem)
    moved = given.moved(places(problem.by_id(), problem))
    return decided(
        problem, FEW_LABELS, Consensus(), encoder, lambda evidence: route_with(evidence, *moved)
    )


def make_router(method: str | Router, settings: Mapping[str, Any]) -> Router:
    """The router of a name, with settings; a router is taken as it is."""
    if isinstance(method, Router):
        if settings:
            raise SmoothieError(f"{next(iter(settings))}: settings go into the router itself")
        return method
    if method not in ROUTERS:
        raise SmoothieError(f"method={method}: {meant(method, ROUTERS)}")
    kind = ROUTERS[method]
    names = [entry.name for entry in fields(kind) if entry.init]  # type: ignore[arg-type]
    for name in settings:
        if name not in names:
            raise SmoothieError(f"method={method} has no setting {name!r}; {meant(name, names)}")
    return kind(**settings)


def choose_encoder(encoder: str | Encoder | None, router: Router) -> Encoder | None:
    """The encoder to use; none where the router has no use for vectors."""
    wanted = {Need.DISTANCES, Need.INPUTS, Need.GENERATIONS} & (router.needs | router.uses)
    if encoder is None or not wanted:
        return None
    if not isinstance(encoder, str):
        return encoder
    if encoder != "auto":
        return named_encoder(encoder)
    try:
        return named_encoder("minilm")
    except SmoothieError as error:
        if Need.DISTANCES in router.needs:
            raise
        log.warning("answers are compared by their wording alone: %s", error)
        return None


def see(problem: Problem, router: Router, encoder: Encoder | None) -> Votes:
    """The votes to choose by."""
    if encoder is None:
        return votes_of_texts(problem)
    return take_votes(problem, encoder, Need.GENERATIONS in router.needs, Clock())


def evidence_of(problem: Problem, votes: Votes, encoder: Encoder | None) -> Evidence:
    """The evidence of votes, and why distances are missing where they are."""
    evidence = gather(problem, votes)
    if encoder is not None:
        return evidence
    reason = "it compares embedded answers; name an encoder, such as encoder='minilm'"
    return evidence.without(Need.DISTANCES, reason)


def votes_of_texts(problem: Problem) -> Votes:
    """Votes whose distances say nothing."""
    rows, candidates = problem.texts.shape
    nothing = np.broadcast_to(0.0, (rows, candidates, candidates))
    return Votes(nothing, texts=problem.texts, tasks=np.array(problem.tasks))


def evaluate(
    result: RoutedTexts,
    references: Sequence[Any] | None = None,
    labels: Any = None,
    metric: str = "auto",
    draws: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Score what was chosen, beside random choice, the best candidate, and each candidate.

    Parameters
    ----------
    result : RoutedTexts
    references : sequence of N, optional
        A right answer for each input, or a list of them.
    labels : mapping of candidate -> sequence of N, or array of shape (N, K), optional
        The quality of the answers, higher is better; None or NaN where nobody judged, and a
        candidate that nobody judged may be left out.
    metric : str
        Name of a metric for references, such as "rouge2", "exact_match" or "f1"; "auto" takes
        labels where they are given, else ROUGE-2.
    draws, seed : int
        Of the bootstrap over inputs that intervals are made by.

    Returns
    -------
    DataFrame
        As of `smoothie.evaluation.evaluate`, which says what counts where labels are incomplete.

    Raises
    ------
    SmoothieError
        If there is nothing to score with.

    Examples
    --------
    >>> import smoothie
    >>> answers = {"a": ["It is 4.", "5"], "b": ["4", "It is 6."], "c": ["3", "It makes 5."]}
    >>> result = smoothie.route(answers, encoder=None)
    >>> table = smoothie.evaluate(result, references=["4", "5"], metric="gsm8k", draws=100)
    >>> table.set_index("method").score.round(1).to_dict()["consensus"]
    100.0
    """
    problem = result.problem
    if references is not None:
        problem = as_problem(problem, references=references)
    if labels is not None:
        problem = replace(problem, labels=as_labels(labels, problem), label_range=None)
    ordered = problem.by_id()  # as the choices were made
    routing, problem = result.routing.take(places(problem, ordered)), ordered
    scores = label_scores(problem) if labels is not None else score(problem, metric)
    if scores is None:
        raise SmoothieError("there is nothing to score with: pass references=... or labels=...")
    require_scored(problem, scores)
    evidence = gather(problem, votes_of_texts(problem), scores)
    bounds = {
        name: choose(ROUTERS[name](), evidence)
        for name in ("best_single", "oracle")
        if scores.scored.any()
    }
    compared = {
        "random": choose(ROUTERS["random"](), evidence),
        result.method: routing,
        **bounds,
        **candidates_alone(problem),
    }
    return compare(compared, scores, Bootstrap(draws, seed))


def as_labels(labels: Any, problem: Problem) -> NDArray[np.float64]:
    """Labels of every answer, (N, K)."""
    if isinstance(labels, Mapping):
        unknown = [name for name in labels if name not in problem.candidates]
        if unknown:
            raise SmoothieError(
                f"labels: no candidate {unknown[0]!r}; there are {', '.join(problem.candidates)}"
            )
        blank = [None] * len(problem.inputs)
        for name, given in labels.items():
            if len(given) != len(blank):
                raise SmoothieError(
                    f"labels: expected {len(blank)} of {name}, None where there is none; "
                    f"found {len(given)}"
                )
        labels = list(zip(*(labels.get(name, blank) for name in problem.candidates), strict=True))
    try:
        values = np.array(labels, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise SmoothieError(f"labels: expected numbers ({error})") from error
    if values.shape != problem.texts.shape:
        raise SmoothieError(
            f"labels: expected one for each of {problem.texts.shape[0]} inputs and "
            f"{problem.texts.shape[1]} candidates, found an array of shape {values.shape}"
        )
    return values
