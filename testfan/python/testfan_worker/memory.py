"""Records what each test allocates, for --memory, with the library that memtrace's program brings along. testfan reads
what was recorded. Must not know how tests are run.
"""

import ctypes
import os

# Of memtrace's own pytest plugin, which measures the tests that it is asked to.
_PLUGIN = "memtrace_measuring"
_LIMITS = ("limit_memory", "limit_leaks")


class Memory:
    def __init__(self, begin, worker):
        self._library = ctypes.PyDLL(begin["library"], mode=os.RTLD_NOW | os.RTLD_NODELETE)
        self._library.memtrace_start.argtypes = [ctypes.c_char_p, ctypes.c_uint32]
        self._name = os.path.join(begin["folder"], worker)
        self._number = 0

    def begin(self, item):
        """Records from now on; gives the file, or none where somebody else records this test."""
        config = item.config
        if config.pluginmanager.hasplugin(_PLUGIN):
            if config.getoption("--memtrace", False) or any(map(item.get_closest_marker, _LIMITS)):
                return None
        self._number += 1
        path = f"{self._name}-{self._number}.mtr"
        return None if self._library.memtrace_start(os.fsencode(path), 0) else path

    def end(self):
        self._library.memtrace_stop()
