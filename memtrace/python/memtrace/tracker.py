"""Recordings of this process: as a context, or from a call to another."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Union

from memtrace import _library, _program


@dataclass(frozen=True)
class FileDestination:
    """A capture file. Packing it takes a moment at the end of the recording; reports read it either way."""

    path: Union[str, os.PathLike]
    overwrite: bool = False
    compress_on_exit: bool = True


class Tracker:
    """Records the allocations of all threads within its `with` block into a file.

    `native_traces` records the functions of C, C++ and Rust too, in one stack with Python's; `trace_python_allocators`
    records every object, instead of the memory that Python's allocator gets for objects; `follow_fork` records forked
    children too, each in a file of its own beside this one. Raises `FileExistsError`
    where the file exists, `RuntimeError` where this process is being recorded already.

    Once a process records, libraries that it loads are recorded from the first function on that it asks them for.
    """

    def __init__(
        self,
        file_name=None,
        *,
        destination=None,
        native_traces=False,
        trace_python_allocators=False,
        follow_fork=False,
    ):
        if (file_name is None) == (destination is None):
            raise TypeError("exactly one of file_name and destination must be given")
        self._destination = destination or FileDestination(file_name)
        wanted = {
            _library.FOLLOW_FORK: follow_fork,
            _library.PYTHON_ALLOCATORS: trace_python_allocators,
            _library.NATIVE: native_traces,
        }
        self._options = sum(option for option, is_wanted in wanted.items() if is_wanted)
        self._path = None
        self._pid = None

    def __enter__(self):
        if self._path is not None:
            raise RuntimeError("a Tracker records once; make another")
        path = os.path.abspath(self._destination.path)
        if self._destination.overwrite and os.path.isfile(path):
            os.unlink(path)
        _library.start(path, self._options)
        self._path, self._pid = path, os.getpid()
        return self

    def __exit__(self, *exception):
        # A forked child comes by here too.
        if os.getpid() != self._pid:
            return
        if _library.stop() and self._destination.compress_on_exit:
            _program.run("pack", self._path)


_started = None


def start(file_name, *, overwrite=False, **options):
    """Begins a recording, which `stop` ends; the options are those of `Tracker`."""
    global _started
    destination = FileDestination(Path(file_name), overwrite=overwrite)
    _started = Tracker(destination=destination, **options).__enter__()


def stop():
    """Ends the recording that `start` began."""
    global _started
    if _started is None:
        raise RuntimeError("there is no recording to stop")
    tracker, _started = _started, None
    tracker.__exit__()
