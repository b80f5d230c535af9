"""Few labels between its limits: Consensus, and the best candidate."""

import warnings

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.errors import NotAvailableError
from smoothie.evidence import Evidence, Labelled, Need, Votes
from smoothie.posterior import Preference, checked, fit, standard
from smoothie.routers import BestOnVal, Consensus, FewLabels
from smoothie.routers.few_labels import route_with, with_labels
from smoothie.run import choose


def votes_of(seed=0, rows=30, candidates=5):
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(rows, candidates, 3))
    return Votes(((vectors[:, :, None] - vectors[:, None]) ** 2).sum(axis=-1))


def test_no_budget_is_consensus():
    votes = votes_of()
    scores = np.random.default_rng(1).normal(size=votes.shape)
    expected = Consensus().route(Evidence(votes))
    found = choose(FewLabels(budget=0), Evidence(votes, scores))
    np.testing.assert_array_equal(found.choices, expected.choices)
    assert found.labels_used == 0
    with pytest.raises(SmoothieError, match=r"^budget=-1: expected at least 0"):
        FewLabels(budget=-1)
    with pytest.raises(SmoothieError, match=r"^budget=0: expected at least 1"):
        BestOnVal(budget=0)


def test_choices_are_those_of_the_posterior_of_other_folds():
    """Fold by fold, in the order in which folds and samples are drawn."""
    votes = votes_of()
    scores = np.random.default_rng(1).normal(size=votes.shape)
    scores[::7, 2] = np.nan  # not labeled for every candidate: no sample has it
    evidence = Evidence(votes, scores)
    router = FewLabels(budget=6, trials=2, folds=3)
    found = choose(router, evidence)
    support = standard(Consensus().support(evidence))
    generator = np.random.default_rng(router.seed)
    for trial in range(2):
        for fold in evidence.labels.within(6).folds(generator, 3):
            rows = fold.sample.rows
            assert len(rows) == 6
            assert not set(rows) & set(fold.rows)
            np.testing.assert_array_equal(scores[rows], fold.sample.scores)
            fitted = fit(support[rows], scores[rows])
            found_good = checked(fitted, support[rows], scores[rows])
            expected = found_good.expected(support[fold.rows])
            np.testing.assert_array_equal(found.choices[trial, fold.rows], expected.argmax(1))


def test_candidates_are_treated_alike():
    votes, order = votes_of(), np.array([3, 0, 4, 1, 2])
    scores = np.random.default_rng(1).normal(size=votes.shape)
    found = FewLabels(budget=8).route(Evidence(votes, scores)).choices
    moved = FewLabels(budget=8).route(Evidence(votes.select(order), scores[:, order])).choices
    np.testing.assert_array_equal(order[moved], found)


def test_many_labels_find_the_best_candidate():
    votes = votes_of(rows=400)
    scores = np.random.default_rng(1).normal(size=votes.shape) * 0.1 + [0, 0, 0.5, 0, 0]
    found = FewLabels(budget=300, trials=1).route(Evidence(votes, scores)).choices
    assert (found == 2).all()


def test_labels_of_a_training_split_are_refused():
    votes = votes_of()
    train = Labelled(np.zeros((4, 5)))
    evidence = Evidence(votes, np.zeros(votes.shape), train_labels=train)
    with pytest.raises(NotAvailableError, match="not of another split"):
        choose(FewLabels(), evidence)


def test_it_needs_labels():
    with pytest.raises(NotAvailableError, match="it needs scores"):
        choose(FewLabels(), Evidence(votes_of()))
    assert FewLabels.needs == {Need.LABELS}


def test_what_is_expected_is_moved_to_the_level_of_the_labels_of_its_row():
    """By a loop over the rows: labels stay, the others are moved by the mean difference."""
    draw = np.random.default_rng(0)
    quality, labels = draw.normal(size=(6, 4)), draw.normal(size=(6, 4)) + 3
    labels[0, 1:] = labels[1, :2] = labels[2, 3] = labels[3] = np.nan
    found = with_labels(quality, labels)
    for row in range(6):
        known = [j for j in range(4) if labels[row, j] == labels[row, j]]
        level = np.mean([labels[row, j] - quality[row, j] for j in known]) if known else 0
        for j in range(4):
            expected = labels[row, j] if j in known else quality[row, j] + level
            assert found[row, j] == pytest.approx(expected)


@pytest.mark.parametrize("factor", [1e-3, 1.0, 1e200])
def test_labels_of_any_unit_choose_alike(factor):
    """By the posterior of the same labels, in their own unit."""
    votes, labels = votes_of(), np.random.default_rng(1).normal(size=(30, 5))
    labels[10:, 1:4] = np.nan
    labels[20:] = np.nan
    found = route_with(Evidence(votes), labels * factor)
    support = standard(Consensus().support(Evidence(votes)))
    posterior = fit(support, labels)
    expected = with_labels(posterior.expected(support) * posterior.unit, labels)
    np.testing.assert_array_equal(found.choices[0], expected.argmax(axis=1))
    assert found.labels_used == 20


def test_labels_of_zero_alone_change_nothing_by_their_size():
    labels = np.full((30, 5), np.nan)
    labels[:4] = 0
    with warnings.catch_warnings(action="error"):
        found = route_with(Evidence(votes_of()), labels)
    assert found.choices[0, :4].tolist() == [0] * 4  # equal labels: the first
    assert found.labels_used == 4


def test_known_labels_decide_where_they_are_known():
    votes = votes_of()
    evidence, labels = Evidence(votes), np.full(votes.shape, np.nan)
    np.testing.assert_array_equal(
        route_with(evidence, labels).choices, Consensus().route(evidence).choices
    )
    labels[:3] = [0, 0, 1, 0, 0]
    labels[3, :2] = [0.2, 0.8]
    support = standard(Consensus().support(evidence))
    posterior = fit(support, labels)
    found = route_with(evidence, labels)
    assert found.labels_used == 4
    assert (found.choices[0, :3] == 2).all()
    np.testing.assert_array_equal(
        found.choices[0, 4:], posterior.expected(support)[4:].argmax(axis=1)
    )
    quality = posterior.unit * posterior.expected(support[3:4])[0]
    quality += 0.5 - quality[:2].mean()  # the labeled two stand for the level of the row
    quality[:2] = 0.2, 0.8
    assert found.choices[0, 3] == quality.argmax()


def test_preferences_alone_move_the_choice():
    votes = votes_of(candidates=3)
    nothing = np.full(votes.shape, np.nan)
    won = [Preference(row, 2, other) for row in range(20) for other in (0, 1)]
    found = route_with(Evidence(votes), nothing, won)
    before = route_with(Evidence(votes), nothing)
    assert (found.choices == 2).mean() > (before.choices == 2).mean()
    assert found.labels_used == 20


def test_labels_of_any_size_are_compared():
    votes = votes_of(candidates=3)
    labels = np.full(votes.shape, np.nan)
    labels[:4] = [0, 1, 3]
    expected = route_with(Evidence(votes), labels).choices
    for unit in (1e-300, 1e300):
        np.testing.assert_array_equal(route_with(Evidence(votes), labels * unit).choices, expected)
