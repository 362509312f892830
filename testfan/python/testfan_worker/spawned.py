"""A worker that is a fresh process: collects for itself and says what it found, so that testfan can
check that it is what the zygote found. Must not know how items are run.
"""

import os

import pytest

from . import compat, focus, heap, ports
from . import session as sessions
from .channel import die_with_parent
from .worker import make
from .zygote import WORKERINPUT, digest


class SpawnedWorker:
    def __init__(self, channel, begin, workerinput):
        self.channel = channel
        self.begin = begin
        self.workerinput = workerinput
        self.config = None

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(self, early_config, parser):
        compat.declare(early_config, parser)
        self.config = early_config
        sessions.enter_worker(early_config, self.workerinput)
        # pytest-cov would begin by erasing what the other workers measured.
        early_config.known_args_namespace.cov_append = True
        yield

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config):
        compat.switch_off(config)
        if self.begin["basetemp"] and self.workerinput is not None:
            config.option.basetemp = os.path.join(self.begin["basetemp"], "popen-" + self.begin["worker"])
        yield

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config):
        compat.provide(config)
        sessions.leave_controller(config)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        focus.narrow(config, items, self.begin["focus"])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        heap.settle()
        self.channel.send("collected_again", digest=digest(session.items))
        worker = make(self.channel, self.begin)
        session.config.pluginmanager.register(worker, "testfan-worker")
        worker.run(session)
        return True


def main(channel):
    begin = channel.receive()
    die_with_parent(begin["parent"])
    ports.share(channel, begin["ports"])
    spawned = SpawnedWorker(channel, begin, _workerinput())
    pytest.main(begin["args"], plugins=[spawned])
    output = getattr(spawned.config, "workeroutput", {})
    channel.send("exit", output=compat.pack(output))
    channel.flush()
    return 0


def _workerinput():
    """What the zygote's hooks made of it, handed over in a file without a name; none: not one of several."""
    number = os.environ.pop(WORKERINPUT, None)
    if number is None:
        return None
    with open(int(number), encoding="ascii") as file:
        file.seek(0)
        return compat.unpack(file.read())
