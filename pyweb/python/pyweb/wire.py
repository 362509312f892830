"""The wire to `pyweb test --steps`: steps out, records in. Must not know what a page is."""

import json
import subprocess
from dataclasses import dataclass

from pyweb import errors


@dataclass(frozen=True)
class PythonError:
    """A Python exception that nothing in the page caught."""

    file: str
    line: int
    message: str
    traceback: str

    def __str__(self):
        return f"{self.file}:{self.line}: {self.message}"


@dataclass(frozen=True)
class ConsoleMessage:
    """What the page wrote to its console; `type` is `debug`, `info`, `warn` or `error`."""

    type: str
    text: str


class Wire:
    """One `pyweb` process, which shows one page of a site at a time."""

    def __init__(self, command):
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        self._last = 0
        self._stepping = False
        self.listener = None

    def step(self, name, /, **fields):
        """Carries out a step and gives its value; what happens in the page meanwhile goes to the listener."""
        __tracebackhide__ = True
        if self._stepping:
            raise errors.Error(f"{name}: a handler runs while the page waits, so it cannot drive the page")
        self._last += 1
        number = self._last
        self._stepping = True
        try:
            self.send({"id": number, "step": name, **fields})
            record = self._answer(number)
        finally:
            self._stepping = False
        if record["outcome"] == "passed":
            return record["value"]
        raise errors.of_step(record)

    def send(self, step):
        """Sends a step without waiting for its answer."""
        try:
            self._process.stdin.write(json.dumps(step) + "\n")
            self._process.stdin.flush()
        except OSError:
            # The end of its records says more.
            pass

    def _answer(self, number):
        failure = None
        for line in self._process.stdout:
            record = json.loads(line)
            kind = record["type"]
            if kind == "pyweb.step.finished" and record["id"] == number:
                return record
            if kind == "pyweb.run.failed":
                failure = record
            elif self.listener is not None:
                self.listener(kind, record)
        message = failure["message"] if failure else "pyweb ended before the step was done"
        raise errors.Error(message, failure["code"] if failure else "")

    def close(self):
        """Ends the process and waits for its end."""
        try:
            self._process.stdin.close()
        except OSError:
            # It has ended by itself, and said why.
            pass
        self._process.stdout.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
