"""Runs whose caches were damaged write what runs without a cache write, byte for byte."""

from functools import lru_cache

import pytest

from experiments.pipeline import run
from smoothie.clock import Clock
from tests.conftest import write_results
from tests.damage import cut, flipped

RESULTS = ["choices.csv", "metrics.csv", "weights.csv"]
NOTES = {"embeddings": "encode", "scores": "score", "neighbors": "route"}


@pytest.fixture
def results(compose, local_set, tiny_encoder, tmp_path, monkeypatch):
    """Run with a cache folder or None; what a run wrote, and what its clock says."""
    monkeypatch.setattr("smoothie.neighbors.cached.FEWEST", 1)
    settings = ["dataset=local", f"dataset.path={local_set}", "encoder=minilm", "metric=rouge2"]
    settings += [f"encoder.model={tiny_encoder}", "encoder.device=cpu", "encoder.progress=false"]
    settings += ["methods=[smoothie_global,smoothie_local,labeled_knn]", "k=3"]
    settings += ["evaluation.draws=20"]

    @lru_cache
    def configuration(folder):
        return compose(*settings, f"paths.cache={folder or 'null'}")

    def results(folder):
        clock = Clock()
        result = run(configuration(folder), clock)
        write_results(result, tmp_path / "out", plots=False)
        return [(tmp_path / "out" / name).read_bytes() for name in RESULTS], clock.notes

    return results


@pytest.mark.parametrize("kind", NOTES)
def test_damaged_caches_change_no_result(results, tmp_path, kind, caplog):
    expected, _ = results(None)
    folder = tmp_path / "cache"
    found, computed = results(folder)
    assert found == expected
    found, cached = results(folder)
    assert found == expected
    assert computed.get(NOTES[kind]) != cached[NOTES[kind]]
    (file,) = (folder / kind).rglob("*.v2.npy")
    data = file.read_bytes()
    changes = [*flipped(data, len(data) // 12), *cut(data, len(data) // 4)]
    for changed in changes:
        file.write_bytes(changed)
        caplog.clear()
        found, notes = results(folder)
        assert found == expected
        assert notes.get(NOTES[kind]) == computed.get(NOTES[kind])  # recomputed
        assert f"{file}: cache file skipped" in caplog.text
        for path in set(file.parent.iterdir()) - {file}:
            path.unlink()
    assert len(changes) > 15
