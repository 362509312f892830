"""`retrieve`, `create` and `Pooch`: pooch's calls, each one run of ``fetch get``."""

from __future__ import annotations

import contextlib
import os
import shlex
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from . import _program
from ._downloaders import Downloader, choose_downloader, file_url, get
from ._hashes import file_hash
from ._log import get_logger
from ._places import PathLike, cache_location, check_version, os_cache, unique_file_name
from ._processors import Decompress, Untar, Unzip

#: What a status of the binary is for a processor.
_ACTIONS = {"downloaded": "download", "resumed": "download", "updated": "update"}


def retrieve(
    url: str,
    known_hash: str | None = None,
    fname: str | None = None,
    path: PathLike | None = None,
    processor: Callable[..., Any] | None = None,
    downloader: Callable[..., Any] | None = None,
    progressbar: Any = False,
) -> Any:
    """Downloads one file into a cache folder, unless it is there, and gives its absolute path.

    `known_hash` is ``alg:hex`` or sha256 in hexadecimal digits; None takes whatever is there and logs the digest
    to pin. `fname` defaults to the URL's md5 and name, `path` to ``os_cache("pooch")``, pooch's own folder.
    A `processor` gets the last word on what is returned.

    Raises `ValueError` for a file with another hash, of which nothing is kept; `DownloadError` for one that cannot
    be got.
    """
    folder = cache_location(os_cache("pooch") if path is None else path).absolute()
    name = unique_file_name(url) if fname is None else fname
    wanted = _Wanted(folder, name, url, known_hash, processor, progressbar=progressbar)
    if known_hash is None and wanted.path.exists():
        return wanted.present(None)
    records = wanted.obtain(downloader)
    if known_hash is None:
        get_logger().info("To pin it: known_hash=%r", _program.one(records)["digest"])
    return wanted.processed(records, None)


def create(
    path: PathLike | Sequence[PathLike],
    base_url: str,
    version: str | None = None,
    version_dev: str = "master",
    env: str | None = None,
    registry: dict[str, str] | None = None,
    urls: dict[str, str] | None = None,
    retry_if_failed: int = 0,
    allow_updates: bool | str = True,
) -> Pooch:
    """A `Pooch` with pooch's conventions.

    A `version` is put into ``{version}`` of `base_url` and below `path`; one with a local part becomes
    `version_dev`. The variable `env` overrides `path`; `allow_updates` may name a variable that is ``false``.
    """
    if version is not None:
        version = check_version(version, fallback=version_dev)
        base_url = base_url.format(version=version)
    if isinstance(allow_updates, str):
        allow_updates = os.environ.get(allow_updates, "true").lower() != "false"
    return Pooch(
        path=cache_location(path, env, version),
        base_url=base_url.rstrip("/") + "/",
        registry=registry,
        urls=urls,
        retry_if_failed=retry_if_failed,
        allow_updates=allow_updates,
    )


class Pooch:
    """Files of one project: a registry of names and hashes, where they come from, and where they lie."""

    def __init__(
        self,
        path: PathLike,
        base_url: str,
        registry: dict[str, str] | None = None,
        urls: dict[str, str] | None = None,
        retry_if_failed: int = 0,
        allow_updates: bool = True,
    ) -> None:
        """`retry_if_failed` is how often a failed file is tried again; 0 leaves it to the binary, which tries
        three times again after failures that may pass. See `create` for the rest."""
        self.path = path
        self.base_url = base_url
        self.registry = {} if registry is None else registry
        self.urls = dict(urls or {})
        self.retry_if_failed = retry_if_failed
        self.allow_updates = allow_updates

    @property
    def abspath(self) -> Path:
        """The folder of the files, absolute."""
        return Path(os.path.abspath(os.path.expanduser(str(self.path))))

    @property
    def registry_files(self) -> list[str]:
        """The names in the registry."""
        return list(self.registry)

    def fetch(
        self,
        fname: str,
        processor: Callable[..., Any] | None = None,
        downloader: Callable[..., Any] | None = None,
        progressbar: Any = False,
    ) -> Any:
        """The absolute path of a file of the registry, downloaded and verified unless it is there already.

        Raises `ValueError` for a name that is not in the registry and for a file with another hash;
        `DownloadError` for one that cannot be got.
        """
        url, known_hash, path = self.get_url(fname), self.registry[fname], self.abspath / fname
        if not self.allow_updates and path.exists() and not self._is_right(fname, url):
            raise ValueError(f"{fname} needs to update {path} but updates are disallowed.")
        retries = self.retry_if_failed
        wanted = _Wanted(self.abspath, fname, url, known_hash, processor, progressbar, retries)
        return wanted.processed(wanted.obtain(downloader), self)

    def fetch_all(self, fnames: Iterable[str] | None = None, progressbar: bool = False) -> dict[str, str]:
        """The paths of many files by name, all those of the registry where none are named; several come at once.

        Raises for the first that cannot be got, once the others are there.
        """
        names = self.registry_files if fnames is None else list(fnames)
        requests = [{"url": self.get_url(name), "name": name, "hash": self.registry[name]} for name in names]
        for request in requests:
            path = self.abspath / request["name"]
            if not self.allow_updates and path.exists() and not self._is_right(request["name"], request["url"]):
                raise ValueError(f"{request['name']} needs to update {path} but updates are disallowed.")
        if requests:
            self.abspath.mkdir(parents=True, exist_ok=True)
            arguments = ["get", "--cache", str(self.abspath), *_retries(self.retry_if_failed), "-"]
            records = get(arguments, requests, Downloader(progressbar))
            for record in records:
                if record["type"] == "fetch.file.failed":
                    _program.one([record])
        return {name: str(self.abspath / name) for name in names}

    def get_url(self, fname: str) -> str:
        """Where a file of the registry comes from. Raises `ValueError` for a name that is not in it."""
        self._assert_file_in_registry(fname)
        return self.urls.get(fname, self.base_url + fname)

    def load_registry(self, fname: Any) -> None:
        """Adds the lines ``name [alg:]hash [url]`` of a file, given by path or open.

        Raises `OSError` for a line that is none.
        """
        with contextlib.ExitStack() as stack:
            lines = fname if hasattr(fname, "read") else stack.enter_context(open(fname, encoding="utf-8"))
            for number, line in enumerate(lines, 1):
                text = (line.decode() if isinstance(line, bytes) else line).strip()
                fields = [] if text.startswith("#") else shlex.split(text)
                if len(fields) not in (0, 2, 3):
                    raise OSError(
                        f"Invalid entry in Pooch registry file '{fname}': expected 2 or 3 elements in line "
                        f"{number} but got {len(fields)}: '{text}'"
                    )
                if fields:
                    self.registry[fields[0]] = fields[1].lower()
                    self.urls.update({fields[0]: url for url in fields[2:]})

    def load_registry_from_doi(self) -> None:
        """Adds all files of the repository that `base_url`, a DOI, names, with the hashes it publishes."""
        if not self.base_url.startswith("doi:"):
            raise ValueError(f"load_registry_from_doi is for a base_url that is a DOI, not {self.base_url!r}")
        for record in _program.run(["registry", "from-doi", self.base_url.rstrip("/")]):
            if record["type"] == "fetch.entry.converted":
                self.registry[record["name"]] = record["digest"]

    def is_available(self, fname: str, downloader: Callable[..., Any] | None = None) -> bool:
        """Whether a file could be downloaded. Nothing is written."""
        url = self.get_url(fname)
        check = choose_downloader(url) if downloader is None else downloader
        try:
            return check(url, None, self, check_only=True)
        except TypeError as error:
            raise NotImplementedError(f"{check} does not support availability checks.") from error

    def _assert_file_in_registry(self, fname: str) -> None:
        if fname not in self.registry:
            raise ValueError(f"File '{fname}' is not in the registry.")

    def _is_right(self, fname: str, url: str) -> bool:
        """Whether the file that is there has the registry's hash."""
        request = {"url": url, "name": fname, "hash": self.registry[fname]}
        records = _program.run(["get", "--offline", "--cache", self.abspath, "-"], [request])
        return any(record["type"] == "fetch.file.finished" for record in records)


class _Wanted:
    """One file, where it shall lie and what shall be made of it."""

    def __init__(
        self,
        folder: Path,
        name: str,
        url: str,
        known_hash: str | None,
        processor: Callable[..., Any] | None,
        progressbar: Any = False,
        retries: int = 0,
    ) -> None:
        self.folder = folder
        self.name = name
        self.url = url
        self.processor = processor
        self.progressbar = progressbar
        self.retries = retries
        self.keys: dict[str, Any] = {"name": name}
        if known_hash is not None:
            self.keys["hash"] = known_hash.lower()
        # A class made of one of ours may do more than the binary knows.
        self.builtin = type(processor) in (Unzip, Untar, Decompress)
        if self.builtin:
            self.keys["process"] = processor.request()

    @property
    def path(self) -> Path:
        return self.folder / self.name

    def obtain(self, downloader: Callable[..., Any] | None) -> list[_program.Record]:
        """Sees that the file is there and right; gives the records of the run."""
        # Here a folder that cannot be written is a `PermissionError`, as Python's users expect.
        self.folder.mkdir(parents=True, exist_ok=True)
        arguments = ["get", "--cache", str(self.folder), *_retries(self.retries), "-"]
        if downloader is None or isinstance(downloader, Downloader):
            chosen = choose_downloader(self.url, self.progressbar) if downloader is None else downloader
            return get(arguments, [{**chosen.request(self.url), **self.keys}], chosen)
        # Not even the user's own downloader is asked for what is there.
        if "hash" in self.keys and (records := self._offline()):
            return records
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".download-") as temporary:
            path = os.path.join(temporary, "file")
            get_logger().info("Downloading '%s' from '%s'.", self.name, self.url)
            downloader(self.url, path, None)
            return _program.run(arguments, [{"url": file_url(path), **self.keys}])

    def present(self, pooch: Pooch | None) -> Any:
        """What a file that is there without a known hash is, or what is made of it."""
        if not self.builtin:
            return str(self.path) if self.processor is None else self.processor(str(self.path), "fetch", pooch)
        records = self._offline()
        if records is None:
            # The cache does not know it yet: from now on it is known by its digest.
            self.keys["hash"] = "sha256:" + file_hash(self.path)
            records = self._offline() or []
        return self.processor.result(records)

    def processed(self, records: list[_program.Record], pooch: Pooch | None) -> Any:
        """What the caller gets for the file that the records tell of."""
        finished = _program.one(records)
        if self.builtin:
            return self.processor.result(records)
        if self.processor is None:
            return str(self.path)
        return self.processor(str(self.path), _ACTIONS.get(finished["status"], "fetch"), pooch)

    def _offline(self) -> list[_program.Record] | None:
        """The records when the file is there and right; nothing when it would have to be downloaded."""
        records = _program.run(
            ["get", "--offline", "--cache", self.folder, "-"], [{"url": self.url, **self.keys}]
        )
        missed = any(record.get("code") == "offline_miss" for record in records)
        return None if missed else records


def _retries(retries: int) -> list[str]:
    return ["--retries", str(retries)] if retries else []
