"""The command: files in, files and one sentence out."""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest

from smoothie import __version__, load_router
from smoothie.cli import main
from smoothie.encoders import SentenceEncoder
from smoothie.encoders.named import named_encoder
from tests.conftest import ROOT, environment, make_set

CSV = """id,question,gpt,llama,phi,gold
1,Capital of France?,Paris it is,Paris it is,Rome,Paris it is
2,2+2?,it is 4,five,it is 4,it is 4
3,"Colour of
grass?","green, I think","green, of course",blue,green
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "answers.csv"
    path.write_text(CSV)
    return path


def smoothie(*arguments):
    """The exit status of a command."""
    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as error:  # argparse
        return error.code


@pytest.mark.parametrize("suffix", ["csv", "tsv", "jsonl", "parquet"])
def test_a_table_is_routed(table, tmp_path, capsys, suffix):
    output = tmp_path / f"routed.{suffix}"
    assert smoothie("route", table, "--encoder", "none", "-o", output) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("3 inputs routed among 3 candidates by consensus\n")
    assert f"written to {output}" in shown
    if suffix in ("csv", "tsv"):
        routed = pd.read_csv(output, sep="," if suffix == "csv" else "\t", dtype={"id": str})
    elif suffix == "parquet":
        routed = pd.read_parquet(output)
    else:
        routed = pd.DataFrame([json.loads(line) for line in output.open()])
    assert list(routed.columns) == ["id", "input", "candidate", "text", "confidence"]
    assert routed.id.astype(str).tolist() == ["1", "2", "3"]
    assert routed.input[2] == "Colour of\ngrass?"
    assert routed.text.tolist()[:2] == ["Paris it is", "it is 4"]


def test_the_report_and_the_verdict(table, tmp_path, capsys):
    assert smoothie("report", table, "--encoder", "none") == 0
    page = capsys.readouterr().out
    assert page.startswith("# 3 inputs, 3 candidates, without labels\n")
    sentence = page.splitlines()[2]
    assert smoothie("route", table, "--encoder", "none") == 0
    assert sentence in capsys.readouterr().out.splitlines()
    assert smoothie("report", table, "--encoder", "none", "-o", tmp_path / "report.md") == 0
    assert (tmp_path / "report.md").read_text() == page
    assert smoothie("reprot", table) == 2


def test_every_format_of_the_same_answers_gives_the_same_choices(table, tmp_path, capsys):
    frame = pd.read_csv(table, dtype=str)
    frame.to_csv(tmp_path / "a.tsv", sep="\t", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    frame.to_json(tmp_path / "a.jsonl", orient="records", lines=True)
    frame.to_json(tmp_path / "a.json", orient="records")
    (tmp_path / "columns.json").write_text(json.dumps(frame.to_dict("list")))
    nested = [
        {**row[["id", "question", "gold"]], "responses": dict(row[["gpt", "llama", "phi"]])}
        for _, row in frame.iterrows()
    ]
    (tmp_path / "nested.jsonl").write_text("".join(json.dumps(row) + "\n" for row in nested))
    long = frame.melt(["id", "question", "gold"], var_name="model", value_name="response")
    long.to_csv(tmp_path / "long.csv", index=False)
    expected = None
    for path in [table, *sorted(tmp_path.glob("a.*")), *sorted(tmp_path.glob("[cnl]*.*"))]:
        assert smoothie("route", path, "--encoder", "none", "-o", tmp_path / "out.csv") == 0
        routed = (tmp_path / "out.csv").read_text()
        expected = expected or routed
        assert routed == expected, path
        assert smoothie("check", path) == 0
        assert "references: 3 of 3 inputs" in capsys.readouterr().out


TOPICS = ["alder", "birch", "cedar", "elder", "fir", "gum", "hazel", "ivy", "juniper", "kauri"]
TOPICS += ["larch", "maple"]
ANSWERS = {
    "a": [f"The {tree} grows {len(tree)} meters tall on {tree} hill." for tree in TOPICS],
    "b": [f"On {tree} hill, a {tree} has about {len(tree)} meters." for tree in TOPICS],
    "c": [f"It is {len(tree)} meters, the {tree} of that hill." for tree in TOPICS],
    "d": [f"Some say the {tree} is {len(tree) + 1} meters tall." for tree in TOPICS],
}


def write_answers(path, **changed):
    """A wide table with some candidates' answers changed."""
    columns = {"id": [f"q{i}" for i in range(len(TOPICS))], **ANSWERS, **changed}
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


@pytest.mark.parametrize(
    ("changed", "odd", "follows"),
    [
        ({}, "nothing odd was found", "nothing odd was found"),
        (
            {"b": [*ANSWERS["b"][:3], " ", *ANSWERS["b"][4:]]},
            "blank texts: b on 1 of 12 inputs",
            "a method may choose it; generate them again",
        ),
        (
            {"c": ANSWERS["c"][1:] + ANSWERS["c"][:1]},
            "c seems shifted: ",
            "its texts vote on wrong inputs",
        ),
        (
            {"d": [f"{text} " for text in ANSWERS["a"]]},
            "a, d wrote the same texts on all 12 inputs",
            "they count as 2 voters that agree",
        ),
    ],
)
def test_what_is_odd_is_told_before_it_votes(tmp_path, capsys, caplog, changed, odd, follows):
    path = write_answers(tmp_path / "a.csv", **changed)
    assert smoothie("check", path) == 0
    said = capsys.readouterr().out
    assert said.startswith("format: csv (guessed)\n12 inputs, 4 candidates: a (")
    (line,) = [line for line in said.splitlines() if odd in line]
    assert follows in line
    assert f"next: smoothie route {path} -o routed.csv\n" in said
    assert not [record for record in caplog.records if record.levelname == "WARNING"]
    assert smoothie("route", path, "--encoder", "none") == 0
    warned = [r.getMessage() for r in caplog.records if "inspection" in r.name]
    assert warned == ([line.replace("  - ", "a: ", 1)] if changed else [])


def test_a_file_with_answers_missing_is_checked_and_the_command_says_how(tmp_path, capsys):
    path = tmp_path / "a b.jsonl"
    columns = {**ANSWERS, "b": [*ANSWERS["b"][:3], None, *ANSWERS["b"][4:]]}
    pd.DataFrame(columns).to_json(path, orient="records", lines=True)
    assert smoothie("check", path, "--candidates", "a,b,c") == 0
    said = capsys.readouterr().out
    assert "1 of 12 inputs lack an answer of some candidate" in said
    command = f"smoothie route '{path}' --candidates a,b,c --missing drop_inputs -o routed.csv"
    assert f"next: {command}\n" in said
    assert smoothie("route", path, "--encoder", "none") == 1
    assert smoothie("check", path, "--candidates", "a,b") == 0
    assert "next: add candidates" in capsys.readouterr().out


def test_a_folder_in_the_local_layout(tmp_path, capsys):
    folder = make_set(tmp_path / "set")
    assert smoothie("evaluate", folder, "--encoder", "none", "--draws", 20) == 0
    shown = capsys.readouterr().out
    for method in ("random", "consensus", "best_single", "oracle", "candidate:beta"):
        assert f"\n| {method} " in shown


def test_evaluate_scores_by_the_references_of_the_file(table, capsys):
    arguments = ("--encoder", "none", "--metric", "exact_match", "--draws", 20)
    assert smoothie("evaluate", table, *arguments) == 0
    rows = [line.split("|") for line in capsys.readouterr().out.splitlines() if "|" in line]
    score = {row[1].strip(): row[2].strip() for row in rows}
    assert score["candidate:gpt"] == "66.7"  # two of three
    assert score["candidate:llama"] == score["candidate:phi"] == "33.3"
    assert score["random"] == "44.4"


def test_settings_and_columns_are_taken(table, tmp_path, capsys):
    path = tmp_path / "odd.csv"
    path.write_text(CSV.replace("id,question", "n,q"))
    arguments = ("--columns", "id=n,input=q", "--candidates", "phi,gpt,llama", "--encoder", "none")
    assert smoothie("route", path, *arguments, "--set", "beta=1", "--set", "prior=0") == 0
    assert "phi" in capsys.readouterr().out
    assert smoothie("check", path, *arguments[:4]) == 0
    assert "3 candidates: phi (" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["rout", "{table}"], 2, "no command 'rout': did you mean route?"),
        (["route"], 2, "the following arguments are required: file"),
        (["route", "{table}", "--nope"], 2, "unrecognized arguments: --nope"),
        (["route", "nope.csv"], 1, "nope.csv: no such file or folder"),
        (["route", "{table}", "--method", "concensus"], 1, "did you mean consensus?"),
        (["route", "{table}", "--set", "bet=1"], 1, "no such setting; did you mean beta?"),
        (["route", "{table}", "--set", "beta=x"], 1, "--set beta=x: expected a number"),
        (["route", "{table}", "--set", "beta"], 1, "--set beta: expected NAME=VALUE"),
        (["route", "{table}", "--columns", "input=nope"], 1, "no column 'nope'; it has id"),
        (["route", "{table}", "--candidates", "gpt,x"], 1, "no column 'x'; it has id"),
        (["route", "{table}", "--candidates", "gpt,phi"], 1, "at least three candidates"),
        (["route", "{table}", "--format", "xml"], 1, "format=xml: expected one of csv"),
        (
            ["route", "{table}", "-o", "{folder}/x.doc"],
            1,
            "x.doc: expected a name that ends",
        ),
        (["route", "{table}", "-o", "{table}/x.csv"], 1, "x.csv: cannot be written"),
        (["route", "{folder}"], 1, "a folder of no known layout"),
    ],
)
def test_wrong_use_is_one_sentence(table, tmp_path, capsys, arguments, status, message):
    filled = [part.format(table=table, folder=tmp_path) for part in arguments]
    if "--encoder" not in filled and filled[0] == "route":
        filled += ["--encoder", "none"]
    assert smoothie(*filled) == status
    said = capsys.readouterr()
    assert message in said.err.splitlines()[-1]
    assert said.err.splitlines()[-1].startswith("smoothie")
    assert "Traceback" not in said.err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["answers.csv"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "", "the file is empty"),
        ("a.csv", "id,a,b,c\n", "no rows"),
        ("a.csv", "id,a\n1,2,3,4\n5,6\n", "line 2: 4 cells, but the header has 2"),
        ("a.csv", 'id,a\n1,"2\n', "not a table"),
        ("a.csv", "a,a\n1,2\n", "column 'a' occurs twice"),
        ("a.csv", b"id,a\n1,\xff\n", "not UTF-8"),
        ("a.jsonl", "{}\n", "no answers found"),
        ("a.jsonl", "[1]\n", "line 1: expected a JSON object"),
        ("a.jsonl", '{"id": 1, "a": "x"\n', "line 1: not JSON"),
        ("a.json", "5", "expected a list of objects"),
        ("a.json", '{"a": ["x"], "b": []}', "different lengths"),
        ("a.parquet", "x", "not a Parquet file"),
        ("a.xyz", "x", "no known format; name it with"),
    ],
)
def test_broken_files_are_one_sentence(tmp_path, capsys, name, text, message):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    for command in ("check", "route"):
        assert smoothie(command, path) == 1
        said = capsys.readouterr().err.splitlines()[-1]
        assert said.startswith("smoothie: error: ")
        assert message in said
        assert name in said


def test_what_was_not_foreseen_is_one_sentence_too(table, capsys, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("nobody\nthought of this")

    monkeypatch.setattr("smoothie.loaders.formats.frame.problem_of_table", broken)
    assert smoothie("check", table) == 1
    said = capsys.readouterr().err
    assert "unexpected RuntimeError (nobody); set SMOOTHIE_TRACEBACK=1" in said
    assert "Traceback" not in said
    monkeypatch.setenv("SMOOTHIE_TRACEBACK", "1")
    assert smoothie("check", table) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupted_command_ends_in_one_line(table, capsys, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("smoothie.loaders.formats.frame.problem_of_table", interrupted)
    assert smoothie("route", table) == 130
    assert capsys.readouterr().err.splitlines()[-1].startswith("stopped;")


def test_help_and_version(capsys):
    assert smoothie("--version") == 0
    assert capsys.readouterr().out == f"smoothie {__version__}\n"
    for command in ([], ["route"], ["check"], ["evaluate"], ["demo"]):
        assert smoothie(*command, "--help") == 0
        shown = capsys.readouterr().out
        assert len(shown.splitlines()) < 45
        assert "smoothie route answers.csv" in shown or "examples:" in shown


def test_the_demo_writes_a_table_and_plots(tmp_path, capsys):
    assert smoothie("demo", "-o", tmp_path / "demo") == 0
    shown = capsys.readouterr().out
    table = pd.read_csv(tmp_path / "demo" / "comparisons.csv").set_index("method")
    assert table.difference_low["smoothie_local"] > 0  # better than random choice
    assert "| smoothie_local" in shown
    assert (tmp_path / "demo" / "methods.png").stat().st_size > 1000


@pytest.mark.slow
def test_commands_of_the_experiments_are_handed_over():
    done = subprocess.run(
        [sys.executable, "-m", "smoothie", "run", "k=3", "--cfg", "job"],
        cwd=ROOT,
        env=environment(measured=True),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "\nk: 3\n" in done.stdout


def test_help_waits_for_no_heavy_package():
    program = (
        "import sys; from smoothie.cli import make_parser; make_parser(); "
        "print(*[m for m in ('numpy', 'pandas', 'torch', 'hydra') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_empty_cells_of_scores_are_no_labels(tmp_path, capsys, caplog):
    path = tmp_path / "long.csv"
    rows = ["id,candidate,answer,score", "1,a,x,1", "1,b,x y,0", "1,c,z,", "2,a,u,", "2,b,u v,1"]
    path.write_text("\n".join([*rows, "2,c,w, "]))
    assert smoothie("evaluate", path, "--encoder", "none", "--draws", 20) == 0
    page = capsys.readouterr().out
    counts = {
        cells[1]: cells[-3:-1]
        for cells in ([cell.strip() for cell in line.split("|")] for line in page.splitlines())
        if len(cells) > 3
    }
    assert counts["Method"] == ["n", "n common"]
    assert counts["random"] == ["1", "1"]
    assert counts["candidate:b"] == ["2", "1"]
    assert counts["candidate:c"] == ["0", "0"]
    assert "Scores are incomplete" in page
    assert caplog.text.count("no score (labels) of c") == 1


@pytest.mark.slow
def test_a_saved_router_routes_another_file(table, tmp_path, capsys, tiny_encoder, monkeypatch):
    monkeypatch.setenv("SMOOTHIE_CACHE", str(tmp_path / "cache"))
    router, out = tmp_path / "router.npz", tmp_path / "out.csv"
    how = ("--method", "smoothie_local", "--set", "k=2", "--encoder", tiny_encoder)
    assert smoothie("route", table, *how, "--save-router", router) == 0
    assert f"router written to {router}" in capsys.readouterr().out
    new = tmp_path / "new.csv"
    new.write_text("id,question,phi,gpt,llama\n7,Capital of France?,p,g,l\n8,2+2?,p,g,l\n")
    how = ("--router", router, "--encoder", tiny_encoder)
    assert smoothie("route", new, *how, "-o", out) == 0
    kept = load_router(router)
    encoder = named_encoder(str(tiny_encoder))
    chosen = kept.predict(encoder.encode_inputs(["Capital of France?", "2+2?"]))
    names = [("gpt", "llama", "phi")[j] for j in chosen]
    assert pd.read_csv(out).candidate.tolist() == names
    assert kept.encoder.checksum == encoder.identity
    assert kept.encoder == SentenceEncoder(str(tiny_encoder), profile="exact").encoder_id
    assert kept.encoder != SentenceEncoder(str(tiny_encoder), max_tokens=8).encoder_id
    changed = tmp_path / "changed" / tiny_encoder.name  # the same name, other contents
    shutil.copytree(tiny_encoder, changed)
    (changed / "more.txt").write_text("x")
    capsys.readouterr()
    assert smoothie("route", new, "--router", router, "--encoder", changed) == 1
    said = capsys.readouterr().err
    assert "router.npz: the router was fitted with vectors of" in said
    assert "Traceback" not in said
