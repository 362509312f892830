"""Runs the `fetch` binary and reads its records. Must not know what is fetched."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from ._errors import from_record

Record = dict[str, Any]

#: What a run says last of a file that all went well with.
_FINAL = ("fetch.file.finished", "fetch.file.hashed", "fetch.file.checked", "fetch.archive.extracted")


def run(
    arguments: Iterable[str | os.PathLike[str]],
    requests: Iterable[Record] = (),
    *,
    environment: Mapping[str, str] | None = None,
    bars: bool = False,
    on_record: Callable[[Record], None] | None = None,
) -> list[Record]:
    """Runs one command, with `requests` on its standard input, and gives the records between the frame.

    `bars` lets it draw on standard error. Records go to `on_record` as they come. Raises what stopped the run as
    a whole; what concerns one file is a record.
    """
    command = [binary(), "--format", "jsonl", *map(os.fspath, arguments)]
    env = {**os.environ, **(environment or {})}
    records: list[Record] = []
    finished = None
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if bars else subprocess.DEVNULL,
        env=env,
        encoding="utf-8",
    ) as process:
        writing = threading.Thread(target=_write, args=(process.stdin, list(requests)), daemon=True)
        writing.start()
        try:
            for line in process.stdout:
                record = _read(line, command[0])
                if record["type"] == "fetch.run.finished":
                    finished = record
                elif record["type"] != "fetch.run.started":
                    records.append(record)
                    if on_record is not None:
                        on_record(record)
        except BaseException:
            process.terminate()
            raise
    writing.join()
    if process.returncode in (-2, 130):
        raise KeyboardInterrupt
    if finished is None:
        raise RuntimeError(f"{command[0]} ended early, with exit code {process.returncode}")
    for record in records:
        if record["type"] == "fetch.run.failed":
            raise from_record(record)
    return records


def one(records: Iterable[Record]) -> Record:
    """The record of the only file of a run; raises when it failed."""
    for record in records:
        if record["type"] == "fetch.file.failed":
            raise from_record(record)
        if record["type"] in _FINAL:
            return record
    raise RuntimeError("fetch said nothing of the file")


def binary() -> str:
    """The path of the binary: ``$SNAKEPIPE_FETCH``, else beside this Python's scripts, else on ``PATH``."""
    named = os.environ.get("SNAKEPIPE_FETCH")
    beside = Path(sysconfig.get_path("scripts")) / "fetch"
    found = named or (str(beside) if beside.is_file() else shutil.which("fetch"))
    if not found:
        raise FileNotFoundError("no fetch binary: `cargo install --path fetch`, or set SNAKEPIPE_FETCH to its path")
    return found


def _write(stdin: IO[str], requests: list[Record]) -> None:
    try:
        with stdin:
            for request in requests:
                stdin.write(json.dumps(request) + "\n")
    except BrokenPipeError:
        # The run ended before it read them all, and says why.
        pass


def _read(line: str, program: str) -> Record:
    try:
        record = json.loads(line)
        if record["type"] and record["v"] == 1:
            return record
    except (ValueError, TypeError, KeyError):
        pass
    raise RuntimeError(f"{program} is not snakepipe's fetch: set SNAKEPIPE_FETCH to its path")
