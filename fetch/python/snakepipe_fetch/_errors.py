"""Exceptions made of the binary's records. Must not know how it is run."""

from __future__ import annotations

import sys
from typing import Any


class DownloadError(OSError):
    """A file that could not be got.

    Where `requests` is loaded, what is raised is its `HTTPError` or `ConnectionError` too, so that code written
    for pooch catches it.
    """

    #: A stable word such as ``not_found`` or ``connection_failed``.
    code: str = ""
    #: What to do about it.
    hint: str | None = None


def from_record(record: dict[str, Any]) -> Exception:
    """The exception for a `fetch.file.failed` record, or for the run's own error."""
    code = record.get("code", "")
    message = record.get("message", "failed")
    if code == "hash_mismatch":
        algorithm = record["expected"].split(":")[0].upper()
        return ValueError(
            f"{algorithm} hash of downloaded file ({record['name']}) does not match the known hash: "
            f"expected {record['expected']} but got {record['got']}. Nothing was kept."
        )
    hint = record.get("hint")
    text = f"{_subject(record)}{message}" + (f" ({hint})" if hint else "")
    if code in ("bad_usage", "bad_input", "bad_registry", "unsafe_path", "name_conflict"):
        return ValueError(text)
    error = _kind(code)(text)
    error.code, error.hint = code, hint
    return error


def _subject(record: dict[str, Any]) -> str:
    subject = record.get("url") or record.get("name")
    return f"{subject}: " if subject else ""


def _kind(code: str) -> type[DownloadError]:
    requests = sys.modules.get("requests")
    if requests is None:
        return DownloadError
    answered = code in ("not_found", "access_denied", "http_status")
    peer = requests.exceptions.HTTPError if answered else requests.exceptions.ConnectionError
    return type("DownloadError", (DownloadError, peer), {"__doc__": DownloadError.__doc__})
