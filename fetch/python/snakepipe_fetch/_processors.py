"""What can be done with a file once it is there: unpacked, by ``fetch get`` with the download, or by hand.

A processor is any callable with pooch's signature: ``(path, action, pooch)``, where `action` is ``"download"``,
``"update"`` or ``"fetch"``.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from . import _program
from ._log import get_logger


class _Extractor:
    """Unpacks an archive and gives the paths of the files in it."""

    _kind: str
    _suffix: str

    def __init__(self, members: Sequence[str] | None = None, extract_dir: str | None = None) -> None:
        """Only `members` (files, or folders with all below them) where given; into `extract_dir`, relative to
        the archive's folder, else into a folder beside the archive named after it."""
        self.members = members
        self.extract_dir = extract_dir

    def __call__(self, fname: str, action: str, pooch: Any) -> list[str]:
        target = os.path.join(os.path.dirname(fname), self.extract_dir or os.path.basename(fname) + self._suffix)
        arguments = ["extract", "--process", self._kind, "--to", target]
        arguments += [part for member in self.members or () for part in ("--member", member)]
        get_logger().info("Extracting '%s' to '%s'", fname, target)
        return self.result(_program.run([*arguments, "--", fname]))

    def request(self) -> dict[str, Any]:
        """What a request says for this to be done with its file."""
        wish: dict[str, Any] = {"kind": self._kind}
        if self.members:
            wish["members"] = list(self.members)
        if self.extract_dir is not None:
            wish["extract_dir"] = self.extract_dir
        return wish

    def result(self, records: list[_program.Record]) -> list[str]:
        """The paths that the records of a run name."""
        _program.one(records)
        return [record["path"] for record in records if record["type"] == "fetch.file.extracted"]


class Unzip(_Extractor):
    """Unpacks a zip archive; gives the list of its files' paths."""

    _kind, _suffix = "unzip", ".unzip"


class Untar(_Extractor):
    """Unpacks a tar archive, compressed or not; gives the list of its files' paths."""

    _kind, _suffix = "untar", ".untar"


class Decompress:
    """Decompresses a single file (gzip, bzip2, xz, lzma, zstd); gives the new file's path."""

    #: What may be given as `method`.
    methods = ("auto", "lzma", "xz", "gzip", "bzip2", "zstd")

    def __init__(self, method: str = "auto", name: str | None = None) -> None:
        """`name` is what the new file is called, beside the compressed one; else ``.decomp`` is added."""
        self.method = method
        self.name = name

    def __call__(self, fname: str, action: str, pooch: Any) -> str:
        self._check()
        name = self.name or os.path.basename(fname) + ".decomp"
        arguments = ["extract", "--process", "decompress", "--to", os.path.dirname(fname), "--name", name]
        get_logger().info("Decompressing '%s' to '%s'", fname, name)
        return self.result(_program.run([*arguments, "--", fname]))

    def request(self) -> dict[str, Any]:
        """What a request says for this to be done with its file."""
        self._check()
        return {"kind": "decompress"} if self.name is None else {"kind": "decompress", "name": self.name}

    def result(self, records: list[_program.Record]) -> str:
        """The path that the records of a run name."""
        return _program.one(records)["processed"]["path"]

    def _check(self) -> None:
        if self.method not in self.methods:
            instead = " For archives use Unzip or Untar." if self.method in ("zip", "tar") else ""
            raise ValueError(f"unknown method {self.method!r}: one of {', '.join(self.methods)}.{instead}")
