"""Runs the items it is told to, by their index, and reports. Every kind of worker is this.

Must not know how the process came to be nor who decides the order.
"""

import faulthandler
import signal
from collections import deque

import pytest

from . import ports, serialise
from .memory import Memory

# Nobody else's; the zygote sends it to a worker whose test runs too long.
STACK_SIGNAL = signal.SIGRTMAX - 1


def make(channel, begin):
    if begin["lanes"]:
        from .lanes import Lanes

        return Lanes(channel, begin)
    return Worker(channel, begin)


def dump_stacks_to(path):
    """Has the stacks of all threads written there when the signal comes; none: nobody will ask for them."""
    if path:
        faulthandler.register(STACK_SIGNAL, open(path, "w"))


class Worker:
    def __init__(self, channel, begin):
        self.channel = channel
        self.config = None
        self.protocol = None
        self.replay_all = begin["replay_all"]
        self.retries = begin["retries"]
        self.queue = deque()
        self.reports = []
        self.stopping = False
        self.halted = False
        self.hold_after_failure = begin["hold_after_failure"]
        self.held = False
        self.memory = Memory(begin["memory"], begin["worker"]) if begin["memory"] else None
        dump_stacks_to(begin["stack_file"])

    # -- the queue

    def _obey(self, message):
        kind = message["t"]
        if kind == "run":
            self.queue.extend(message["items"])
        elif kind == "steal":
            # The first in the queue is already promised to fixtures as the next item.
            spare = min(message["count"], max(len(self.queue) - 1, 0))
            self.channel.send("returned", items=[self.queue.pop() for _ in range(spare)][::-1])
        elif kind == "go_on":
            self.held = False
        elif kind == "stop":
            self.stopping = True
        elif kind == "cancel":
            self.stopping = True
            self.held = False
            self.queue.clear()

    def _upcoming(self):
        """The index of the next item, waiting until it is known whether there is one."""
        while True:
            message = self.channel.receive(wait=not self.queue and not self.stopping)
            if message is not None:
                self._obey(message)
            elif self.queue or self.stopping or self.channel.closed:
                return self.queue[0] if self.queue else None

    def _wait_while_held(self):
        """After a failure: until testfan has counted it, so that --maxfail is not overshot."""
        while self.held and not self.halted:
            message = self.channel.receive()
            if message is None:
                self.queue.clear()
                return
            self._obey(message)

    # -- the loop

    def run(self, session):
        """Runs items until there are no more, or Ctrl-C, or a plugin stops the session."""
        self.config = session.config
        self.protocol = self.protocol or session.config.hook.pytest_runtest_protocol
        if self.retries:
            session.config.option.maxfail = 0
        try:
            index = self._upcoming()
            while index is not None and not self.halted:
                self.queue.popleft()
                following = self._upcoming()
                self._run_one(session, index, following)
                self._wait_while_held()
                index = self._upcoming()
        except KeyboardInterrupt:
            place = str(pytest.ExceptionInfo.from_current().getrepr(style="short").reprcrash)
            self.channel.send("halted", kind="interrupted", reason=place, code=None)
        except pytest.exit.Exception as exit:
            self.channel.send("halted", kind="exit", reason=str(exit.msg), code=exit.returncode)
        self.channel.flush()

    def _run_one(self, session, index, following):
        item = session.items[index]
        nextitem = None if following is None else session.items[following]
        self.reports.clear()
        # Of an earlier attempt, where there was one.
        getattr(item, "_report_sections", []).clear()
        self.channel.send("start", i=index)
        self.channel.flush()
        capture = self.memory.begin(item) if self.memory else None
        self.protocol(item=item, nextitem=nextitem)
        if capture is not None:
            self.memory.end()
            self.channel.send("measured", i=index, capture=capture)
        ports.let_go()
        self._finished(session, index)
        if session.shouldfail or session.shouldstop:
            kind = "failed" if session.shouldfail else "stopped"
            self.channel.send("halted", kind=kind, reason=str(session.shouldfail or session.shouldstop), code=None)
            self.halted = True

    def _finished(self, session, index):
        outcome, message, output = serialise.summary(self.reports)
        if self.replay_all or not all(map(_plain, self.reports)):
            data = [serialise.report_to_json(session.config, report) for report in self.reports]
            self.channel.send("report", i=index, data=data)
        self.held = self.hold_after_failure and outcome in ("failed", "error")
        duration_us = round(sum(getattr(report, "duration", 0) for report in self.reports) * 1e6)
        self.channel.send(
            "done", i=index, outcome=outcome, duration_us=duration_us, message=message, output=output
        )

    # -- pytest's hooks

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed and not all(map(_plain, self.reports)):
            # pytest 9 fails a test whose subtests failed when its status is asked for.
            self.config.hook.pytest_report_teststatus(report=report, config=self.config)
        self.reports.append(report)

    def pytest_warning_recorded(self, warning_message, when, nodeid, location):
        # A plugin that is registered late is told of those of the past: a worker of what others' tests gave rise to.
        if when == "runtest" and self.config is not None:
            warning = serialise.warning_to_json(warning_message)
            self.channel.send("warning", warning=warning, nodeid=nodeid, location=location)


def _plain(report):
    """Whether nothing but "it passed" is to be said of it."""
    return report.outcome == "passed" and not hasattr(report, "wasxfail") and not report.user_properties
