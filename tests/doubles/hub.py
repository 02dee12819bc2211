"""What if the Hugging Face hub misbehaves? A double of it: HTTP on loopback, and as much of its API
as `huggingface_hub` asks for a model, with redirects to a CDN that is a second server."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

COMMIT, OLDER = "c0" * 20, "01d" + "0" * 37
LARGE = 10_000
"""From so many bytes on a file is kept with LFS, told of by its SHA-256, and served by the CDN."""
_API = re.compile(r"/api/models/([^/]+/[^/]+)(?:/revision/(.+))?")
_FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Repository:
    """`files` by name, for each commit; `refs` says which commit a branch is."""

    commits: dict[str, dict[str, bytes]]
    refs: dict[str, str] = field(default_factory=lambda: {"main": COMMIT})
    gated: bool = False
    readers: tuple[str, ...] = ()
    """The tokens that a gated one is given to."""


@dataclass(frozen=True)
class Seen:
    server: Literal["hub", "cdn"]
    method: str
    path: str
    range: str | None
    token: str | None
    status: int


@dataclass
class Hub:
    repositories: dict[str, Repository] = field(default_factory=dict)
    redirect: Literal["absolute", "relative"] = "absolute"
    """A large file's Location: at the CDN, or a path of the hub itself."""
    altered: set[str] = field(default_factory=set)
    """Files that come with another byte than was told."""
    lost: set[str] = field(default_factory=set)
    """Files that are listed, and not there."""
    hashes: bool = True
    ranges: bool = True
    cuts: list[int | None] = field(default_factory=list)
    """For each large file that is asked for, in turn: after so many bytes the connection breaks."""
    fails: list[int] = field(default_factory=list)
    """For each large file that is asked for, before the cuts: this status instead. 0: as usual."""
    seen: list[Seen] = field(default_factory=list)
    url: str = ""
    cdn: str = ""

    def add(self, name: str, files: Mapping[str, bytes], **more: Any) -> Repository:
        self.repositories[name] = Repository({COMMIT: dict(files)}, **more)
        return self.repositories[name]

    def had(self, server: str = "cdn") -> list[Seen]:
        """What was asked for of the files of a server."""
        return [one for one in self.seen if one.server == server and "/api/" not in one.path]


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    servers = []
    for name in ("hub", "cdn"):
        handler = type("Answering", (_Answering,), {"hub": hub, "name": name})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
    hub.url, hub.cdn = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    try:
        yield hub
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


class _Answering(BaseHTTPRequestHandler):
    hub: Hub
    name: Literal["hub", "cdn"]
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if (blob := path.removeprefix("/blobs/")) != path:
            return self._blob(blob)
        if match := _API.fullmatch(path):
            return self._info(match[1], match[2] or "main")
        match = _FILE.fullmatch(path)
        assert match is not None, path
        return self._file(*match.groups())

    def _info(self, name: str, revision: str) -> None:
        if (found := self._found(name, revision)) is None:
            return
        commit, files = found
        siblings = [self._sibling(*file) for file in files.items()]
        gated = "manual" if self.hub.repositories[name].gated else False
        told = {"id": name, "sha": commit, "gated": gated, "siblings": siblings}
        self._send(200, json.dumps(told).encode(), {"content-type": "application/json"})

    def _sibling(self, name: str, content: bytes) -> dict[str, Any]:
        if not self.hub.hashes:
            return {"rfilename": name}
        lfs = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
        blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        told = {"rfilename": name, "size": len(content), "blobId": blob}
        return told | ({"lfs": {**lfs, "pointerSize": 134}} if len(content) >= LARGE else {})

    def _file(self, name: str, revision: str, file: str) -> None:
        if (found := self._found(name, revision, reading=True)) is None:
            return None
        commit, files = found
        if file not in files or file in self.hub.lost:
            return self._refuse(404, "EntryNotFound")
        headers = {"x-repo-commit": commit}
        if len(files[file]) < LARGE:
            return self._send(200, self._content(file, files[file]), headers)
        base = self.hub.cdn if self.hub.redirect == "absolute" else ""
        headers["location"] = f"{base}/blobs/{name}/{commit}/{file}?signature=secret"
        return self._send(302, b"", headers)

    def _blob(self, blob: str) -> None:
        org, name, commit, file = blob.split("/", 3)
        content = self._content(file, self.hub.repositories[f"{org}/{name}"].commits[commit][file])
        if self.hub.fails and (status := self.hub.fails.pop(0)):
            return self._send(status, b"")
        begin = 0
        if self.hub.ranges and (told := self.headers.get("range")):
            begin = int(told.removeprefix("bytes=").partition("-")[0])
        cut = self.hub.cuts.pop(0) if self.hub.cuts else None
        headers = {"content-range": f"bytes {begin}-{len(content) - 1}/{len(content)}"}
        return self._send(206 if begin else 200, content[begin:], headers if begin else {}, cut)

    def _content(self, file: str, content: bytes) -> bytes:
        return content[:-1] + b"!" if file in self.hub.altered else content

    def _found(
        self, name: str, revision: str, *, reading: bool = False
    ) -> tuple[str, dict[str, bytes]] | None:
        """None where it was refused."""
        repository, token = self.hub.repositories.get(name), self._token()
        if repository is None:
            self._refuse(404, "RepoNotFound")
            return None
        if reading and repository.gated and token not in repository.readers:
            self._refuse(401 if token is None else 403, "GatedRepo")
            return None
        commit = repository.refs.get(revision, revision)
        if commit not in repository.commits:
            self._refuse(404, "RevisionNotFound")
            return None
        return commit, repository.commits[commit]

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"", {"x-error-code": code})

    def _token(self) -> str | None:
        told = self.headers.get("authorization")
        return told.removeprefix("Bearer ") if told else None

    def _send(
        self, status: int, body: bytes, headers: Mapping[str, str] = {}, cut: int | None = None
    ) -> None:
        self.hub.seen.append(
            Seen(
                self.name,
                self.command,
                self.path,
                self.headers.get("range"),
                self._token(),
                status,
            )
        )
        self.send_response(status)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body if cut is None else body[:cut])
        if cut is not None:
            self.wfile.flush()
            self.close_connection = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing: tests look at `seen`."""
