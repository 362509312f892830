"""`%%memtrace_flamegraph` for notebooks: a cell is recorded and its flame graph shown beneath it."""

import argparse
import tempfile
from pathlib import Path

from IPython.core.error import UsageError
from IPython.core.magic import Magics, cell_magic, magics_class
from IPython.display import IFrame, display

from memtrace import _program
from memtrace.tracker import Tracker

# The page needs a file of its own, which the notebook's server can reach.
_PAGES = Path("memtrace-results")


class _Parser(argparse.ArgumentParser):
    def error(self, message):
        raise UsageError(f"%%memtrace_flamegraph: {message}")


def _parser():
    parser = _Parser(prog="%%memtrace_flamegraph", description="Records the cell and shows its flame graph")
    parser.add_argument("--native", action="store_true", help="record native stacks too, in one with Python's")
    parser.add_argument("--trace-python-allocators", action="store_true", help="record every object")
    parser.add_argument("--leaks", action="store_true", help="show what was not given back first")
    parser.add_argument("--temporary", action="store_true", help="show what was given back at once first")
    parser.add_argument("--inverted", action="store_true", help="show callees above their callers first")
    parser.add_argument("--split-threads", action="store_true", help="show each thread by itself first")
    parser.add_argument("--height", type=int, default=700, help="of the frame, in pixels")
    return parser


@magics_class
class MemtraceMagics(Magics):
    """The magics of memtrace."""

    @cell_magic
    def memtrace_flamegraph(self, line, cell):
        """Records the cell and shows its flame graph; with `--help` it lists the options and runs nothing."""
        try:
            options = _parser().parse_args(line.split())
        except SystemExit:
            return  # --help
        _PAGES.mkdir(exist_ok=True)
        page = Path(tempfile.mkdtemp(dir=_PAGES), "flamegraph.html")
        with tempfile.TemporaryDirectory() as folder:
            capture = Path(folder, "cell.mtr")
            try:
                recorded = {
                    "native_traces": options.native,
                    "trace_python_allocators": options.trace_python_allocators,
                }
                with Tracker(capture, **recorded):
                    # What it raises is shown by the notebook.
                    self.shell.run_cell(cell)
            finally:
                at = "leaked" if options.leaks else "temporary" if options.temporary else "peak"
                flags = [flag for flag in ("inverted", "split_threads") if getattr(options, flag)]
                flags = ["--" + flag.replace("_", "-") for flag in flags]
                _program.run("flamegraph", "--at", at, *flags, "-o", page, capture)
        display(IFrame(str(page), width="100%", height=options.height))
