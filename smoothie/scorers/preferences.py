r"""Stored preferences: a judge's pairwise verdicts on texts, turned into scores."""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from smoothie.errors import SmoothieError, shown
from smoothie.fields import as_id
from smoothie.problem import Problem
from smoothie.scorers.base import register_scorer
from smoothie.scorers.stored import stored_file, warn_about_verdicts
from smoothie.storage.files import read_jsonl, sha256

AGGREGATES = ("win_rate", "bradley_terry")
TOLERANCE, STEPS = 1e-12, 100_000  # of the fixed-point iteration


@register_scorer("preferences")
@dataclass
class StoredPreferences:
    """Pairwise verdicts, read from a file.

    Attributes
    ----------
    folder : str or None
        The dataset's folder.
    file : str
        JSON Lines with id, a, b (two candidates) and winner (one of them; "tie" or null: neither);
        in the folder, or an absolute path. A pair may be judged any number of times.
    aggregate : {"win_rate", "bradley_terry"}
        How the verdicts about an input become a number for each text.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from smoothie import Input, assemble
    >>> from smoothie.scorers import StoredPreferences
    >>> problem = assemble("sums", [Input("1")], {"a": {"1": "4"}, "b": {"1": "5"}})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "preferences.jsonl"
    ...     _ = file.write_text('{"id": "1", "a": "a", "b": "b", "winner": "a"}')
    ...     StoredPreferences(folder, aggregate="win_rate").score(problem)
    array([[1., 0.]])
    """

    folder: str | None = None
    file: str = "preferences.jsonl"
    aggregate: str = "bradley_terry"

    judged: ClassVar[int] = 0  # no model

    def __post_init__(self) -> None:
        """Check the settings."""
        if self.aggregate not in AGGREGATES:
            raise SmoothieError(
                f"aggregate={self.aggregate}: expected one of {', '.join(AGGREGATES)}"
            )

    @property
    def signature(self) -> str:
        """Name and checksum of the file, and how verdicts become numbers."""
        checksum = sha256(stored_file(self.folder, self.file))[:12]
        return f"{Path(self.file).name}@{checksum} {self.aggregate}"

    def score(self, problem: Problem) -> NDArray[np.float64]:
        """Turn the verdicts about each input into numbers; NaN for texts in no comparison."""
        path = stored_file(self.folder, self.file)
        wins, names, ids = read_wins(path, problem)
        if not wins.any():
            raise SmoothieError(f"{path}: no verdict about any two texts of {problem.name}")
        scores = win_rates(wins) if self.aggregate == "win_rate" else bradley_terry(wins)
        warn_about_verdicts(path, problem, scores, names, ids)
        return scores


def read_wins(path: Path, problem: Problem) -> tuple[NDArray[np.float64], set[str], set[str]]:
    """Count the verdicts.

    Returns
    -------
    ndarray of shape (N, K, K)
        How often text i won against text j of an input; a tie is half a win for both.
    set of str, set of str
        All candidates, and all ids, that the file names.
    """
    rows = {key: i for i, key in enumerate(problem.ids)}
    columns = {name: j for j, name in enumerate(problem.candidates)}
    wins = np.zeros((len(rows), len(columns), len(columns)))
    names: set[str] = set()
    ids: set[str] = set()
    for number, line in read_jsonl(path):
        where = f"{path}, line {number}"
        key = as_id(line.get("id"), where)
        a, b, winner = line.get("a"), line.get("b"), line.get("winner")
        if not isinstance(a, str) or not isinstance(b, str) or a == b:
            raise SmoothieError(f"{where}: expected two candidates under 'a' and 'b'")
        if winner not in (a, b, "tie", None):
            raise SmoothieError(f"{where}: winner must be {a}, {b} or tie, found {shown(winner)}")
        if "winner" not in line:
            raise SmoothieError(f"{where}: no key 'winner'; null says that neither is better")
        names.update((a, b))
        ids.add(key)
        row = rows.get(key)
        if row is None or a not in columns or b not in columns:
            continue
        i, j = columns[a], columns[b]
        wins[row, i, j] += 1.0 if winner == a else 0.0 if winner == b else 0.5
        wins[row, j, i] += 1.0 if winner == b else 0.0 if winner == a else 0.5
    return wins, names, ids


def win_rates(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of its comparisons that each text won: (N, K, K) -> (N, K), NaN without any."""
    played = (wins + wins.transpose(0, 2, 1)).sum(axis=2)
    rates = np.full(played.shape, np.nan)
    np.divide(wins.sum(axis=2), played, out=rates, where=played > 0)
    return rates


def bradley_terry(wins: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Logarithms of Bradley-Terry strengths, each input by itself.

    The model: text i beats text j with probability :math:`p_i / (p_i + p_j)`. Unlike a win rate, it
    takes into account against whom a text won, which matters where not all pairs were judged. Every
    text also plays one tie against an opponent of strength 1. That keeps the strength of a text
    that won or lost all its comparisons finite, and sets the scale where groups of texts were never
    compared. The maximum is found by the iteration

    .. math:: p_i \leftarrow \frac{w_i + 1/2}{1/(p_i + 1) + \sum_j n_{ij} / (p_i + p_j)}

    with :math:`w_i` the wins of i and :math:`n_{ij}` the comparisons of i and j; each step
    increases the likelihood.

    Parameters
    ----------
    wins : ndarray of shape (N, K, K)
        How often i won against j, ties as halves.

    Returns
    -------
    ndarray of shape (N, K)
        NaN for texts in no comparison.

    Notes
    -----
    Bradley and Terry (1952); the iteration is Hunter's (2004, "MM algorithms for generalized
    Bradley-Terry models"). O(N K^2) a step, mostly some tens of steps. Where every pair was judged
    equally often, the order is that of the win rates.
    """
    played = wins + wins.transpose(0, 2, 1)
    won = wins.sum(axis=2) + 0.5
    strength = np.ones(won.shape)
    for _ in range(STEPS):
        expected = 1 / (strength + 1) + (
            played / (strength[:, :, None] + strength[:, None, :])
        ).sum(axis=2)
        updated = won / expected
        change = np.abs(np.log(updated / strength)).max()
        strength = updated
        if change < TOLERANCE:
            break
    # Rounded, so that texts with the same record tie exactly.
    scores = np.round(np.log(strength), 9)
    return np.where(played.sum(axis=2) > 0, scores, np.nan)
