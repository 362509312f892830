"""Digests of files, and registries of them."""

from __future__ import annotations

from . import _program
from ._places import PathLike


def file_hash(fname: PathLike, alg: str = "sha256") -> str:
    """The digest of a file, in hexadecimal digits. Raises `ValueError` for an unknown algorithm."""
    record = _program.one(_program.run(["hash", "--algorithm", alg, "--", fname]))
    return record["digest"].split(":", 1)[1]


def make_registry(directory: PathLike, output: PathLike, recursive: bool = True) -> None:
    """Writes the registry of all files below `directory` to `output`, sorted by name, sha256."""
    depth = [] if recursive else ["--no-recursive"]
    _program.run(["registry", "make", *depth, "-o", output, "--", directory])
