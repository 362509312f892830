"""Reports and warnings as JSON and back. Must not know who sends them."""

import importlib
import warnings


def report_to_json(config, report):
    return config.hook.pytest_report_to_serializable(config=config, report=report)


def report_from_json(config, data, worker, index, node):
    """A report as pytest's own plugins expect it: JSON has no tuples, and they insist on them.

    With a node, none where there is one process, pytest names the worker above a failure.
    """
    for name in ("longrepr", "location"):
        if isinstance(data.get(name), list):
            data[name] = tuple(data[name])
    data["user_properties"] = [tuple(pair) for pair in data.get("user_properties") or ()]
    data["sections"] = [tuple(pair) for pair in data.get("sections") or ()]
    # junitxml tells the reports of one test in two workers apart by these, as under xdist.
    data["worker_id"] = worker
    data["item_index"] = index
    report = config.hook.pytest_report_from_serializable(config=config, data=data)
    if node is not None:
        report.node = node
    return report


def warning_to_json(warning):
    category = warning.category
    return {
        "message": str(warning.message),
        "module": category.__module__,
        "category": category.__qualname__,
        "filename": warning.filename,
        "lineno": warning.lineno,
    }


def warning_from_json(data):
    try:
        category = getattr(importlib.import_module(data["module"]), data["category"])
        message = category(data["message"])
    except Exception:
        # A category that only the worker could import, or that takes other arguments.
        category = type(data["category"], (Warning,), {"__module__": data["module"]})
        message = category(data["message"])
    return warnings.WarningMessage(message, category, data["filename"], data["lineno"])


def summary(reports):
    """One test's outcome, its message and what it printed, out of the reports of its phases."""
    outcome, message = "passed", ""
    for report in reports:
        here = _outcome(report)
        # The call's verdict stands; setup and teardown can only turn a pass into an error.
        if here != "passed" and outcome == "passed":
            outcome, message = here, _message(report)
    output = "".join(
        f"--- {name} ---\n{text}\n" for name, text in (reports[-1].sections if reports else ()) if text
    )
    return outcome, message, output


def _outcome(report):
    if report.failed:
        return "failed" if report.when == "call" else "error"
    if hasattr(report, "wasxfail"):
        return "xfailed" if report.skipped else "xpassed"
    return "skipped" if report.skipped else "passed"


def _message(report):
    if hasattr(report, "wasxfail"):
        return report.wasxfail
    if report.skipped and isinstance(report.longrepr, tuple):
        return report.longrepr[2]
    return report.longreprtext
