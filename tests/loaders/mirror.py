"""A small mirror of the paper's Hub repository, in its layout; and a Hub to serve it."""

import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

COMMIT = "0123456789abcdef0123456789abcdef01234567"
MODELS = ("dolly", "gemma", "pythia")
REPOSITORY = "someone/smoothie_mirror"


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value), encoding="utf-8")


def make_mirror(root: Path, rows: int = 9) -> Path:
    """Write the mirror: one dataset with models and prompts, train and test, and AlpacaEval."""
    for split in ("train", "test"):
        lines = [
            {
                "task_name": "squad",
                "idx": i,
                "embedding_input": f"{split} passage {i}",
                "multi_model_prompt": "long prompt",
                "reference": [f"answer {i}", f"Answer No {i}"] if i % 2 else f"answer {i}",
            }
            for i in range(rows)
        ]
        path = root / "datasets" / f"squad_{split}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        for j, model in enumerate(MODELS):
            said = [f" answer {i if (i + j) % 3 else 99} \nQuestion: next" for i in range(rows)]
            folder = root / "multi_model_results" / "squad" / "model_gens"
            write_json(folder / f"{model}_{split}.json", {"generations": said})
        prompts = [[f"answer {i + p}" for p in range(11)] for i in range(rows)]
        folder = root / "multi_prompt_results" / "squad" / "dolly"
        write_json(folder / f"individual_{split}.json", {"generations": prompts})
        write_json(folder / f"pick_random_{split}.json", {"generations": ["x"] * rows})
    for j, model in enumerate(("Ann", "bob", "cec")):
        items = [
            {
                "dataset": "helpful_base",
                "instruction": f"Do {i}",
                "output": f"{model} does {i}",
                "generator": model,
            }
            for i in range(rows)
        ]
        if j == 2:  # one file is in another order, as gemini-pro's is
            items = items[:3] + items[:2:-1]
        write_json(root / "alpaca" / "downloaded_outputs" / f"{model}.json", items)
    return root


class Handler(http.server.BaseHTTPRequestHandler):
    """The part of the Hub's interface that a download needs."""

    root: Path
    asked: list[str]

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, body: bool) -> None:
        path = unquote(self.path.split("?")[0])
        self.asked.append(f"{self.command} {path}")
        resolve = f"/datasets/{REPOSITORY}/resolve/{COMMIT}/"
        headers = {"X-Repo-Commit": COMMIT}
        if path.startswith(f"/api/datasets/{REPOSITORY}"):
            names = [p.relative_to(self.root).as_posix() for p in self.root.rglob("*.json*")]
            info = {"id": REPOSITORY, "sha": COMMIT, "siblings": [{"rfilename": n} for n in names]}
            tree = [{"type": "file", "path": n, "size": 1, "oid": "0" * 40} for n in names]
            content = json.dumps(tree if "/tree/" in path else info).encode()
            headers["Content-Type"] = "application/json"
        elif path.startswith(resolve) and (self.root / path.removeprefix(resolve)).is_file():
            content = (self.root / path.removeprefix(resolve)).read_bytes()
            headers["ETag"] = f'"{hashlib.sha1(content).hexdigest()}"'
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if body:
            self.wfile.write(content)


@contextmanager
def serve(root: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve a mirror on this machine; gives the address and the list of requests so far."""
    asked: list[str] = []
    handler = type("MirrorHandler", (Handler,), {"root": root, "asked": asked})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
