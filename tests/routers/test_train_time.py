import inspect

import numpy as np
import pytest

from experiments.pipeline import run
from experiments.steps import memory
from smoothie import SmoothieError, SmoothieGlobal, SmoothieLocal, load_router
from smoothie.estimator import squared_distances
from smoothie.routers import ROUTERS, SmoothieGlobalTrain, SmoothieLocalTrain
from smoothie.routers.base import Votes
from smoothie.routers.train_time import TrainTimeRouter
from tests.conftest import make_set, write_lines
from tests.naive import naive_errors, naive_neighbours


@pytest.fixture
def split():
    draw = np.random.default_rng(3)
    generations = draw.normal(size=(30, 4, 5))
    return generations, draw.normal(size=(30, 6)), draw.normal(size=(11, 6))


def test_global_takes_its_weights_from_the_training_split(split):
    generations, inputs, new = split
    train = Votes(squared_distances(generations), inputs)
    routing = SmoothieGlobalTrain().route_new(train, new, len(new))
    errors = naive_errors(generations)
    assert set(routing.choices[0]) == {errors.argmin()}
    np.testing.assert_allclose(routing.weights, (1 / errors) / (1 / errors).sum())
    fitted = SmoothieGlobal().fit(generations)
    np.testing.assert_array_equal(fitted.predict(new), routing.choices[0])


def test_local_asks_the_nearest_training_inputs(split):
    generations, inputs, new = split
    train = Votes(squared_distances(generations), inputs)
    routing = SmoothieLocalTrain(k=7).route_new(train, new, len(new))
    near = naive_neighbours(inputs, new, 7, own=False)
    expected = [naive_errors(generations[rows]).argmin() for rows in near]
    np.testing.assert_array_equal(routing.choices[0], expected)
    fitted = SmoothieLocal(k=7).fit(generations, inputs)
    np.testing.assert_array_equal(fitted.predict(new), expected)


def test_a_small_split_is_one_neighbourhood(split):
    generations, inputs, new = split
    train = Votes(squared_distances(generations), inputs)
    routing = SmoothieLocalTrain(k=50).route_new(train, new, len(new))
    assert set(routing.choices[0]) == {naive_errors(generations).argmin()}


def test_no_test_answer_can_be_asked_for():
    """What they are handed holds training votes, test inputs and a number: no test answers."""
    for router in ROUTERS.values():
        if issubclass(router, TrainTimeRouter):
            names = list(inspect.signature(router.route_new).parameters)
            assert names == ["self", "train", "inputs", "rows"]
            assert not hasattr(router, "route")


def test_only_the_chosen_answer_has_to_exist(compose, tmp_path, tiny_encoder):
    """A run that has the chosen texts alone routes and returns what the full run did."""
    train, folder = make_set(tmp_path / "train", inputs=9), make_set(tmp_path / "test")
    overrides = ["dataset=local", f"dataset.path={folder}", f"dataset.train_path={train}"]
    overrides += ["encoder=minilm", f"encoder.model={tiny_encoder}", "encoder.progress=false"]
    overrides += ["evaluation.draws=10", "method.smoothie_local_train.k=2"]
    for method in ("smoothie_local_train", "smoothie_global_train"):
        memory.kept.clear()
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
        memory.kept.clear()
        poor = run(cfg)
        np.testing.assert_array_equal(poor.routings[method].choices[0], chosen)
        score = [result.table.set_index("method").score[method] for result in (full, poor)]
        assert score[0] == score[1]
        returned = poor.problem.texts[np.arange(12), poor.routed.choices[0]]
        assert returned.tolist() == [full.problem.texts[i, j] for i, j in enumerate(chosen)]
        assert (poor.problem.texts != "").sum() == 12
        make_set(folder)


def test_a_saved_router_asks_the_chosen_candidate_alone(split, tmp_path):
    """No answer to a new input is at hand; what is asked for is what the naive judge would."""
    generations, inputs, new = split
    path = tmp_path / "router.npz"
    SmoothieLocal(k=3).fit(generations, inputs).save(path, ["a", "b", "c", "d"])
    router = load_router(path)
    asked = [router.candidates[router.predict(vector[None])[0]] for vector in new]
    near = naive_neighbours(inputs, new, 3, own=False)
    best = [naive_errors(generations[rows]).clip(1e-9).argmin() for rows in near]
    assert asked == ["abcd"[j] for j in best]


def test_local_needs_inputs(split):
    generations, inputs, _ = split
    with pytest.raises(SmoothieError, match="needs inputs"):
        SmoothieLocalTrain().route_new(Votes(squared_distances(generations), inputs), None, 3)
