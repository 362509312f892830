"""A process that outlives runs: Python and pytest are imported, and each run gets a copy of it.

What it imports is what any run in this folder with this environment imports before it looks at a file of the
project. Must not know what runs do, nor whether anything has changed since; testfan's daemon knows.
"""

import importlib
import os
import signal
import sys
import warnings

from .channel import Channel, die_with_parent
from .recording import OWN

_FILES = 3


class Work:
    """What a copy is to do: the message that asked for it, and the files that came along."""

    def __init__(self, message, files, parent):
        self.message = message
        self.files = files
        self.parent = parent


def serve(channel, others=()):
    """Makes a copy of this process for each message that asks for one, and does what `others` do for messages by
    other names. Returns in copies only, with their work; this process ends with its channel."""
    others = dict(others)
    # The kernel waits for the copies. What they start is theirs to wait for.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent, runs = os.getpid(), []
    while True:
        message = channel.receive()
        if message is None:
            _outlive(runs)
        kind = message.pop("t")
        if kind in others:
            others[kind](message)
            continue
        files = [channel.descriptors.popleft() for _ in range(_FILES)]
        pid = os.fork()
        if pid == 0:
            channel.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            os.setpgid(0, 0)
            return Work(message, files, parent)
        for file in files:
            os.close(file)
        try:
            os.setpgid(pid, pid)  # whoever is told of the copy may signal its group at once
        except OSError:
            pass  # then it has done so itself, or has ended
        channel.send("copied", pid=pid)
        runs = [pid for pid in runs if _lives(pid)]
        if "begin" not in message:
            runs.append(pid)


def _lives(pid, options=os.WNOHANG):
    """Whether a copy goes on; where it is to be waited for, once it does not."""
    try:
        return os.waitpid(pid, options) == (0, 0)
    except ChildProcessError:
        return False


def _outlive(runs):
    """Nothing more will be asked for. Runs that go on would end with this process, so it waits for them."""
    for pid in runs:
        _lives(pid, 0)
    os._exit(0)


def enter(work, streams, stand_ins=()):
    """Makes this process the one that the run would have started: its streams, environment and file mode mask."""
    die_with_parent(work.parent)
    os.chdir(_raw(work.message["folder"]))
    for number, stream in zip((1, 2), streams):
        for other in (number, *_same_file(number, stand_ins)):
            os.dup2(stream, other, inheritable=other == number)
        os.close(stream)
    wanted = {_raw(name): _raw(value) for name, value in work.message["environment"]}
    for name in [name for name in os.environb if name in _PER_SHELL and name not in wanted]:
        del os.environb[name]
    os.environb.update({name: wanted[name] for name in _PER_SHELL if name in wanted})
    os.umask(work.message["umask"])


# These differ from shell to shell and command to command, and are the only ones that may differ from those that
# the process began with. testfan's daemon has the same list.
_PER_SHELL = (b"_", b"OLDPWD", b"SHLVL")


def _raw(text):
    """Bytes, each of which travels as the character of that number."""
    return text.encode("latin-1")


def _same_file(number, stand_ins):
    """The copies that pytest made of a standard stream: files that are open on what stands in for it."""
    if not stand_ins:
        return []
    wanted = os.fstat(stand_ins[number - 1])
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            is_copy = os.path.samestat(os.fstat(int(name)), wanted)
        except OSError:
            continue
        if is_copy and int(name) > 2:
            found.append(int(name))
    return found


class Base:
    """The process before it has seen a file of the project."""

    def __init__(self, channel):
        self.channel = channel
        import _pytest.config

        for name in _pytest.config.default_plugins:
            importlib.import_module("_pytest." + name)

    def work(self):
        """The work of a copy."""
        folders = [path for path in sys.path if path]
        inputs = module_files() + [sys.executable, os.path.join(sys.prefix, "pyvenv.cfg")]
        for folder in filter(os.path.isdir, folders):
            inputs += [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".pth")]
        self.channel.send("ready", inputs=inputs, folders=folders)
        return serve(self.channel, {"import": self._import})

    def _import(self, message):
        """Imports modules that no project has a say in. What warns when it is imported is to do so in each run, so
        this process is of no use any more."""
        before = set(sys.modules)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for name in message["modules"]:
                try:
                    importlib.import_module(name)
                except Exception:
                    caught.append(name)
        threads = len(os.listdir("/proc/self/task"))
        usable = not caught and threads == 1
        self.channel.send("imported", usable=usable, inputs=module_files(set(sys.modules) - before))


def module_files(names=None):
    """The files of the modules that are loaded."""
    files = set()
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if isinstance(path, str) and (names is None or name in names):
            files.add(os.path.abspath(path))
    return sorted(file for file in files if not file.startswith(OWN))


def begin_run(work):
    """The channel of a copy of the base that is to be a run's zygote."""
    channel, *streams = work.files
    enter(work, streams)
    importlib.invalidate_caches()
    return Channel(channel)
