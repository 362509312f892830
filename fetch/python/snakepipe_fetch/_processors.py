"""What can be done with a file once it is there: unpacked by `fetch extract`.

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
        arguments = ["extract", "--kind", self._kind, "--to", target]
        arguments += [part for member in self.members or () for part in ("--member", member)]
        records = _program.run([*arguments, "--", fname])
        finished = _program.one(records)
        if finished["status"] != "cached":
            get_logger().info("Extracted '%s' to '%s'", fname, target)
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
        if self.method not in self.methods:
            instead = " For archives use Unzip or Untar." if self.method in ("zip", "tar") else ""
            raise ValueError(f"unknown method {self.method!r}: one of {', '.join(self.methods)}.{instead}")
        target = os.path.join(os.path.dirname(fname), self.name or os.path.basename(fname) + ".decomp")
        records = _program.run(["extract", "--kind", "decompress", "--to", target, "--", fname])
        if _program.one(records)["status"] != "cached":
            get_logger().info("Decompressed '%s' to '%s'", fname, target)
        return target
