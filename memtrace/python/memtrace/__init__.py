"""Records every allocation of a part of a program; the reports are the `memtrace` program's, or `FileReader`'s.

    from memtrace import FileReader, Tracker

    with Tracker("load.mtr"):
        load()
    for record in FileReader("load.mtr").get_high_watermark_allocation_records():
        print(record.size, record.stack_trace(3))

The names are memray's. In notebooks: `%load_ext memtrace`, then `%%memtrace_flamegraph` above a cell.
"""

from memtrace._program import MemtraceError
from memtrace.reader import Allocation, FileReader, MemorySnapshot, Statistics, compute_statistics
from memtrace.tracker import FileDestination, Tracker, start, stop

__all__ = [
    "Allocation",
    "FileDestination",
    "FileReader",
    "MemorySnapshot",
    "MemtraceError",
    "Statistics",
    "Tracker",
    "compute_statistics",
    "start",
    "stop",
]


def load_ipython_extension(ipython):
    """What `%load_ext memtrace` calls."""
    from memtrace.magic import MemtraceMagics

    ipython.register_magics(MemtraceMagics)
