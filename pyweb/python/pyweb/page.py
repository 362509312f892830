"""The page of a test. The names are Playwright's, as far as it has them; the page's Python is ours."""

import time as _time
from urllib.parse import urljoin

from pyweb.locator import Finder, Locator
from pyweb.patterns import given, milliseconds, pattern, ticks
from pyweb.routing import Request, Route
from pyweb.wire import ConsoleMessage, PythonError

DEFAULT_TIMEOUT_MS = 30_000


class Keyboard:
    """The keyboard: it types into what has the focus."""

    def __init__(self, page):
        self._page = page

    def press(self, key):
        self._page._step("press", key=key)

    def type(self, text):
        self._page._step("type", text=text)


class Clock:
    """The page's clock and its timers, in the test's hands. Spans are milliseconds or `mm:ss`."""

    def __init__(self, page):
        self._page = page

    def _act(self, action, **fields):
        self._page._step("clock", action=action, **fields)

    def install(self, time=None):
        self._act("install", **given(time=milliseconds(time)))

    def fast_forward(self, span):
        self._act("fast_forward", milliseconds=ticks(span))

    def run_for(self, span):
        self._act("run_for", milliseconds=ticks(span))

    def pause_at(self, time):
        self._act("pause_at", time=milliseconds(time))

    def resume(self):
        self._act("resume")

    def set_fixed_time(self, time):
        self._act("set_fixed_time", time=milliseconds(time))

    def set_system_time(self, time):
        self._act("set_system_time", time=milliseconds(time))


class Context:
    """What is around the page."""

    def __init__(self, page):
        self._page = page
        self.clock = page.clock

    def set_offline(self, offline):
        self._page._step("offline", offline=offline)

    def add_init_script(self, script):
        self._page.add_init_script(script)

    def route(self, url, handler):
        self._page.route(url, handler)


class Page(Finder):
    """One page at a time of the site under test, new for each test."""

    def __init__(self, wire):
        self._wire = wire
        self._timeout = DEFAULT_TIMEOUT_MS
        self._url = "/"
        self._routes = {}
        self._last_route = 0
        self._handlers = {"console": [], "pythonerror": [], "request": []}
        self.clock = Clock(self)
        self.keyboard = Keyboard(self)
        self.context = Context(self)
        self.console = []
        self.python_errors = []
        wire.listener = self._hear

    def _step(self, name, /, **fields):
        __tracebackhide__ = True
        return self._wire.step(name, **fields)

    def _found(self, *parts):
        return Locator(self, list(parts))

    def _hear(self, kind, record):
        if kind == "pyweb.console.logged":
            if record["level"] != "debug":
                self.console.append(self._tell("console", ConsoleMessage(record["level"], record["message"])))
        elif kind == "pyweb.python.raised":
            fields = {name: record[name] for name in ("file", "line", "message", "traceback")}
            self.python_errors.append(self._tell("pythonerror", PythonError(**fields)))
        elif kind == "pyweb.request.intercepted":
            self._handle(record)

    def _tell(self, event, value):
        for handler in self._handlers[event]:
            handler(value)
        return value

    def _handle(self, record):
        route = Route(self, self._tell("request", Request(record)))
        try:
            _, handler = self._routes[record["route"]]
            handler(route)
        finally:
            if not route.handled:
                route.continue_()

    # ---- the page ----
    def goto(self, url="/", **_):
        """Opens a page of the site, such as `/` or `/notes.html`, and waits until its Python is done."""
        __tracebackhide__ = True
        self._url = urljoin(self._url, url)
        self._step("goto", url=self._url)

    def reload(self, **_):
        __tracebackhide__ = True
        self._step("goto", url=self._url)

    @property
    def url(self):
        return self._step("url")

    def title(self):
        return self._step("title")

    def content(self):
        return self._step("content")

    def close(self):
        """Closes the page. Forgets all that the test set up for it."""
        self._routes.clear()
        self._step("close")

    def on(self, event, handler):
        """`console`, `pythonerror` or `request`."""
        self._handlers[event].append(handler)

    def set_default_timeout(self, timeout):
        self._timeout = timeout

    # ---- code ----
    def evaluate(self, expression, arg=None):
        """The value of a JavaScript expression, or of a function called with `arg`."""
        __tracebackhide__ = True
        return self._step("evaluate", expression=expression, argument=arg)

    def evaluate_py(self, code, *, type=None):
        """The value of Python code in the page's own interpreter: the first, or the one of `type` `py` or `mpy`."""
        __tracebackhide__ = True
        return self._step("evaluate_py", code=code, **given(type=type))

    def add_init_script(self, script):
        """Runs JavaScript in every page before its own scripts."""
        self._step("init_script", script=script)

    # ---- waiting ----
    def wait_for_timeout(self, timeout):
        _time.sleep(timeout / 1000)

    def wait_for_selector(self, selector, *, state="visible", timeout=None):
        self.locator(selector).first.wait_for(state=state, timeout=timeout)

    def wait_for_function(self, expression, *, arg=None, timeout=None):
        __tracebackhide__ = True
        limit = self._timeout if timeout is None else timeout
        return self._step("wait_for_function", expression=expression, argument=arg, timeout_ms=round(limit))

    def wait_for_url(self, url, *, timeout=None):
        __tracebackhide__ = True
        limit = self._timeout if timeout is None else timeout
        wanted = pattern(url) if not isinstance(url, str) else urljoin("http://localhost/", url)
        self._step("wait_for_url", url=wanted, timeout_ms=round(limit))

    # ---- the network ----
    def route(self, url, handler):
        """Has `handler(route)` answer requests: `url` is a glob such as `**/api/*` or a regular expression."""
        self._last_route += 1
        self._routes[self._last_route] = (url, handler)
        self._step("route", route=self._last_route, url=pattern(url))

    def unroute(self, url, handler=None):
        for number, (known, own) in list(self._routes.items()):
            if known == url and handler in (None, own):
                del self._routes[number]
                self._step("unroute", route=number)

    # ---- short for page.locator(selector) ----
    def click(self, selector, **options):
        self.locator(selector).click(**options)

    def dblclick(self, selector, **options):
        self.locator(selector).dblclick(**options)

    def fill(self, selector, value, **options):
        self.locator(selector).fill(value, **options)

    def press(self, selector, key, **options):
        self.locator(selector).press(key, **options)

    def check(self, selector, **options):
        self.locator(selector).check(**options)

    def uncheck(self, selector, **options):
        self.locator(selector).uncheck(**options)

    def select_option(self, selector, value=None, **options):
        return self.locator(selector).select_option(value, **options)

    def hover(self, selector, **options):
        self.locator(selector).hover(**options)

    def text_content(self, selector, **options):
        return self.locator(selector).text_content(**options)

    def inner_text(self, selector, **options):
        return self.locator(selector).inner_text(**options)

    def input_value(self, selector, **options):
        return self.locator(selector).input_value(**options)

    def get_attribute(self, selector, name, **options):
        return self.locator(selector).get_attribute(name, **options)

    def is_visible(self, selector):
        return self.locator(selector).is_visible()
