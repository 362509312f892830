"""Makes a forked copy of the zygote fit to run tests. Must not know what is run."""

import os
import sys

from . import session as sessions


def repair(session, begin, workerinput, streams):
    config = session.config
    sessions.enter_worker(config, workerinput)
    _own_streams(config.pluginmanager.get_plugin("capturemanager"), streams)
    sessions.leave_controller(config)
    if workerinput is not None:
        _own_tmp_path(config, begin["worker"])
    _own_randomness()
    _own_coverage_file(config)
    _own_metadata(config)
    # What the zygote replayed of others' failures is not this worker's.
    session.testsfailed = 0
    session.shouldfail = session.shouldstop = False


def _own_streams(capture, streams):
    """Standard output and error of this worker's own. The files behind captured output share one
    offset with every other copy: new ones."""
    capturing = capture is not None and capture.is_globally_capturing()
    if capturing:
        capture.stop_global_capturing()
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream, number)
        os.close(stream)
    if capturing:
        capture.start_global_capturing()
        capture.suspend_global_capture(in_=False)


def _own_tmp_path(config, worker):
    factory = getattr(config, "_tmp_path_factory", None)
    if factory is None:
        return
    base = factory.getbasetemp() / f"popen-{worker}"
    base.mkdir(mode=0o700, exist_ok=True)
    factory._basetemp = factory._given_basetemp = base


def _own_randomness():
    """Python reseeds `random` in a fork by itself; numpy's global state is copied."""
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _own_coverage_file(config):
    """pytest-cov combines in the controller; a worker only saves, under its own process id."""
    controller = getattr(config.pluginmanager.get_plugin("_cov"), "cov_controller", None)
    if controller is not None:
        controller.finish = lambda: (controller.cov.stop(), controller.cov.save())


def _own_metadata(config):
    """pytest-metadata puts this into a worker's output when it is configured, which was before the fork."""
    if config.pluginmanager.hasplugin("metadata") and hasattr(config, "workeroutput"):
        from pytest_metadata.plugin import metadata_key

        config.workeroutput["metadata"] = config.stash[metadata_key]


def save_coverage(config):
    """What pytest-cov's wrapper of the test loop would do, which never returns in a fork."""
    controller = getattr(config.pluginmanager.get_plugin("_cov"), "cov_controller", None)
    if controller is not None:
        controller.finish()
