"""report.html without a browser: what is in the file, against the run's own tables."""

import base64
import csv
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import smoothie
from experiments.parts import Output
from smoothie.cli import main
from smoothie.errors import SmoothieError
from smoothie.problem import Input, Problem, assemble
from smoothie.report.colors import tones
from smoothie.report.page.clusters import average_linkage
from smoothie.report.page.html import embedded_json, number
from smoothie.report.page.inputs import MOST_INPUTS, block_ends, shown_inputs
from smoothie.report.page.methods import BOUND, LABELED, RANDOM, kind_of, tones_of
from smoothie.report.page.of_sweep import link_to, page_of_sweep
from smoothie.routers import ROUTERS
from tests.conftest import make_set
from tests.test_run import command


class Page(HTMLParser):
    """Elements and texts of a page, as an HTML parser that is not ours finds them."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags, self.attributes, self.scripts, self.styles = [], [], [], []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]
        if tag in ("script", "style"):
            {"script": self.scripts, "style": self.styles}[tag].append([dict(attributes), ""])

    def handle_data(self, data):
        if self.cdata_elem in ("script", "style"):
            {"script": self.scripts, "style": self.styles}[self.cdata_elem][-1][1] += data
        else:
            self.words += data

    def block(self, name: str) -> bytes:
        (text,) = [text for attributes, text in self.scripts if attributes.get("id") == name]
        return gzip.decompress(base64.b64decode(text))

    def json(self, name: str):
        return json.loads(self.block(name))

    @property
    def content(self):
        (text,) = [text for attributes, text in self.scripts if attributes.get("id") == "content"]
        return json.loads(text)

    @property
    def texts(self):
        """[input, references, answers] of each input, of all blocks in their order."""
        count = sum(attributes.get("id", "").startswith("texts") for attributes, _ in self.scripts)
        return [row for i in range(count) for row in self.json(f"texts{i}")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    """The files of the demo, as `smoothie demo` writes them."""
    folder = tmp_path_factory.mktemp("demo") / "out"
    assert main(["demo", "-o", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module")
def page(demo) -> Page:
    return Page((demo / "report.html").read_text(encoding="utf-8"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_choices_are_those_of_the_table(demo, page):
    rows, index, content = rows_of(demo / "choices.csv"), page.json("index"), page.content
    choices = np.frombuffer(page.block("choices"), "<u2").reshape(-1, len(index["ids"]))
    assert index["ids"] == [row["id"] for row in rows]
    for method, chosen in zip(content["methods"], choices, strict=True):
        names = [content["candidates"][j] for j in chosen]
        assert names == [row[method["name"]] for row in rows]


def test_texts_and_support_are_those_of_the_files(demo, page):
    routed = [json.loads(line) for line in (demo / "routed.jsonl").read_text().splitlines()]
    names, texts = page.content["candidates"], page.texts
    for row, (_, _, answers) in zip(routed, texts, strict=True):
        assert answers[names.index(row["candidate"])] == row["text"]
    weights = [row for row in rows_of(demo / "weights.csv") if row["method"] == "consensus"]
    expected = [[float(row[name]) for name in names] for row in weights]
    support = np.frombuffer(page.block("support"), "<f4").reshape(len(texts), -1)
    np.testing.assert_allclose(support, expected, rtol=1e-6)


def test_scores_add_up_to_the_table(demo, page):
    content, index = page.content, page.json("index")
    scores = np.frombuffer(page.block("scores"), "<f4").reshape(len(index["ids"]), -1)
    means = {row["method"]: float(row["score"]) for row in rows_of(demo / "metrics.csv")}
    for j, name in enumerate(content["candidates"]):
        assert scores[:, j].mean() == pytest.approx(means[f"candidate:{name}"], rel=1e-5)
    shown = {row["method"]: row["score"] for row in content["table"]}
    assert shown == pytest.approx(means, rel=1e-12)
    for row in rows_of(demo / "metrics_by_task.csv"):
        part = next(part for part in content["by_task"]["rows"] if part["task"] == row["task"])
        if row["method"] in content["by_task"]["methods"]:
            place = content["by_task"]["methods"].index(row["method"])
            assert part["scores"][place][0] == pytest.approx(float(row["score"]))


def test_who_is_sent_where_counts_the_choices(demo, page):
    content, index = page.content, page.json("index")
    rows, sent = rows_of(demo / "choices.csv"), page.content["sent"]
    for m, method in enumerate(sent["methods"]):
        for t, task in enumerate(sent["tasks"]):
            own = [i for i, number in enumerate(index["tasks"]) if content["tasks"][number] == task]
            assert sent["sizes"][t] == len(own)
            for j, name in enumerate(content["candidates"]):
                assert sent["counts"][m][t][j] == sum(rows[i][method] == name for i in own)


def test_distances_are_those_of_the_vectors(page):
    folder = Path(smoothie.__file__).parent / "demo" / "embeddings"
    names = page.content["candidates"]
    vectors = np.stack([np.load(folder / f"{name}.npy") for name in names], axis=1)
    vectors = vectors.astype(np.float64)
    pairs = np.array([(i, j) for i in range(len(names)) for j in range(i + 1, len(names))])
    expected = ((vectors[:, pairs[:, 0]] - vectors[:, pairs[:, 1]]) ** 2).sum(axis=2)
    largest = page.json("index")["largest"]
    whole = np.frombuffer(page.block("distances"), "<u2").reshape(len(vectors), -1)
    np.testing.assert_allclose(whole / 65535 * largest, expected, atol=largest / 65535)


def test_curve_and_diagnosis_are_those_of_the_files(demo, page):
    curve = rows_of(demo / "score_against_k.csv")
    (chart,) = [c for c in page.content["charts"] if c["title"] == "Score against k"]
    for part, column in (("x", "k"), ("y", "score"), ("low", "ci_low"), ("high", "ci_high")):
        assert chart["lines"][0][part] == pytest.approx([float(row[column]) for row in curve])
    said = json.loads((demo / "diagnosis.json").read_text())
    assert page.content["verdict"] == said["verdict"]
    assert page.content["agreement"]["same"] == said["same"]
    assert said["verdict"] in page.words


def test_the_page_may_run_its_own_script_and_load_nothing(demo, page):
    metas = [value for tag, name, value in page.attributes if (tag, name) == ("meta", "content")]
    (policy,) = [value for value in metas if value.startswith("default-src")]
    assert policy.startswith("default-src 'none'; ")
    programs = [text for attributes, text in page.scripts if not attributes.get("type")]
    for name, texts in (("script", programs), ("style", [text for _, text in page.styles])):
        (text,) = texts
        sum_ = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{sum_}';" in policy
    links = [value for _, name, value in page.attributes if name in ("src", "href", "action")]
    assert all(link.startswith(("#", "data:,")) for link in links)
    handlers = [name for _, name, _ in page.attributes if name.startswith("on") or name == "style"]
    assert handlers == []
    assert not {"iframe", "object", "embed", "base", "img"} & set(page.tags)


def test_the_same_run_writes_the_same_bytes(demo, tmp_path):
    assert main(["demo", "-o", str(tmp_path / "again")]) == 0
    again = (tmp_path / "again" / "report.html").read_bytes()
    assert again == (demo / "report.html").read_bytes()


def test_the_library_is_the_published_file():
    """SHA-256 of dist/ in npm's uplot-1.6.32.tgz."""
    static = Path(smoothie.__file__).parent / "report" / "page" / "static"
    for name, start in (
        ("uplot.min.js", "19c8d4c6ad88929a"),
        ("uplot.min.css", "df630c6a8d6f8eea"),
    ):
        assert hashlib.sha256((static / name).read_bytes()).hexdigest().startswith(start)


@given(st.recursive(st.text() | st.floats() | st.none(), lambda x: st.lists(x, max_size=3)))
def test_json_within_a_script_is_read_as_it_was(value):
    def read(value):
        if isinstance(value, list):
            return [read(inner) for inner in value]
        return value if not isinstance(value, float) or np.isfinite(value) else None

    text = embedded_json(value)
    assert "<" not in text
    assert text.isascii()
    assert json.loads(text) == read(value)


@given(st.integers(2, 9), st.integers(0, 2**32 - 1))
def test_clusters_are_those_of_scipy(size, seed):
    hierarchy = pytest.importorskip("scipy.cluster.hierarchy")
    points = np.random.default_rng(seed).normal(size=(size, 3))
    distances = ((points[:, None] - points) ** 2).sum(axis=2)
    merges = average_linkage(distances)
    condensed = distances[np.triu_indices(size, k=1)]
    expected = hierarchy.linkage(condensed, "average")
    np.testing.assert_allclose([merge.height for merge in merges], expected[:, 2])
    assert sorted(merges[-1].left + merges[-1].right) == list(range(size))
    sizes = [len(merge.left) + len(merge.right) for merge in merges]
    np.testing.assert_array_equal(sizes, expected[:, 3])


@given(st.lists(st.integers(0, 400_000), min_size=1, max_size=400))
def test_blocks_hold_every_input_once(lengths):
    ends = block_ends([["", [], [Sized(n)]] for n in lengths])
    assert ends[-1] == len(lengths)
    assert ends == sorted(set(ends))
    assert max(np.diff([0, *ends])) <= 128


class Sized(str):
    """A text that says how long it is and takes no memory."""

    def __new__(cls, length):
        made = super().__new__(cls)
        made.length = length
        return made

    def __len__(self):
        return self.length


def problem_of(inputs: int, text: str = "yes", candidates: int = 2) -> Problem:
    texts = np.array([[text] * candidates] * inputs, dtype=object)
    names = tuple(f"model{j}" for j in range(candidates))
    return Problem("many", tuple(Input(str(i)) for i in range(inputs)), names, texts)


def test_a_sample_is_said_and_fair(caplog):
    problem = problem_of(MOST_INPUTS + 1)
    shown = shown_inputs(problem)
    assert len(shown.rows) == MOST_INPUTS
    assert "a random sample of 10,000 of the 10,001 inputs" in shown.note
    assert "output.page_sample=N" in caplog.text
    few = shown_inputs(problem, 1000)
    assert len(few.rows) == len(set(few.rows)) == 1000
    assert (np.diff(few.rows) > 0).all()
    # Uniform: the mean place has a standard deviation of 10,001 / sqrt(12 * 1,000), about 91.
    assert abs(few.rows.mean() - 5000) < 4 * 91
    assert "1,000 of the 10,001 inputs, as asked for" in few.note
    assert not shown_inputs(problem, 10_001).note
    with pytest.raises(SmoothieError, match="sample=0: expected at least 1"):
        shown_inputs(problem, 0)


def test_long_texts_are_sampled_too():
    text = Sized(50_000_000)
    assert len(shown_inputs(problem_of(4, text)).rows) == 2
    assert len(shown_inputs(problem_of(1, Sized(250_000_000))).rows) == 1
    assert len(shown_inputs(problem_of(4, text), 3).rows) == 3


def test_a_method_is_of_one_kind():
    kinds = {name: kind_of(ROUTERS[name]()) for name in ("oracle", "labeled_knn", "random")}
    assert kinds == {"oracle": BOUND, "labeled_knn": LABELED, "random": RANDOM}
    assert kind_of(None, labels_used=5) == LABELED


def contrast(one: str, other: str) -> float:
    """Of two colors, by the formula of WCAG 2."""
    luminance = []
    for color in (one, other):
        parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (
            x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts
        )
        luminance.append(0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    return max(luminance) / min(luminance)


@given(st.integers(0, 2**24 - 1))
def test_colors_are_read_on_white_and_on_black(value):
    drawn = tones(f"#{value:06X}")
    assert contrast(drawn["ink"], "#ffffff") > 4.45
    assert contrast(drawn["dark"], "#14171a") > 4.5


def test_methods_keep_their_colors():
    colors = {name: tones_of(name)["color"] for name in ROUTERS}
    standard = ("consensus", "smoothie_local", "smoothie_global", "labeled_knn", "best_on_val")
    assert len({colors[name] for name in (*standard, "random", "oracle")}) == 7
    assert tones_of("of another package") == tones_of("of another package")


def test_numbers_have_a_minus_sign_and_nothing_is_empty():
    assert number(-1.25, 1) == "\N{MINUS SIGN}1.2"
    assert number(float("nan")) == number(None) == ""


INPUTS = [Input(f"q{i}", text=f"question {i}") for i in range(8)]


def answers(*columns: str) -> dict[str, dict[str, str]]:
    return {
        f"m{j}": {f"q{i}": word * (i % 3 + 1) for i in range(8)} for j, word in enumerate(columns)
    }


def page_of(problem: Problem, **settings) -> Page:
    return Page(smoothie.route(problem, encoder=None, **settings).page())


def test_without_labels_nothing_is_scored():
    page = page_of(assemble("bare", INPUTS, answers("a ", "b ", "c ")))
    assert "Nothing was scored" in page.words
    assert page.content["table"] == []
    assert not [a for a, _ in page.scripts if a.get("id") in ("scores", "distances")]


def test_the_front_door_has_the_scores_of_evaluate(tmp_path):
    """Also where the source is not in the order of the ids: resamples follow the ids."""
    generator = np.random.default_rng(0)
    inputs = [Input(f"q{i}") for i in reversed(range(20))]
    said = {name: {f"q{i}": f"{name} {i % 3}" for i in range(20)} for name in "abc"}
    labels = {name: {f"q{i}": generator.normal() for i in range(20)} for name in "abc"}
    result = smoothie.route(assemble("some", inputs, said, labels), encoder=None)
    shown = {row["method"]: row for row in Page(result.page()).content["table"]}
    for row in smoothie.evaluate(result).to_dict("records"):
        for part in ("score", "ci_low", "ci_high", "difference_low"):
            assert shown[row["method"]][part] == pytest.approx(row[part], rel=1e-9)


def test_partial_labels_say_how_many_inputs():
    labels = {
        "m0": {f"q{i}": i % 2 for i in range(8)},
        "m1": {f"q{i}": 1 for i in range(5)},
        "m2": {f"q{i}": 0 for i in range(8)},
    }
    page = page_of(assemble("partial", INPUTS, answers("a ", "b ", "c "), labels))
    assert "Scores are incomplete" in page.words
    scores = np.frombuffer(page.block("scores"), "<f4").reshape(8, 3)
    assert np.isnan(scores[5:, 1]).all()
    assert np.isfinite(scores[:5]).all()


@pytest.mark.parametrize("count", [3, 20])
def test_few_and_many_candidates(count):
    page = page_of(assemble("some", INPUTS, answers(*(f"w{j} " for j in range(count)))))
    assert sorted(page.content["agreement"]["order"]) == list(range(count))
    assert len(page.texts[0][2]) == count


def test_labels_that_choose_are_a_kind_of_their_own():
    problem = assemble("few", INPUTS, answers("a ", "b ", "c "))
    labels = {"m0": [1] + [None] * 7, "m1": [0] + [None] * 7, "m2": [0] + [None] * 7}
    page = page_of(problem, labels=labels)
    assert ("few_labels", "with labels") in [
        (m["name"], m["kind"]) for m in page.content["methods"]
    ]


def metrics(job: str, **changed) -> pd.DataFrame:
    row = {
        "dataset": "d",
        "ensemble": "all",
        "encoder": "e",
        "metric": "f1",
        "k": 1,
        "job": job,
        "score": 50.0,
        "ci_low": 40.0,
        "ci_high": 60.0,
        "n": 9,
        "candidates": 3,
        "labels_used": 0,
    }
    rows = [{**row, "method": "random", "k": None}, {**row, "method": "smoothie_local", **changed}]
    rows.append({**row, "method": "candidate:a", "k": None})
    return pd.DataFrame(rows).astype({"k": "Int64"})


def test_a_sweep_has_a_row_for_each_method_and_a_curve_for_each_encoder():
    table = pd.concat(
        [
            metrics("0"),
            metrics("1", k=5, score=55.0),
            metrics("2", encoder="<b>f"),
            metrics("3", k=5, encoder="<b>f"),
        ]
    )
    compared = table[["job", "method"]].assign(
        difference=1.0, difference_low=0.5, difference_high=1.5, gap_closed=20.0
    )
    page = Page(page_of_sweep(table, compared, {"1"}))
    assert len(page.content["rows"]) == 8  # no candidates
    assert ("a", "href", "./1/report.html") in page.attributes
    gaps = page.content["gaps"]
    assert gaps["problems"] == ["d, e", "d, <b>f"]
    assert gaps["columns"] == ["smoothie_local k=1", "smoothie_local k=5"]
    assert gaps["values"] == [[20, 20], [20, 20]]
    (chart,) = page.content["charts"]
    named = {line["name"]: (line["x"], line["y"]) for line in chart["lines"]}
    assert named == {
        "smoothie_local, e": ([1, 5], [50, 55]),
        "smoothie_local, <b>f": ([1, 5], [50, 50]),
    }
    assert "b" not in page.tags


def test_a_link_to_a_job_leads_below_the_sweep():
    assert link_to('javascript:alert("1")') == "./javascript%3Aalert%28%221%22%29/report.html"
    assert link_to("k=1,encoder=a b") == "./k%3D1%2Cencoder%3Da%20b/report.html"


def test_the_report_command_writes_a_page(tmp_path, capsys):
    folder, path = make_set(tmp_path / "set"), tmp_path / "new" / "report.html"
    arguments = ["report", str(folder), "--encoder", "none", "--html", str(path)]
    assert main([*arguments, "--sample", "5"]) == 0
    assert f"written to {path}" in capsys.readouterr().out
    page = Page(path.read_text(encoding="utf-8"))
    assert len(page.json("index")["ids"]) == len(page.texts) == 5
    assert "random sample of 5 of the 12 inputs" in page.words
    assert main([*arguments, "--sample", "0"]) == 1
    assert "--sample 0: expected at least 1" in capsys.readouterr().err
    assert main(["report", str(folder), "--sample", "5"]) == 1
    assert "expected --html FILE" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_writes_a_page_where_it_is_asked_for(tmp_path):
    few = ["methods=[random,smoothie_global]", "evaluation.draws=20", "output.k_curve=[]"]
    for name, settings in (("with", ["output.page_sample=7"]), ("without", ["output.plots=false"])):
        out = f"hydra.run.dir={tmp_path / name}"
        done = command(*few, *settings, out, SMOOTHIE_CACHE=str(tmp_path))
        assert done.returncode == 0, done.stderr
        path = tmp_path / name / "report.html"
        assert (f"Open {path} in a browser" in done.stdout) == path.exists()
    assert not (tmp_path / "without" / "report.html").exists()
    page = Page((tmp_path / "with" / "report.html").read_text(encoding="utf-8"))
    assert len(page.texts) == 7
    listed = json.loads((tmp_path / "with" / "manifest.json").read_text())["files"]
    assert "report.html" in listed
    with pytest.raises(SmoothieError, match="page_sample=0: expected at least 1"):
        Output(page_sample=0)


HOSTILE = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=1">'
NAMES = (HOSTILE, "javascript:window.hacked=1", "{{7*7}}{% raw %}", "العربية")


def hostile_problem() -> Problem:
    """Names, ids, tasks and texts that try to be something else."""
    ids = [f"{HOSTILE}{i}" for i in range(40)]
    inputs = [
        Input(
            key,
            task=HOSTILE if i % 3 else "",
            text=f"{HOSTILE} \u2028 <b>{i}</b>",
            references=(HOSTILE,) if i % 2 else (),
        )
        for i, key in enumerate(ids)
    ]
    said = {
        name: {
            key: f"{HOSTILE} {{{{7*7}}}} {i}{j} \x00 \ud800 \u2028 名前 -->"
            for i, key in enumerate(ids)
        }
        for j, name in enumerate(NAMES)
    }
    said[NAMES[0]][ids[1]] = ""
    said[NAMES[1]][ids[2]] = "long " * 200_000
    return assemble(f"set {HOSTILE}", inputs, said)


def test_hostile_texts_are_texts():
    problem = hostile_problem()
    text = smoothie.route(problem, encoder=None).page()
    text.encode()  # no lone surrogates
    page = Page(text)
    for (shown, references, said), item, row in zip(
        page.texts, problem.inputs, problem.texts, strict=True
    ):
        assert (shown, references) == (item.text, list(item.references))
        assert said == list(row)
    assert page.json("index")["ids"] == list(problem.ids)
    assert page.content["candidates"] == list(NAMES)
    assert "img" not in page.tags
    programs = [text for attributes, text in page.scripts if not attributes.get("type")]
    assert len(programs) == 1
    assert "49" not in re.sub(r"\d{3,}", "", page.words)
