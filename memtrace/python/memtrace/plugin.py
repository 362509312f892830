"""The pytest plugin: limits on what a test may allocate or leave behind, and which tests allocate most.

    @pytest.mark.limit_memory("24 MB")    at no time may the test have more than this in use
    @pytest.mark.limit_leaks("1 MB")      no stack may leave more than this behind

A test is measured from its call to its return, without its fixtures, in all threads.
"""

import gc
import itertools
import os
import re
import shutil
import tempfile
import threading
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple, Tuple

import pytest

from memtrace import _library, _program
from memtrace.reader import FileReader

_MARKERS = ("limit_memory", "limit_leaks")
_UNITS = {"B": 0, "KB": 1, "MB": 2, "GB": 3, "TB": 4, "PB": 5}
_BLOCKS = " ▁▂▃▄▅▆▇█"


class StackFrame(NamedTuple):
    """Where in the program."""

    function: str
    filename: str
    lineno: int


class Stack(NamedTuple):
    """What `filter_fn` is given: the frames, innermost first."""

    frames: Tuple[StackFrame, ...]


def pytest_addoption(parser):
    group = parser.getgroup("memtrace", "memory of tests")
    group.addoption("--memtrace", action="store_true", help="measure every test, and say which ones have the most memory")
    group.addoption("--memtrace-python-allocators", action="store_true", help="record every object")
    group.addoption("--memtrace-native", action="store_true", help="record native stacks too, in one with Python's")
    group.addoption("--memtrace-most-allocations", metavar="N", type=int, default=5, help="say so of N tests [5]")
    group.addoption("--memtrace-stacks", metavar="N", type=int, default=5, help="name N functions, or frames, of each [5]")
    group.addoption("--memtrace-path", metavar="DIR", help="keep the captures, one a test, in this folder")
    group.addoption("--hide-memtrace-summary", action="store_true", help="say nothing at the end of the run")


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        "limit_memory(memory_limit, current_thread_only=False): fail the test when it has more in use at once, such as"
        " '24 MB'",
    )
    config.addinivalue_line(
        "markers",
        "limit_leaks(location_limit, filter_fn=None, warmups=0, current_thread_only=False): fail the test when one stack"
        " leaves more behind, such as '1 MB'; filter_fn(stack) says whether it counts",
    )
    config.pluginmanager.register(Measuring(config), "memtrace_measuring")


class Measuring:
    """Records the tests that are to be measured, and sums up."""

    def __init__(self, config):
        self._config = config
        self._all = config.getoption("--memtrace")
        self._stacks = config.getoption("--memtrace-stacks")
        self._turn = threading.Lock()
        self._numbers = itertools.count(1)
        self._measurer = None
        self._folder = None
        self._measured = []

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_runtest_call(self, item):
        limits = [marker for marker in item.iter_markers() if marker.name in _MARKERS]
        if not limits and not self._all:
            yield
            return
        outcome = yield from self._record(item, limits)
        if outcome.excinfo is None:
            self._hold_against(item, limits, outcome)

    def _record(self, item, limits):
        leaks = [marker for marker in limits if marker.name == "limit_leaks"]
        for _ in range(max((marker.kwargs.get("warmups", 0) for marker in leaks), default=0)):
            item.runtest()
        objects = bool(leaks) or self._config.getoption("--memtrace-python-allocators")
        native = self._config.getoption("--memtrace-native")
        options = objects * _library.PYTHON_ALLOCATORS | native * _library.NATIVE
        # Where tests run in threads, there is one recording at a time all the same.
        with self._turn:
            path = self._path(item)
            try:
                _library.start(path, options)
            except (_program.MemtraceError, RuntimeError, OSError) as error:
                pytest.fail(f"not measured: {error}", pytrace=False)
            try:
                outcome = yield
                if leaks:
                    gc.collect()
            finally:
                recorded = _library.stop()
        item._memtrace = None
        if recorded:
            stats, locations = self._measure(path)
            item._memtrace = path, stats, locations
            item.user_properties.append(("memtrace_peak_bytes", stats["peak_bytes"]))
        return outcome

    def _path(self, item):
        kept = self._config.getoption("--memtrace-path")
        if kept:
            folder = Path(self._config.invocation_params.dir, kept)
            folder.mkdir(parents=True, exist_ok=True)
            name = re.sub(r"[^\w.-]+", "-", item.nodeid)[-150:]
        else:
            if self._folder is None or not self._folder.name.endswith(f"-{os.getpid()}"):
                self._folder = Path(tempfile.mkdtemp(prefix="memtrace-", suffix=f"-{os.getpid()}"))
            folder, name = self._folder, str(next(self._numbers))
        path = folder / f"{name}.mtr"
        if path.exists():
            path.unlink()
        return str(path)

    def _measure(self, path):
        if self._measurer is None or not self._measurer.is_ours:
            self._measurer = _program.Measurer(self._stacks)
        return self._measurer.measure(path)

    def _hold_against(self, item, limits, outcome):
        if item._memtrace is None:
            # The test itself ended the recording, or began another process that did.
            outcome.force_exception(pytest.fail.Exception("the test ended memtrace's recording", pytrace=False))
            return
        path, stats, _ = item._memtrace
        for marker in limits:
            check = _too_much if marker.name == "limit_memory" else _left_behind
            try:
                failure = check(path, stats, self._stacks, *marker.args, **marker.kwargs)
            except (TypeError, ValueError) as error:
                failure = f"{marker.name}: {error}"
            if failure:
                outcome.force_exception(pytest.fail.Exception(failure, pytrace=False))
                return

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item, call):
        outcome = yield
        measured = getattr(item, "_memtrace", None)
        if call.when != "call" or measured is None:
            return
        del item._memtrace
        path, stats, locations = measured
        if self._config.getoption("--memtrace-path"):
            _program.run("pack", path)
        else:
            os.unlink(path)
        report = outcome.get_result()
        report.memtrace = {
            "peak_bytes": stats["peak_bytes"],
            "total_bytes": stats["total_bytes"],
            "allocations": stats["allocations"],
            "sizes": [[size["up_to_bytes"], size["allocations"]] for size in stats["sizes"]],
            "locations": [[place["function"], place["file"], place["line"], place["bytes"]] for place in locations],
        }

    def pytest_runtest_logreport(self, report):
        measured = getattr(report, "memtrace", None)
        if measured and self._all:
            self._measured.append((report.nodeid, measured))

    def pytest_terminal_summary(self, terminalreporter):
        if not self._measured or self._config.getoption("--hide-memtrace-summary"):
            return
        terminalreporter.section("memory of tests", sep="=")
        self._measured.sort(key=lambda measured: -measured[1]["peak_bytes"])
        for nodeid, measured in self._measured[: self._config.getoption("--memtrace-most-allocations")]:
            terminalreporter.line(_summary(nodeid, measured))

    def pytest_unconfigure(self):
        if self._measurer is not None and self._measurer.is_ours:
            self._measurer.close()
        if self._folder is not None and self._folder.name.endswith(f"-{os.getpid()}"):
            shutil.rmtree(self._folder, ignore_errors=True)


def _too_much(path, stats, stacks, memory_limit, current_thread_only=False):
    limit = _size(memory_limit)
    # All threads together, which is what mostly counts, are known.
    if stats["peak_bytes"] <= limit:
        return None
    sites = _of_threads(FileReader(path).get_high_watermark_allocation_records(merge_threads=False), current_thread_only)
    had = sum(size for size, _, _ in sites)
    if had <= limit:
        return None
    return _told(f"the test was limited to {_bytes(limit)} but had {_bytes(had)} in use at once:", sites, stacks)


def _left_behind(path, stats, stacks, location_limit, filter_fn=None, warmups=0, current_thread_only=False):
    limit = _size(location_limit)
    sites = _of_threads(FileReader(path).get_leaked_allocation_records(merge_threads=False), current_thread_only)
    leaks = [site for site in sites if site[0] > limit and (filter_fn is None or filter_fn(_public(site[2])))]
    if not leaks:
        return None
    return _told(f"the test may leave {_bytes(limit)} behind at one place but left more:", leaks, stacks)


def _of_threads(records, current_thread_only):
    """Size, blocks and stack of each place, largest first."""
    sites = defaultdict(lambda: (0, 0))
    for record in records:
        if not current_thread_only or record.tid == threading.get_native_id():
            size, blocks = sites[record.stack]
            sites[record.stack] = size + record.size, blocks + record.n_allocations
    return sorted(((size, blocks, stack) for stack, (size, blocks) in sites.items()), reverse=True)


def _public(stack):
    return Stack(tuple(StackFrame(*frame) for frame in stack))


def _told(begin, sites, stacks):
    lines = [begin]
    for size, blocks, stack in sites[:stacks]:
        frames = [f"    {function} {file}:{line}" for function, file, line in stack[:stacks]]
        lines += ["", f"{_bytes(size)} in {_count(blocks, 'block')}", *(frames or ["    (no Python code)"])]
    return "\n".join(lines)


def _summary(nodeid, measured):
    lines = [
        f"{nodeid}",
        f"    {_bytes(measured['peak_bytes'])} in use at once",
        f"    {_bytes(measured['total_bytes'])} in {_count(measured['allocations'], 'allocation')}",
    ]
    if measured["sizes"]:
        largest = measured["sizes"][-1][0]
        lines.append(f"    |{_histogram(measured['sizes'])}| sizes up to {_bytes(largest)}")
    for function, file, line, size in filter(lambda location: location[3], measured["locations"]):
        lines.append(f"    {_bytes(size):>10}  {function} {file}:{line}")
    return "\n".join(lines) + "\n"


def _histogram(sizes):
    """One column for each power of two."""
    classes = {up_to.bit_length(): allocations for up_to, allocations in sizes}
    columns = [classes.get(bits, 0) for bits in range(min(classes), max(classes) + 1)]
    most = max(columns)
    return "".join(_BLOCKS[-(-column * (len(_BLOCKS) - 1) // most)] for column in columns)


def _size(text):
    """`24 MB`, `1.5 GB`: units are powers of 1024."""
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGTP]?B)\s*", str(text), re.IGNORECASE)
    if not found:
        raise ValueError(f"{text!r} is no size such as '24 MB'")
    number, unit = found.groups()
    return int(float(number) * 1024 ** _UNITS[unit.upper()])


def _bytes(size):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024


def _count(number, noun):
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
