"""The benchmarks' rival is right, so that the parity they assert means something."""

import numpy as np
import pytest

from experiments.benchmarks.encoding import main, products, throughput
from experiments.benchmarks.estimation import loop_errors
from tests.naive import naive_errors


def test_the_rival_is_the_paper_s_loop():
    generations = np.random.default_rng(0).normal(size=(7, 5, 4))
    np.testing.assert_allclose(loop_errors(generations), naive_errors(generations))


def test_texts_on_a_device_are_counted_by_their_products(tiny_encoder):
    """torch counts the same products, and that of the pooler, which has no part in the vectors."""
    from sentence_transformers import SentenceTransformer
    from torch.utils.flop_counter import FlopCounterMode

    model = SentenceTransformer(
        str(tiny_encoder), device="cpu", model_kwargs={"attn_implementation": "eager"}
    )
    text = "seven letters and a dot."
    with FlopCounterMode(display=False) as counter:
        model.encode([text])
    assert products(model, [text]) == counter.get_total_flops() - 2 * 16 * 16
    assert products(model, [text, text]) == 2 * products(model, [text])
    lines = throughput(model, {"short": [text] * 9}, "float32", [16, 64], peak=1.0).splitlines()
    cells = [[cell.strip() for cell in line.split("|")[1:4]] for line in lines[2:]]
    assert cells == [["short", "float32", "16"], ["short", "float32", "64"]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["types=int8"], "Error: types=int8: expected some of float32, bfloat16, float16"),
        (["inputs=none"], "Error: inputs=none: expected a number above zero"),
        (["device=cpu"], "Error: peak: not known of cpu; give it, as in peak=0.2"),
        (["pace=1"], "Error: pace: expected inputs, types, device or peak"),
    ],
)
def test_bad_settings_of_the_encoding_benchmark_are_one_sentence(monkeypatch, words, message):
    monkeypatch.setattr("sys.argv", ["encoding", *words])
    with pytest.raises(SystemExit) as error:
        main()
    assert str(error.value) == message
