"""Finds the `memtrace` program and runs it. Must not know what its answers mean."""

import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path


class MemtraceError(Exception):
    """What memtrace could not do, in its own words."""


def find():
    """The program: `$MEMTRACE_BIN`, else the one beside this interpreter, else the one on `PATH`."""
    named = os.environ.get("MEMTRACE_BIN")
    beside = Path(sys.prefix, "bin", "memtrace")
    found = named or (str(beside) if beside.is_file() else shutil.which("memtrace"))
    if not found:
        raise MemtraceError("memtrace is not on PATH; install it, or name it in MEMTRACE_BIN")
    return found


def run(*arguments):
    """Runs it to its end and returns what it wrote."""
    ran = subprocess.run([find(), *map(os.fspath, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if ran.returncode != 0:
        raise MemtraceError(_words(ran.stderr) or f"memtrace ended with {ran.returncode}")
    if ran.stderr:
        warnings.warn(_words(ran.stderr), stacklevel=3)
    return ran.stdout.decode()


def records(*arguments):
    """Yields the records of a report as they come."""
    command = [find(), *map(os.fspath, arguments), "--format", "jsonl"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            for line in process.stdout:
                yield json.loads(line)
        finally:
            # Whoever has read enough leaves the rest: memtrace then ends without a word.
            process.stdout.close()
            said = process.stderr.read()
        if process.wait() != 0:
            raise MemtraceError(_words(said) or f"memtrace ended with {process.returncode}")


def _words(said):
    text = said.decode(errors="replace").strip()
    for label in ("error: ", "warning: "):
        if text.startswith(label):
            return text[len(label) :]
    return text


class Measurer:
    """One process that tells the numbers of many captures."""

    def __init__(self, locations):
        command = [find(), "measure", "-n", str(locations), "--format", "jsonl"]
        self._pid = os.getpid()
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def measure(self, path):
        """The record `memtrace.stats.computed`, and those of the places with the most memory at the peak."""
        self._process.stdin.write(os.fsencode(path) + b"\n")
        self._process.stdin.flush()
        locations = []
        for line in self._process.stdout:
            record = json.loads(line)
            if record["type"] == "memtrace.location.measured":
                locations.append(record)
            elif record["type"] == "memtrace.stats.computed":
                return record, locations
        raise MemtraceError("memtrace ended before it had measured")

    @property
    def is_ours(self):
        """Whether this process began it: a forked child must not use its parent's."""
        return self._pid == os.getpid()

    def close(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()
