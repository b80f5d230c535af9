from dataclasses import dataclass

import numpy as np
import pytest

from smoothie import SmoothieError
from smoothie.errors import NotAvailableError
from smoothie.estimator import squared_distances
from smoothie.evidence import Evidence, Labelled, Need, Votes, missing_evidence
from smoothie.routers.base import ROUTERS, Router, Routing
from smoothie.routers.best_on_val import BestOnVal
from smoothie.routers.best_single import BestSingle
from smoothie.routers.labeled_knn import LabeledKNN
from smoothie.routers.labelled import LabelledRouter
from smoothie.routers.logistic_regression import LogisticRegressionRouter
from smoothie.routers.mlp import MLPRouter
from smoothie.routers.oracle import Oracle
from smoothie.routers.random import Random


def seen(own, train=None):
    """Evidence with these scores, and none but made-up votes."""
    rows, candidates = own.scores.shape
    votes = Votes(np.zeros((rows, candidates, candidates)), own.inputs)
    return Evidence(votes, own.scores, train_labels=train)


class Spy(LabelledRouter):
    """Remembers what it was shown."""

    def choose(self, sample, inputs, rows):
        self.seen = [*getattr(self, "seen", []), (sample, inputs)]
        return np.zeros(rows, dtype=int)


def numbered(rows):
    """Scores and inputs from which a row's number can be read."""
    return Labelled(np.arange(rows * 3.0).reshape(rows, 3), np.arange(rows * 1.0)[:, None])


def test_no_input_is_chosen_for_by_its_own_label():
    own = numbered(23)
    spy = Spy(budget=50, trials=3)
    routing = spy.route(seen(own))
    assert routing.choices.shape == (3, 23)
    assert len(spy.seen) == 15
    for sample, inputs in spy.seen:
        labeled = set((sample.scores[:, 0] / 3).astype(int))
        assert labeled.isdisjoint(inputs[:, 0].astype(int))
        np.testing.assert_array_equal(sample.inputs[:, 0] * 3, sample.scores[:, 0])
    # within a trial, every input is chosen for exactly once
    for trial in range(3):
        rows = np.concatenate([inputs[:, 0] for _, inputs in spy.seen[5 * trial : 5 * trial + 5]])
        assert sorted(rows) == list(range(23))


def test_budget_is_respected_and_unscored_inputs_are_never_labels():
    own = numbered(40)
    own.scores[::2, 1] = np.nan
    spy = Spy(budget=7, trials=2)
    assert spy.route(seen(own)).labels_used == 7
    for sample, _ in spy.seen:
        assert sample.scores.shape == (7, 3)
        assert np.isfinite(sample.scores).all()
        assert len(np.unique(sample.scores[:, 0])) == 7  # without replacement


@pytest.mark.parametrize("replace", [False, True])
def test_a_budget_is_drawn_as_the_setting_says(replace):
    spy = Spy(budget=30, trials=2, replace=replace)
    spy.route(seen(numbered(40)))
    repeats = [30 - len(np.unique(sample.scores[:, 0])) for sample, _ in spy.seen]
    assert min(repeats) > 0 if replace else max(repeats) == 0


def test_one_label_is_a_budget():
    spy = Spy(budget=1, trials=1, folds=2)
    assert spy.route(seen(numbered(4))).labels_used == 1
    assert [len(sample.scores) for sample, _ in spy.seen] == [1, 1]


def test_a_training_split_replaces_the_folds():
    own, train = numbered(10), numbered(60)
    own.scores[:] = np.nan  # nothing of the routed inputs is looked at
    spy = Spy(trials=1)
    spy.route(seen(own, train))
    (sample, inputs), *rest = spy.seen
    assert rest == []
    assert len(inputs) == 10
    assert len(sample.scores) == 50


def test_best_on_val_is_the_best_of_its_sample():
    scores = np.tile([0.1, 0.9, 0.5], (30, 1))
    assert (BestOnVal().route(seen(Labelled(scores))).choices == 1).all()


def test_labeled_knn_asks_the_neighbors():
    """Two clusters of inputs, in each of which another candidate is good."""
    generator = np.random.default_rng(0)
    inputs = np.concatenate([generator.normal(size=(30, 2)), generator.normal(size=(30, 2)) + 50])
    scores = np.zeros((60, 3))
    scores[:30, 2] = 1
    scores[30:, 1] = 1
    routing = LabeledKNN(neighbors=5, budget=40).route(seen(Labelled(scores, inputs)))
    assert (routing.choices[:, :30] == 2).all()
    assert (routing.choices[:, 30:] == 1).all()


def test_labeled_knn_breaks_ties_by_the_whole_sample():
    inputs = np.array([[0.0], [1.0], [50.0], [51.0]])
    scores = np.array([[1.0, 1, 0], [1, 1, 0], [0, 1, 0], [0, 1, 1]])
    router = LabeledKNN(neighbors=2)
    assert router.choose(Labelled(scores, inputs), np.array([[0.4]]), 1).tolist() == [1]


def test_labels_are_needed():
    with pytest.raises(SmoothieError, match="fewer than two inputs have any"):
        BestOnVal().route(seen(Labelled(np.full((10, 3), np.nan))))
    with pytest.raises(SmoothieError, match="not empty"):
        LabeledKNN().route(seen(Labelled(np.ones((10, 3)))))


@pytest.mark.parametrize("wrong", [{"budget": 0}, {"trials": 0}, {"folds": 1}])
def test_bad_settings_are_named(wrong):
    name = next(iter(wrong))
    with pytest.raises(SmoothieError, match=f"{name}={wrong[name]}"):
        BestOnVal(**wrong).route(seen(Labelled(np.ones((10, 3)))))


def test_random_expectation_is_what_many_trials_come_to():
    scores = np.random.default_rng(0).normal(size=(50, 4))
    votes = Votes(np.zeros((50, 4, 4)))
    exact = Random().route(Evidence(votes)).scores(scores)
    np.testing.assert_allclose(exact, scores.mean(axis=1))
    trials = Random(expectation=False, trials=20000).route(Evidence(votes))
    np.testing.assert_allclose(trials.scores(scores), exact, atol=0.05)
    again = Random(expectation=False, trials=10).route(Evidence(votes))
    np.testing.assert_array_equal(again.choices, Random(trials=10).route(Evidence(votes)).choices)


def test_bounds_see_everything():
    missing = np.nan
    scores = np.array([[1.0, 3, 2], [5, 0, 1], [missing, 9, 9], [missing] * 3])
    assert BestSingle().route(seen(Labelled(scores))).choices.tolist() == [[0, 0, 0, 0]]
    assert Oracle().route(seen(Labelled(scores))).choices.tolist() == [[1, 0, 1, 0]]
    single = BestSingle().route(seen(Labelled(scores[:, [2, 0, 1]])))
    assert single.choices.tolist() == [[1, 1, 1, 1]]
    assert single.labels_used == 2


def test_knn_that_ignores_its_neighbors_is_best_on_val_with_drawn_ties():
    """The released code's labeled kNN (D2): one mean for each model, ties drawn for each input."""
    scores = np.array([[1.0, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 0]])
    sample = Labelled(scores, np.arange(4.0)[:, None])
    router = LabeledKNN(neighbors=1, ignore_neighbors=True)
    chosen = router.choose(sample, np.arange(300.0)[:, None], 300)
    counts = np.bincount(chosen, minlength=3)
    assert (counts > 60).all()  # all three have the same mean
    better = Labelled(scores + np.array([0, 0, 0.5]), sample.inputs)
    assert set(router.choose(better, np.zeros((5, 1)), 5)) == {2}
    asks = LabeledKNN(neighbors=1).choose(sample, np.array([[0.0], [2.0]]), 2)
    assert asks.tolist() == [0, 0]


def clusters(rows=60, seed=0):
    """Inputs of two clusters, in each of which another candidate is good."""
    generator = np.random.default_rng(seed)
    inputs = generator.normal(size=(rows, 3))
    inputs[: rows // 2, 0] += 20
    scores = generator.uniform(0, 0.4, size=(rows, 4))
    scores[: rows // 2, 3] = 0.9
    scores[rows // 2 :, 1] = 0.9
    return Labelled(scores, inputs)


@pytest.mark.parametrize("router", [LogisticRegressionRouter(), MLPRouter()])
def test_learners_find_a_rule_that_holds(router):
    own = clusters()
    routing = router.route(seen(own))
    assert routing.labels_used == 48
    assert (routing.choices[:, :30] == 3).all()
    assert (routing.choices[:, 30:] == 1).all()
    np.testing.assert_array_equal(router.route(seen(own)).choices, routing.choices)


@pytest.mark.parametrize("strength", [0.05, 2.0])
def test_logistic_regression_is_the_most_probable_class(strength):
    """Against the multinomial likelihood with a ridge penalty, minimized by another optimizer."""
    from scipy.optimize import minimize

    generator = np.random.default_rng(3)
    inputs = generator.normal(size=(40, 2))
    scores = generator.integers(0, 3, size=(40, 3)).astype(float)  # with many ties
    asked = generator.normal(size=(3000, 2))

    def loss(flat):
        weights, biases = flat[:6].reshape(3, 2), flat[6:]
        total = (weights**2).sum() / 2
        for x, row in zip(inputs, scores, strict=True):
            logits = weights @ x + biases
            logs = logits - logits.max() - np.log(np.exp(logits - logits.max()).sum())
            best = [j for j in range(3) if row[j] == max(row)]
            total -= strength * sum(logs[j] for j in best) / len(best)
        return total

    found = minimize(loss, np.zeros(9), options={"gtol": 1e-6})
    logits = asked @ found.x[:6].reshape(3, 2).T + found.x[6:]
    ordered = np.sort(logits, axis=1)
    clear = ordered[:, -1] - ordered[:, -2] > 1e-3
    assert clear.sum() > 2000
    chosen = LogisticRegressionRouter(C=strength).choose(Labelled(scores, inputs), asked, 3000)
    np.testing.assert_array_equal(chosen[clear], logits.argmax(axis=1)[clear])


def test_ties_for_the_best_score_prefer_no_candidate():
    """Renaming the candidates renames the choices, ties or not."""
    generator = np.random.default_rng(5)
    scores = generator.integers(0, 2, size=(50, 4)).astype(float)
    inputs = generator.normal(size=(50, 3))
    asked = generator.normal(size=(100, 3))
    order = np.array([2, 0, 3, 1])
    router = LogisticRegressionRouter()
    first = router.choose(Labelled(scores, inputs), asked, 100)
    second = router.choose(Labelled(scores[:, order], inputs), asked, 100)
    assert len(set(first)) > 1
    np.testing.assert_array_equal(order[second], first)


@pytest.mark.filterwarnings("error")
def test_many_candidates_and_few_labels_are_learned_from_without_a_warning():
    generator = np.random.default_rng(0)
    sample = Labelled(generator.uniform(size=(25, 21)), generator.normal(size=(25, 3)))
    for router in (LogisticRegressionRouter(), MLPRouter()):
        router.choose(sample, sample.inputs, 25)


@pytest.mark.parametrize("settings", [{"hidden": 3}, {"alpha": 20.0}, {"seed": 7}])
def test_a_network_is_that_of_its_settings(settings):
    """As scikit-learn fits it, on labels from which there is little to learn."""
    from sklearn.neural_network import MLPRegressor

    generator = np.random.default_rng(0)
    scores, inputs = generator.normal(size=(40, 4)), generator.normal(size=(40, 3))
    asked = generator.normal(size=(3000, 3))
    given = {"hidden": 32, "alpha": 0.1, "seed": 42} | settings
    network = MLPRegressor(
        hidden_layer_sizes=(given["hidden"],),
        alpha=given["alpha"],
        learning_rate_init=0.01,
        max_iter=5000,
        random_state=given["seed"],
    )
    means, unit = scores.mean(axis=0), scores.std()
    expected = network.fit(inputs, (scores - means) / unit).predict(asked) * unit + means
    chosen = MLPRouter(**settings).choose(Labelled(scores, inputs), asked, 3000)
    assert (chosen == expected.argmax(axis=1)).mean() > 0.999  # but for the order of sums


def test_a_network_predicts_the_scores():
    """With no penalty and enough units it fits its own sample, in whatever unit scores are."""
    own = clusters(20)
    for unit in (1.0, 1e-3, 1e4):
        sample = Labelled(7 + unit * own.scores, own.inputs)
        chosen = MLPRouter(hidden=64, alpha=0).choose(sample, own.inputs, 20)
        np.testing.assert_array_equal(chosen, own.scores.argmax(axis=1))


@pytest.mark.parametrize("router", [LogisticRegressionRouter(), MLPRouter()])
def test_samples_that_teach_nothing(router):
    asked = np.arange(4.0)[:, None]
    one = Labelled(np.array([[0.2, 0.1, 0.7]]), np.array([[1.0]]))
    assert router.choose(one, asked, 4).tolist() == [2] * 4
    same = Labelled(np.tile([0.5, 0.9, 0.1], (6, 1)), np.arange(6.0)[:, None])
    assert router.choose(same, asked, 4).tolist() == [1] * 4
    level = Labelled(np.ones((6, 3)), np.arange(6.0)[:, None])
    assert router.choose(level, asked, 4).tolist() == [0] * 4


def test_settings_of_the_learners_are_checked():
    sample = clusters()
    for kind, settings, message in [
        (LogisticRegressionRouter, {"C": 0}, "^C=0"),
        (LogisticRegressionRouter, {"seed": -1}, "^seed=-1"),
        (MLPRouter, {"hidden": 0}, "^hidden=0"),
        (MLPRouter, {"alpha": -1}, "^alpha=-1"),
        (MLPRouter, {"folds": 1}, "^folds=1"),
    ]:
        with pytest.raises(SmoothieError, match=message):
            kind(**settings)
    for name in ("logistic_regression", "mlp"):
        with pytest.raises(SmoothieError, match=rf"^{name} needs inputs that are not empty$"):
            ROUTERS[name]().route(seen(Labelled(sample.scores)))


@dataclass
class Greedy(Router):
    """Asks for more than it declares, and for more labels than its budget."""

    budget: int = 3
    needs = frozenset({Need.LABELS})

    def route(self, evidence):
        for name, need in (
            ("all_scores", Need.ALL_SCORES),
            ("candidate_scores", Need.CANDIDATE_SCORES),
            ("distances", Need.DISTANCES),
            ("inputs", Need.INPUTS),
        ):
            with pytest.raises(
                NotAvailableError, match=rf"Greedy does not declare Need\.{need.name}$"
            ):
                getattr(evidence, name)
        with pytest.raises(NotAvailableError, match=r"does not declare Need\.INPUTS"):
            evidence.neighbors(2)
        labels = evidence.labels.within(1000)  # a budget can be lowered alone
        with pytest.raises(AttributeError):
            labels.own  # noqa: B018
        for fold in labels.folds(np.random.default_rng(0), 4):
            assert len(fold.sample.scores) == 3
            assert set(fold.rows).isdisjoint(fold.sample.scores[:, 0] / 3)
        for fold in labels.folds(np.random.default_rng(0), 4, with_replacement=True):
            assert len(fold.sample.scores) == 3
        return Routing(np.zeros((1, evidence.shape[0]), dtype=int))


def test_no_router_sees_more_than_it_declares_or_labels_beyond_its_budget():
    evidence = seen(numbered(20))
    assert missing_evidence(Greedy(), evidence) is None
    Greedy().route(evidence.limited_to(Greedy()))


@pytest.mark.parametrize("name", ROUTERS)
def test_every_router_gets_by_with_what_it_declares(name):
    """Each routes from the declared evidence alone, and is left out where any of it is missing."""
    draw = np.random.default_rng(0)
    votes = Votes(
        distances=squared_distances(draw.normal(size=(24, 4, 3))),
        inputs=draw.normal(size=(24, 2)),
        texts=draw.choice(["A: 1", "A: 2", "A: 3"], size=(24, 4)).astype(object),
        tasks=np.array(["x", "y"] * 12),
        mean_distances=squared_distances(draw.normal(size=(24, 4, 3))),
    )
    scores = draw.normal(size=(24, 4))
    whole = Evidence(
        votes,
        scores,
        train=votes,
        verdicts=scores,
        selections=lambda path: np.zeros((1, 24), dtype=np.intp),
    )
    settings = {"stored": {"folder": "x"}}.get(name, {})
    router = ROUTERS[name](**settings)
    assert missing_evidence(router, whole) is None
    routing = router.route(whole.limited_to(router))
    assert routing.choices.shape[1] == 24
    np.testing.assert_array_equal(routing.choices, router.route(whole).choices)
    for need in router.needs:
        poorer = whole.limited_to(router)
        del poorer._held[need]
        assert missing_evidence(router, poorer) is not None
        if need is Need.INPUTS and Need.LABELED_INPUTS in router.needs:
            continue  # the labels bring the vectors of the inputs along
        with pytest.raises(NotAvailableError):
            router.route(poorer)


@pytest.mark.parametrize(
    "router", [BestOnVal(budget=5), LabeledKNN(budget=9, neighbors=3), Oracle(), BestSingle()]
)
def test_a_candidate_without_labels_is_never_chosen_and_changes_no_other_choice(router):
    draw = np.random.default_rng(0)
    own = Labelled(draw.normal(size=(30, 3)), draw.normal(size=(30, 2)))
    own.scores[::4, 2] = np.nan
    choices = router.route(seen(own)).choices
    wider = Labelled(np.insert(own.scores, 1, np.nan, axis=1), own.inputs)
    np.testing.assert_array_equal(router.route(seen(wider)).choices, choices + (choices > 0))


def test_the_best_single_is_compared_on_common_inputs():
    """The second has the higher mean of its labels, as it was labeled where all are good."""
    scores = np.array([[9.0, 8.0], [1.0, np.nan], [1.0, np.nan]])
    assert (BestSingle().route(seen(Labelled(scores))).choices == 0).all()


def test_bounds_need_an_input_with_the_labels_of_all():
    evidence = seen(Labelled(np.array([[1.0, np.nan], [np.nan, 2.0]])))
    for router in (Oracle(), BestSingle()):
        assert missing_evidence(router, evidence).startswith("no input has a score for every")
