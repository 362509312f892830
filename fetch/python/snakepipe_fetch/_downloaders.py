"""How files are downloaded: pooch's classes, whose settings become part of a request to the binary.

Any callable with pooch's signature ``(url, output_file, pooch)`` serves as well, with ``check_only=True`` where it
can tell whether a file is available.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from . import _program
from ._log import get_logger


class Downloader:
    """What the four classes share: a request for the binary, and being called by hand."""

    #: The protocols that it is for.
    schemes: tuple[str, ...] = ()

    def __init__(self, progressbar: Any = False, chunk_size: int = 1024) -> None:
        """`progressbar` is True, or any object with tqdm's ``total``, ``update``, ``reset`` and ``close``.

        `chunk_size` is taken for pooch's sake; the binary chooses its own.
        """
        self.progressbar = progressbar
        self.chunk_size = chunk_size

    def request(self, url: str) -> dict[str, Any]:
        """The request for `url`, to which name and hash are added."""
        return {"url": url}

    def environment(self) -> dict[str, str]:
        """Variables for the binary."""
        return {}

    def __call__(self, url: str, output_file: Any, pooch: Any, check_only: bool = False) -> bool | None:
        """Downloads `url` to a path or an open binary file; with `check_only`, tells whether it is there."""
        if check_only:
            records = _program.run(["get", "--check", "-"], [self.request(url)], environment=self.environment())
            return bool(_program.one(records)["available"])
        with tempfile.TemporaryDirectory(dir=_folder_of(output_file)) as folder:
            request = {**self.request(url), "name": "file"}
            arguments = ["get", "--cache", folder, "-"]
            records = get(arguments, [request], self)
            path = _program.one(records)["path"]
            if hasattr(output_file, "write"):
                with open(path, "rb") as file:
                    shutil.copyfileobj(file, output_file)
            else:
                os.replace(path, output_file)
        return None


class HTTPDownloader(Downloader):
    """HTTP and HTTPS. Of the arguments that `requests` knows: auth, headers, params, cookies, proxies."""

    schemes = ("http", "https")

    def __init__(self, progressbar: Any = False, chunk_size: int = 1024, **kwargs: Any) -> None:
        super().__init__(progressbar, chunk_size)
        unknown = sorted(kwargs.keys() - {"auth", "headers", "params", "cookies", "proxies", "timeout"})
        if unknown:
            raise TypeError(f"HTTPDownloader does not know {', '.join(unknown)}")
        self.kwargs = kwargs

    def request(self, url: str) -> dict[str, Any]:
        params = self.kwargs.get("params")
        if params:
            url += ("&" if urlsplit(url).query else "?") + urlencode(params, doseq=True)
        request: dict[str, Any] = {"url": url}
        headers = dict(self.kwargs.get("headers") or {})
        cookies = self.kwargs.get("cookies")
        if cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        if headers:
            request["headers"] = headers
        auth = self.kwargs.get("auth")
        if auth is not None:
            user, password = auth if isinstance(auth, tuple) else (auth.username, auth.password)
            request["auth"] = {"user": user, "password": password}
        return request

    def environment(self) -> dict[str, str]:
        proxies = self.kwargs.get("proxies") or {}
        return {f"{scheme.upper()}_PROXY": proxy for scheme, proxy in proxies.items()}


class _LoginDownloader(Downloader):
    """A protocol with port, user and password of its own."""

    def __init__(
        self,
        port: int,
        username: str,
        password: str,
        account: str = "",
        timeout: float | None = None,
        progressbar: Any = False,
        chunk_size: int = 1024,
    ) -> None:
        super().__init__(progressbar, chunk_size)
        self.port = port
        self.username = username
        self.password = password
        self.account = account
        self.timeout = timeout

    def request(self, url: str) -> dict[str, Any]:
        parts = urlsplit(url)
        port = parts.port or self.port
        host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        request: dict[str, Any] = {"url": urlunsplit(parts._replace(netloc=f"{user}{host}:{port}"))}
        if self.username and not user:
            request["auth"] = {"user": self.username, "password": self.password}
        return request


class FTPDownloader(_LoginDownloader):
    """FTP."""

    schemes = ("ftp", "ftps")

    def __init__(
        self,
        port: int = 21,
        username: str = "anonymous",
        password: str = "",
        account: str = "",
        timeout: float | None = None,
        progressbar: Any = False,
        chunk_size: int = 1024,
    ) -> None:
        super().__init__(port, username, password, account, timeout, progressbar, chunk_size)


class SFTPDownloader(_LoginDownloader):
    """SFTP, with the keys and known hosts that `ssh` uses."""

    schemes = ("sftp",)

    def __init__(
        self,
        port: int = 22,
        username: str = "",
        password: str = "",
        account: str = "",
        timeout: float | None = None,
        progressbar: Any = False,
    ) -> None:
        super().__init__(port, username, password, account, timeout, progressbar)


class DOIDownloader(Downloader):
    """Files of data repositories by DOI: Zenodo, figshare, Dataverse, InvenioRDM."""

    schemes = ("doi",)

    def __init__(
        self, progressbar: Any = False, chunk_size: int = 1024, headers: dict[str, str] | None = None, **kwargs: Any
    ) -> None:
        super().__init__(progressbar, chunk_size)
        self.headers = headers
        self.kwargs = kwargs

    def request(self, url: str) -> dict[str, Any]:
        return {"url": url, "headers": self.headers} if self.headers else {"url": url}


def choose_downloader(url: str, progressbar: Any = False) -> Downloader:
    """The downloader for what `url` begins with; one without settings where the binary knows more protocols."""
    scheme = url.split(":", 1)[0].lower()
    for kind in (HTTPDownloader, FTPDownloader, SFTPDownloader, DOIDownloader):
        if scheme in kind.schemes:
            return kind(progressbar=progressbar)
    return Downloader(progressbar=progressbar)


def get(arguments: list[str], requests: list[dict[str, Any]], downloader: Downloader) -> list[dict[str, Any]]:
    """Runs ``fetch get`` with a downloader's settings and its progress bar."""
    watch = _Watch(downloader.progressbar)
    try:
        return _program.run(
            [*arguments, "--progress"],
            requests,
            environment=downloader.environment(),
            bars=downloader.progressbar is True,
            on_record=watch,
        )
    finally:
        watch.close()


class _Watch:
    """Logs what begins to come, and moves the user's own progress bar."""

    def __init__(self, bar: Any) -> None:
        self._bar = None if isinstance(bar, bool) or bar is None else bar
        self._shown: dict[str, int] = {}

    def __call__(self, record: dict[str, Any]) -> None:
        kind = record["type"]
        if kind == "fetch.file.started":
            get_logger().info("Downloading '%s' from '%s'.", record["name"], record["url"])
            if self._bar is not None and record.get("size_bytes") is not None:
                self._bar.total = record["size_bytes"]
            self._advance(record["name"], record["held_bytes"])
        elif kind == "fetch.file.advanced":
            self._advance(record["name"], record["got_bytes"])
        elif kind == "fetch.file.finished" and record["status"] != "cached":
            self._advance(record["name"], record["size_bytes"])

    def _advance(self, name: str, got: int) -> None:
        if self._bar is not None:
            self._bar.update(got - self._shown.get(name, 0))
            self._shown[name] = got

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _folder_of(output_file: Any) -> str | None:
    """Beside the file that is to be written, so that it can be moved there."""
    if hasattr(output_file, "write"):
        return None
    return str(Path(output_file).absolute().parent)


def file_url(path: str) -> str:
    """The ``file:`` URL of a path."""
    return "file://" + quote(os.path.abspath(path))
