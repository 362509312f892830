"""Where files lie, and what they are called there: pooch's rules. Must not touch a file."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Union
from urllib.parse import urlsplit

PathLike = Union[str, "os.PathLike[str]"]

#: The longest file name that file systems take, in bytes.
_LONGEST_NAME = 255
#: A version as PEP 440 has it; the group is its local part.
_VERSION = re.compile(
    r"\s*v?(?:\d+!)?\d+(?:\.\d+)*"
    r"(?:[-_.]?(?:alpha|beta|preview|pre|a|b|c|rc)[-_.]?\d*)?"
    r"(?:-\d+|[-_.]?(?:post|rev|r)[-_.]?\d*)?"
    r"(?:[-_.]?dev[-_.]?\d*)?"
    r"(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?\s*",
    re.IGNORECASE,
)


def os_cache(project: str) -> Path:
    """The folder for a project's cached files: below ``$XDG_CACHE_HOME``, else ``~/.cache``."""
    named = os.environ.get("XDG_CACHE_HOME", "").strip()
    return (Path(named) if named else Path.home() / ".cache") / project


def check_version(version: str, fallback: str = "master") -> str:
    """The version itself, or `fallback` when it has a local part (``0.1+4.g2f``), so is one in development.

    Raises `ValueError` when it is no version by PEP 440.
    """
    match = _VERSION.fullmatch(version)
    if match is None:
        raise ValueError(f"invalid version: {version!r}")
    return version if match[1] is None else fallback


def cache_location(
    path: PathLike | Sequence[PathLike], env: str | None = None, version: str | None = None
) -> Path:
    """`path` (parts are joined), or what the variable `env` says, with the version below it and ``~`` expanded."""
    if env is not None and os.environ.get(env):
        path = os.environ[env]
    joined = os.path.join(*path) if isinstance(path, (list, tuple)) else os.fspath(path)
    if version is not None:
        joined = os.path.join(joined, version)
    return Path(os.path.expanduser(joined))


def unique_file_name(url: str) -> str:
    """The md5 of the URL, ``-``, and the end of its path, so that no two URLs share a file."""
    digest = hashlib.md5(url.encode(), usedforsecurity=False).hexdigest()
    path = url if url.startswith("doi:") else urlsplit(url).path
    name = path.split("/")[-1]
    return f"{digest}-{name[-(_LONGEST_NAME - len(digest) - 1):]}"
