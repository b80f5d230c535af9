import numpy as np
import pytest

from experiments.pipeline import run
from smoothie import SmoothieGlobal, SmoothieLocal, load_router
from smoothie.errors import NotAvailableError
from smoothie.estimator import squared_distances
from smoothie.evidence import OF_ANSWERS, Evidence, Need, Votes
from smoothie.routers.base import ROUTERS
from smoothie.routers.train_time import SmoothieGlobalTrain, SmoothieLocalTrain
from tests.conftest import make_set, write_lines
from tests.naive import naive_errors, naive_neighbors


@pytest.fixture
def split():
    draw = np.random.default_rng(3)
    generations = draw.normal(size=(30, 4, 5))
    return generations, draw.normal(size=(30, 6)), draw.normal(size=(11, 6))


def of_a_split(generations, inputs, new):
    """What is known before the new inputs are answered: of their answers, the number alone."""
    rows = 3 if new is None else len(new)
    train = Votes(squared_distances(generations), inputs)
    return Evidence(Votes(np.full((rows, 4, 4), np.nan), new), train=train)


def test_settings_go_to_what_is_fitted():
    """The center of a square has an error below zero, and wins unless signs are kept."""
    corners = np.array([[[1.0, 1], [1, -1], [-1, 1], [-1, -1], [0, 0]]])
    evidence = of_a_split(corners, np.zeros((1, 2)), np.zeros((3, 2)))
    for router in (SmoothieGlobalTrain, SmoothieLocalTrain):
        assert router().route(evidence).choices.tolist() == [[4, 4, 4]]
        assert router(degenerate="keep").route(evidence).choices.tolist() == [[0, 0, 0]]


def test_global_takes_its_weights_from_the_training_split(split):
    generations, inputs, new = split
    evidence = of_a_split(generations, inputs, new)
    routing = SmoothieGlobalTrain().route(evidence)
    errors = naive_errors(generations)
    assert set(routing.choices[0]) == {errors.argmin()}
    np.testing.assert_allclose(routing.weights, (1 / errors) / (1 / errors).sum())
    fitted = SmoothieGlobal().fit(generations)
    np.testing.assert_array_equal(fitted.predict(new), routing.choices[0])


def test_local_uses_the_nearest_training_inputs(split):
    generations, inputs, new = split
    evidence = of_a_split(generations, inputs, new)
    routing = SmoothieLocalTrain(k=7).route(evidence)
    near = naive_neighbors(inputs, new, 7, own=False)
    expected = [naive_errors(generations[rows]).argmin() for rows in near]
    np.testing.assert_array_equal(routing.choices[0], expected)
    fitted = SmoothieLocal(k=7).fit(generations, inputs=inputs)
    np.testing.assert_array_equal(fitted.predict(new), expected)


def test_a_small_split_is_one_neighborhood(split):
    generations, inputs, new = split
    evidence = of_a_split(generations, inputs, new)
    routing = SmoothieLocalTrain(k=50).route(evidence)
    assert set(routing.choices[0]) == {naive_errors(generations).argmin()}


def test_no_test_answer_can_be_requested():
    """They declare the training split and test inputs: nothing that candidates have to answer."""
    for name in ("smoothie_global_train", "smoothie_local_train"):
        needs = ROUTERS[name]().needs
        assert Need.TRAIN in needs
        assert not needs & OF_ANSWERS


def test_only_the_chosen_answer_has_to_exist(compose, tmp_path, tiny_encoder):
    """A run that has the chosen texts alone routes and returns what the full run did."""
    train, folder = make_set(tmp_path / "train", inputs=9), make_set(tmp_path / "test")
    overrides = ["dataset=local", f"dataset.path={folder}", f"dataset.train_path={train}"]
    overrides += ["encoder=minilm", f"encoder.model={tiny_encoder}", "encoder.progress=false"]
    overrides += ["evaluation.draws=10", "method.smoothie_local_train.k=2"]
    for method in ("smoothie_local_train", "smoothie_global_train"):
        cfg = compose(*overrides, f"methods=[{method}]", f"output.method={method}")
        full = run(cfg)
        chosen = full.routings[method].choices[0]
        for column, name in enumerate(full.problem.candidates):
            rows = [
                {"id": key, "generation": text if pick == column else ""}
                for key, text, pick in zip(
                    full.problem.ids, full.problem.texts[:, column], chosen, strict=True
                )
            ]
            write_lines(folder / "generations" / f"{name}.jsonl", rows)
        poor = run(cfg)
        np.testing.assert_array_equal(poor.routings[method].choices[0], chosen)
        score = [result.table.set_index("method").score[method] for result in (full, poor)]
        assert score[0] == score[1]
        returned = poor.problem.texts[np.arange(12), poor.routed.choices[0]]
        assert returned.tolist() == [full.problem.texts[i, j] for i, j in enumerate(chosen)]
        assert (poor.problem.texts != "").sum() == 12
        make_set(folder)


def test_a_saved_router_asks_the_chosen_candidate_alone(split, tmp_path):
    """No answer to a new input is available; what is requested is the naive choice."""
    generations, inputs, new = split
    path = tmp_path / "router.npz"
    SmoothieLocal(k=3).fit(generations, inputs=inputs).save(path, ["a", "b", "c", "d"])
    router = load_router(path)
    asked = [router.candidates[router.predict(vector[None])[0]] for vector in new]
    near = naive_neighbors(inputs, new, 3, own=False)
    best = [naive_errors(generations[rows]).clip(1e-9).argmin() for rows in near]
    assert asked == ["abcd"[j] for j in best]


def test_local_needs_inputs(split):
    generations, inputs, _ = split
    evidence = of_a_split(generations, inputs, None)
    with pytest.raises(NotAvailableError, match="the inputs have no vectors"):
        SmoothieLocalTrain().route(evidence)
