"""What is in a capture: memtrace's records as objects. Must not know how they were recorded."""

import os
from typing import Dict, List, NamedTuple, Optional, Tuple

from memtrace import _program

Frame = Tuple[str, str, int]


class Allocation(NamedTuple):
    """One block, or all blocks of one stack. `address` is 0 for several; one that was given back has no size."""

    address: int
    size: int
    n_allocations: int
    allocator: str
    tid: int
    thread_name: str
    stack: Tuple[Frame, ...]

    def stack_trace(self, max_stacks: Optional[int] = None) -> List[Frame]:
        """Function, file and line of each frame, innermost first."""
        return list(self.stack[:max_stacks])


class MemorySnapshot(NamedTuple):
    """What the process had at one time: milliseconds since the recording began, resident memory, blocks in use."""

    time: int
    rss: int
    heap: int


class Statistics(NamedTuple):
    """A recording in numbers; sizes are in bytes."""

    peak_memory_allocated: int
    total_memory_allocated: int
    total_num_allocations: int
    leaked_memory: int
    allocation_count_by_size: Dict[int, int]
    allocation_count_by_allocator: Dict[str, int]
    top_locations_by_size: List[Tuple[Frame, int]]
    complete: bool


class FileReader:
    """Reads a capture, of `Tracker`, `memtrace run` or `memtrace attach`. Each call reads it anew."""

    def __init__(self, file_name):
        self._path = os.fspath(file_name)
        if not os.path.isfile(self._path):
            raise FileNotFoundError(2, "No such file or directory", self._path)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        pass

    def get_allocation_records(self):
        """Every allocation and, with the allocator `free` or `munmap`, everything that was given back, in order."""
        names = {}
        for record in _program.records("records", self._path):
            kind = record["type"]
            if kind == "memtrace.thread.named":
                names[record["thread"]] = record["name"]
            elif kind == "memtrace.allocation.recorded":
                thread = record["thread"]
                where = int(record["address"], 16), record["size_bytes"], 1, record["allocator"], thread
                yield Allocation(*where, names.get(thread, ""), _stack(record))
            elif kind == "memtrace.allocation.freed":
                size = record.get("size_bytes", 0)
                yield Allocation(int(record["address"], 16), size, 1, "munmap" if size else "free", 0, "", ())

    def get_high_watermark_allocation_records(self, merge_threads=True):
        """What was in use when the most memory was, largest first."""
        return self._sites("peak", merge_threads)

    def get_leaked_allocation_records(self, merge_threads=True):
        """What was not given back within the recording, largest first."""
        return self._sites("leaked", merge_threads)

    def get_temporary_allocation_records(self, merge_threads=True, threshold=1):
        """What was given back before its thread had allocated `threshold` times more, largest first."""
        return self._sites("temporary", merge_threads, "--temporary-threshold", str(threshold - 1))

    def get_memory_snapshots(self):
        """Memory over time, every 10 ms in which something happened."""
        heap, in_use = 0, {}
        for record in _program.records("records", self._path):
            kind = record["type"]
            if kind == "memtrace.memory.sampled":
                yield MemorySnapshot(record["elapsed_us"] // 1000, record["resident_bytes"], heap)
            elif kind == "memtrace.allocation.recorded":
                heap += record["size_bytes"] - in_use.get(record["address"], 0)
                in_use[record["address"]] = record["size_bytes"]
            elif kind == "memtrace.allocation.freed":
                heap -= in_use.pop(record["address"], 0)

    def _sites(self, at, merge_threads, *options):
        sites = {}
        for record in _program.records("records", "--at", at, *options, self._path):
            if record["type"] != "memtrace.stack.measured":
                continue
            thread = (0, "merged thread") if merge_threads else (record["thread"], record.get("thread_name", ""))
            site = (record["allocator"], *thread, _stack(record))
            size, blocks = sites.get(site, (0, 0))
            sites[site] = size + record["bytes"], blocks + record["allocations"]
        allocations = [Allocation(0, size, blocks, *site) for site, (size, blocks) in sites.items()]
        return sorted(allocations, key=lambda allocation: -allocation.size)


def _stack(record):
    return tuple((frame["function"], frame["file"], frame["line"]) for frame in record["stack"])


def compute_statistics(file_name, *, num_largest=5):
    """A whole capture in numbers."""
    stats, locations = None, []
    for record in _program.records("stats", "-n", str(num_largest), file_name):
        if record["type"] == "memtrace.stats.computed":
            stats = record
        elif record["type"] == "memtrace.location.measured":
            locations.append(((record["function"], record["file"], record["line"]), record["bytes"]))
    return Statistics(
        peak_memory_allocated=stats["peak_bytes"],
        total_memory_allocated=stats["total_bytes"],
        total_num_allocations=stats["allocations"],
        leaked_memory=stats["leaked_bytes"],
        allocation_count_by_size={size["up_to_bytes"]: size["allocations"] for size in stats["sizes"]},
        allocation_count_by_allocator={name: used["allocations"] for name, used in stats["allocators"].items()},
        top_locations_by_size=locations,
        complete=stats["complete"],
    )
