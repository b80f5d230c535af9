from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smoothie import SmoothieError, SmoothieGlobal, SmoothieLocal
from smoothie.estimator import (
    distance_blocks,
    distances_as_read,
    inverse_error_weights,
    resolve_errors,
    run_on_weights,
    squared_distances,
    triplet_errors,
)
from tests.naive import naive_distances, naive_errors

shapes = st.tuples(st.integers(1, 6), st.integers(3, 7), st.integers(1, 5))


def votes(shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


@given(shapes, st.integers(0, 10**6))
@settings(deadline=None)
def test_distances_and_errors_equal_the_loops_of_the_paper(shape, seed):
    generations = votes(shape, seed)
    distances = squared_distances(generations)
    np.testing.assert_allclose(distances, naive_distances(generations), atol=1e-12)
    estimated = triplet_errors(distances.mean(axis=0))
    np.testing.assert_allclose(estimated, naive_errors(generations), atol=1e-10)


@given(shapes, st.integers(0, 10**6), st.data())
@settings(deadline=None)
def test_local_equals_the_loop_over_each_neighborhood(shape, seed, data):
    generations = votes(shape, seed)
    inputs = np.random.default_rng(seed + 1).normal(size=(shape[0], 3))
    k = data.draw(st.integers(1, shape[0]))
    local = SmoothieLocal(k=k).fit(generations, inputs=inputs)
    for row in range(shape[0]):
        gaps = ((inputs - inputs[row]) ** 2).sum(axis=1)
        near = np.argsort(gaps, kind="stable")[:k]
        expected = naive_errors(generations[near])
        np.testing.assert_allclose(local.errors_[row], np.maximum(expected, 0), atol=1e-10)


@given(shapes, st.integers(0, 10**6), st.floats(0.01, 100))
@settings(deadline=None)
def test_rotation_translation_and_scale(shape, seed, scale):
    generations = votes(shape, seed)
    generator = np.random.default_rng(seed + 1)
    rotation, _ = np.linalg.qr(generator.normal(size=(shape[2], shape[2])))
    moved = scale * (generations @ rotation + generator.normal(size=shape[2]))
    before = triplet_errors(squared_distances(generations))
    after = triplet_errors(squared_distances(moved))
    np.testing.assert_allclose(after, scale**2 * before, rtol=1e-8, atol=1e-8 * scale**2)


@given(shapes, st.integers(0, 10**6))
@settings(deadline=None)
def test_permuting_candidates_permutes_errors(shape, seed):
    generations = votes(shape, seed)
    order = np.random.default_rng(seed + 1).permutation(shape[1])
    model = SmoothieGlobal().fit(generations)
    permuted = SmoothieGlobal().fit(generations[:, order])
    np.testing.assert_allclose(permuted.errors_, model.errors_[order], atol=1e-12)


@given(shapes, st.integers(0, 10**6))
@settings(deadline=None)
def test_choice_is_the_medoid_while_errors_are_positive(shape, seed):
    distances = naive_distances(votes(shape, seed)).mean(axis=0)
    errors = triplet_errors(distances)
    if (errors > 1e-9).all():
        assert errors.argmin() == distances.sum(axis=1).argmin()


def test_known_variances_are_recovered_and_the_error_shrinks():
    """Votes y + sqrt(e_i / d) * noise have E||vote - y||^2 = e_i, whatever y is."""
    true = np.array([0.5, 1.0, 2.0, 4.0])
    generator = np.random.default_rng(0)
    misses = []
    for rows in (50, 500, 5000):
        truth = generator.normal(size=(rows, 1, 16)) * 3
        noise = generator.normal(size=(rows, 4, 16)) * np.sqrt(true / 16)[:, None]
        model = SmoothieGlobal().fit(truth + noise)
        misses.append(np.abs(model.errors_ / true - 1).max())
        assert model.choices_.tolist() == [0] * rows
        np.testing.assert_allclose(model.weights_, (1 / model.errors_) / (1 / model.errors_).sum())
    assert misses[2] < 0.05
    assert misses[2] < misses[0]


def test_identical_answers_tie_and_the_first_wins():
    same = np.ones((1, 5, 4))
    local = SmoothieLocal().fit(same)
    assert local.choices_.tolist() == [0]
    np.testing.assert_allclose(local.weights_, [[0.2] * 5])

    different = same.copy()
    different[0, 0] = 7.0  # the first candidate disagrees with four that are identical
    local = SmoothieLocal().fit(different)
    assert local.choices_.tolist() == [1]
    np.testing.assert_allclose(local.weights_, [[0, 0.25, 0.25, 0.25, 0.25]], atol=1e-12)
    assert (local.errors_ > 0).all()
    assert np.isfinite(1 / local.errors_).all()


def test_equal_embeddings_tie_to_the_last_bit():
    generator = np.random.default_rng(3)
    for _ in range(200):
        generations = generator.normal(size=(4, 6, 33)).astype(np.float32)
        generations[:, 4] = generations[:, 1]
        errors = SmoothieLocal(k=1).fit(generations).errors_
        assert (errors[:, 1] == errors[:, 4]).all()
        errors = SmoothieLocal(k=3).fit(generations, inputs=generator.normal(size=(4, 2))).errors_
        assert (errors[:, 1] == errors[:, 4]).all()


@given(st.integers(0, 10**6), st.sampled_from([0.0, 1e-12, 1e-9, 1e-7, 1e-4]))
@settings(deadline=None)
def test_answers_that_are_equal_or_nearly_so(seed, gap):
    """Groups of equal answers, some a hair apart, far from where the coordinates begin."""
    generator = np.random.default_rng(seed)
    groups = generator.normal(size=(5, 3, 8)) + 100
    members = generator.integers(0, 3, size=(5, 6))
    generations = groups[np.arange(5)[:, None], members]
    generations += gap * generator.integers(0, 2, size=(5, 6, 1))
    distances = squared_distances(generations)
    np.testing.assert_allclose(distances, naive_distances(generations), rtol=1e-7, atol=1e-15)
    for row in range(5):
        for i in range(6):
            for j in range(6):
                if (generations[row, i] == generations[row, j]).all():
                    np.testing.assert_array_equal(distances[row, i], distances[row, j])
                    assert distances[row, i, j] == 0
    np.testing.assert_array_equal(distances, distances.transpose(0, 2, 1))


def test_distances_of_an_input_depend_on_it_alone():
    """To the last bit, also beside inputs whose answers are far more apart."""
    generations = votes((12, 5, 4), 0)
    generations[:, 3] = generations[:, 2] + 1e-4 * votes((12, 4), 1)
    generations *= 10.0 ** np.arange(-6, 6)[:, None, None]
    together = squared_distances(generations)
    for row in range(12):
        alone = squared_distances(generations[row : row + 1])
        np.testing.assert_array_equal(together[row], alone[0])
        np.testing.assert_allclose(alone, naive_distances(generations[row : row + 1]), rtol=1e-7)


@pytest.mark.parametrize(("start", "stop"), [(0, None), (3, None), (0, 4), (2, 5), (0, 0)])
def test_blocks_are_of_the_inputs_that_are_asked_for(start, stop):
    generations = votes((7, 3, 2), 0)
    parts = list(distance_blocks(generations, start, stop))
    assert [i for part, _ in parts for i in range(7)[part]] == list(range(7))[start:stop]
    for part, distances in parts:
        np.testing.assert_array_equal(distances, squared_distances(generations)[part])


def test_squares_whose_sums_overflow_are_refused():
    with pytest.raises(SmoothieError, match="too large for their squares"):
        squared_distances(np.array([[[1.2e154], [-1.2e154], [0.0]]]))


def test_two_candidates_are_refused():
    with pytest.raises(SmoothieError, match=r"^Smoothie needs at least three .*, found 2$"):
        triplet_errors(np.zeros((4, 2, 2)))


def test_answers_that_are_close_only_beside_the_farthest_are_not_equal():
    generations = np.array([[[0.0], [1.0], [2000.0], [2001.0], [2000.0]]])
    np.testing.assert_array_equal(squared_distances(generations), naive_distances(generations))


def test_what_is_read_in_blocks_begins_at_the_first_input():
    generations = votes((7, 3, 2), 0)

    def read(part, block):
        block[:] = generations[part]

    for first in ({}, {"first": 0}, {"first": 4}):
        parts = list(distances_as_read(generations.shape, read, **first))
        found = np.concatenate([distances for _, distances in parts])
        rows = np.concatenate([np.arange(7)[part] for part, _ in parts])
        assert rows.tolist() == list(range(first.get("first", 0), 7))
        np.testing.assert_allclose(found, naive_distances(generations)[rows], atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_sums_are_in_float64_along_any_leading_axes(dtype):
    """As for the stack of each matrix, converted first."""
    distances = naive_distances(votes((6, 5, 4), 0)).astype(dtype)
    exact = distances.astype(np.float64)
    stacked = triplet_errors(distances.reshape(2, 3, 5, 5))
    assert stacked.dtype == np.float64
    released = run_on_weights(stacked.astype(dtype))
    assert released.dtype == np.float64
    for row in range(6):
        d, place = exact[row], divmod(row, 3)
        for i in range(5):
            others = [j for j in range(5) if j != i]
            pairs = [(j, k) for j in others for k in others if j < k]
            expected = np.mean([(d[i, j] + d[i, k] - d[j, k]) / 2 for j, k in pairs])
            assert stacked[place][i] == pytest.approx(expected, abs=1e-12)
        np.testing.assert_allclose(triplet_errors(distances[row]), stacked[place], atol=1e-14)
        inverse = 1 / stacked[place].astype(dtype).astype(np.float64)
        np.testing.assert_allclose(released[place], inverse / inverse.sum(), rtol=1e-14)
        resolved = resolve_errors(stacked[place])
        np.testing.assert_array_equal(resolve_errors(stacked)[place], resolved)
        np.testing.assert_array_equal(
            inverse_error_weights(resolve_errors(stacked))[place], inverse_error_weights(resolved)
        )


@pytest.mark.parametrize("scale", [1e-200, 1e-20, 1.0, 1e20])
def test_an_error_below_zero_becomes_the_resolution_of_floats_at_the_scale_of_its_row(scale):
    resolved = resolve_errors(np.array([-1.0, 2.0, 0.0, 3.0, 1e-18]) * scale)
    floor = 2.0**-52 * 4 * scale
    np.testing.assert_allclose(resolved, [floor, 2 * scale, floor, 3 * scale, floor], rtol=1e-12)
    assert resolve_errors(np.array([-1.0, -2.0, 0.0])).tolist() == [1e-300] * 3
    assert resolve_errors(np.array([[0.0, 0.0], [0.0, 1.0]]))[0].tolist() == [1e-300] * 2


def test_a_central_voter_with_a_negative_estimate_wins():
    """Four corners of a square and its center: the center's estimate is below zero."""
    corners = np.array([[[1, 1], [1, -1], [-1, 1], [-1, -1], [0, 0]]], dtype=float)
    assert naive_errors(corners)[4] < 0
    local = SmoothieLocal().fit(corners)
    assert local.choices_.tolist() == [4]
    assert np.isfinite(local.weights_).all()
    assert (local.weights_ >= 0).all()
    np.testing.assert_allclose(local.weights_.sum(axis=1), 1)


def test_two_estimates_below_zero_tie():
    line = np.array([[[10.0], [-10.0], [0.2], [0.1]]])
    assert (naive_errors(line)[2:] < 0).all()
    assert SmoothieLocal().fit(line).choices_.tolist() == [2]


@given(st.lists(st.floats(-1e6, 1e6), min_size=3, max_size=8))
def test_weights_are_finite_whatever_the_errors(errors):
    weights = inverse_error_weights(resolve_errors(np.array(errors)))
    assert np.isfinite(weights).all()
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_any_float_type_and_memory_maps(tmp_path, dtype):
    generations = votes((9, 4, 5), 0).astype(dtype)
    np.save(tmp_path / "e.npy", generations)
    mapped = np.load(tmp_path / "e.npy", mmap_mode="r")
    expected = naive_errors(generations.astype(float))
    np.testing.assert_allclose(SmoothieGlobal().fit(mapped).errors_, expected, atol=1e-10)


@given(shapes, st.integers(0, 10**6), st.integers(1, 80), st.booleans())
@settings(deadline=None)
def test_blocks_and_memory_layout_do_not_change_anything(shape, seed, values, fortran):
    """To the last bit; some answers are equal, and tie exactly in any block."""
    generations = votes((3 * shape[0], *shape[1:]), seed).astype(np.float16)
    generations[::2, 1] = generations[::2, 2]
    groups = np.random.default_rng(seed).integers(0, 3, size=len(generations))
    whole = squared_distances(generations)
    exact = generations.astype(np.float64)
    np.testing.assert_allclose(whole, naive_distances(exact), rtol=1e-9, atol=1e-12)
    given_ = np.asfortranarray(generations) if fortran else exact
    fits = [
        (SmoothieGlobal(), {}),
        (SmoothieGlobal(fit_by="input"), {}),
        (SmoothieGlobal(fit_by="task"), {"groups": groups}),
        (SmoothieLocal(k=1), {}),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("smoothie.estimator.BLOCK_VALUES", values)
        np.testing.assert_array_equal(squared_distances(given_), whole)
        for model, beside in fits:
            model.fit(given_, **beside)
            found = model.errors_, model.weights_, model.choices_
            model.fit_distances(whole, **beside)
            for one, other in zip(
                found, (model.errors_, model.weights_, model.choices_), strict=True
            ):
                np.testing.assert_array_equal(one, other)
    mean = triplet_errors(whole.mean(axis=0))
    np.testing.assert_allclose(SmoothieGlobal().fit(given_).errors_, mean.clip(0), atol=1e-12)
    local = SmoothieLocal().fit(given_)
    assert (local.errors_[::2, 1] == local.errors_[::2, 2]).all()
    np.testing.assert_array_equal(local.choices_, triplet_errors(whole).clip(0).argmin(axis=1))


def test_blocks_are_in_order_and_name_a_bad_row_by_its_number(monkeypatch):
    monkeypatch.setattr("smoothie.estimator.BLOCK_VALUES", 60)
    generations = votes((50, 4, 5), 0)
    rows = [np.arange(50)[part] for part, _ in distance_blocks(generations)]
    assert {len(part) for part in rows} == {3, 2}
    np.testing.assert_array_equal(np.concatenate(rows), np.arange(50))
    generations[31, 2, 4] = np.nan
    for model in (SmoothieGlobal(), SmoothieLocal()):
        with pytest.raises(ValueError, match="row 31, candidate 2"):
            model.fit(generations)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="tells memory by /proc")
@pytest.mark.parametrize("mode", ["r", "r+"])
def test_no_more_of_a_file_stays_in_memory_than_a_block(tmp_path, mode):
    def mapped_kib():
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssFile"))

    np.save(tmp_path / "e.npy", votes((4000, 4, 500), 0).astype(np.float16))  # 15 MiB
    generations = np.load(tmp_path / "e.npy", mmap_mode=mode)
    before = mapped_kib()
    for model in (SmoothieGlobal(), SmoothieLocal()):
        model.fit(generations[1:])
        assert mapped_kib() < before + 4096
