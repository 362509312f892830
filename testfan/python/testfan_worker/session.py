"""What testfan adds to a pytest session and takes from it, the same for every role.

Must not know about channels or processes.
"""

import os
import pdb
import sys

import pytest

# These speak for the whole run, so only the controller may have them.
_CONTROLLER_PLUGINS = ("terminalreporter", "terminalprogress", "lfplugin", "nfplugin")


def order_of(config, focus):
    """What the order of the collected items means to pytest's own plugins."""
    option = config.option
    if getattr(option, "stepwise", False) or getattr(option, "stepwise_skip", False):
        return "one_by_one"  # it goes on after the first failure, and may skip all before
    if focus or getattr(option, "failedfirst", False) or getattr(option, "newfirst", False):
        return "first_first"
    return "any"


def enter_worker(config, workerinput):
    """Tells plugins, conftests and tests which worker they are in, as pytest-xdist does; none: no worker
    of several, so that nothing is said."""
    if workerinput is not None:
        os.environ.update(
            PYTEST_XDIST_WORKER=workerinput["workerid"],
            PYTEST_XDIST_WORKER_COUNT=str(workerinput["workercount"]),
            PYTEST_XDIST_TESTRUNUID=workerinput["testrunuid"],
            TESTFAN_WORKER=workerinput["workerid"],
        )
        config.workerinput = workerinput
        config.workeroutput = {}
    write_by_lines()


def write_by_lines():
    """What -s lets through, or a plugin prints, is to be seen when it is written and in whole lines, though it goes
    through a pipe and other text comes another way."""
    for stream in (sys.__stdout__, sys.__stderr__):
        if stream is not None:
            stream.reconfigure(line_buffering=True)


def leave_controller(config):
    """Unregisters what only the controller may do: terminal, JUnit file, last-failed cache."""
    refuse_debugger()
    manager = config.pluginmanager
    terminal = manager.get_plugin("terminalreporter")
    for name in _CONTROLLER_PLUGINS:
        plugin = manager.get_plugin(name)
        if plugin is not None:
            manager.unregister(plugin)
    if terminal is not None:
        manager.register(SilentTerminal(config, terminal), "terminalreporter")
    try:
        from _pytest.junitxml import LogXML, xml_key
    except ImportError:
        return
    for plugin in list(manager.get_plugins()):
        if isinstance(plugin, LogXML):
            manager.unregister(plugin)
    if xml_key in config.stash:
        del config.stash[xml_key]


def refuse_debugger():
    """A breakpoint would read the end of an empty standard input and end the whole run."""

    def set_trace(*args, **kwargs):
        __tracebackhide__ = True
        pytest.fail("a breakpoint needs the terminal, which a worker has not: testfan run --pdb")

    pytest.set_trace = set_trace
    pdb.set_trace = set_trace


class SilentTerminal:
    """Stands where the terminal reporter stood: pytest asks it how to colour an assertion.

    It has the reporter's attributes, but none of its hooks.
    """

    def __init__(self, config, reporter):
        from _pytest.config import create_terminal_writer

        # What --setup-show says goes past it, straight to this writer.
        shown = os.dup(1) if config.option.setupshow else os.devnull
        reporter._tw = create_terminal_writer(config, open(shown, "w"))
        self._reporter = reporter

    def __getattr__(self, name):
        return getattr(self._reporter, name)
