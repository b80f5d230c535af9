"""What a file may hold besides what it should: refused in one sentence, or read as it stands.

Every field of every file gets every value of a list, and every file is damaged in every way of
another one. `READ` and `WHOLE` name the cases that are read; all others must be refused, with the
name of the file and the number of the line.
"""

import io
import json
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from smoothie import SmoothieError, load_router
from smoothie.encoders.distances import StoredDistances
from smoothie.encoders.stored import StoredVectors
from smoothie.loaders import AlpacaEval, LocalFolder, MixInstruct, SmoothieData
from smoothie.routers.smoothie_global import SmoothieGlobal
from smoothie.routers.smoothie_local import SmoothieLocal
from smoothie.scorers import StoredPreferences, StoredScores
from smoothie.storage.lock import HubLock
from tests.conftest import ROOT, make_set, store_vectors, write_lines
from tests.loaders.mirror import make_mirror

NAMES = ("alpha", "beta", "gamma")
LINE = 5  # the one that is spoiled, counted from one

# What is written in the place of a value, as JSON.
VALUES = {
    "null": "null",
    "true": "true",
    "number": "7.5",
    "whole number": "7",
    "negative": "-1",
    "infinite": "Infinity",
    "not a number": "NaN",
    "400 digits": "1" * 400,
    "5000 digits": "1" * 5000,
    "empty": '""',
    "unknown name": '"nobody"',
    "list": '["it"]',
    "list of numbers": "[1, 2]",
    "list of null": "[null]",
    "empty list": "[]",
    "object": '{"a": 1}',
    "nested": "[" * 300 + "]" * 300,
    "deeply nested": "[" * 100_000 + "]" * 100_000,
    "deeply nested objects": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "lone surrogate": '"cut \\ud83d"',
    "NUL": '"nul \\u0000"',
    "carriage return": '"two\\rlines"',
    "path": '"../../outside"',
    "formula": '"=1+1"',
}

# The values that a field takes; "missing" is a row without the field.
NUMBERS = {"number", "whole number"}
WORDS = {"unknown name", "path", "formula"}
UNPRINTABLE = {"lone surrogate", "NUL", "carriage return"}
IDS = {"whole number", "negative", "400 digits", "carriage return"} | WORDS
TEXTS = {"empty"} | WORDS | UNPRINTABLE
READ = {
    ("dataset.jsonl", "id"): set(),
    ("dataset.jsonl", "task"): {"missing", "null", "empty"} | WORDS,
    ("dataset.jsonl", "input"): {"missing", "null"} | TEXTS,
    ("dataset.jsonl", "references"): {"missing", "null", "negative", "400 digits", "list"}
    | {"list of numbers", "empty list"}
    | NUMBERS
    | TEXTS,
    ("generations/beta.jsonl", "id"): set(),
    ("generations/beta.jsonl", "generation"): TEXTS,
    ("generations/beta.jsonl", "generations"): {"list"},
    ("labels.jsonl", "id"): set(),
    ("labels.jsonl", "model"): set(),
    ("labels.jsonl", "score"): {"null"},
    ("candidates.jsonl", "candidate"): set(),
    ("candidates.jsonl", "id"): set(),  # without one, beta has two lines
    ("candidates.jsonl", "cost"): {"missing", "null"} | NUMBERS,
    ("candidates.jsonl", "latency"): {"missing", "null"} | NUMBERS,
    ("candidates.jsonl", "cost_unit"): {"missing", "null", "empty"},
    ("candidates.jsonl", "latency_unit"): {"missing", "null", "empty"},
    ("scores.jsonl", "id"): IDS,
    ("scores.jsonl", "model"): TEXTS,
    ("scores.jsonl", "score"): {"null", "negative"} | NUMBERS,
    ("preferences.jsonl", "id"): IDS,
    ("preferences.jsonl", "a"): TEXTS,
    ("preferences.jsonl", "b"): TEXTS,
    ("preferences.jsonl", "winner"): {"null"},
}
# Refused where all files are put together, not at a line: the values, and what is said.
TOGETHER = {
    ("dataset.jsonl", "id"): (IDS, "labels of 1 id that dataset.jsonl does not hold ('q4')"),
    ("generations/beta.jsonl", "id"): (IDS, "beta lacks 1 of 12 inputs"),
    ("generations/beta.jsonl", "generation"): ({"null"}, "beta lacks 1 of 12 inputs"),
    ("labels.jsonl", "id"): (IDS, "labels of 1 id that dataset.jsonl does not hold"),
    ("labels.jsonl", "model"): (TEXTS, "labels of 1 candidate without generations"),
    ("candidates.jsonl", "candidate"): (TEXTS, "costs of 1 candidate without generations"),
    ("candidates.jsonl", "id"): (IDS, "costs of 1 id that dataset.jsonl does not hold"),
}
LINES = sorted({file for file, _ in READ})


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A folder with a file of every kind, none of them at fault."""
    folder = make_set(tmp_path_factory.mktemp("odd") / "tiny")
    costs = [{"candidate": name, "cost": 1, "cost_unit": "cent", "latency": 2} for name in NAMES]
    single = {"candidate": "beta", "cost": 3, "cost_unit": "cent", "latency": 4}
    costs += [single | {"id": f"q{i}", "latency_unit": "s"} for i in range(4)]
    write_lines(folder / "candidates.jsonl", costs)
    shutil.copy(folder / "labels.jsonl", folder / "scores.jsonl")
    pairs = [{"a": "alpha", "b": "beta"}, {"a": "beta", "b": "gamma"}]
    verdicts = [{"id": f"q{i}", **pair, "winner": "tie"} for i in range(4) for pair in pairs]
    write_lines(folder / "preferences.jsonl", verdicts)
    store_vectors(folder, folder / "vectors")
    vectors = StoredVectors(str(folder / "vectors"))
    problem = LocalFolder(path=str(folder)).load()
    generations, inputs = vectors.encode_problem(problem, inputs=True)
    distances = vectors.measure(problem).distances
    np.savez(folder / "distances.npz", distances=distances, candidates=NAMES, inputs=inputs)
    SmoothieLocal(k=3).fit(generations, inputs=inputs).save(folder / "local.npz", NAMES)
    by_task = SmoothieGlobal(fit_by="task").fit(generations, groups=problem.tasks)
    by_task.save(folder / "by_task.npz", NAMES)
    return folder


@pytest.fixture
def folder(whole, tmp_path):
    """A copy, to be spoiled."""
    return Path(shutil.copytree(whole, tmp_path / "tiny"))


def use(folder, file):
    """Read whatever a file is read for, and use it."""
    if file.endswith("scores.jsonl"):
        return StoredScores(str(folder)).score(LocalFolder(path=str(folder)).load())
    if file.endswith("preferences.jsonl"):
        return StoredPreferences(str(folder)).score(LocalFolder(path=str(folder)).load())
    if file.startswith("vectors/"):
        encoder = StoredVectors(str(folder / "vectors"))
        return encoder.measure(LocalFolder(path=str(folder)).load()), encoder.signature
    if file == "distances.npz":
        encoder = StoredDistances(str(folder / file))
        return encoder.measure(LocalFolder(path=str(folder)).load()), encoder.signature
    if file == "by_task.npz":
        return load_router(folder / file).predict(groups=["colours"])
    if file == "local.npz":
        return load_router(folder / file).predict(np.load(folder / "vectors" / "inputs.npy"))
    return LocalFolder(path=str(folder)).load().to_dataset()


def refused(folder, file):
    """What is said of a file that cannot be used: one line of text."""
    with pytest.raises(SmoothieError) as raised:
        use(folder, file)
    message = str(raised.value)
    assert message.isprintable()
    message.encode()
    assert len(message) < 1000
    return message


def spoil(path, change):
    """Change the text of one line."""
    lines = path.read_bytes().split(b"\n")
    lines[LINE - 1] = change(lines[LINE - 1])
    path.write_bytes(b"\n".join(lines))


def with_value(line, field, value):
    """The line with a value, in JSON, or without the field."""
    row = json.loads(line)
    row.pop(field, None)
    if field == "generations":
        row.pop("generation")
    parts = [f"{json.dumps(key)}: {json.dumps(other)}" for key, other in row.items()]
    if value is not None:
        parts.append(f"{json.dumps(field)}: {value}")
    return ("{" + ", ".join(parts) + "}").encode()


def test_what_is_not_spoiled_is_read(folder, caplog):
    for file in [*LINES, "vectors/beta.npy", "distances.npz", "by_task.npz", "local.npz"]:
        use(folder, file)
    assert not caplog.records


@pytest.mark.parametrize("kind", ["missing", *VALUES])
@pytest.mark.parametrize(("file", "field"), READ)
def test_values_of_fields(folder, file, field, kind):
    spoil(folder / file, lambda line: with_value(line, field, VALUES.get(kind)))
    if kind in READ[file, field]:
        use(folder, file)
        return
    kinds, words = TOGETHER.get((file, field), (set(), ""))
    assert (words if kind in kinds else f"{file}, line {LINE}: ") in refused(folder, file)


@pytest.mark.parametrize("kind", VALUES)
@pytest.mark.parametrize("file", LINES)
def test_values_of_whole_lines(folder, file, kind):
    """A line is an object, and nothing else; an object without the right keys is none either."""
    spoil(folder / file, lambda _: VALUES[kind].encode())
    assert f"{file}, line {LINE}: " in refused(folder, file)


@pytest.mark.parametrize(("file", "field"), READ)
def test_keys_that_occur_twice(folder, file, field):
    spoil(
        folder / file,
        lambda line: line[:-1] + f', "{field}": 1, "{field}": 1}}'.encode(),
    )
    assert f"{file}, line {LINE}: key '{field}' occurs twice" in refused(folder, file)


def write(content):
    return lambda path: path.write_bytes(content)


def link_to_itself(path):
    path.unlink()
    path.symlink_to(path)


def link_to_nothing(path):
    path.unlink()
    path.symlink_to(path.with_name("gone"))


def folder_instead(path):
    path.unlink()
    path.mkdir()


def on_line(change):
    return lambda path: spoil(path, change)


def on_text(change):
    return lambda path: path.write_bytes(change(path.read_bytes()))


DAMAGES = {
    "not UTF-8": (on_line(lambda line: line.replace(b"q", b"\xff", 1)), f"line {LINE}: not UTF-8"),
    "UTF-16": (on_text(lambda text: text.decode().encode("utf-16")), "line 1: not UTF-8"),
    "cut off": (on_line(lambda line: line[:-5]), f"line {LINE}: not JSON"),
    "two objects": (on_line(lambda line: line + line), f"line {LINE}: not JSON"),
    "NUL": (on_line(lambda line: b"\0" + line), f"line {LINE}: not JSON"),
    "marked twice": (on_line(lambda line: b"\xef\xbb\xbf" + line), f"line {LINE}: not JSON"),
    "itself": (link_to_itself, "cannot be read (Too many levels of symbolic links)"),
    "nothing": (link_to_nothing, ": no such file"),
    "folder": (folder_instead, "cannot be read (Is a directory)"),
    "zeros": (write(bytes(100)), "line 1: not JSON"),
}
HARMLESS = {
    "byte order mark": on_text(lambda text: b"\xef\xbb\xbf" + text),
    "blank lines": on_text(lambda text: b"\n \n" + text.replace(b"\n", b"\n\n")),
    "lines of Windows": on_text(lambda text: text.replace(b"\n", b"\r\n")),
    "lines of old": on_text(lambda text: text.replace(b"\n", b"\r")),
    "no last newline": on_text(lambda text: text.rstrip(b"\n")),
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", LINES)
def test_damaged_files_of_lines(folder, file, damage):
    change, words = DAMAGES[damage]
    change(folder / file)
    message = refused(folder, file)
    if file.startswith(("scores", "preferences")) and damage in ("itself", "nothing", "folder"):
        words = "no such file"  # the setting is named
    assert file in message
    assert words in message


@pytest.mark.parametrize("change", HARMLESS)
@pytest.mark.parametrize("file", LINES)
def test_what_a_file_may_be_like(folder, whole, file, change):
    HARMLESS[change](folder / file)
    found, expected = use(folder, file), use(whole, file)
    if isinstance(found, np.ndarray):
        np.testing.assert_array_equal(found, expected)
    else:
        assert found.to_list() == expected.to_list()


@pytest.mark.parametrize("file", LINES)
def test_lines_that_occur_twice(folder, file):
    spoil(folder / file, lambda line: line + b"\n" + line)
    if file == "preferences.jsonl":
        use(folder, file)  # a pair may be judged any number of times
    else:
        assert f"{file}, line {LINE + 1}: " in refused(folder, file)


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("dataset.jsonl", "dataset.jsonl: no rows"),
        ("generations/beta.jsonl", "beta lacks 12 of 12 inputs"),
        ("labels.jsonl", "labels.jsonl: holds no scores"),
        ("candidates.jsonl", "candidates.jsonl: holds no costs"),
        ("scores.jsonl", "scores.jsonl: no verdict about any text"),
        ("preferences.jsonl", "preferences.jsonl: no verdict about any two texts"),
    ],
)
def test_empty_files(folder, caplog, file, message):
    (folder / "labels.jsonl").unlink()
    (folder / file).write_text("\n")
    if "holds no" in message:
        use(folder, file)
        assert message in caplog.text
    else:
        assert message in refused(folder, file)


def header(shape, descr="'<f8'"):
    """The beginning of an .npy file, with whatever it is to claim."""
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(64 * (len(text) // 64 + 2) - 11) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


def npy(array, **options):
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


VECTORS = np.ones((12, 8), np.float32)
OBJECTS = np.full((12, 8), None, dtype=object)
ARRAYS = {
    "zero dimensions": (npy(VECTORS[:, :0]), "vectors of zero dimensions"),
    "no rows": (npy(VECTORS[:0]), "expected 12 rows .* found shape (0, 8)"),
    "a row less": (npy(VECTORS[1:]), "expected 12 rows .* found shape (11, 8)"),
    "other dimensions": (npy(VECTORS[:, 1:]), "dimensions"),
    "one axis": (npy(VECTORS[:, 0]), "found shape (12,)"),
    "three axes": (npy(VECTORS[:, :, None]), "found shape (12, 8, 1)"),
    "a number": (npy(np.float64(1)), "found shape ()"),
    "whole numbers": (npy(VECTORS.astype(int)), "expected floats, found int64"),
    "true and false": (npy(VECTORS > 0), "expected floats, found bool"),
    "complex": (npy(VECTORS * 1j), "expected floats, found complex64"),
    "texts": (npy(VECTORS.astype(str)), "expected floats, found <U"),
    "not a number": (npy(VECTORS * np.nan), "row 0 holds a value that is not finite"),
    "infinite": (npy(VECTORS * -np.inf), "row 0 holds a value that is not finite"),
    "too large": (npy(VECTORS.astype(float) * 1e200), "row 0 holds .* too large to be squared"),
    "objects": (npy(OBJECTS, allow_pickle=True), "holds objects"),
    "empty": (b"", "not a NumPy array file"),
    "text": (b"0.1 0.2\n", "not a NumPy array file"),
    "cut off": (npy(VECTORS)[:-1], "384 bytes, and there are 383"),
    "more at the end": (npy(VECTORS) + b"\0", "384 bytes, and there are 385"),
    "terabytes": (header("(12, 10**12)".replace("10**12", "1" + "0" * 12)), "there are 0"),
    "400 digits": (header(f"(12, {'1' * 400})"), "claims to be float64 of shape (12, 111"),
    "negative": (header("(-12, -8)") + bytes(768), "claims to be float64 of shape (-12, -8)"),
    "nothing each": (header("(12, 10000000000000)", "'<U0'"), "claims to be <U0"),
    "nested": (header("(" * 3000 + ")" * 3000), "not a NumPy array file"),
    "unclosed": (header("(12, 8"), "not a NumPy array file"),
    "other kind": (header("(12, 8)", "'nothing'") + bytes(768), "not a NumPy array file"),
    "no kind": (header("(12, 8)", "3") + bytes(768), "not a NumPy array file"),
    "version": (b"\x93NUMPY\x09\x00" + npy(VECTORS)[8:], "not a NumPy array file"),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("name", ["alpha", "beta", "inputs"])
def test_stored_vectors(folder, name, kind):
    content, words = ARRAYS[kind]
    (folder / "vectors" / f"{name}.npy").write_bytes(content)
    if kind == "other dimensions":
        if name == "inputs":
            use(folder, "vectors/inputs.npy")
            return
        name = "beta"  # compared with alpha
    message = refused(folder, f"vectors/{name}.npy")
    assert f"vectors/{name}.npy" in message or f"{name}.npy has" in message
    for part in words.split(" .* "):
        assert part in message


@pytest.mark.parametrize("damage", ["itself", "nothing", "folder", "gone"])
@pytest.mark.parametrize(
    "file", ["vectors/beta.npy", "vectors/inputs.npy", "distances.npz", "by_task.npz", "local.npz"]
)
def test_arrays_that_cannot_be_read(folder, file, damage):
    change = Path.unlink if damage == "gone" else DAMAGES[damage][0]
    change(folder / file)
    message = refused(folder, file)
    assert file in message
    assert "no such file" in message or "cannot be read" in message


def changed(path, compressed=False, **arrays):
    """Write an archive again with other arrays; None leaves one out."""
    with np.load(path) as stored:
        arrays = {**stored, **arrays}
    save = np.savez_compressed if compressed else np.savez
    save(path, **{name: array for name, array in arrays.items() if array is not None})


SQUARE = 1.0 - np.broadcast_to(np.eye(3), (12, 3, 3))
PARTS = {
    "distances.npz": {
        "distances": [
            (None, "no array 'distances'"),
            (SQUARE[:5], "must have 12 rows"),
            (SQUARE[:0], "no rows"),
            (SQUARE[:, :2], "found shape"),
            (SQUARE[:, :2, :2], "at least three candidates"),
            (SQUARE * np.nan, "not finite"),
            (-SQUARE, "is negative"),
            (np.where(SQUARE > 0, np.inf, 0), "not finite"),
            (SQUARE + np.eye(3), "should be zero"),
            (np.triu(SQUARE), "differs from that of the other direction"),
            (SQUARE.astype(str), "expected real numbers"),
            (SQUARE * 1j, "expected real numbers"),
            (np.float64(1), "found shape"),
        ],
        "candidates": [
            (None, "no array 'candidates'"),
            (np.array(["alpha", "beta"]), "3 different names"),
            (np.array(["alpha", "beta", "beta"]), "3 different names"),
            (np.array(["alpha", "beta", "nobody"]), "no distances of 'gamma'"),
            (np.array(["alpha", "beta", "\ud800"]), "no distances of 'gamma'"),
            (np.arange(3), "no distances of 'alpha'"),
            (np.array([]), "3 different names"),
        ],
        "inputs": [
            (VECTORS[:, :0], "found shape (12, 0)"),
            (VECTORS[1:], "inputs must have 12 rows"),
            (VECTORS * np.nan, "row 0 holds a value that is not finite"),
            (VECTORS.astype(str), "expected numbers"),
            (VECTORS[0], "found shape (8,)"),
        ],
    },
    "local.npz": {
        "format": [(None, "not a saved router"), (np.array("1"), "router format '1'")],
        "kind": [(None, "not a saved router"), (np.array("Oracle"), "holds a Oracle")],
        "parameters": [
            (None, "not a saved router"),
            (np.array("{" * 5000), "parameters are not JSON"),
            (np.array("[" * 100_000), "parameters are not JSON"),
            (np.array("1" * 5000), "parameters are not JSON"),
            (np.array("null"), "not a JSON object"),
            (np.array('{"k": 3}'), "parameters are not those"),
            (np.array('{"k": 3, "k": 3, "degenerate": "keep"}'), "parameters are not JSON"),
            (np.array('{"k": 0, "degenerate": "keep"}'), "k=0"),
            (np.array('{"k": true, "degenerate": "keep"}'), "k=True"),
            (np.array('{"k": 3, "degenerate": []}'), "degenerate=[]"),
            (np.array('{"k": 13, "degenerate": "keep"}'), "k=13"),
        ],
        "candidates": [
            (np.array(["a", "b"]), "does not fit"),
            (np.array(["a", "b", "b"]), "different names"),
            (np.arange(3), "different names"),
            (np.array([["a", "b", "c"]]), "different names"),
            (np.array(["a", "b", "c\nd"]), "holds a control character"),
        ],
        "errors": [
            (None, "errors is missing"),
            (np.full((12, 3), np.nan), "errors must be finite"),
            (np.full((12, 3), np.inf), "errors must be finite"),
            (np.full((12, 3), -1.0), "errors must be positive"),
            (np.zeros((12, 3)), "errors must be positive"),
            (np.ones((12, 3), int), "errors is int64"),
            (np.ones((11, 3)), "does not fit"),
            (np.ones(3), "does not fit"),
        ],
        "weights": [
            (None, "weights is missing"),
            (np.full((12, 3), np.nan), "weights must be zero or more"),
            (np.full((12, 3), np.inf), "weights must be zero or more"),
            (np.tile([-1.0, 1, 1], (12, 1)), "weights must be zero or more"),
            (np.full((12, 3), 0.5), "sum to one"),
            (np.zeros((12, 3)), "sum to one"),
            (np.full((12, 4), 0.25), "does not fit"),
        ],
        "choices": [
            (None, "choices is missing"),
            (np.full(12, 3), "choices are not among the candidates"),
            (np.full(12, -1), "choices are not among the candidates"),
            (np.zeros(12), "choices is float64"),
            (np.zeros(0, int), "does not fit"),
        ],
        "distances": [
            (None, "distances is missing, and there are inputs"),
            (SQUARE * np.nan, "not finite"),
            (-SQUARE, "is negative"),
            (SQUARE[1:], "does not fit"),
        ],
        "inputs": [
            (VECTORS * np.nan, "inputs: row 0 holds a value that is not finite"),
            (VECTORS[:, :0], "found shape (12, 0)"),
            (VECTORS[1:], "does not fit"),
            (VECTORS.astype(str), "does not fit"),
        ],
    },
    "by_task.npz": {
        "groups": [
            (None, "not those of fit_by=task"),
            (np.array(["a"] * 11), "does not fit"),
            (np.arange(12), "does not fit"),
        ],
        "errors": [
            (np.ones(3), "not those of fit_by=task"),
            (np.full((12, 3), np.nan), "errors must be finite"),
        ],
        "weights": [
            (np.full(3, 1 / 3), "not those of fit_by=task"),
            (np.full((12, 3), -1.0), "weights must be zero or more"),
        ],
        "choices": [(np.full(12, 3), "choices are not among the candidates")],
        "parameters": [
            (np.array('{"fit_by": "all", "degenerate": "resolve"}'), "not those of fit_by=all"),
            (np.array('{"fit_by": "input", "degenerate": "resolve"}'), "not those of fit_by=input"),
            (np.array('{"fit_by": "nobody", "degenerate": "resolve"}'), "fit_by=nobody"),
            (np.array('{"fit_by": {}, "degenerate": "resolve"}'), "fit_by={}"),
        ],
    },
}


@pytest.mark.parametrize(
    ("file", "name", "array", "words"),
    [
        (file, name, array, words)
        for file, parts in PARTS.items()
        for name, cases in parts.items()
        for array, words in cases
    ],
)
def test_parts_of_archives(folder, file, name, array, words):
    changed(folder / file, **{name: array})
    message = refused(folder, file)
    assert file in message
    assert words in message


@pytest.mark.parametrize("file", PARTS)
@pytest.mark.parametrize("kind", [kind for kind in ARRAYS if kind != "other dimensions"])
def test_arrays_in_archives(folder, file, kind):
    """No header is believed before it was compared with what there is."""
    content = ARRAYS[kind][0]
    name = "distances" if file != "by_task.npz" else "errors"
    with zipfile.ZipFile(folder / file) as archive:
        parts = {entry: archive.read(entry) for entry in archive.namelist()}
    with zipfile.ZipFile(folder / file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, old in parts.items():
            archive.writestr(entry, content if entry == f"{name}.npy" else old)
    assert file in refused(folder, file)


@pytest.mark.parametrize("file", PARTS)
def test_archives_that_unpack_to_far_more_than_they_are(folder, file):
    """200 megabytes of zeros take 200 kilobytes; it is refused before it takes memory."""
    import tracemalloc

    with (
        zipfile.ZipFile(folder / file, "a", zipfile.ZIP_DEFLATED) as archive,
        archive.open("more.npy", "w", force_zip64=True) as entry,
    ):
        entry.write(header("(25000000,)"))
        for _ in range(200):
            entry.write(bytes(1_000_000))
    tracemalloc.start()
    message = refused(folder, file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "more than 100 times its size" in message
    assert peak < 20_000_000


@pytest.mark.parametrize("file", PARTS)
def test_archives_may_be_compressed(folder, whole, file):
    changed(folder / file, compressed=True)
    found, expected = use(folder, file), use(whole, file)
    if file == "distances.npz":
        found, expected = found[0].distances, expected[0].distances
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("file", PARTS)
def test_archives_that_are_none(folder, file):
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as archive:
        archive.writestr("errors.npy", npy(VECTORS))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("errors.npy", npy(VECTORS))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("errors.npy", npy(VECTORS))
    for content, words in (
        (b"", "not a whole .npz file"),
        (b"junk", "not a whole .npz file"),
        (npy(VECTORS), "it is a single array"),
        (twice.getvalue(), "an array occurs twice"),
        (packed.getvalue(), "compressed by a method"),
    ):
        (folder / file).write_bytes(content)
        message = refused(folder, file)
        assert file in message
        assert words in message


GENERATIONS = "multi_model_results/squad/model_gens/dolly_test.json"
PROMPTS = "multi_prompt_results/squad/dolly/individual_test.json"
OUTPUTS = "alpaca/downloaded_outputs/bob.json"


def rows_with(**change):
    """Outputs of AlpacaEval, the fourth of them changed."""
    rows = [{"instruction": f"Do {i}", "output": "done", "dataset": "helpful"} for i in range(9)]
    return json.dumps([*rows[:3], rows[3] | change, *rows[4:]])


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        *((file, "[" * 100_000, ": nested too deeply") for file in (GENERATIONS, OUTPUTS)),
        *(
            (file, '{\n"a": 1, "a": 2}', ": key 'a' occurs twice")
            for file in (GENERATIONS, OUTPUTS)
        ),
        *((file, "1" * 5000, ": not JSON (Exceeds") for file in (GENERATIONS, OUTPUTS)),
        *((file, '{\n"a": \n', ", line 3: not JSON") for file in (GENERATIONS, OUTPUTS)),
        *((file, b"[\n\n\xff]", ", line 3: not UTF-8") for file in (GENERATIONS, OUTPUTS)),
        *((file, "null", ": expected") for file in (GENERATIONS, PROMPTS, OUTPUTS)),
        *((file, "{}", ": expected") for file in (GENERATIONS, PROMPTS, OUTPUTS)),
        *((file, "", "line 1: not JSON") for file in (GENERATIONS, PROMPTS, OUTPUTS)),
        (GENERATIONS, '{"generations": null}', ": expected"),
        (GENERATIONS, '{"generations": []}', "0 generations for 9 inputs"),
        (GENERATIONS, json.dumps({"generations": [["x"]] * 9}), "generation 0 is not a text"),
        (GENERATIONS, json.dumps({"generations": [10**400] * 9}), "generation 0 is not a text"),
        (GENERATIONS, json.dumps({"generations": [True] * 9}), "generation 0 is not a text"),
        (PROMPTS, json.dumps({"generations": [[]] * 9}), "one list of texts, of equal length"),
        (PROMPTS, json.dumps({"generations": ["x"] * 9}), "one list of texts, of equal length"),
        (PROMPTS, json.dumps({"generations": [["x"], *[["x"] * 2] * 8]}), "of equal length"),
        (PROMPTS, json.dumps({"generations": [[7]] * 9}), "generation 0 is not a text"),
        (OUTPUTS, rows_with(output=None), "row 3: expected texts"),
        (OUTPUTS, rows_with(instruction=["x"]), "row 3: expected texts"),
        (OUTPUTS, rows_with(instruction="Do 1"), "an instruction occurs twice"),
        (OUTPUTS, rows_with(dataset=7), "row 3: 'dataset' must be a text"),
        (
            OUTPUTS,
            rows_with(dataset="two\nlines"),
            "row 3: 'dataset' 'two\\nlines' holds a control",
        ),
    ],
)
def test_files_of_the_hub(tmp_path, file, content, words):
    folder = make_mirror(tmp_path / "mirror")
    (folder / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    model = "dolly" if file == PROMPTS else None
    source = SmoothieData(folder=str(folder), dataset="squad", model=model)
    if file == OUTPUTS:
        source = AlpacaEval(folder=str(folder))
    with pytest.raises(SmoothieError) as raised:
        source.load()
    message = str(raised.value)
    assert message.isprintable()
    assert len(message) < 1000
    assert file in message
    assert words in message


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd", "..", ".hidden", "a/b", "nul\0"])
def test_candidates_of_the_hub_stay_in_their_folder(tmp_path, name):
    folder = make_mirror(tmp_path / "mirror")
    for source in (
        SmoothieData(folder=str(folder), dataset="squad"),
        AlpacaEval(folder=str(folder)),
    ):
        with pytest.raises(SmoothieError, match="cannot be the name of a file there"):
            source.load([name, "dolly", "gemma"])


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("id", None, "line 2: expected a text or a whole number under 'id', found None"),
        ("id", True, "line 2: expected a text or a whole number under 'id', found True"),
        ("id", "r0", "line 2: id 'r0' occurs twice"),
        ("id", "\ud83d", "line 2: the id '\\ud83d' holds"),
        ("instruction", ["x"], "line 2: 'instruction' must be a text"),
        ("input", 10**400, "line 2: 'input' must be a text"),
        ("candidates", [{"model": "one", "text": "x"}] * 2, "line 2: two texts of 'one'"),
        ("candidates", [{"model": "one", "text": 7}], "line 2: 'text' must be a text"),
        ("candidates", ["one"], "line 2: a candidate has no text under 'model'"),
        ("cmp_results", "[" * 100_000, "line 2: 'cmp_results' is neither"),
        ("cmp_results", "{[]: 1}", "line 2: 'cmp_results' is neither"),
        ("cmp_results", "{{}}", "line 2: 'cmp_results' is neither"),
        ("cmp_results", "1" * 5000, "line 2: 'cmp_results' is neither"),
        ("cmp_results", "nul\0", "line 2: 'cmp_results' is neither"),
        ("cmp_results", 7, "line 2: 'cmp_results' is not a table"),
    ],
)
def test_rows_of_mix_instruct(tmp_path, field, value, words):
    candidates = [{"model": name, "text": name} for name in ("one", "two", "three")]
    rows = [
        {"id": f"r{i}", "candidates": candidates, "cmp_results": '{"one,two": "A is better"}'}
        for i in range(3)
    ]
    rows[1][field] = value
    write_lines(tmp_path / "test_data_prepared.jsonl", rows)
    with pytest.raises(SmoothieError) as raised:
        MixInstruct(folder=str(tmp_path)).load()
    assert words in str(raised.value)
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("name", [b"b\xff", b"two\nlines", b"two\rlines", b"tab\t"])
def test_names_of_candidates_are_printable(folder, name):
    path = folder / "generations" / os.fsdecode(name + b".jsonl")
    shutil.copy(folder / "generations" / "beta.jsonl", path)
    assert "holds a control character or a lone surrogate" in refused(folder, "generations")
    assert LocalFolder(path=str(folder)).load(NAMES).candidates == NAMES


def test_names_of_folders_may_be_anything(folder, tmp_path):
    odd = tmp_path / os.fsdecode(b"caf\xe9\n")
    folder.rename(odd)
    assert LocalFolder(path=str(odd)).load().name == "caf\ufffd\ufffd"
    (odd / "labels.jsonl").write_text("{")
    assert "caf\\udce9\\n/labels.jsonl, line 1: not JSON" in refused(odd, "labels.jsonl")


PATHS = ["~" + "nobody" * 9 + "/x", "nul\0", "long" * 2000, "\ud800", "two\nlines", "/dev/null"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "read",
    [
        lambda path: LocalFolder(path=path).load(),
        lambda path: LocalFolder(path=str(ROOT / "smoothie/demo"), train_path=path).load_train("a"),
        lambda path: SmoothieData(folder=path, dataset="squad").load(),
        lambda path: SmoothieData(dataset="squad", lock=path, folder=path).load(),
        lambda path: AlpacaEval(folder=path).load(),
        lambda path: MixInstruct(folder=path).load(),
        lambda path: StoredScores(folder=path).signature,
        lambda path: StoredPreferences(file=path).signature,
        lambda path: StoredDistances(path).measure(None),
        lambda path: load_router(path),
        lambda path: HubLock.at(path)._read() or load_router(path),
    ],
)
def test_paths_that_lead_nowhere(read, path):
    with pytest.raises(SmoothieError) as raised:
        read(path)
    assert str(raised.value).isprintable()
