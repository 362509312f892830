"""What a suite written for pytest-xdist expects: its options, marker, fixtures and hooks, whether it is
installed or not. Must not know how workers are made.
"""

import marshal
import os
import sys

import pytest

# Its own parallel run must stay off, whatever an ini file asks of it.
_OFF = {"numprocesses": None, "dist": "no", "distload": False, "tx": [], "px": [], "looponfail": False}
_MODES = ("each", "load", "loadscope", "loadfile", "loadgroup", "worksteal", "no")
# Hooks that mean nothing where no execnet gateway carries the work, with what to say of them.
_NOT_CALLED = {
    "pytest_xdist_make_scheduler": "testfan schedules by itself, see --dist",
    "pytest_xdist_newgateway": "workers have no execnet gateway",
    "pytest_xdist_getremotemodule": "workers have no execnet gateway",
}


# -- options and hooks, where pytest-xdist is not there to declare them


class Hooks:
    """The specifications, by pytest-xdist's names and arguments."""

    @pytest.hookspec()
    def pytest_xdist_setupnodes(self, config, specs):
        pass

    @pytest.hookspec()
    def pytest_xdist_newgateway(self, gateway):
        pass

    @pytest.hookspec()
    def pytest_xdist_rsyncstart(self, source, gateways):
        pass

    @pytest.hookspec()
    def pytest_xdist_rsyncfinish(self, source, gateways):
        pass

    @pytest.hookspec(firstresult=True)
    def pytest_xdist_getremotemodule(self):
        pass

    @pytest.hookspec()
    def pytest_configure_node(self, node):
        pass

    @pytest.hookspec()
    def pytest_testnodeready(self, node):
        pass

    @pytest.hookspec()
    def pytest_testnodedown(self, node, error):
        pass

    @pytest.hookspec()
    def pytest_xdist_node_collection_finished(self, node, ids):
        pass

    @pytest.hookspec(firstresult=True)
    def pytest_xdist_make_scheduler(self, config, log):
        pass

    @pytest.hookspec(firstresult=True)
    def pytest_xdist_auto_num_workers(self, config):
        pass

    @pytest.hookspec(firstresult=True)
    def pytest_handlecrashitem(self, crashitem, report, sched):
        pass


def declare(early_config, parser):
    """To be called once plugins are loaded and before conftests are."""
    if early_config.pluginmanager.hasplugin("xdist"):
        return
    early_config.pluginmanager.add_hookspecs(Hooks)
    group = parser.getgroup("testfan", "options of pytest-xdist that testfan understands")
    group._addoption("-n", "--numprocesses", dest="numprocesses", help="how many workers")
    group._addoption("-d", dest="distload", action="store_true", default=False, help="as --dist=load")
    group.addoption("--dist", choices=_MODES, default="no", help="which tests stay together")
    group.addoption("--tx", action="append", default=[], help="workers, such as 3*popen")
    group.addoption("--maxprocesses", type=int, help="at most so many workers with -n auto")
    group.addoption("--max-worker-restart", dest="maxworkerrestart", help="how many lost workers to replace")
    group.addoption("--maxschedchunk", type=int, help="accepted; testfan decides by durations")
    group.addoption("--testrunuid", help="the value of the fixture testrun_uid")
    for name, value in (("--loadscope-reorder", True), ("--no-loadscope-reorder", False)):
        group.addoption(name, dest="loadscopereorder", action=f"store_{str(value).lower()}", default=True)


def wanted(config):
    """What pytest's options, an ini file's among them, ask of pytest-xdist."""
    option = config.option
    workers = getattr(option, "numprocesses", None)
    if workers is None and getattr(option, "tx", None):
        workers = sum(map(_popen_count, option.tx))
    dist = "load" if getattr(option, "distload", False) else getattr(option, "dist", "no")
    restarts = getattr(option, "maxworkerrestart", None)
    return {
        "workers": None if workers is None else str(workers),
        "auto": _auto_workers(config),
        "most": getattr(option, "maxprocesses", None),
        "dist": None if dist == "no" else dist,
        "reorder": getattr(option, "loadscopereorder", True),
        "restarts": None if restarts is None else int(restarts),
    }


def _popen_count(spec):
    count, star, kind = spec.rpartition("*")
    if kind != "popen" or (star and not count.isdigit()):
        raise pytest.UsageError(f"--tx {spec}: testfan runs workers on this machine, such as --tx 3*popen")
    return int(count) if star else 1


def _auto_workers(config):
    """What a conftest, a plugin or the environment says that `-n auto` means."""
    own = [config.pluginmanager.get_plugin("xdist")]
    hook = config.pluginmanager.subset_hook_caller("pytest_xdist_auto_num_workers", own)
    count = hook(config=config)
    if count is None:
        text = os.environ.get("PYTEST_XDIST_AUTO_NUM_WORKERS", "")
        count = int(text) if text.isdigit() else None
    return count


def switch_off(config):
    for name, value in _OFF.items():
        if hasattr(config.option, name):
            setattr(config.option, name, value)


def not_honoured(config):
    """A sentence for each implementation of a hook that is never called."""
    sentences = []
    for name, why in _NOT_CALLED.items():
        for impl in getattr(config.hook, name).get_hookimpls():
            module = getattr(impl.plugin, "__name__", None) or type(impl.plugin).__module__
            if not module.startswith("xdist."):
                path = getattr(impl.plugin, "__file__", None)
                where = os.path.relpath(path) if path else module
                sentences.append(f"{name} in {where} is not called: {why}")
    return sentences


# -- groups, markers, fixtures


def groups(items):
    """The group of each item that has one, by index: `@pytest.mark.xdist_group`."""
    found = {}
    for index, item in enumerate(items):
        names = {str(mark.args[0] if mark.args else mark.kwargs.get("name", "default"))
                 for mark in item.iter_markers("xdist_group")}
        if names:
            found[index] = "_".join(sorted(names))
    return found


class Fixtures:
    """pytest-xdist's fixtures."""

    @pytest.fixture(scope="session")
    def worker_id(self, request):
        workerinput = getattr(request.config, "workerinput", None)
        return workerinput["workerid"] if workerinput else "master"

    @pytest.fixture(scope="session")
    def testrun_uid(self, request):
        workerinput = getattr(request.config, "workerinput", None)
        return workerinput["testrunuid"] if workerinput else os.urandom(16).hex()


def provide(config):
    """Fixtures and marker, where pytest-xdist does not; and the marker of pytest-run-parallel."""
    config.addinivalue_line("markers", "thread_unsafe(reason): the test does not run beside others in one process")
    if not config.pluginmanager.hasplugin("xdist"):
        config.pluginmanager.register(Fixtures(), "testfan-fixtures")
        config.addinivalue_line("markers", "xdist_group: tests of a group run in one worker (--dist loadgroup)")


# -- what hooks are told of workers


class Spec:
    popen = True
    chdir = python = None

    def __init__(self, worker):
        self.id = worker

    def __str__(self):
        return "popen"


class Gateway:
    def __init__(self, spec):
        self.id, self.spec = spec.id, spec


class Node:
    """Stands for a worker where a hook is handed one, as pytest-xdist's WorkerController does."""

    def __init__(self, config, begin, worker, workers):
        self.config = config
        self.gateway = Gateway(Spec(worker))
        self.workerinput = {
            "workerid": worker,
            "workercount": workers,
            "testrunuid": getattr(config.option, "testrunuid", None) or begin["run"],
            "mainargv": list(begin["args"]),
            # pytest-cov asks whether its controller runs in the same folder of the same machine.
            "cov_master_host": os.uname().nodename,
            "cov_master_topdir": os.getcwd(),
            "cov_master_rsync_roots": [],
        }
        seed = getattr(config.option, "randomly_seed", None)
        if seed is not None:
            # pytest-randomly says so itself only where it sees pytest-xdist.
            self.workerinput["randomly_seed"] = seed
        self.workerinfo = {
            "id": worker,
            "version": sys.version,
            "version_info": tuple(sys.version_info),
            "sysplatform": sys.platform,
            "executable": sys.executable,
            "cwd": os.getcwd(),
        }


class Scheduler:
    """What pytest_handlecrashitem is handed beside the report: it may ask for the test to run again."""

    def __init__(self, config):
        self.config = config
        self.pending = []

    def mark_test_pending(self, item):
        self.pending.append(item)


def pack(values):
    """A dict of plain values as text; a value that is not plain is left out. JSON would lose tuples and bytes."""
    plain = {}
    for key, value in values.items():
        try:
            plain[key] = marshal.loads(marshal.dumps(value))
        except ValueError:
            continue
    return marshal.dumps(plain).hex()


def unpack(text):
    return marshal.loads(bytes.fromhex(text)) if text else {}
