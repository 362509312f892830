"""A zygote that collects before there is a run and waits: each run gets a copy of it.

What it has recorded of its collection goes to testfan's daemon, which makes a copy only while all of that is
unchanged. Must not know how to tell.
"""

import importlib
import os
import sys
import tempfile

from . import hazards, heap, resident
from .channel import Channel, die_with_parent, live_on
from .recording import Recording

# Whether a plugin that is loaded makes every collection another one.
_SHUFFLERS = ("pytest_randomly", "pytest_random_order", "random_order.plugin")
# pytest looks for these in the folders above, without opening them.
_CONFIGURATION = (
    "pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg", "setup.py",
    "conftest.py", "__init__.py",
)


class Recorder:
    """Stands for the channel until there is a run: keeps what is sent."""

    def __init__(self):
        self.sent = []

    def send(self, tag, /, **fields):
        self.sent.append((tag, fields))

    def flush(self):
        pass


class Parking:
    def __init__(self, work):
        channel, *unused = work.files
        for file in unused:
            os.close(file)
        die_with_parent(work.parent)
        self.channel = Channel(channel)
        self.begin = work.message["begin"]
        self.recorder = Recorder()
        self.libraries = []
        self.warned = False
        # Whatever is written past pytest's capturing would have to be written in every run.
        self.stand_ins = [os.memfd_create(name) for name in ("stdout", "stderr")]
        for number, file in enumerate(self.stand_ins, start=1):
            os.dup2(file, number)
        os.umask(work.message["umask"])
        # Python tries it out by writing there; pytest's capturing would ask for it before any conftest can.
        tempfile.gettempdir()
        self.recording = Recording(self._refused)

    def plugins_loaded(self):
        """To be called before the first file of the project is looked at."""
        for name, module in list(sys.modules.items()):
            path = getattr(module, "__file__", None)
            loader = type(getattr(getattr(module, "__spec__", None), "loader", None)).__name__
            # pytest rewrites the asserts of plugins: they can be imported through it only.
            if isinstance(path, str) and not name.startswith("testfan_worker") and loader != "AssertionRewritingHook":
                self.libraries.append(name)

    def wait(self, zygote, session):
        """Returns in copies only, each of which is a run's zygote that has just collected."""
        self._report(zygote, session)
        heap.settle()
        live_on()
        work = resident.serve(self.channel)
        self.channel = None
        channel, *streams = work.files
        resident.enter(work, streams, self.stand_ins)
        for file in self.stand_ins:
            os.close(file)
        zygote.enter_run(Channel(channel), self.recorder.sent)
        _begin_again(session)

    def _report(self, zygote, session):
        self.recording.stop()
        config = session.config
        reason = hazards.reason_not_to_fork(config, zygote.sockets)
        if reason is None and any(name in sys.modules for name in _SHUFFLERS):
            reason = "a plugin shuffles the tests anew in each run"
        if reason is None and config.option.capture == "no":
            reason = "output is not captured"
        sys.stdout.flush()
        sys.stderr.flush()
        if reason is None and any(os.fstat(file).st_size for file in self.stand_ins):
            reason = "something is printed past pytest's capturing while tests are collected"
        if reason is not None:
            self._refused(reason)
        roots = {os.getcwd(), str(config.rootpath)}
        self._say(None, _configuration(config), roots, [] if self.warned else self.libraries)

    def _refused(self, reason):
        """No run can do with this collection, so it goes no further."""
        self._say(reason, set(), {os.getcwd()}, [])
        self.channel.flush()
        os._exit(0)

    def _say(self, reason, inputs, roots, libraries):
        self.channel.send(
            "parked",
            reason=reason,
            inputs=sorted(self.recording.inputs | set(resident.module_files()) | inputs),
            folders=sorted(self.recording.folders),
            roots=sorted(roots),
            libraries=libraries,
        )


def _configuration(config):
    """Where a file would change pytest's configuration."""
    found = set()
    starts = [os.getcwd(), str(config.rootpath)]
    starts += [os.path.abspath(arg.split("::")[0]) for arg in config.args]
    for folder in starts:
        while True:
            found.update(os.path.join(folder, name) for name in _CONFIGURATION)
            above = os.path.dirname(folder)
            if above == folder:
                break
            folder = above
    return found


def _begin_again(session):
    """What pytest did at the beginning of the session and has to be this run's own."""
    config = session.config
    importlib.invalidate_caches()
    capture = config.pluginmanager.get_plugin("capturemanager")
    if capture is not None and capture.is_globally_capturing():
        # The files behind captured output share one offset with every other copy: new ones.
        capture.stop_global_capturing()
        capture.start_global_capturing()
        capture.suspend_global_capture(in_=False)
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is not None:
        factory._basetemp = None
    for plugin in list(config.pluginmanager.get_plugins()):
        if type(plugin).__name__ == "LogXML":
            plugin.pytest_sessionstart()
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    for name in ("_sessionstarttime", "_session_start"):
        if hasattr(reporter, name):
            setattr(reporter, name, _now_like(getattr(reporter, name)))


def _now_like(then):
    """The present, as this version of pytest keeps it."""
    import _pytest.timing

    return _pytest.timing.time() if isinstance(then, float) else type(then)()
