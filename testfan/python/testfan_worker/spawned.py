"""A worker that is a fresh process: collects for itself and says what it found, so that testfan can
check that it is what the zygote found. Must not know how items are run.
"""

import gc
import os

import pytest

from . import session as sessions
from .channel import die_with_parent
from .worker import Worker
from .zygote import digest


class SpawnedWorker:
    def __init__(self, channel, begin):
        self.channel = channel
        self.begin = begin

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config):
        sessions.switch_off_xdist(early_config)
        sessions.enter_worker(early_config, self.begin)
        if self.begin["basetemp"]:
            early_config.option.basetemp = os.path.join(self.begin["basetemp"], "popen-" + self.begin["worker"])

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config):
        sessions.provide_fixtures(config)
        sessions.leave_controller(config)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        gc.freeze()
        self.channel.send("collected_again", digest=digest(session.items))
        worker = Worker(self.channel, self.begin)
        session.config.pluginmanager.register(worker, "testfan-worker")
        worker.run(session)
        return True


def main(channel):
    begin = channel.receive()
    die_with_parent(begin["parent"])
    pytest.main(begin["args"], plugins=[SpawnedWorker(channel, begin)])
    channel.send("exit")
    channel.flush()
    return 0
