"""What pytest keeps once in a process and each thread that runs tests needs for itself: what is set up, fixtures, captured
output and log, warnings, the worker's name. Whoever is in none of these threads sees what was there before.

All of it is undone when the tests are done. Must not know which test runs where.
"""

import contextlib
import io
import logging
import sys
import threading
import warnings

from _pytest.fixtures import FixtureDef
from _pytest.runner import SetupState


class _Here(threading.local):
    lane = None
    # The warnings of the test, and which of them it is to see once.
    warned = None
    seen = frozenset()


# The number of the lane that this thread is.
here = _Here()
# Until pytest 8.4 these set a hook of Python's around each phase of a test; side by side they would not put back what was.
_HOOKING = ("unraisableexception", "threadexception")


@contextlib.contextmanager
def each_its_own(session, channel, names):
    """Gives what is to be called to run one test, in a thread whose lane is known."""
    config = session.config
    manager = config.pluginmanager
    with contextlib.ExitStack() as stack:
        stack.enter_context(replaced(type(session), "_setupstate", _PerLane("_setupstate", lambda _: SetupState())))
        stack.enter_context(replaced(FixtureDef, "cached_result", _PerLane("cached_result", lambda _: None)))
        stack.enter_context(replaced(FixtureDef, "_finalizers", _PerLane("_finalizers", lambda _: [])))
        if hasattr(config, "workerinput"):
            stack.enter_context(replaced(config, "workerinput", _WorkerInput(config.workerinput, names)))
        stack.enter_context(_captured(manager.get_plugin("capturemanager"), channel, len(names)))
        stack.enter_context(_logged(manager.get_plugin("logging-plugin")))
        stack.enter_context(_warned(config, manager.get_plugin("warnings")))
        stack.enter_context(_without(manager, _HOOKING))
        protocol = manager.subset_hook_caller("pytest_runtest_protocol", [manager.get_plugin("warnings")])
        yield lambda item, nextitem: _with_warnings(item, protocol, nextitem)


@contextlib.contextmanager
def replaced(owner, name, value):
    """Sets an attribute, and puts back what was there."""
    before = vars(owner).get(name, owner)
    setattr(owner, name, value)
    try:
        yield
    finally:
        if before is owner:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


class _PerLane:
    """An attribute of which each lane has its own value."""

    def __init__(self, name, make):
        self.name = name
        self.make = make

    def _key(self):
        return self.name if here.lane is None else f"{self.name}@{here.lane}"

    def __get__(self, instance, owner):
        if instance is None:
            return self
        key, values = self._key(), vars(instance)
        if key not in values:
            values[key] = self.make(instance)
        return values[key]

    def __set__(self, instance, value):
        vars(instance)[self._key()] = value


class _WorkerInput(dict):
    """Each lane is a worker of its own to those who ask."""

    def __init__(self, values, names):
        super().__init__(values)
        self.names = names

    def __getitem__(self, key):
        return self.names[here.lane] if key == "workerid" and here.lane is not None else super().__getitem__(key)

    def get(self, key, default=None):
        return self[key] if key in self else default


# -- output


class _Sink(io.RawIOBase):
    """Where a lane's output goes: kept for its test, shown at once, or both."""

    def __init__(self, keep, show):
        self.keep = keep
        self.show = show
        self.kept = bytearray()

    def writable(self):
        return True

    def write(self, data):
        data = bytes(data)
        if self.keep:
            self.kept += data
        if self.show:
            self.show(data.decode("utf-8", "replace"))
        return len(data)

    def take(self):
        text = self.kept.decode("utf-8", "replace")
        self.kept.clear()
        return text


class _Split:
    """Stands for a stream: what a lane writes is the lane's, what others write goes where it always did."""

    def __init__(self, common, sinks):
        self._common = common
        self._streams = [
            io.TextIOWrapper(io.BufferedWriter(sink), encoding="utf-8", errors="replace", newline="", line_buffering=True)
            for sink in sinks
        ]

    def __getattr__(self, name):
        return getattr(self._common if here.lane is None else self._streams[here.lane], name)

    def __iter__(self):
        return iter(self._common)

    def flush_own(self):
        self._streams[here.lane].flush()


@contextlib.contextmanager
def _captured(manager, channel, count):
    method = manager._method if manager is not None else "no"
    show = method in ("no", "tee-sys")

    def sinks(error):
        return [
            _Sink(method != "no", _shower(channel, lane, error) if show else None)
            for lane in range(count)
        ]

    out, err = sinks(False), sinks(True)
    streams = []

    @contextlib.contextmanager
    def item_capture(when, item):
        try:
            yield
        finally:
            for (name, all_sinks), stream in zip((("stdout", out), ("stderr", err)), streams):
                stream.flush_own()
                item.add_report_section(when, name, all_sinks[here.lane].take())
            if manager.is_globally_capturing():
                # Processes that tests start, and threads of theirs.
                for name, text in zip(("stdout", "stderr"), manager.read_global_capture()):
                    item.add_report_section(when, f"{name} of whichever thread", text)

    with contextlib.ExitStack() as stack:
        if manager is not None:
            manager.resume_global_capture()
            stack.callback(manager.suspend_global_capture, in_=False)
        streams += [_Split(sys.stdout, out), _Split(sys.stderr, err)]
        stack.enter_context(replaced(sys, "stdout", streams[0]))
        stack.enter_context(replaced(sys, "stderr", streams[1]))
        if manager is not None:
            stack.enter_context(replaced(manager, "item_capture", item_capture))
            # Else the output of all would be let through while one asks for it.
            for name in ("suspend_global_capture", "resume_global_capture"):
                stack.enter_context(replaced(manager, name, lambda in_=False: None))
        yield


def _shower(channel, lane, error):
    def show(text):
        channel.send("lane", lane=lane, says={"t": "printed", "error": error, "text": text})
        channel.flush()

    return show


# -- the log


@contextlib.contextmanager
def _logged(plugin):
    """Each lane has handlers of its own, which take what its thread says."""
    if plugin is None:
        yield
        return
    kind = type(plugin)

    def handler(name):
        def make(plugin):
            lane, made = here.lane, type(vars(plugin)[name])()
            made.setFormatter(plugin.formatter)
            made.addFilter(lambda record: here.lane == lane)
            return made

        return make

    root = logging.getLogger()
    level = root.level
    if plugin.log_level is not None:
        # Each test would set it and put back what it found, not one inside the other.
        root.setLevel(min(level, plugin.log_level))
    try:
        with contextlib.ExitStack() as stack:
            for name in ("caplog_handler", "report_handler"):
                stack.enter_context(replaced(kind, name, _PerLane(name, handler(name))))
            yield
    finally:
        root.setLevel(level)


# -- warnings


@contextlib.contextmanager
def _warned(config, plugin):
    """pytest's filters, once for all tests; those with filters of their own are not run here."""
    if plugin is None:
        yield
        return

    def showwarning(message, category, filename, lineno, file=None, line=None):
        key = (str(message), category, lineno)
        once = _registry(filename, lineno).pop(key, None) is not None
        if here.warned is None or (once and (filename, key) in here.seen):
            return
        here.seen.add((filename, key))
        here.warned.append(warnings.WarningMessage(message, category, filename, lineno, file, line))

    with plugin.catch_warnings_for_item(config=config, ihook=config.hook, when="runtest", item=None):
        warnings.showwarning = showwarning
        yield


def _registry(filename, lineno):
    """Where Python has just noted that a place has warned, if it is to warn once: other tests must not go by it."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_lineno == lineno and frame.f_code.co_filename == filename:
            return frame.f_globals.get("__warningregistry__", {})
        frame = frame.f_back
    return {}


def _with_warnings(item, protocol, nextitem):
    here.warned, here.seen = [], set()
    try:
        return protocol(item=item, nextitem=nextitem)
    finally:
        for message in here.warned:
            item.ihook.pytest_warning_recorded.call_historic(
                kwargs={"warning_message": message, "nodeid": item.nodeid, "when": "runtest", "location": None}
            )
        here.warned = None


@contextlib.contextmanager
def _without(manager, names):
    """Without those of these plugins that would come again as they went."""
    found = [(name, manager.get_plugin(name)) for name in names]
    removed = [(name, plugin) for name, plugin in found if plugin and not hasattr(plugin, "pytest_configure")]
    for _, plugin in removed:
        manager.unregister(plugin)
    try:
        yield
    finally:
        for name, plugin in removed:
            manager.register(plugin, name)
