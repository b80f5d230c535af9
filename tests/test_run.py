"""The command line's contract: files, columns, names, and errors of one sentence."""

import json
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from experiments.memory import Memory
from experiments.pipeline import run
from experiments.settings import read_settings
from experiments.steps import load, score_problem, score_train
from experiments.sweep import narrow
from smoothie import SmoothieError, SmoothieLocal, load_router
from smoothie.clock import Clock
from smoothie.encoders.sentence import SentenceEncoder
from smoothie.report.k_curve import curve_over_k
from tests.conftest import ROOT, environment, make_set, store_vectors, write_results

METHODS = ["random", "best_on_val", "labeled_knn", "smoothie_global", "smoothie_local"]
METHODS += ["consensus", "best_single", "oracle"]
COLUMNS = ["dataset", "ensemble", "method", "encoder", "k", "metric", "score", "ci_low", "ci_high"]
COLUMNS += ["n", "candidates", "labels_used"]


@pytest.fixture
def settings(local_set, tmp_path):
    vectors = store_vectors(local_set, tmp_path / "vectors")
    return [
        "dataset=local",
        f"dataset.path={local_set}",
        "encoder=stored",
        f"encoder.folder={vectors}",
        "evaluation.draws=50",
    ]


def command(*arguments, cwd=ROOT, measured=False, **more):
    return subprocess.run(
        [sys.executable, "-m", "experiments.run", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=environment(measured, **more),
        check=False,
    )


def test_the_clock_reports_what_was_cached(settings, tmp_path, compose):
    asked = [*settings, "metric=rouge2", f"paths.cache={tmp_path / 'cache'}"]
    first, second, same_process, labels = Clock(), Clock(), Clock(), Clock()
    problem = run(compose(*asked), first).problem
    pairs = {
        (text, item.references)
        for item, texts in zip(problem.inputs, problem.texts, strict=True)
        for text in texts
    }
    assert first.notes["score"] == f"scored {len(pairs)}, cached 0"
    memory = Memory()
    run(compose(*asked), second, memory)
    assert second.notes["score"] == f"scored 0, cached {len(pairs)}"
    run(compose(*asked), same_process, memory)
    assert same_process.notes["score"] == "cached by an earlier job"
    assert same_process.notes["distances"] == "cached by an earlier job"
    run(compose(*settings, "metric=labels"), labels)
    assert labels.notes["score"] == "scored 0, cached 0"


def test_a_second_run_searches_no_neighbors(settings, tmp_path, compose, monkeypatch):
    monkeypatch.setattr("smoothie.neighbors.cached.FEWEST", 1)
    asked = [*settings, "k=3", f"paths.cache={tmp_path / 'cache'}"]
    choices = []
    for words in (None, "neighbors cached"):
        clock = Clock()
        choices.append(run(compose(*asked), clock).routings["smoothie_local"].choices)
        assert clock.notes.get("route") == words
    np.testing.assert_array_equal(*choices)
    clock = Clock()
    run(compose(*settings, "k=3", "paths.cache=null"), clock)
    assert "route" not in clock.notes


@pytest.mark.slow
def test_the_files_of_a_run(settings, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "metrics.csv").write_text("old")
    asked = [*settings, "output.formats=[png,pdf]", f"hydra.run.dir={out}"]
    done = command(*asked, SMOOTHIE_CACHE=str(tmp_path / "cache"))
    assert done.returncode == 0, done.stderr
    metrics = pd.read_csv(out / "metrics.csv")
    assert list(metrics.columns) == COLUMNS
    candidates = ["candidate:alpha", "candidate:beta", "candidate:gamma"]
    assert metrics.method.tolist() == METHODS + candidates
    assert (metrics.n == 12).all()
    assert (metrics.candidates == 3).all()
    assert set(metrics.metric) == {"labels"}
    assert set(metrics.dataset) == {"tiny"}
    assert set(metrics.encoder) == {"vectors"}
    by_method = metrics.set_index("method")
    assert by_method.k["smoothie_local"] == 1
    for method in ("random", "smoothie_global", "smoothie_local", *candidates):
        assert by_method.labels_used[method] == 0
    assert by_method.labels_used["oracle"] == 12
    assert 0 < by_method.labels_used["best_on_val"] <= 10

    choices = pd.read_csv(out / "choices.csv")
    assert list(choices.columns) == ["id", *METHODS]
    assert choices.id.tolist() == [f"q{i}" for i in range(12)]
    # every score is the gather of its choices
    labels = [json.loads(line) for line in (tmp_path / "tiny" / "labels.jsonl").open()]
    score_of = {(row["id"], row["model"]): 100 * row["score"] for row in labels}
    for method in ("smoothie_global", "smoothie_local", "best_single", "oracle"):
        pairs = zip(choices.id, choices[method], strict=True)
        assert by_method.score[method] == pytest.approx(np.mean([score_of[p] for p in pairs]))

    routed = [json.loads(line) for line in (out / "routed.jsonl").open()]
    assert [row["candidate"] for row in routed] == choices.consensus.tolist()
    for row in routed:
        texts = (tmp_path / "tiny" / "generations" / f"{row['candidate']}.jsonl").read_text()
        assert json.dumps({"id": row["id"], "generation": row["text"]}) in texts
    weights = pd.read_csv(out / "weights.csv")
    assert list(weights.columns) == ["method", "id", "alpha", "beta", "gamma"]
    np.testing.assert_allclose(weights[["alpha", "beta", "gamma"]].sum(axis=1), 1)
    assert len(weights) == 1 + 12 + 12
    by_task = pd.read_csv(out / "metrics_by_task.csv")
    assert set(by_task.task) == {"colours", "shades"}
    assert set(COLUMNS) < set(by_task.columns)
    for stem in ("methods", "score_against_k", "weights_against_scores"):
        assert (out / f"{stem}.png").stat().st_size > 1000
        assert (out / f"{stem}.pdf").stat().st_size > 1000
        assert (out / f"{'metrics' if stem == 'methods' else stem}.csv").is_file()  # the points
    assert "| smoothie_local" in (out / "table.md").read_text()
    assert "\\toprule" in (out / "table.tex").read_text()
    assert "| smoothie_local" in done.stdout
    assert str(out / "methods.png") in done.stdout
    for step in ("load", "encode", "distances", "score", "route", "evaluate", "report"):
        assert f"\n| {step} " in done.stdout


def test_choices_are_those_of_the_estimator(compose, settings, tmp_path):
    result = run(compose(*settings, "k=4"))
    vectors = [np.load(tmp_path / "vectors" / f"{name}.npy") for name in result.problem.candidates]
    inputs = np.load(tmp_path / "vectors" / "inputs.npy")
    expected = SmoothieLocal(k=4).fit(np.stack(vectors, axis=1), inputs=inputs).choices_
    np.testing.assert_array_equal(result.routings["smoothie_local"].choices[0], expected)
    curve = curve_over_k(result, [10, 1, 5, 2, 99]).set_index("k").score
    assert list(curve.index) == [1, 2, 5, 10]
    alone = run(compose(*settings, "k=5")).table.set_index("method").score["smoothie_local"]
    assert curve[5] == pytest.approx(alone)


@pytest.mark.parametrize("method", ["smoothie_local", "smoothie_global", "smoothie_global_by_task"])
def test_the_fitted_router_is_written(compose, settings, tmp_path, method):
    """Also of a method that is not among those compared."""
    path = tmp_path / "routers" / "fitted.npz"
    overrides = [*settings, "k=3", f"output.method={method}", f"output.router={path}"]
    for methods in ("[random]", f"[random,{method}]"):
        result = run(compose(*overrides, f"methods={methods}"))
        router = load_router(path)
        np.testing.assert_array_equal(router.predict(), result.routed.choices[0])
        assert router.candidates == result.problem.candidates
    new = np.random.default_rng(0).normal(size=(4, 8)).astype(np.float32)
    if method == "smoothie_local":
        vectors = [np.load(tmp_path / "vectors" / f"{name}.npy") for name in router.candidates]
        inputs = np.load(tmp_path / "vectors" / "inputs.npy")
        fitted = SmoothieLocal(k=3).fit(np.stack(vectors, axis=1), inputs=inputs)
        np.testing.assert_array_equal(router.predict(new), fitted.predict(new))
    if method == "smoothie_global_by_task":
        tasks = result.problem.tasks
        np.testing.assert_array_equal(router.predict(groups=tasks), router.choices_)


def test_methods_candidates_and_ensemble_names(compose, settings):
    result = run(
        compose(
            *settings,
            "methods=[smoothie_local,random]",
            "ensemble.candidates=[gamma,alpha,beta]",
        )
    )
    assert list(result.routings) == ["smoothie_local", "random"]
    assert result.problem.candidates == ("gamma", "alpha", "beta")
    assert result.names["ensemble"] == "gamma+alpha+beta"


def test_the_routed_method_need_not_be_among_the_methods(compose, settings, tmp_path):
    result = run(compose(*settings, "methods=[random]"))
    assert result.table.method.tolist()[0] == "random"
    assert "smoothie_local" not in result.table.method.tolist()
    write_results(result, tmp_path / "out", plots=False)
    routed = [json.loads(line) for line in (tmp_path / "out" / "routed.jsonl").open()]
    assert len(routed) == 12
    assert list(pd.read_csv(tmp_path / "out" / "choices.csv").columns) == ["id", "random"]


@pytest.mark.slow
def test_a_set_without_labels_and_references_is_routed(tmp_path, caplog):
    folder = make_set(tmp_path / "bare", labels=False, references=False)
    vectors = store_vectors(folder, tmp_path / "vectors")
    out = tmp_path / "out"
    out.mkdir()
    (out / "metrics.csv").write_text("of an earlier run")
    (out / "manifest.json").write_text(json.dumps({"files": ["metrics.csv"]}))
    done = command(
        "dataset=local",
        f"dataset.path={folder}",
        "encoder=stored",
        f"encoder.folder={vectors}",
        f"hydra.run.dir={out}",
    )
    assert done.returncode == 0, done.stderr
    assert "Nothing was scored" in done.stdout
    assert not (out / "metrics.csv").exists()
    choices = pd.read_csv(out / "choices.csv")
    assert list(choices.columns) == [
        "id",
        "random",
        "smoothie_global",
        "smoothie_local",
        "consensus",
    ]
    assert len(pd.read_csv(out / "weights.csv")) == 1 + 12 + 12
    assert len((out / "routed.jsonl").read_text().splitlines()) == 12


def test_asking_for_a_metric_that_cannot_be_taken(compose, tmp_path):
    folder = make_set(tmp_path / "bare", labels=False, references=False)
    for metric, message in (("rouge2", "no references"), ("labels", "no labels")):
        overrides = ["dataset=local", f"dataset.path={folder}", f"metric={metric}"]
        with pytest.raises(SmoothieError, match=message):
            run(compose(*overrides))


def test_labels_are_scored_where_some_are_missing(compose, settings, local_set, tmp_path, caplog):
    """None of gamma, and one of beta less: each row counts what is known, and says how much."""
    rows = (local_set / "labels.jsonl").read_text().splitlines()
    kept = [row for row in rows if '"gamma"' not in row]
    (local_set / "labels.jsonl").write_text("\n".join(kept[:-1]))
    methods = "methods=[random,best_on_val,labeled_knn,smoothie_local,best_single,oracle]"
    result = run(compose(*settings, methods, "output.k_curve=[1,2]", "output.budgets=[2]"))
    assert result.scores.metric == "labels"
    assert caplog.text.count("no score (labels) of gamma; 1 of 12 inputs lack a score") == 1
    table = result.table.set_index("method")
    chosen = result.routings["smoothie_local"].choices[0]
    known = (chosen == 0) | ((chosen == 1) & (np.arange(12) < 11))
    assert table.n["smoothie_local"] == known.sum() < 12
    assert table.n["random"] == table.n["oracle"] == 11
    assert table.n["candidate:gamma"] == 0
    values = result.scores.values[:11, :2]
    assert table.score["random"] == pytest.approx(values.mean())
    assert table.score["oracle"] == pytest.approx(values.max(axis=1).mean())
    for method in ("best_on_val", "labeled_knn", "best_single"):
        assert (result.routings[method].choices < 2).all()  # those that labels tell about
    write_results(result, tmp_path / "out", plots=True)
    page = (tmp_path / "out" / "table.md").read_text()
    assert "| n common |" in page
    assert "Scores are incomplete" in page
    assert (tmp_path / "out" / "methods.png").is_file()
    # labels of three inputs alone, of all candidates
    (local_set / "labels.jsonl").write_text("\n".join(rows[:9]))
    result = run(compose(*settings))
    assert result.scores.metric == "labels"
    assert set(result.table.n) == {3}
    assert len(result.routings["smoothie_local"].choices[0]) == 12  # unscored inputs are routed


def test_empty_inputs_skip_the_methods_that_compare_them(compose, tmp_path, caplog):
    folder = make_set(tmp_path / "bare", texts=False)
    vectors = store_vectors(folder, tmp_path / "vectors")
    settings = ["dataset=local", f"dataset.path={folder}", "encoder=stored"]
    settings += [f"encoder.folder={vectors}", "evaluation.draws=20"]
    result = run(compose(*settings))
    assert set(METHODS) - set(result.routings) == {"labeled_knn"}
    assert "labeled_knn is skipped: the inputs are empty" in caplog.text
    assert curve_over_k(result, [1, 5]) is None
    assert "smoothie_local" not in run(compose(*settings, "k=3")).routings


def test_missing_generations(compose, settings, local_set):
    path = local_set / "generations" / "beta.jsonl"
    path.write_text("\n".join(path.read_text().splitlines()[1:]))
    with pytest.raises(SmoothieError, match="beta lacks 1 of 12 inputs"):
        run(compose(*settings))
    result = run(compose(*settings, "dataset.missing=drop_inputs", "methods=[smoothie_local]"))
    assert len(result.problem.ids) == 11


def test_some_empty_inputs_are_counted(compose, settings, local_set, caplog):
    path = local_set / "dataset.jsonl"
    path.write_text(path.read_text().replace("What colour is thing number 3?", " "))
    assert "labeled_knn" in run(compose(*settings)).routings
    assert "tiny: 1 inputs are empty" in caplog.text


@pytest.mark.parametrize("labeled", [1, 12])
def test_too_few_labels_skip_the_methods_that_learn(compose, settings, local_set, caplog, labeled):
    """One input in all, or one with labels: nothing can be learned for it from others."""
    path = local_set / "labels.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:3]))
    limit = [f"dataset.limit={13 - labeled}"]
    result = run(compose(*settings, *limit))
    assert set(METHODS) - set(result.routings) == {"best_on_val", "labeled_knn"}
    assert set(result.table.n) == {1}
    assert "best_on_val is skipped: it needs labels of other inputs" in caplog.text


def test_every_input_has_a_choice_of_every_method(compose, settings, local_set, tmp_path):
    path = local_set / "labels.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:17]))
    write_results(run(compose(*settings, "output.method=oracle")), tmp_path / "out", plots=False)
    choices = pd.read_csv(tmp_path / "out" / "choices.csv")
    assert len(choices) == 12
    assert not choices.isna().any().any()
    assert len((tmp_path / "out" / "routed.jsonl").read_text().splitlines()) == 12


def test_tasks_are_scored_by_their_own_metric(compose, settings, local_set, tmp_path):
    (local_set / "labels.jsonl").unlink()
    settings = [*settings, "dataset.metrics={colours: substring}"]
    write_results(run(compose(*settings)), tmp_path / "out", plots=False)
    by_task = pd.read_csv(tmp_path / "out" / "metrics_by_task.csv").groupby("task").metric.unique()
    assert {task: list(names) for task, names in by_task.items()} == {
        "colours": ["substring"],
        "shades": ["rouge2"],
    }
    overall = pd.read_csv(tmp_path / "out" / "metrics.csv")
    assert set(overall.metric) == {"rouge2+substring"}


@pytest.mark.slow
def test_odd_names_of_candidates(compose, tmp_path):
    names = ("$x$_${bad}$", "a,b c=d", "1", "mödel.v2")
    folder = make_set(tmp_path / "odd", candidates=names)
    vectors = store_vectors(folder, tmp_path / "vectors")
    settings = ["dataset=local", f"dataset.path={folder}", "encoder=stored"]
    settings += [f"encoder.folder={vectors}", "evaluation.draws=20"]
    write_results(run(compose(*settings)), tmp_path / "out")
    weights = pd.read_csv(tmp_path / "out" / "weights.csv")
    assert set(weights.columns) == {"method", "id", *names}
    chosen = pd.read_csv(tmp_path / "out" / "choices.csv", dtype=str).smoothie_local
    assert set(chosen) <= set(names)
    assert (folder / "generations" / "1.jsonl").rename(folder / "generations" / "id.jsonl")
    (folder / "labels.jsonl").unlink()  # they name the candidate as it was called before
    with pytest.raises(SmoothieError, match="no candidate can be called 'id'"):
        run(compose(*settings))


def test_many_ensembles_use_one_encoder_and_one_set_of_distances(
    compose, tmp_path, tiny_encoder, monkeypatch
):
    folder = make_set(tmp_path / "many", candidates=tuple("abcdefg"))
    settings = ["dataset=local", f"dataset.path={folder}", "encoder=minilm"]
    settings += [f"encoder.model={tiny_encoder}", "evaluation.draws=10"]
    settings += ["methods=[smoothie_local]"]
    memory = Memory()
    run(compose(*settings), memory=memory)
    monkeypatch.setattr("smoothie.encoders.text.squared_distances", None)
    monkeypatch.setattr("experiments.steps.ENCODERS", {})
    for last in "cdefg":
        for first in "ab":
            ensemble = f"ensemble.candidates=[{first},{last},{'b' if first == 'a' else 'a'}]"
            run(compose(*settings, ensemble), memory=memory)


def test_numeric_names(compose, tmp_path):
    folder = make_set(tmp_path / "numbers", candidates=("1", "2", "3"))
    vectors = store_vectors(folder, tmp_path / "vectors")
    settings = ["dataset=local", f"dataset.path={folder}", "encoder=stored"]
    settings += [f"encoder.folder={vectors}", "ensemble.candidates=[3,1,2]"]
    result = run(compose(*settings))
    assert result.problem.candidates == ("3", "1", "2")
    assert result.names["ensemble"] == "3+1+2"


def test_labels_in_their_own_unit(compose, settings, local_set, tmp_path):
    text = (local_set / "labels.jsonl").read_text()
    (local_set / "labels.jsonl").write_text(text.replace('"score": 1.0', '"score": 5.0'))
    result = run(compose(*settings))
    assert not result.scores.percent
    assert result.table.score.max() <= 5
    assert "in its own unit" in write_results(result, tmp_path / "out", plots=False)


def test_a_training_split_gives_the_labels(compose, settings, tmp_path, tiny_encoder):
    """Its ids may be those of the inputs to route; its scores are its own."""
    train = make_set(tmp_path / "train", inputs=12)
    path = train / "labels.jsonl"
    path.write_text(path.read_text().replace("0.0", "x").replace("1.0", "0.0").replace("x", "1.0"))
    settings = [*settings[:2], "encoder=minilm", f"encoder.model={tiny_encoder}"]
    settings += [f"dataset.train_path={train}", "evaluation.draws=20"]
    result = run(compose(*settings))
    assert result.routings["labeled_knn"].labels_used == 12
    # the labels are turned around, so the best on the training split is not the best here
    best = result.routings["best_single"].choices[0, 0]
    assert (result.routings["best_on_val"].choices != best).all()
    path.unlink()
    with pytest.raises(SmoothieError, match="the training split has no labels"):
        run(compose(*settings))


def test_the_training_split_is_scored_by_the_same_metric(compose, settings, local_set, tmp_path):
    train = make_set(tmp_path / "train", inputs=12)
    (local_set / "labels.jsonl").unlink()
    cfg = read_settings(compose(*settings, f"dataset.train_path={train}", "evaluation.draws=20"))
    memory = Memory()
    source, problem, train_problem = load(cfg, memory)
    scores = score_problem(cfg, source, problem, memory)
    assert scores.metric == "rouge2"
    assert score_train(cfg, source, train_problem, scores, memory).metric == "rouge2"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("methods=[nope]", "no method 'nope'; there are best_on_val"),
        ("methods=[]", "methods is empty"),
        ("methods=random", "expected a list"),
        ("methods=[random,random]", "'random' twice"),
        ("k=0", "k=0"),
        ("k=13", "k=13: expected between 1 and the number of inputs, 12"),
        ("k=1.5", "^k=1.5: expected a whole number"),
        ("methods=[consensus] ensemble.candidates=[alpha,beta]", "at least three candidates"),
        ("ensemble.candidates=[alpha,beta,delta]", "no candidate 'delta'"),
        ("dataset.path=null", "dataset.path=null: expected a folder"),
        ("dataset.source=web", "dataset.source=web: expected one of alpaca_eval"),
        ("dataset.limit=x", "dataset.limit=x"),
        ("+dataset.color=red", "dataset: no setting 'color'"),
        ("+method.random.k=1", "method.random: no setting 'k'"),
        ("evaluation.draws=0", "evaluation.draws=0"),
        ("evaluation.seed=-1", "seed=-1"),
        ("method.random.seed=-1", "method.random.seed=-1"),
        ("method.consensus.beta=0", "method.consensus.beta=0"),
        ("method.mlp.hidden=0 methods=[mlp]", "method.mlp.hidden=0"),
        ("method.labeled_knn.budget=0", "method.labeled_knn.budget=0"),
        ("dataset.unknown_labels=maybe", "dataset.unknown_labels=maybe"),
        ("output.plots=maybe", "output.plots=maybe"),
        ("output.k_curve=[a]", "output.k_curve"),
        ("output.formats=[svg]", "output.formats=.*: expected png or pdf, or both"),
        ("output.formats=[]", "output.formats=.*: expected png or pdf"),
        ("ensemble.candidates=[]", "no candidates are named"),
        ("output.method=nope", "output.method=nope"),
        ("encoder=demo", "encoder=demo holds the vectors of the demo alone"),
        ("encoder=sentence_transformers", "encoder: Missing mandatory value: model"),
    ],
)
def test_wrong_settings_are_named(compose, settings, override, message):
    if override.startswith("encoder="):
        settings = settings[:2]
    with pytest.raises(SmoothieError, match=message):
        run(compose(*settings, *override.split()))


@pytest.mark.parametrize("method", ["labeled_knn", "smoothie_local_train"])
def test_the_routed_method_sees_the_training_split_whether_listed_or_not(
    compose, settings, tmp_path, tiny_encoder, method
):
    train = make_set(tmp_path / "train", inputs=12)
    path = train / "labels.jsonl"
    path.write_text(path.read_text().replace("0.0", "x").replace("1.0", "0.0").replace("x", "1.0"))
    settings = [*settings[:2], "encoder=minilm", f"encoder.model={tiny_encoder}"]
    settings += [f"dataset.train_path={train}", "evaluation.draws=20", f"output.method={method}"]
    listed = run(compose(*settings, f"methods=[random,{method}]")).routed
    alone = run(compose(*settings, "methods=[random]")).routed
    np.testing.assert_array_equal(alone.choices, listed.choices)


def test_a_manifest_removes_nothing_outside_of_its_folder(compose, settings, tmp_path):
    out = tmp_path / "out"
    result = run(compose(*settings))
    write_results(result, out, plots=False)
    (tmp_path / "mine.csv").write_text("mine")
    (out / "notes.txt").write_text("mine")
    (out / "old.csv").write_text("of an earlier run")
    names = ["../mine.csv", str(tmp_path / "mine.csv"), "old.csv"]
    (out / "manifest.json").write_text(json.dumps({"files": names}))
    write_results(result, out, plots=False)
    assert (tmp_path / "mine.csv").exists()
    assert (out / "notes.txt").exists()
    assert not (out / "old.csv").exists()
    (out / "manifest.json").write_text("[]")
    with pytest.raises(SmoothieError, match=r"manifest\.json: expected the names of files"):
        write_results(result, out, plots=False)


@pytest.mark.parametrize("method", ["random", "consensus", "smoothie_local_train"])
def test_only_smoothie_can_be_saved(compose, settings, tmp_path, method):
    overrides = [f"output.method={method}", f"output.router={tmp_path / 'router.npz'}"]
    with pytest.raises(SmoothieError, match=f"a fitted {method} cannot be saved; set output.meth"):
        run(compose(*settings, *overrides))


@pytest.mark.slow
def test_errors_are_one_sentence_with_a_status(settings, tmp_path):
    failed = command(*settings, "k=99", f"hydra.run.dir={tmp_path / 'out'}")
    assert failed.returncode == 1
    assert (
        failed.stderr.strip()
        == "Error: method.smoothie_local.k=99: expected between 1 and the number of inputs, 12"
    )


@pytest.mark.slow
def test_a_sweep_is_collected_and_continues_after_a_failure(settings, tmp_path):
    out = tmp_path / "sweep"
    arguments = [*settings, "output.plots=false", f"hydra.sweep.dir={out}"]
    done = command(*arguments, "-m", "k=1,99,3", "ensemble.candidates=null,[gamma,beta,alpha]")
    assert done.returncode == 1
    assert "Error: method.smoothie_local.k=99" in done.stderr
    assert "Traceback" not in done.stderr
    sweep = pd.read_csv(out / "sweep.csv")
    assert list(sweep.columns) == [*COLUMNS, "job"]
    local = sweep[sweep.method == "smoothie_local"]
    assert local.k.tolist() == [1, 1, 3, 3]
    assert local.ensemble.tolist() == ["all", "gamma+beta+alpha"] * 2
    assert local.job.tolist() == [0, 1, 4, 5]
    assert done.stdout.count("ERROR") == 2  # every failure is named, not the first alone
    lines = [line.strip("|").split("|") for line in (out / "sweep.md").read_text().splitlines()]
    header = [cell.strip() for cell in lines[0]]
    assert header[:3] == ["dataset", "ensemble", "n"]
    assert header[-5:-2] == ["smoothie_local k=1", "smoothie_local k=3", "consensus"]
    assert header[-2:] == ["best_single", "oracle"]
    shown = [
        float(lines[row][header.index(f"smoothie_local k={k}")]) for k in (1, 3) for row in (2, 3)
    ]
    assert shown == pytest.approx(local.score.tolist(), abs=0.051)
    # the share of the way from random to the oracle, by the scores themselves
    gaps = [line for line in lines if line[0].strip() in ("tiny", "mean", "lowest")][2:]
    column = [float(row[-3].split()[0]) for row in gaps]  # consensus
    scores = sweep[sweep.job < 2].pivot(index="job", columns="method", values="score")
    expected = 100 * (scores.consensus - scores.random) / (scores.oracle - scores.random)
    summary = [expected.mean(), expected.min()]
    assert column == pytest.approx([*expected, *summary], abs=0.051)
    # a second sweep in the same folder shows its own jobs alone
    assert command("-m", *arguments, "k=2", "output.budgets=[2,4]").returncode == 0
    assert set(pd.read_csv(out / "sweep.csv").job) == {0}
    labels = pd.read_csv(out / "sweep_labels.csv")
    alone = pd.read_csv(out / "0" / "labels_to_overtake.csv")
    pd.testing.assert_frame_equal(labels.drop(columns="job"), alone)
    assert "| dataset |  without labels | best_on_val |" in (out / "sweep.md").read_text()
    # and one of which all jobs fail leaves no table of an earlier one
    assert command("-m", *arguments, "k=99").returncode == 1
    assert not list(out.glob("sweep*.csv"))


def test_a_wide_table_is_turned_on_its_side():
    header, rows = [f"c{i}" for i in range(20)], [[f"{i}{j}" for i in range(20)] for j in range(3)]
    turned, down = narrow(header, rows)
    assert turned == ["c0", "00", "01", "02"]
    assert down[-1] == ["c19", "190", "191", "192"]
    assert len(down) == 19
    assert narrow(header[:9], [row[:9] for row in rows]) == (header[:9], [r[:9] for r in rows])


def test_a_sweep_reuses_what_the_process_has(compose, settings, tiny_encoder, monkeypatch):
    settings = [*settings[:2], "encoder=minilm", f"encoder.model={tiny_encoder}"]
    memory = Memory()
    first = run(compose(*settings), memory=memory)
    monkeypatch.setattr(SentenceEncoder, "encode", None)
    monkeypatch.setattr("smoothie.encoders.text.squared_distances", None)
    with monkeypatch.context() as only_now:
        only_now.setattr("experiments.steps.score", None)
        again = run(compose(*settings, "k=3"), memory=memory)
    assert again.problem is first.problem
    part = "ensemble.candidates=[gamma,alpha,beta]"
    permuted = run(compose(*settings, part, "methods=[smoothie_local]"), memory=memory)
    theirs = permuted.routings["smoothie_local"].weights
    np.testing.assert_allclose(theirs, first.routings["smoothie_local"].weights[:, [2, 0, 1]])


def test_the_demo_beats_random_choice(compose):
    """What the README promises of the demo, from the files that are shipped."""
    result = run(compose())
    table = result.table.set_index("method")
    assert result.problem.texts.shape == (240, 6)
    assert len(set(result.problem.tasks)) == 3
    assert table.difference_low["smoothie_local"] > 0
    assert table.difference_low["smoothie_global"] > 0


def test_a_scorer_routes_alone_and_as_a_prior(compose, settings, local_set):
    """A scorer that takes turns between the candidates; then a judge who knows the labels."""
    names = ("alpha", "beta", "gamma")
    rows = [(i, j, -((j - i) % 3)) for i in range(12) for j in range(3)]
    lines = [{"id": f"q{i}", "model": names[j], "score": score} for i, j, score in rows]
    (local_set / "scores.jsonl").write_text("\n".join(map(json.dumps, lines)))
    methods = "methods=[scorer,smoothie_prior,smoothie_local,oracle]"
    result = run(compose(*settings, methods, "method.smoothie_prior.strength=1e9"))
    chosen = {name: routing.choices[0].tolist() for name, routing in result.routings.items()}
    assert chosen["scorer"] == [i % 3 for i in range(12)]
    assert chosen["smoothie_prior"] == chosen["scorer"] != chosen["smoothie_local"]
    assert "scorer scores.jsonl@" in result.signature
    alone = run(compose(*settings, methods, "method.smoothie_prior.strength=0"))
    assert alone.routings["smoothie_prior"].choices[0].tolist() == chosen["smoothie_local"]
    labels = (local_set / "labels.jsonl").read_text()
    verdicts = [json.loads(line) for line in labels.splitlines()]
    pairs = [
        {"id": first["id"], "a": first["model"], "b": second["model"], "winner": winner}
        for first in verdicts
        for second in verdicts
        if first["id"] == second["id"] and first["model"] < second["model"]
        for winner in [max(first, second, key=lambda row: row["score"])["model"]]
    ]
    (local_set / "preferences.jsonl").write_text("\n".join(map(json.dumps, pairs)))
    judged = run(compose(*settings, methods, "scorer=preferences", "output.method=scorer"))
    score = judged.table.set_index("method").score
    assert score["scorer"] == score["oracle"]
    assert judged.routed is judged.routings["scorer"]


def test_a_scorer_that_cannot_score_is_named(compose, settings):
    for override, message in [
        ("scorer=stored", "scorer.file=scores.jsonl: no such file"),
        ("scorer=preferences", "scorer.file=preferences.jsonl: no such file"),
        ("scorer=reward_model", "scorer: Missing mandatory value: model"),
        ("scorer.scorer=oracle", "scorer.scorer=oracle: expected one of pair_rm, preferences"),
        ("+scorer.color=red", "scorer: no setting 'color'"),
    ]:
        with pytest.raises(SmoothieError, match=re.escape(message)):
            run(compose(*settings, "methods=[scorer]", override))


@pytest.mark.slow
def test_help_shows_groups_and_examples():
    shown = command("--help")
    assert shown.returncode == 0
    for words in ("encoder: bge_small, demo", "== Examples ==", "dataset.path=FOLDER", "k=1,5,20"):
        assert words in shown.stdout


def test_unscored_inputs_are_told_once(compose, settings, local_set, caplog):
    labels = local_set / "labels.jsonl"
    labels.write_text("".join(labels.read_text().splitlines(keepends=True)[:-1]))
    run(compose(*settings, "methods=[random]"))
    assert caplog.text.count("1 of 12 inputs lack a score (labels)") == 1
