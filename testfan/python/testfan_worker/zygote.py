"""The process that collects, once. Afterwards it makes workers, by fork or afresh, and is the
controller for pytest's own plugins: terminal summary, JUnit file, last-failed cache, coverage.

Must not know which worker runs what; testfan tells it what to do, message by message.
"""

import hashlib
import os
import signal
import subprocess
import sys
import time
import traceback

import pytest

from . import afterfork, compat, focus, hazards, heap, imports, ports, serialise
from . import session as sessions
from .channel import Channel, die_with_parent
from .terminal import Terminal
from .worker import STACK_SIGNAL, make


# Names the file that holds a fresh worker's workerinput, by its number.
WORKERINPUT = "_TESTFAN_WORKERINPUT"


class WorkerError(Exception):
    """An internal error of pytest in a worker, with its text."""


def digest(items):
    text = "\n".join(item.nodeid for item in items)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


class Zygote:
    def __init__(self, channel, begin, command, environment, parking=None):
        self.channel = channel
        self.begin = begin
        self.command = command
        self.environment = environment
        self.folder = os.getcwd()
        self.sockets = hazards.open_sockets()
        self.terminal = Terminal(channel, begin["width"])
        self.children = {}
        self.nodes = {}
        self.wanted = {}
        self.interrupted_at = None
        self.parking = parking

    # -- pytest's hooks, in the order they come

    @pytest.hookimpl(tryfirst=True)
    def pytest_load_initial_conftests(self, early_config, parser):
        compat.declare(early_config, parser)
        if self.parking is not None:
            self.parking.plugins_loaded()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config):
        if config.option.usepdb or config.option.trace:
            raise pytest.UsageError("--pdb and --trace need the terminal: give them to testfan itself, not in addopts")
        self.wanted = compat.wanted(config)
        compat.switch_off(config)
        yield

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config):
        compat.provide(config)
        self.terminal.attach(config)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection_finish(self, session):
        # With --collect-only the reporter would list the tests, and testfan collect does.
        self.terminal.text.muted = self.begin["collect_only"]
        yield
        self.terminal.text.muted = False

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config, items):
        focus.narrow(config, items, self.begin["focus"])

    def pytest_warning_recorded(self, when):
        if self.parking is not None and when != "runtest":
            self.parking.warned = True

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        config = session.config
        if self.begin["collect_only"]:
            self._collected(session)
        if config.option.collectonly or config.option.setupplan or config.option.setuponly:
            return None  # no test runs
        if session.testsfailed and not config.option.continue_on_collection_errors:
            return None
        if self.parking is not None:
            self.parking.wait(self, session)
        self._collected(session)
        if not session.items:
            return None
        self.terminal.mute_progress()
        interrupt = signal.signal(signal.SIGINT, lambda *_: None)
        try:
            finish = self._serve(session, interrupt)
        finally:
            signal.signal(signal.SIGINT, interrupt)
        self._conclude(session, finish)
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excinfo):
        if not isinstance(excinfo.value, WorkerError):
            return None
        self.terminal.write("".join(f"\nINTERNALERROR> {line}" for line in str(excinfo.value).splitlines()) + "\n")
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_unconfigure(self):
        heap.refreeze()

    @pytest.hookimpl(trylast=True)
    def pytest_keyboard_interrupt(self, excinfo):
        if self.interrupted_at is not None:
            self.terminal.interrupted(self.interrupted_at)

    # -- what testfan asks for

    def enter_run(self, channel, said):
        """From being nobody's to being the zygote of a run, which is told what was said until now."""
        self.parking = None
        self.channel = self.terminal.text.channel = channel
        self.sockets = hazards.open_sockets()
        self.begin = channel.receive()
        for tag, fields in said:
            channel.send(tag, **fields)

    def _collected(self, session):
        config = session.config
        factory = getattr(config, "_tmp_path_factory", None)
        self.channel.send(
            "collected",
            ids=[item.nodeid for item in session.items],
            digest=digest(session.items),
            root=str(config.rootpath),
            basetemp=str(factory.getbasetemp()) if factory is not None else None,
            maxfail=config.option.maxfail or 0,
            order=sessions.order_of(config, self.begin["focus"]),
            replay_all=self.terminal.wants_all_reports(config),
            wanted=self.wanted,
            groups=list(compat.groups(session.items).items()),
            warnings=compat.not_honoured(config),
            unforkable=hazards.reason_not_to_fork(config, self.sockets),
            apart=self._apart(session),
        )
        if self.begin["imports"]:
            self.channel.send("imports", files=imports.by_test_file(session))
        heap.settle()

    def _apart(self, session):
        """Which tests must not run beside others, and why, if that is asked."""
        if not self.begin["threads"]:
            return []
        from . import apart

        return apart.reasons(session)

    def _serve(self, session, interrupt):
        """Does what testfan asks until it says finish; returns that message."""
        while True:
            message = self.channel.receive()
            if message is None:
                os._exit(3)  # testfan is gone, and the kernel ends the workers with this process
            kind = message["t"]
            if kind == "finish":
                return message
            if kind in ("fork", "spawn"):
                self._make_worker(session, message, interrupt)
            elif kind == "reap":
                self._reap(session.config, message)
            elif kind == "report":
                self._replay(session, message)
            elif kind == "warning":
                self._replay_warning(session.config, message)
            elif kind == "lost":
                self._replay_lost(session, message)

    def _make_worker(self, session, message, interrupt):
        worker, files = message["worker"], self._files()
        workerinput = None if message["alone"] else self._node(session.config, worker, message["workers"]).workerinput
        if message["t"] == "fork":
            pid = self._fork(session, files, workerinput, interrupt)
        else:
            pid = self._spawn(files, workerinput)
        for file in files:
            os.close(file)
        self.children[worker] = pid
        self.channel.send("started", worker=worker, pid=pid)
        if worker in self.nodes:
            node, ids = self.nodes[worker], [item.nodeid for item in session.items]
            self._tell(session.config, "pytest_testnodeready", node=node)
            self._tell(session.config, "pytest_xdist_node_collection_finished", node=node, ids=ids)

    def _node(self, config, worker, workers):
        """What stands for a new worker in pytest-xdist's hooks, once they have had their say."""
        if not self.nodes:
            specs = [compat.Spec(f"gw{number}") for number in range(workers)]
            self._tell(config, "pytest_xdist_setupnodes", config=config, specs=specs)
        node = self.nodes[worker] = compat.Node(config, self.begin, worker, workers)
        self._tell(config, "pytest_configure_node", node=node)
        return node

    def _tell(self, config, name, /, **arguments):
        """Calls a hook of pytest-xdist's. pytest-cov's would expect its own kind of controller here."""
        others = [config.pluginmanager.get_plugin("_cov")]
        config.pluginmanager.subset_hook_caller(name, others)(**arguments)

    def _fork(self, session, files, workerinput, interrupt):
        descriptor, *streams = files
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            status = 3
            try:
                self.channel.close()
                status = run_forked(session, Channel(descriptor), workerinput, streams, interrupt)
            finally:
                # Whatever the zygote registered to do at its own end is not this copy's to do.
                os._exit(status)
        return pid

    def _spawn(self, files, workerinput):
        stdin, stdout, stderr = files
        environment, passed = dict(self.environment), ()
        if workerinput is not None:
            passed = (os.memfd_create("workerinput", 0),)
            os.write(passed[0], compat.pack(workerinput).encode("ascii"))
            environment[WORKERINPUT] = str(passed[0])
        process = subprocess.Popen(
            self.command,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            env=environment,
            cwd=self.folder,
            pass_fds=passed,
        )
        for file in passed:
            os.close(file)
        process.returncode = 0  # it is reaped below, by process id
        return process.pid

    def _files(self):
        """What came along with an order to make a worker: its channel, standard output and error."""
        return [self.channel.descriptors.popleft() for _ in range(3)]

    def _reap(self, config, message):
        """Waits for a worker that closed its channel, or ends it when it lives on."""
        pid = self.children.pop(message["worker"])
        killed = False
        if message["dump"]:
            os.kill(pid, STACK_SIGNAL)
            time.sleep(0.2)
        for wait in [0.005] * round(message["grace_ms"] / 5):
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                break
            time.sleep(wait)
        else:
            killed = True
            os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
        self.channel.send("reaped", worker=message["worker"], status=status, killed=killed)
        node = self.nodes.get(message["worker"])
        if node is not None:
            output = message["output"]
            error = None if output is not None else f"worker ended with wait status {status}"
            if error is None:
                node.workeroutput = compat.unpack(output)
            self._tell(config, "pytest_testnodedown", node=node, error=error)

    def _replay(self, session, message):
        config = session.config
        for data in message["data"]:
            if message["attempts"] > 1:
                data.setdefault("user_properties", []).append(("attempts", message["attempts"]))
            worker = message["worker"]
            report = serialise.report_from_json(config, data, worker, message["i"], self.nodes.get(worker))
            self.terminal.log_report(config, report)
        if session.shouldstop:
            self.channel.send("halted", kind="stopped", reason=str(session.shouldstop), code=None)
            self.channel.flush()

    def _replay_warning(self, config, message):
        location = message["location"]
        config.hook.pytest_warning_recorded.call_historic(
            kwargs={
                "warning_message": serialise.warning_from_json(message["warning"]),
                "when": "runtest",
                "nodeid": message["nodeid"],
                "location": tuple(location) if location else None,
            }
        )

    def _replay_lost(self, session, message):
        item = session.items[message["i"]]
        report = pytest.TestReport(
            nodeid=item.nodeid,
            location=item.location,
            keywords={},
            outcome="failed",
            longrepr=message["message"],
            when="call",
        )
        report.worker_id, report.item_index = message["worker"], message["i"]
        if message["worker"] in self.nodes:
            report.node = self.nodes[message["worker"]]
        scheduler = compat.Scheduler(session.config)
        self._tell(session.config, "pytest_handlecrashitem", crashitem=item.nodeid, report=report, sched=scheduler)
        self.channel.send("judged", i=message["i"], again=bool(scheduler.pending))
        self.terminal.log_report(session.config, report)

    def _conclude(self, session, finish):
        """Ends the session the way pytest would have ended it."""
        heap.thaw()
        self.terminal.catch_up(session, finish["passed"])
        halt = finish["halt"] or {}
        kind = halt.get("kind")
        if kind == "interrupted":
            self.interrupted_at = halt["reason"]
            raise KeyboardInterrupt
        if kind == "exit":
            pytest.exit(halt["reason"], returncode=halt["code"])
        if kind == "internal":
            raise WorkerError(halt["reason"])
        if session.shouldfail or kind == "failed":
            raise session.Failed(session.shouldfail or halt["reason"])
        if session.shouldstop or kind == "stopped":
            raise session.Interrupted(session.shouldstop or halt["reason"])


def run_forked(session, channel, workerinput, streams, interrupt):
    """A forked worker's whole life; returns its exit status."""
    config = session.config
    try:
        begin = channel.receive()
        die_with_parent(begin["parent"])
        signal.signal(signal.SIGINT, interrupt)
        afterfork.repair(session, begin, workerinput, streams)
        ports.share(channel, begin["ports"])
        worker = make(channel, begin)
        config.pluginmanager.register(worker, "testfan-worker")
        worker.run(session)
        config.hook.pytest_sessionfinish(session=session, exitstatus=int(bool(session.testsfailed)))
        afterfork.save_coverage(config)
        config._ensure_unconfigure()
        channel.send("exit", output=compat.pack(getattr(config, "workeroutput", {})))
        return 0
    except KeyboardInterrupt:
        channel.send("halted", kind="interrupted", reason="interrupted", code=None)
        channel.send("exit", output=compat.pack({}))
        return 2
    except BaseException:
        channel.send("halted", kind="internal", reason=traceback.format_exc(), code=None)
        return 3
    finally:
        channel.flush()


def main(channel, command, environment, parent=None):
    begin = channel.receive()
    if parent is None:
        die_with_parent(begin["parent"])
    sessions.write_by_lines()
    zygote = Zygote(channel, begin, command, environment)
    try:
        code = int(pytest.main(begin["args"], plugins=[zygote]))
        if parent is not None:
            # Nobody who waits for this process can tell testfan.
            channel.send("ended", code=code)
        return code
    finally:
        channel.flush()


def park(parking, command, environment, hello):
    """Collects, and waits for runs; a copy of this process returns as its run ends."""
    parking.recorder.send("hello", **hello)
    sessions.write_by_lines()
    zygote = Zygote(parking.recorder, parking.begin, command, environment, parking)
    code = int(pytest.main(parking.begin["args"], plugins=[zygote]))
    if zygote.parking is None:
        zygote.channel.send("ended", code=code)
        zygote.channel.flush()
    return code
