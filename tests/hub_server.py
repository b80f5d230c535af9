"""A small Hub on this machine: creates repositories, takes commits, serves files of each."""

import base64
import hashlib
import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TOKEN = "hf_for_writing"


class LocalHub:
    """Repositories by kind and name; each a list of commits, (id, files by name)."""

    def __init__(self):
        self.commits: dict[tuple[str, str], list[tuple[str, dict[str, bytes]]]] = {}
        self.private: dict[tuple[str, str], bool] = {}
        self.requests: list[str] = []

    def at(self, kind, name, revision):
        """A commit of a repository; None if there is none."""
        commits = self.commits.get((kind, name), [])
        if revision in (None, "main"):
            return commits[-1] if commits else None
        return next((commit for commit in commits if commit[0] == revision), None)

    def commit(self, kind, name, files):
        commits = self.commits[kind, name]
        content = {**(commits[-1][1] if commits else {}), **files}
        identity = repr((len(commits), sorted(content.items()))).encode()
        commits.append((hashlib.sha1(identity).hexdigest(), content))
        return commits[-1][0]


class Handler(BaseHTTPRequestHandler):
    """The endpoints that pushing and loading need."""

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", **headers):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def refused(self, status, code):
        self.answer(status, {"error": code}, X_Error_Code=code, X_Error_Message=code)

    def do_POST(self):
        hub = self.server.hub
        hub.requests.append(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer(401, {"error": "Invalid credentials"})
        if self.path == "/api/validate-yaml":
            return self.answer(200, {"errors": [], "warnings": []})
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            key = (asked.get("type") or "model", f"{asked['organization']}/{asked['name']}")
            status = 409 if key in hub.commits else 200
            if status == 200:
                hub.commits[key] = []
                hub.private[key] = asked.get("visibility") == "private" or bool(
                    asked.get("private")
                )
            folder = "datasets/" if key[0] == "dataset" else ""
            port = self.server.server_port
            return self.answer(status, {"url": f"http://127.0.0.1:{port}/{folder}{key[1]}"})
        match = re.match(r"/api/(model|dataset)s/([^/]+/[^/]+)/(preupload|commit)/main", self.path)
        if match is None:
            return self.refused(404, "EntryNotFound")
        kind, name, what = match.groups()
        if what == "preupload":
            files = [
                {"path": file["path"], "uploadMode": "regular", "shouldIgnore": False}
                for file in json.loads(body)["files"]
            ]
            return self.answer(200, {"files": files})
        entries = [json.loads(line) for line in body.splitlines()]
        files = {
            entry["value"]["path"]: base64.b64decode(entry["value"]["content"])
            for entry in entries
            if entry["key"] == "file"
        }
        made = hub.commit(kind, name, files)
        url = f"http://127.0.0.1:{self.server.server_port}/{name}/commit/{made}"
        return self.answer(200, {"success": True, "commitOid": made, "commitUrl": url})

    def do_GET(self):
        hub = self.server.hub
        hub.requests.append(self.path)
        path = self.path.partition("?")[0]
        info = re.fullmatch(r"/api/(model|dataset)s/([^/]+/[^/]+)(?:/revision/([^/]+))?", path)
        file = re.fullmatch(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)", path)
        if info is not None:
            kind, name, revision = info.groups()
        elif file is not None:
            kind, name, revision = "dataset" if file[1] else "model", file[2], file[3]
        else:
            return self.refused(404, "EntryNotFound")
        if (kind, name) not in hub.commits:
            return self.refused(401, "RepoNotFound")
        found = hub.at(kind, name, revision)
        if found is None:
            return self.refused(404, "RevisionNotFound")
        if info is not None:
            siblings = [{"rfilename": name} for name in found[1]]
            return self.answer(200, {"id": name, "sha": found[0], "siblings": siblings})
        content = found[1].get(file[4])
        if content is None:
            return self.refused(404, "EntryNotFound")
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        return self.answer(200, content, X_Repo_Commit=found[0], ETag=etag)

    do_HEAD = do_GET  # noqa: N815


@contextmanager
def serve():
    """A running Hub and its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.hub = LocalHub()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.hub, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
