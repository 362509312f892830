"""What a step can fail with."""


class Error(Exception):
    """A step could not be carried out."""

    def __init__(self, message, code=""):
        super().__init__(message)
        self.message = message
        self.code = code


class TimeoutError(Error):
    """The page did not get as far in time."""


class PythonRaised(Error):
    """Python code given to `evaluate_py` raised something."""

    def __init__(self, message, traceback):
        super().__init__(message, "python_raised")
        self.traceback = traceback


def of_step(record):
    """The exception for a failed step's record."""
    code, message = record["code"], record["message"]
    if code == "expected":
        return AssertionError(message)
    if code in ("timeout", "out_of_time", "never_ready"):
        return TimeoutError(message, code)
    if code == "python_raised":
        return PythonRaised(message, record["traceback"])
    return Error(message, code)
