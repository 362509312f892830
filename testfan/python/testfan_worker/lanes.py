"""Several tests at a time in one worker: each thread, a lane, is a worker to pytest that shares the process.

One lock is held over all of pytest but the call of a test function, so that only these run side by side. What pytest
keeps of a run (fixtures, what is set up, captured output) each lane has for itself. Must not know which tests may
run beside others. No failure is final here: a lone test says whether it fails.
"""

import functools
import threading
import traceback
from collections import deque
from time import monotonic

import pytest
from _pytest.fixtures import FixtureRequest

from . import bythread
from .worker import Worker, dump_stacks_to

# How long tests may go on after Ctrl-C, in seconds; as long again may last what holds up their teardown.
PATIENCE = 1


class LaneChannel:
    """What a lane has for a channel: its part of the process's."""

    def __init__(self, channel, lane):
        self._channel = channel
        self._lane = lane
        self._orders = deque()
        self._changed = threading.Condition()
        self._ended = False

    def put(self, order):
        with self._changed:
            self._orders.append(order)
            self._changed.notify()

    def end(self):
        """testfan is gone."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def send(self, tag, /, **fields):
        fields["t"] = tag
        self._channel.send("lane", lane=self._lane, says=fields)

    def flush(self):
        self._channel.flush()

    def receive(self, wait=True):
        if wait:
            self.flush()
        with self._changed:
            self._changed.wait_for(lambda: self._orders or self._ended or not wait)
            return self._orders.popleft() if self._orders else None

    @property
    def closed(self):
        return self._ended and not self._orders


class Lane(Worker):
    """Runs its tests as a worker does, each while it is its turn."""

    def __init__(self, channel, begin, turn, protocol):
        super().__init__(channel, begin)
        self.turn = turn
        self.protocol = protocol

    def run(self, session):
        try:
            super().run(session)
            with self.turn:
                # Whatever a cancelled run left set up.
                session._setupstate.teardown_exact(None)
        except BaseException:
            self.channel.send("halted", kind="internal", reason=traceback.format_exc(), code=None)
        self.channel.send("left")
        self.channel.flush()

    def _run_one(self, session, index, following):
        with self.turn:
            super()._run_one(session, index, following)


class Lanes:
    """A worker's lanes; this process's main thread passes on what they are told."""

    def __init__(self, channel, begin):
        self.channel = channel
        self.names = begin["lanes"]
        # Failures do not count here.
        self.begin = dict(begin, retries=True, hold_after_failure=False, stack_file=None)
        self.turn = threading.RLock()
        self.lanes = []
        dump_stacks_to(begin["stack_file"])

    def run(self, session):
        config = session.config
        config.option.maxfail = 0
        with bythread.each_its_own(session, self.channel, self.names) as protocol, self._fixtures_by_turn():
            self.lanes = [
                Lane(LaneChannel(self.channel, number), self.begin, self.turn, protocol)
                for number in range(len(self.names))
            ]
            threads = [
                threading.Thread(target=self._be, args=(number, session), name=name, daemon=True)
                for number, name in enumerate(self.names)
            ]
            for thread in threads:
                thread.start()
            try:
                self._pass_on()
                for thread in threads:
                    thread.join()
            except KeyboardInterrupt:
                self._tell_all({"t": "cancel"})
                self._abandon(session, threads)

    def _be(self, number, session):
        bythread.here.lane = number
        self.lanes[number].run(session)

    def _pass_on(self):
        while True:
            message = self.channel.receive()
            if message is None:
                for lane in self.lanes:
                    lane.channel.end()
                return
            if message["t"] != "lane":
                self._tell_all(message)
                return
            self.lanes[message["lane"]].channel.put(message["order"])

    def _tell_all(self, message):
        for lane in self.lanes:
            lane.channel.put(message)

    def _abandon(self, session, threads):
        """After Ctrl-C: a test that waits in a thread cannot be interrupted. Those that do not end by themselves are left
        where they are, and what they have set up is torn down for them."""
        end = monotonic() + PATIENCE
        for thread in threads:
            thread.join(max(0, end - monotonic()))
        stuck = [number for number, thread in enumerate(threads) if thread.is_alive()]
        # For ever: none of them is to come back into pytest.
        if stuck and self.turn.acquire(timeout=PATIENCE):
            for bythread.here.lane in stuck:
                try:
                    session._setupstate.teardown_exact(None)
                except BaseException:
                    traceback.print_exc()
            bythread.here.lane = None

    def _fixtures_by_turn(self):
        """A test that asks for a fixture by name while it runs waits for its turn."""
        turn, asked = self.turn, FixtureRequest.getfixturevalue

        @functools.wraps(asked)
        def getfixturevalue(request, argname):
            with turn:
                return asked(request, argname)

        return bythread.replaced(FixtureRequest, "getfixturevalue", getfixturevalue)

    # -- pytest's hooks

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_pyfunc_call(self):
        self.turn.release()
        yield
        self.turn.acquire()

    def pytest_runtest_logreport(self, report):
        self.lanes[bythread.here.lane].pytest_runtest_logreport(report)

    def pytest_warning_recorded(self, warning_message, when, nodeid, location):
        if bythread.here.lane is not None:
            self.lanes[bythread.here.lane].pytest_warning_recorded(warning_message, when, nodeid, location)
