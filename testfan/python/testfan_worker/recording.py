"""What a collection depends on: the files it opens, the folders it lists, and whatever else would make the next
collection another one. Must not know what becomes of it.

Python tells of files, folders, processes and connections by audit events (PEP 578); clocks and random numbers, which
have none, are noticed by a profile function. Both see the project's code, pytest's and the libraries'.
"""

import datetime
import os
import random
import sys
import sysconfig
import tempfile
import time

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_NOT_FILES = ("/dev/", "/proc/self/")
# Bytecode is checked against what it was made of, whenever it is read.
_BYTECODE = os.sep + "__pycache__"

# An event by one of these names changes something outside this process, or asks somebody else.
_OUTSIDE = {
    "os.system": "starts a process",
    "os.exec": "starts a process",
    "os.fork": "starts a process",
    "os.forkpty": "starts a process",
    "os.posix_spawn": "starts a process",
    "os.spawn": "starts a process",
    "os.startfile": "starts a process",
    "pty.spawn": "starts a process",
    "subprocess.Popen": "starts a process",
    "_thread.start_new_thread": "starts a thread",
    "socket.connect": "connects a socket",
    "socket.bind": "binds a socket",
    "socket.getaddrinfo": "looks up a host",
    "socket.gethostbyname": "looks up a host",
    "socket.gethostname": "asks for the host's name",
    "sqlite3.connect": "opens a database",
    "dbm.open": "opens a database",
    "tempfile.mkdtemp": "makes a temporary folder",
    "tempfile.mkstemp": "makes a temporary file",
    "os.mkdir": "makes a folder",
    "os.rmdir": "removes a folder",
    "os.remove": "removes a file",
    "os.rename": "renames a file",
    "os.link": "makes a link",
    "os.symlink": "makes a link",
    "os.truncate": "writes a file",
    "os.utime": "changes a file",
    "os.chmod": "changes a file",
    "os.chown": "changes a file",
    "os.chdir": "changes the folder",
    "os.fchdir": "changes the folder",
    "os.kill": "sends a signal",
    "fcntl.flock": "locks a file",
    "fcntl.lockf": "locks a file",
}

_CLOCKS = frozenset(
    getattr(time, name)
    for name in dir(time)
    if name.startswith(("time", "monotonic", "perf_counter", "process_time", "localtime", "gmtime", "ctime", "clock_"))
    and callable(getattr(time, name)) and not isinstance(getattr(time, name), type)
) | {os.urandom, os.getrandom, os.getpid, os.getppid, os.getloadavg}
_TODAY = frozenset(("now", "utcnow", "today"))
_RANDOM = frozenset(("random", "getrandbits", "seed"))

_STDLIB = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})
# These start programs such as ldconfig, whose answers are the same as long as Python is.
_ASKING = frozenset(os.path.join(folder, *name) for folder in _STDLIB for name in (("ctypes", "util.py"), ("platform.py",)))
_LIBRARIES = (os.sep + "site-packages" + os.sep, os.sep + "dist-packages" + os.sep)
# testfan's own files, which travel in the binary.
OWN = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_PYTEST = (OWN, *(os.sep + name + os.sep for name in ("_pytest", "pytest", "pluggy")))


class Recording:
    """From its making to `stop`. `refused` is called with the reason before anything is done that another
    collection would do too, or do in another way; it must not return."""

    def __init__(self, refused):
        self._refused = refused
        self.inputs = set()
        self.folders = set()
        self._active = True
        sys.addaudithook(self._audit)
        sys.setprofile(self._profile)

    def stop(self):
        self._active = False
        sys.setprofile(None)

    def _refuse(self, reason):
        self.stop()
        self._refused(reason)

    def _audit(self, event, args):
        if not self._active:
            return
        if event == "open":
            self._opened(*args)
        elif event in ("os.listdir", "os.scandir"):
            path = args[0]
            if not isinstance(path, int):
                path = os.path.abspath(os.fsdecode("." if path is None else path))
                if not (path + os.sep).startswith(_NOT_FILES):
                    self.folders.add(path)
        elif event in _OUTSIDE and not (args and _is_bytecode(args[0])) and not _is_harmless(sys._getframe(1)):
            self._refuse(f"{_who(sys._getframe(1))} {_OUTSIDE[event]} while tests are collected")

    def _opened(self, path, mode, flags):
        if isinstance(path, int) or path is None:
            return
        path = os.path.abspath(os.fsdecode(path))
        if path.startswith(_NOT_FILES) or _is_bytecode(path):
            return
        if _is_harmless(sys._getframe(2)):
            return
        if flags & _WRITES:
            self._refuse(f"{_who(sys._getframe(2))} writes {path} while tests are collected")
        self.inputs.add(path)

    def _profile(self, frame, event, called):
        if event != "c_call":
            return
        try:
            changing = called in _CLOCKS
        except TypeError:
            return
        if not changing:
            of = getattr(called, "__self__", None)
            changing = (called.__name__ in _TODAY and isinstance(of, type) and issubclass(of, datetime.date)) or (
                called.__name__ in _RANDOM and isinstance(of, random.Random)
            )
        if changing and _is_projects(frame):
            self._refuse(f"{_who(frame)} asks for the time, a random number or a process id while tests are collected")


def is_library(path):
    """Whether a module's file is not the project's: Python's, an installed distribution's, or testfan's."""
    path = os.path.abspath(path)
    return path.startswith((*_STDLIB, OWN)) or any(name in path for name in _LIBRARIES)


def _is_bytecode(path):
    return isinstance(path, (str, bytes)) and _BYTECODE in os.fsdecode(path)


def _is_harmless(frame):
    """Whether it is about a temporary file that nobody else can open, such as pytest's capturing has, or Python asks
    the system what it is and has."""
    for _ in range(6):
        if frame is None:
            return False
        if frame.f_code is tempfile.TemporaryFile.__code__ or frame.f_code.co_filename in _ASKING:
            return True
        frame = frame.f_back
    return False


def _is_projects(frame):
    """Whether the project's code is behind a call, or a plugin outside of its import: what a library does when it
    is imported is its own affair."""
    library = False
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith("<frozen importlib"):
            return False
        if not path.startswith("<") and not any(name in path for name in _PYTEST):
            if any(name in path for name in _LIBRARIES):
                library = True
            elif not path.startswith(_STDLIB):
                return True
        frame = frame.f_back
    return library


def _who(frame):
    """The file that an event comes from: the project's, else a library's."""
    library = None
    while frame is not None:
        path = frame.f_code.co_filename
        if not path.startswith(("<", *_STDLIB)) and not any(name in path for name in _PYTEST):
            if not any(name in path for name in _LIBRARIES):
                return os.path.relpath(path)
            library = library or os.path.basename(path)
        frame = frame.f_back
    return library or "pytest"
