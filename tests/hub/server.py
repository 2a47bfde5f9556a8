"""A model hub on this machine: folders as repositories, by the addresses that `huggingface_hub` asks for.

    GET  /api/models/OWNER/NAME/revision/REVISION    what there is: commit, files, sizes
    HEAD /OWNER/NAME/resolve/COMMIT/PATH             size, tag and commit of a file
    GET  the same                                    the file, or from a byte on

It can lie, break off in the middle and fall silent, as tests ask it to.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the server serves and how it behaves.

    Attributes:
        address: Of the server.
        folders: Repository → folder.
        asked: Method, path and Range header of every request.
        commit: What revision ``main`` stands for.
        listed: Further files it claims to have, with a size.
        sizes: File → the size it claims.
        endless: Files that go on for so many more bytes than they claim.
        broken: Files whose first download breaks off after so many bytes.
        tags: File → the tag (ETag) it gives.
        down: Whether every request fails.
        answer: A reply to the question what there is, instead of the true one.
    """

    folders: dict[str, Path]
    address: str = ""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    commit: str = COMMIT
    listed: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    endless: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    down: bool = False
    answer: bytes | None = None

    def info(self, name: str) -> bytes:
        root = self.folders[name]
        files = {path.relative_to(root).as_posix(): path.stat().st_size for path in root.rglob("*") if path.is_file()}
        siblings = [{"rfilename": path, "size": size} for path, size in {**files, **self.sizes, **self.listed}.items()]
        said: dict[str, Any] = {"id": name, "modelId": name, "sha": self.commit, "siblings": siblings, "tags": []}
        return json.dumps({**said, "private": False, "downloads": 0, "likes": 0}).encode()


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub at an address of its own, for as long as the block lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"hub": hub}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    hub.address = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection to `hub`."""

    hub: Hub

    def do_HEAD(self) -> None:
        self._reply(body=False)

    def do_GET(self) -> None:
        self._reply(body=True)

    def _reply(self, *, body: bool) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append((self.command, path, self.headers.get("Range", "")))
        if self.hub.down:
            self._send(503, b"", {})
        elif path.startswith("/api/models/"):
            self._info(path.removeprefix("/api/models/"))
        elif "/resolve/" in path:
            name, _, rest = path.lstrip("/").partition("/resolve/")
            self._file(name, rest.partition("/")[2], body)
        else:
            self._send(404, b"", {})

    def _info(self, rest: str) -> None:
        name, _, revision = rest.partition("/revision/")
        if name not in self.hub.folders:
            self._send(404, b'{"error":"Repository not found"}', {"X-Error-Code": "RepoNotFound"})
        elif revision not in ("", "main", self.hub.commit):
            self._send(404, b'{"error":"Invalid rev"}', {"X-Error-Code": "RevisionNotFound"})
        else:
            self._send(200, self.hub.answer or self.hub.info(name), {"Content-Type": "application/json"})

    def _file(self, name: str, path: str, body: bool) -> None:
        file = self.hub.folders[name] / path
        if not file.is_file():
            self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": self.hub.commit})
            return
        content = file.read_bytes()
        tag = self.hub.tags.get(path, hashlib.sha256(content).hexdigest())
        headers = {"ETag": f'"{tag}"', "X-Repo-Commit": self.hub.commit, "Accept-Ranges": "bytes"}
        begin = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        whole = self.hub.sizes.get(path, len(content))
        status = 200
        if begin:
            status, headers["Content-Range"] = 206, f"bytes {begin}-{whole - 1}/{whole}"
        self._send(status, content[begin:], headers, path if body else "", whole - begin, body=body)

    def _send(
        self,
        status: int,
        content: bytes,
        headers: dict[str, str],
        path: str = "",
        length: int = -1,
        body: bool = True,
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        endless = self.hub.endless.get(path, 0)
        if not endless:
            self.send_header("Content-Length", str(len(content) if length < 0 else length))
        self.end_headers()
        if not body or self.command == "HEAD":
            return
        if path in self.hub.broken:
            self.wfile.write(content[: self.hub.broken.pop(path)])
            self.wfile.flush()
            self.connection.close()
            return
        try:
            self.wfile.write(content)
            for _ in range(endless // 4096):
                self.wfile.write(bytes(4096))
        except OSError:
            pass  # the other side has had enough

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
