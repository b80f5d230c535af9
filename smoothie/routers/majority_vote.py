"""Majority vote: the answer that most candidates give."""

from dataclasses import dataclass

from smoothie.evidence import Evidence
from smoothie.routers.base import Routing, register_router
from smoothie.routers.voting import AnswerRouter, agreement, choose, shares, tie_break_costs


@register_router("majority_vote")
@dataclass(eq=False, repr=False)
class MajorityVote(AnswerRouter):
    """Route each input to a text whose answer is the most frequent one.

    Notes
    -----
    Wang et al., "Self-Consistency Improves Chain of Thought Reasoning in Language Models" (ICLR
    2023), with the candidates in place of samples of one model. Of equally frequent answers, and
    of texts with the same answer, the text nearest to all others wins (`voting.choose`). Cost: one
    pass over each distinct text, and O(N K^2).

    Examples
    --------
    >>> import numpy as np
    >>> from smoothie.evidence import Evidence, Votes
    >>> from smoothie.routers import MajorityVote
    >>> texts = np.array([["so it is 4", "4", "the answer is 5"]], dtype=object)
    >>> evidence = Evidence(Votes(np.ones((1, 3, 3)) - np.eye(3), texts=texts))
    >>> MajorityVote().route(evidence).choices
    array([[0]])
    """

    def route(self, evidence: Evidence) -> Routing:
        """Count the votes."""
        answers = self.answers(evidence)
        support = agreement(answers).sum(axis=2).astype(float)
        chosen = choose(support, tie_break_costs(evidence), answers >= 0)
        return Routing(chosen[None, :], weights=shares(support))
