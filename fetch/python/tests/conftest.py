"""A server that counts, and both modules: what is a drop-in passes the same tests as the original."""

from __future__ import annotations

import collections
import functools
import http.server
import importlib
import threading
from pathlib import Path

import pytest


class Server(http.server.ThreadingHTTPServer):
    """Serves a folder on loopback, and counts the requests for each path."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.requests: collections.Counter[str] = collections.Counter()
        #: Headers of the last request.
        self.headers: dict[str, str] = {}
        super().__init__(("127.0.0.1", 0), functools.partial(_Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server_port}/"


class _Handler(http.server.SimpleHTTPRequestHandler):
    def send_head(self):
        self.server.requests[self.path] += 1
        self.server.headers = {name.lower(): value for name, value in self.headers.items()}
        if self.path.startswith("/private/") and self.server.headers.get("authorization") != "Basic bWU6cHc=":
            self.send_error(401)
            return None
        return super().send_head()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def folder(tmp_path):
    """What the server serves."""
    folder = tmp_path / "served"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"a\n" * 100)
    (folder / "sub" / "b c.txt").write_bytes(b"b\n")
    return folder


@pytest.fixture
def server(folder):
    server = Server(folder)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=["pooch", "snakepipe_fetch"])
def pooch(request, monkeypatch, tmp_path):
    """The original and ours."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    module = importlib.import_module(request.param)
    module.get_logger().setLevel("WARNING")
    return module


@pytest.fixture
def fetch(monkeypatch, tmp_path):
    """Ours alone."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    import snakepipe_fetch

    snakepipe_fetch.get_logger().setLevel("WARNING")
    return snakepipe_fetch
