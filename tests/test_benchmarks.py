"""The benchmarks' rival is right, so that the parity they assert means something."""

import numpy as np
import pandas as pd
import pytest

from experiments.benchmarks.changed import changed, margins
from experiments.benchmarks.encoding import difference, main, products, throughput
from experiments.benchmarks.estimation import loop_errors
from experiments.benchmarks.rates import MODELS, WORDS, Rate, page, price_of
from experiments.benchmarks.rounding import require_as_autocast, round_products
from experiments.benchmarks.size import answer, write_generations
from experiments.benchmarks.static import gap_table
from smoothie import Input, SmoothieError, assemble
from smoothie.evaluation import Bootstrap
from smoothie.evidence import Votes
from smoothie.routers import Random, SmoothieLocal
from smoothie.run import run
from tests.naive import naive_errors


def test_the_rival_is_the_paper_s_loop():
    generations = np.random.default_rng(0).normal(size=(7, 5, 4))
    np.testing.assert_allclose(loop_errors(generations), naive_errors(generations))


def test_the_benchmark_of_size_checks_what_it_measures(tmp_path):
    path = tmp_path / "generations.npy"
    with pytest.raises(SmoothieError, match="set TMPDIR to a folder with more room"):
        write_generations(path, 10**12)
    write_generations(path, 1100)
    generations = np.load(path, mmap_mode="r")
    assert generations.shape == (1100, 5, 384)
    assert generations.dtype == np.float16
    spread = (generations[:, 0] - generations[:, 1]).astype(float).var()
    assert spread == pytest.approx(1 + 1.25**2, rel=0.02)
    for what in ("parity", "Smoothie-Global", "Smoothie-Local k=1"):
        seconds, peak = answer(what, path, 1100)
        assert seconds > 0
        assert peak > 10


def test_what_100_million_generations_take_is_worked_out_from_the_rates():
    """By hand: 110 million texts at 500 a second are 61.1 hours; a vector of 384 has 1552 bytes."""
    rates = [Rate("encode", model, length, 500, "texts") for model in MODELS for length in WORDS]
    rates += [Rate("score", "ROUGE-2", length, 10_000, "texts") for length in WORDS]
    rates += [Rate("route", model, "", 100_000, "inputs") for model in MODELS]
    shown = page(rates, dict.fromkeys(WORDS, 90.0), load=0.0, price=0.5)
    lines = [[cell.strip() for cell in row.split("|")[1:-1]] for row in shown.splitlines()]
    costs = ["61.1", "2.8", "0.0", "64", "3", "171 GB", "32"]
    assert ["all-MiniLM-L6-v2", "short", *costs] in lines
    assert price_of(["price=0.5"]) == 0.5
    assert price_of([]) is None
    with pytest.raises(SmoothieError, match="expected price=NUMBER"):
        price_of(["cost=1"])


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


def run_without_inputs(distances, k):
    """Two inputs without a text; the answer of the first candidate is right."""
    inputs = [Input("p", references=("yes",)), Input("q", references=("yes",))]
    answers = {"a": "yes", "b": "no", "c": "perhaps"}
    said = {name: {"p": answer, "q": answer} for name, answer in answers.items()}
    problem = assemble("plain", inputs, said)
    routers = {"smoothie_local": SmoothieLocal(k=k), "random": Random()}
    votes = Votes(distances, texts=problem.texts)
    return run(problem, routers, votes=votes, metric="exact_match", bootstrap=Bootstrap(draws=2))


def matrix(ab, ac, bc):
    return np.array([[0.0, ab, ac], [ab, 0.0, bc], [ac, bc, 0.0]])


def test_changed_choices_are_shown_with_margin_and_rounding():
    """By hand: of distances ab, ac, bc, the error of a is (ab + ac - bc) / 2; their mean is 6."""
    exact = np.array([matrix(4, 6, 8), matrix(4, 6, 8)])  # errors 1, 3, 5
    fast = np.array([matrix(4, 8, 6), matrix(4, 6, 8)])  # errors 3, 1, 5
    found = margins(exact, fast)
    np.testing.assert_allclose(found, [[2 / 6, 2 / 6], [4 / 6, 0], [2 / 6, 0]])
    assert not np.any(margins(np.zeros((1, 3, 3)), np.zeros((1, 3, 3))))
    runs = run_without_inputs(exact, 1), run_without_inputs(fast, 1)
    first, last = changed(
        *runs, "bfloat16", lambda texts: [list(map(ord, text)) for text in texts], 2
    )
    assert first[:9] == [
        "plain",
        "bfloat16",
        "p",
        "a",
        "b",
        "100.00 and 0.00",
        "3 and 2",
        "others",
        "2 of 3",
    ]
    assert first[9:] == ["33.33%", "66.67%", "33.33%"]
    assert last[9:] == ["33.33%", "33.33%", "16.67%"]  # the medians of two inputs
    assert difference(*runs, "bfloat16", 1)[4:] == ["1", "50.0%", "50.00 (smoothie_local)"]


def test_sets_without_inputs_are_compared_by_the_methods_that_remain():
    runs = [run_without_inputs(np.array([matrix(4, 6, 8)] * 2), 2) for _ in range(2)]
    assert difference(*runs, "bfloat16", 2)[4:] == ["2", "skipped", "0.00"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["types=int8"], "Error: types=int8: expected some of float32, bfloat16, float16"),
        (["inputs=none"], "Error: inputs=none: expected a number above zero"),
        (["device=cpu"], "Error: peak: not known of cpu; give it, as in peak=0.2"),
        (["pace=1"], "Error: pace: expected inputs, types, changed, device or peak"),
    ],
)
def test_bad_settings_of_the_encoding_benchmark_are_one_sentence(monkeypatch, words, message):
    monkeypatch.setattr("sys.argv", ["encoding", *words])
    with pytest.raises(SystemExit) as error:
        main()
    assert str(error.value) == message


def test_rounded_models_move_vectors_as_far_as_autocast(tiny_encoder):
    from sentence_transformers import SentenceTransformer

    def loaded():
        return SentenceTransformer(str(tiny_encoder), device="cpu", local_files_only=True)

    texts = [letter * length for length in range(1, 20) for letter in "abcd"]
    require_as_autocast(round_products(loaded()), loaded(), texts)
    with pytest.raises(AssertionError, match="vectors move by"):
        require_as_autocast(loaded(), loaded(), texts)


def test_the_share_of_gaps_that_is_kept_is_that_of_their_means():
    rows = [
        (name, encoder, method, 10.0 * (1 + place) * (0.9 if encoder == "static" else 1))
        for place, name in enumerate("ab")
        for method in ("consensus", "smoothie_local", "smoothie_global")
        for encoder in ("minilm", "static")
    ]
    rows += [(name, "minilm", "consensus, no encoder", 12.0) for name in "ab"]
    gaps = pd.DataFrame(rows, columns=["dataset", "encoder", "method", "gap_closed"])
    *_, means, kept = [line.split("|") for line in gap_table(gaps).strip().splitlines()]
    assert [cell.strip() for cell in means[2:4]] == ["15.0", "13.5"]
    assert [cell.strip() for cell in kept[2:4]] == ["", "90%"]
