"""The library that records, loaded into this process. Must not know what is done with what it writes."""

import ctypes
import errno
import functools
import os

from memtrace import _program

# As the library has them: `memtrace_wire::header::Options`.
FOLLOW_FORK = 1
PYTHON_ALLOCATORS = 2
NATIVE = 4


@functools.lru_cache(maxsize=None)
def _library():
    path = _program.run("library", "--format", "human").rstrip("\n")
    # Both functions must hold the GIL, and the hooks stay where they are as long as the process runs.
    library = ctypes.PyDLL(path, mode=os.RTLD_NOW | os.RTLD_NODELETE)
    library.memtrace_start.argtypes = [ctypes.c_char_p, ctypes.c_uint32]
    return library


def start(path, options):
    """Begins a recording into a new file."""
    code = _library().memtrace_start(os.fsencode(path), options)
    if code == errno.EALREADY:
        raise RuntimeError("this process is being recorded already; there can be one recording at a time")
    if code == errno.ENOTSUP:
        raise RuntimeError("this process is being recorded by `memtrace run`")
    if code:
        raise OSError(code, os.strerror(code), path)


def stop():
    """Ends the recording; false where there is none in this process."""
    code = _library().memtrace_stop()
    if code and code != errno.EINVAL:
        raise OSError(code, os.strerror(code))
    return not code
