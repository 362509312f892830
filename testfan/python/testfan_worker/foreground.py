"""One ordinary pytest process with the terminal, for its debugger: no workers, but what a suite written
for pytest-xdist expects is there. Must not know about channels.
"""

import pytest

from . import compat


class Foreground:
    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config, parser):
        compat.declare(early_config, parser)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config):
        compat.switch_off(config)
        yield

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config):
        compat.provide(config)


def main(args):
    return int(pytest.main(args, plugins=[Foreground()]))
