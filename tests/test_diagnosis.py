"""What is said without labels: laws, naive loops, and the sentences of the verdict."""

import json

import numpy as np
import pandas as pd
import pytest

import smoothie
from experiments.research.calibration import fitted, judge
from smoothie.diagnosis import (
    Diagnosis,
    MethodDiagnosis,
    cliques_of,
    confidence_of,
    diagnose,
    share_of_way,
)
from smoothie.estimator import triplet_errors
from smoothie.evaluation import Bootstrap
from smoothie.evidence import Evidence, Need, Votes
from smoothie.problem import Input, assemble
from smoothie.report.diagnosis import CONSENSUS, RATES, THRESHOLDS, report, verdict
from smoothie.routers import (
    BestOnVal,
    Consensus,
    MajorityVote,
    Random,
    Routing,
    SmoothieGlobal,
    SmoothieLocal,
)
from smoothie.run import run
from tests.conftest import ROOT, write_results
from tests.naive import naive_distances

METHODS = {
    "smoothie_global": SmoothieGlobal(),
    "smoothie_local": SmoothieLocal(),
    "consensus": Consensus(),
}
WORDS = ["the", "cat", "sat", "on", "a", "mat", "and", "looked", "at", "dogs"]


def evidence_of(rows=40, candidates=5, seed=0, scale=None, copies=()):
    """Random texts and vectors; of each pair in `copies`, the second candidate is the first."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(rows, candidates, 6))
    if scale is not None:
        vectors *= np.asarray(scale)[:, None]
    texts = np.array(
        [[" ".join(generator.choice(WORDS, 7)) for _ in range(candidates)] for _ in range(rows)],
        dtype=object,
    )
    for first, second in copies:
        vectors[:, second], texts[:, second] = vectors[:, first], texts[:, first]
    return Evidence(Votes(naive_distances(vectors), texts=texts))


def diagnosis_of(evidence, draws=200, **more):
    routings = {name: router.route(evidence) for name, router in METHODS.items()}
    names = [f"m{j}" for j in range(evidence.shape[1])]
    return diagnose(names, evidence, METHODS, routings, Bootstrap(draws), **more)


def test_shares_and_weights_sum_to_one():
    diagnosis = diagnosis_of(evidence_of())
    assert [method.name for method in diagnosis.methods] == list(METHODS)
    for method in diagnosis.methods:
        assert method.shares.sum() == pytest.approx(1)
        assert method.weights.sum() == pytest.approx(1)
        assert (method.low <= method.weights).all()
        assert (method.weights <= method.high).all()
        assert 0 <= method.stability <= 1
    np.testing.assert_array_equal(diagnosis.agreement, diagnosis.agreement.T)
    np.testing.assert_array_equal(np.diag(diagnosis.agreement), 1)


def test_a_dominant_candidate_is_on_top_in_every_resample():
    diagnosis = diagnosis_of(evidence_of(scale=[3, 3, 0.1, 3, 3]))
    found = diagnosis.of("smoothie_global")
    assert (found.top, found.top_probability, found.shares[2]) == (2, 1.0, 1.0)
    assert found.stability == 1.0


def test_identical_candidates_form_a_clique():
    diagnosis = diagnosis_of(evidence_of(candidates=6, copies=[(1, 4), (0, 3)]))
    assert diagnosis.cliques == ((0, 3), (1, 4))
    assert diagnosis.same[1, 4] == diagnosis.same[0, 3] == 1
    assert diagnosis.same[0, 1] < 0.2
    assert "m0, m3 say the same on most inputs: they vote as 2." in report(diagnosis)


def test_case_and_white_space_make_no_difference():
    texts = np.array([["A cat", "a  CAT\n", "dog"], ["x", "y", "Y"]], dtype=object)
    evidence = Evidence(Votes(np.zeros((2, 3, 3)), texts=texts)).without(
        smoothie.evidence.Need.DISTANCES, "none"
    )
    routings = {"consensus": Consensus().route(evidence)}
    same = diagnose("abc", evidence, {"consensus": Consensus()}, routings).same
    np.testing.assert_array_equal(same, [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]])


def test_a_chain_is_no_clique():
    linked = np.eye(4, dtype=bool)
    for i, j in ((0, 1), (1, 2), (2, 3)):
        linked[i, j] = linked[j, i] = True
    assert cliques_of(linked) == ((0, 1), (2, 3))
    linked[0, 2] = linked[2, 0] = True
    assert cliques_of(linked) == ((0, 1, 2),)
    assert cliques_of(np.eye(3, dtype=bool)) == ()


def test_permuting_candidates_permutes_everything():
    evidence = evidence_of(seed=3)
    order = np.array([3, 0, 4, 1, 2])
    votes = Votes(evidence.distances, texts=evidence.texts).select(order)
    before, after = diagnosis_of(evidence), diagnosis_of(Evidence(votes))
    np.testing.assert_allclose(after.same, before.same[np.ix_(order, order)])
    np.testing.assert_allclose(after.agreement, before.agreement)
    assert after.degenerate == before.degenerate
    assert after.spread == pytest.approx(before.spread)
    for one, other in zip(before.methods, after.methods, strict=True):
        for name in ("shares", "weights", "low", "high"):
            np.testing.assert_allclose(getattr(other, name), getattr(one, name)[order])
        assert order[other.top] == one.top
        for name in ("top_probability", "wording", "meaning", "length", "ties", "stability"):
            assert getattr(other, name) == pytest.approx(getattr(one, name)), name


def test_the_probability_of_the_top_one_is_that_of_a_naive_loop():
    evidence = evidence_of(rows=15, seed=1)
    distances, draws = evidence.distances, 60
    diagnosis = diagnosis_of(evidence, draws)
    chosen = triplet_errors(distances.mean(axis=0)).argmin()
    local = METHODS["smoothie_local"].route(evidence).weights
    drawn = np.random.default_rng(0).integers(15, size=(draws, 15))
    hits = [triplet_errors(distances[rows].mean(axis=0)).argmin() == chosen for rows in drawn]
    assert diagnosis.of("smoothie_global").top_probability == pytest.approx(np.mean(hits))
    means = np.array([local[rows].mean(axis=0) for rows in drawn])
    found = diagnosis.of("smoothie_local")
    assert found.top_probability == np.mean(means.argmax(axis=1) == local.mean(axis=0).argmax())
    np.testing.assert_allclose(found.low, np.percentile(means, 2.5, axis=0))


def test_degenerate_rows_and_ties_are_counted():
    square = np.ones((3, 3)) - np.eye(3)
    near = np.array([[0, 1, 1], [1, 0, 5], [1, 5, 0]], dtype=float)  # m0 lies between the others
    texts = np.array([["one two", "three four", "five six"]] * 3, dtype=object)
    diagnosis = diagnosis_of(Evidence(Votes(np.stack([square, near, near]), texts=texts)))
    assert diagnosis.degenerate == pytest.approx(2 / 3)
    assert diagnosis.of("smoothie_local").ties == pytest.approx(1 / 3)
    assert diagnosis.of("smoothie_global").ties is None
    assert diagnosis.of("smoothie_global").stability is None  # three candidates: none can go


def test_stability_is_that_of_a_naive_loop():
    evidence = evidence_of(rows=12, candidates=4, seed=2)
    router = SmoothieLocal()
    before = router.route(evidence).choices[0]
    stays = []
    for j in range(4):
        others = [i for i in range(4) if i != j]
        errors = triplet_errors(evidence.distances[:, others][:, :, others])
        after = np.array(others)[errors.argmin(axis=1)]
        stays += [after[n] == before[n] for n in range(12) if before[n] != j]
    assert diagnosis_of(evidence).of("smoothie_local").stability == pytest.approx(np.mean(stays))


def test_warnings_of_a_method_are_not_repeated(caplog):
    evidence = evidence_of()  # no text ends in an answer
    router = MajorityVote()
    routings = {"majority_vote": router.route(evidence)}
    assert len(caplog.records) == 1
    diagnosis = diagnose("abcde", evidence, {"majority_vote": router}, routings)
    assert diagnosis.methods[0].stability is not None
    assert len(caplog.records) == 1


def test_the_share_of_the_way_has_its_ends():
    support = np.array([[0.0, 1.0, 0.5], [0.4, 0.0, 0.2]])
    assert share_of_way(support, support.argmax(axis=1)) == 1
    assert share_of_way(support, support.argmin(axis=1)) < 0
    assert share_of_way(np.ones((2, 3)), np.array([0, 1])) is None


def test_confidence_is_high_where_the_others_support_the_choice():
    texts = np.array(
        [["red car", "red car", "blue bus"], ["one", "two", "six"], ["all"] * 3], dtype=object
    )
    evidence = Evidence(Votes(np.zeros((3, 3, 3)), texts=texts)).without(
        smoothie.evidence.Need.DISTANCES, "none"
    )
    confidence = confidence_of(evidence, np.array([0, 0, 0]))
    assert confidence[0] > max(confidence[1:])
    assert confidence[2] < 0.02  # the choice makes no difference
    assert confidence_of(evidence, np.array([2, 0, 0]))[0] == 0
    assert ((confidence >= 0) & (confidence <= 1)).all()


def test_methods_with_labels_or_without_answers_are_left_out():
    evidence = evidence_of()
    routers = {"random": Random(), "best_on_val": BestOnVal(), "consensus": Consensus()}
    routings = dict.fromkeys(routers, Consensus().route(evidence))
    diagnosis = diagnose("abcde", evidence, routers, routings, stability=False)
    assert [method.name for method in diagnosis.methods] == ["consensus"]
    assert diagnosis.methods[0].stability is None


def constructed(agreement=None, **wording):
    """A diagnosis in which nothing but support in wording, and agreement, is known."""
    methods = [
        MethodDiagnosis(name, np.array([0.0, 1.0]), wording=value)
        for name, value in wording.items()
    ]
    agrees = np.full((len(methods), len(methods)), 1.0 if agreement is None else agreement)
    return Diagnosis(("small", "large"), 9, tuple(methods), agrees, np.eye(2), ())


OF_CONSENSUS = (
    f"consensus was better than random choice in {CONSENSUS[1]} of {CONSENSUS[0]} other runs; what "
    f"marks the other {CONSENSUS[0] - CONSENSUS[1]} is not known."
)


def test_the_verdict_where_all_is_well():
    said = verdict(constructed(smoothie_global=0.4, smoothie_local=-1, consensus=-1))
    rates = [
        f"{name} ({RATES[name][0][1]} of {RATES[name][0][0]} runs like this one)"
        for name in ("smoothie_global", "smoothie_local")
    ]
    assert said == f"Likely to beat random choice: {', '.join(rates)}. {OF_CONSENSUS}"


def test_the_verdict_where_global_is_doubtful():
    said = verdict(constructed(smoothie_global=0.32, smoothie_local=0.9, consensus=0.9))
    likely, _, doubtful = said.partition(" Doubtful: ")
    assert "smoothie_local" in likely
    assert OF_CONSENSUS in likely
    assert "smoothie_global" not in likely
    runs, better = RATES["smoothie_global"][1]
    assert doubtful == (
        f"smoothie_global ({better} of {runs} runs like this one; the others' wording hardly "
        f"supports large). Label about 20 inputs to know."
    )


def test_the_verdict_where_nothing_supports_the_choice():
    """Not even what random texts have; consensus itself may choose well-supported texts."""
    said = verdict(constructed(smoothie_global=-0.2, smoothie_local=0.9, consensus=0.9))
    assert said.startswith(f"{OF_CONSENSUS} Doubtful: smoothie_global (")
    assert said.count("; the others' wording hardly supports large)") == 2
    assert "Likely" not in said


def test_the_verdict_says_so_where_nothing_is_known():
    said = verdict(constructed(consensus=0.9))
    assert said.startswith("Nothing that is known here without labels tells")
    assert said.endswith(OF_CONSENSUS)
    assert "consensus" not in verdict(constructed(mbr=0.2))


def test_agreement_beyond_chance_has_its_ends():
    diagnosis = constructed(0.5, smoothie_global=0, consensus=0)
    assert diagnosis.agreement_beyond_chance("consensus", ["smoothie_global", "mbr"]) == 0
    assert constructed(1.0, a=0, b=0).agreement_beyond_chance("a", ["a", "b"]) == 1
    assert diagnosis.agreement_beyond_chance("consensus", ["mbr"]) is None
    assert diagnosis.agreement_beyond_chance("mbr", ["consensus"]) is None


@pytest.fixture
def problem():
    answers = {
        "a": {"q": "Paris it is", "r": "it is four", "s": "green"},
        "b": {"q": "Paris it is", "r": "it is five", "s": "green"},
        "c": {"q": "Rome it was", "r": "it is four", "s": "a blue"},
        "d": {"q": "Rome or so", "r": "six, maybe", "s": "none"},
    }
    return assemble("tiny", [Input(id=key, text=key) for key in "qrs"], answers)


def test_a_run_without_scores_has_its_diagnosis(problem, tmp_path):
    votes = Votes(naive_distances(np.random.default_rng(0).normal(size=(3, 4, 5))))
    votes.texts = problem.texts
    result = run(problem, {"consensus": Consensus(), "random": Random()}, votes=votes)
    shown = write_results(result, tmp_path / "out", plots=False)
    found = json.loads((tmp_path / "out" / "diagnosis.json").read_text())
    page = (tmp_path / "out" / "diagnosis.md").read_text()
    assert found["verdict"] in page
    assert found["verdict"] in shown
    assert [method["name"] for method in found["methods"]] == [
        "consensus",
        "smoothie_global",
        "smoothie_local",
    ]
    assert np.shape(found["same"]) == (4, 4)
    assert sum(found["methods"][0]["shares"]) == pytest.approx(1)
    assert not (tmp_path / "out" / "table.md").exists()


def test_routed_texts_report_on_themselves(problem):
    result = smoothie.route(problem, encoder=None)
    assert result.verdict() in result.report()
    assert result.report().startswith("# 3 inputs, 4 candidates, without labels\n")
    assert [method.name for method in result.diagnosis.methods] == ["consensus"]
    np.testing.assert_allclose(result.confidence, confidence_of(result.evidence, result.choices))
    votes = smoothie.route(problem, method="mbr_overlap", encoder=None)
    assert [method.name for method in votes.diagnosis.methods] == ["mbr_overlap", "consensus"]
    assert ((votes.confidence >= 0) & (votes.confidence <= 1)).all()


@pytest.mark.parametrize("name", ["smoothie_global", "smoothie_local"])
def test_the_verdict_says_what_was_measured(name):
    signals = pd.read_csv(ROOT / "results" / "calibration" / "signals.csv")
    table, signal = signals[signals.method == name], "wording of Global's choice"
    judged = judge(table, signal)
    likely, doubtful = judged[judged.safe], judged[~judged.safe]
    assert RATES[name] == (
        (len(likely), likely.gained.sum()),
        (len(doubtful), doubtful.gained.sum()),
    )
    assert fitted(table, signal) == pytest.approx(THRESHOLDS[name], abs=0.006)


def test_what_is_said_of_consensus_was_measured():
    signals = pd.read_csv(ROOT / "results" / "calibration" / "signals.csv")
    gaps = signals[signals.method == "consensus"].gap_closed
    assert (len(gaps), (gaps > 0).sum()) == CONSENSUS


def test_near_ties_are_counted():
    weights = np.array(
        [
            [0.5, 0.5, 0.0],  # a tie
            [0.5, 0.49999, 0.00001],  # 2e-5 of the largest: a near tie
            [0.5, 0.4999, 0.0001],  # 2e-4 of it: none
            [0.2, 0.3, 0.5],
        ]
    )

    class Weighing(MajorityVote):
        def route(self, evidence):
            return Routing(weights.argmax(axis=1)[None], weights=weights)

    router, evidence = Weighing(), evidence_of(rows=4, candidates=3)
    routings = {"weighing": router.route(evidence)}
    names = ["a", "b", "c"]
    method = diagnose(names, evidence, {"weighing": router}, routings, Bootstrap(50)).methods[0]
    assert method.ties == 0.25
    assert method.near_ties == 1


def test_other_batches_turn_near_ties_alone(encoders, tmp_path):
    """Real texts encoded one at a time and all at once: what is chosen otherwise is a near tie."""
    from smoothie.encoders.sentence import SentenceEncoder
    from smoothie.loaders.local import LocalFolder
    from smoothie.run import gather, take_votes

    folder = ROOT / "smoothie" / "demo"
    problem = LocalFolder(path=str(folder)).load().by_id().take(slice(0, None, 12))
    model = str(encoders / "all-MiniLM-L6-v2")
    routed, votes = {}, {}
    for size in (1, 64):
        encoder = SentenceEncoder(model, batch_size=size, cache=None, progress=False)
        votes[size] = take_votes(problem, encoder)
        evidence = gather(problem, votes[size])
        routed[size] = {name: router.route(evidence) for name, router in METHODS.items()}
    assert (votes[1].distances != votes[64].distances).any(), "batches make a difference"
    for name, router in METHODS.items():
        one, other = routed[1][name], routed[64][name]
        changed = (one.choices != other.choices).sum()
        found = diagnose(
            problem.candidates, evidence, {name: router}, {name: other}, Bootstrap(50)
        ).of(name)
        ties = 0 if found.ties is None else found.near_ties + found.ties * len(problem.ids)
        assert changed <= ties


def test_without_texts_or_distances_the_rest_is_said():
    evidence = evidence_of(rows=20)
    votes = Votes(evidence.distances)
    of_vectors = Evidence(votes)
    methods = {"smoothie_global": SmoothieGlobal()}
    routings = {name: router.route(of_vectors) for name, router in methods.items()}
    names = [f"m{j}" for j in range(5)]
    found = diagnose(names, of_vectors, methods, routings, Bootstrap(50)).methods[0]
    assert found.wording is None
    assert found.length is None
    assert found.meaning is not None
    wording = Evidence(Votes(evidence.distances, texts=evidence.texts)).without(
        Need.DISTANCES, "there are none"
    )
    majority = {"majority_vote": MajorityVote()}
    routings = {"majority_vote": MajorityVote().route(wording)}
    diagnosis = diagnose(names, wording, majority, routings, Bootstrap(50))
    assert diagnosis.degenerate is None
    assert diagnosis.spread is None
    assert diagnosis.methods[0].meaning is None
    unknown = diagnose(names, wording, {}, routings, Bootstrap(50))
    assert unknown.methods == ()
