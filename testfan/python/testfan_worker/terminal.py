"""pytest's terminal reporter in the zygote: its text goes to testfan, its live progress nowhere.

Also decides which reports the other plugins of the zygote need. Must not know about workers.
"""

import shutil


class Text:
    """A file whose text goes to testfan."""

    encoding = "utf-8"
    muted = False

    def __init__(self, channel):
        self.channel = channel
        self.line = ""

    def write(self, text):
        if not self.muted:
            self.line += text
            if self.line.endswith("\n"):
                self.flush()
        return len(text)

    def flush(self):
        if self.line:
            self.channel.send("text", text=self.line)
            self.channel.flush()
            self.line = ""

    def isatty(self):
        return False


class Place:
    """Where a test was interrupted, as the reporter asks for it: short or, the same, in full."""

    message = "KeyboardInterrupt"

    def __init__(self, text):
        self.text = text
        self.reprcrash = self

    def toterminal(self, writer):
        if self.text:
            writer.line(self.text.rstrip())


class Terminal:
    def __init__(self, channel, width):
        self.text = Text(channel)
        self.width = width or shutil.get_terminal_size().columns
        self.reporter = None

    def attach(self, config):
        from _pytest.config import create_terminal_writer

        self.reporter = config.pluginmanager.get_plugin("terminalreporter")
        if self.reporter is not None:
            writer = create_terminal_writer(config, self.text)
            writer.fullwidth = self.width
            self.reporter._tw = writer
            self.reporter._screen_width = self.width

    def write(self, text):
        self.text.write(text)

    def mute_progress(self):
        """From here on testfan shows which tests are done; the reporter only keeps the books."""
        if self.reporter is not None:
            self.reporter._show_progress_info = False

    def wants_all_reports(self, config):
        """Whether somebody needs more than "it passed" of a test that simply passed."""
        option = config.option
        if getattr(option, "durations", None) is not None or set("pPA") & set(getattr(option, "reportchars", "")):
            return True
        hooks = (config.hook.pytest_runtest_logstart, config.hook.pytest_runtest_logreport, config.hook.pytest_runtest_logfinish)
        return any(_is_foreign(hook.plugin) for caller in hooks for hook in caller.get_hookimpls())

    def interrupted(self, place):
        """Ctrl-C reached the tests, there, and not the zygote, whose stack says nothing."""
        if self.reporter is not None:
            self.reporter._keyboardinterrupt_memo = Place(place)

    def log_report(self, config, report):
        """Replays one report to every plugin; the reporter keeps it for its summary, silently."""
        self._muted(config, lambda hook: hook(report=report))

    def _muted(self, config, call):
        others = config.pluginmanager.subset_hook_caller("pytest_runtest_logreport", [self.reporter])
        if self.reporter is not None:
            self.text.muted = True
            try:
                call(self.reporter.pytest_runtest_logreport)
            finally:
                self.text.muted = False
            self.reporter.currentfspath = None
        call(others)

    def catch_up(self, session, passed):
        """Puts the tests that simply passed into the books: pairs of index and seconds."""
        from _pytest.reports import TestReport

        reports = []
        for index, seconds in passed:
            item = session.items[index]
            report = TestReport(item.nodeid, item.location, {}, "passed", None, "call", duration=seconds)
            reports.append(report)
        if not reports:
            return
        if self.reporter is not None:
            self.reporter._add_stats("passed", reports)
            self.reporter._tests_ran = True
        last_failed = session.config.pluginmanager.get_plugin("lfplugin")
        if getattr(last_failed, "lastfailed", None):
            for report in reports:
                last_failed.pytest_runtest_logreport(report)


# Of pytest's own plugins only these count every report: JUnit file, stepwise.
_COUNTING = ("_pytest.junitxml", "_pytest.stepwise")


def _is_foreign(plugin):
    module = plugin.__name__ if hasattr(plugin, "__name__") else type(plugin).__module__
    return not module.startswith(("_pytest.", "testfan_worker.", "xdist.")) or module in _COUNTING
