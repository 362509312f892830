"""The page of a test. The names are Playwright's, as far as it has them; the page's Python is ours."""

import contextlib
import pathlib
import time as _time
from urllib.parse import urljoin

from pyweb.dialogs import Dialog
from pyweb.errors import TimeoutError
from pyweb.locator import Finder, Locator
from pyweb.patterns import address, given, milliseconds, pattern, ticks
from pyweb.routing import Request, Route
from pyweb.wire import ConsoleMessage, PythonError

DEFAULT_TIMEOUT_MS = 30_000

_ADD_SCRIPT = """({ content, url, type }) => new Promise((resolve, reject) => {
    const script = document.createElement("script");
    if (type) script.type = type;
    if (url) script.src = url;
    else script.textContent = content;
    script.onload = () => resolve(null);
    script.onerror = () => reject(new Error(`failed to load ${url}`));
    document.head.append(script);
    if (!url) setTimeout(resolve, 0, null);
})"""
_ADD_STYLE = """(content) => {
    const style = document.createElement("style");
    style.textContent = content;
    document.head.append(style);
}"""


class Keyboard:
    """The keyboard: it types into what has the focus."""

    def __init__(self, page):
        self._page = page

    def press(self, key, **_):
        self._page._step("press", key=key)

    def type(self, text, **_):
        self._page._step("type", text=text)

    def down(self, key):
        self._page._step("key_down", key=key)

    def up(self, key):
        self._page._step("key_up", key=key)

    def insert_text(self, text):
        """Puts a text in at once, with no key pressed."""
        self._page._step("insert_text", text=text)


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


class EventInfo:
    """What a test waits for: its `value`, once there is one."""

    def __init__(self):
        self._values = []

    @property
    def value(self):
        return self._values[0]


class Page(Finder):
    """One page at a time of the site under test, new for each test."""

    def __init__(self, wire):
        self._wire = wire
        self._timeout = DEFAULT_TIMEOUT_MS
        self._url = "/"
        self._routes = {}
        self._last_route = 0
        self._handlers = {"console": [], "dialog": [], "pageerror": [], "pythonerror": [], "request": []}
        self._asks_dialogs = False
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
            error = self._tell("pythonerror", PythonError(**fields))
            self.python_errors.append(self._tell("pageerror", error))
        elif kind == "pyweb.dialog.opened":
            self._answer(Dialog(self, record))
        elif kind == "pyweb.request.intercepted":
            self._handle(record)

    def _tell(self, event, value):
        for handler in list(self._handlers[event]):
            handler(value)
        return value

    def _answer(self, dialog):
        try:
            self._tell("dialog", dialog)
        finally:
            if not dialog.handled:
                dialog.dismiss()

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
        self._step("reload")

    def go_back(self, **_):
        """Goes one page, or one state of the page, back; if there is none, stays."""
        __tracebackhide__ = True
        self._step("go", delta=-1)

    def go_forward(self, **_):
        __tracebackhide__ = True
        self._step("go", delta=1)

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

    # ---- what happens in it ----
    def on(self, event, handler):
        """`console`, `dialog`, `pageerror`, `pythonerror` or `request`. Without a handler, dialogs are dismissed."""
        if event == "dialog" and not self._asks_dialogs:
            self._asks_dialogs = True
            self._step("dialogs", asks=True)
        self._handlers[event].append(handler)

    def once(self, event, handler):
        def first(value):
            self.remove_listener(event, first)
            handler(value)

        self.on(event, first)

    def remove_listener(self, event, handler):
        self._handlers[event].remove(handler)

    @contextlib.contextmanager
    def expect_event(self, event, predicate=None, *, timeout=None):
        """Waits, at the end of the block, for what `on` would be told of that `predicate` takes."""
        info = EventInfo()

        def hear(value):
            if predicate is None or predicate(value):
                info._values.append(value)

        self.on(event, hear)
        try:
            yield info
            limit = self._timeout if timeout is None else timeout
            deadline = _time.monotonic() + limit / 1000
            while not info._values:
                if _time.monotonic() > deadline:
                    raise TimeoutError(f"no {event} came (waited {limit} ms)", "timeout")
                # What has happened is heard with the next answer.
                self._step("title")
                _time.sleep(0.005)
        finally:
            self.remove_listener(event, hear)

    def expect_console_message(self, predicate=None, *, timeout=None):
        return self.expect_event("console", predicate, timeout=timeout)

    def wait_for_event(self, event, predicate=None, *, timeout=None):
        with self.expect_event(event, predicate, timeout=timeout) as info:
            pass
        return info.value

    def set_default_timeout(self, timeout):
        self._timeout = timeout

    # ---- code ----
    def evaluate(self, expression, arg=None):
        """The value of a JavaScript expression, or of a function called with `arg`."""
        __tracebackhide__ = True
        return self._step("evaluate", expression=expression, argument=arg)

    def add_script_tag(self, *, content=None, path=None, url=None, type=""):
        """Adds a script, by its text, its file here, or its address."""
        if path is not None:
            content = pathlib.Path(path).read_text(encoding="utf-8")
        self._step("evaluate", expression=_ADD_SCRIPT, argument={"content": content, "url": url, "type": type})

    def add_style_tag(self, *, content=None, path=None):
        """Adds a style sheet, by its text or its file here."""
        if path is not None:
            content = pathlib.Path(path).read_text(encoding="utf-8")
        self._step("evaluate", expression=_ADD_STYLE, argument=content)

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

    def wait_for_load_state(self, state="load", **_):
        """A page is only ever open once it has loaded and its Python is done."""

    def wait_for_selector(self, selector, *, state="visible", timeout=None):
        self.locator(selector).first.wait_for(state=state, timeout=timeout)

    def wait_for_function(self, expression, *, arg=None, timeout=None):
        __tracebackhide__ = True
        limit = self._timeout if timeout is None else timeout
        return self._step("wait_for_function", expression=expression, argument=arg, timeout_ms=round(limit))

    def wait_for_url(self, url, *, timeout=None):
        __tracebackhide__ = True
        limit = self._timeout if timeout is None else timeout
        self._step("wait_for_url", url=address(url), timeout_ms=round(limit))

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

    def unroute_all(self, **_):
        for number in list(self._routes):
            del self._routes[number]
            self._step("unroute", route=number)

    def drag_and_drop(self, source, target, **options):
        self.locator(source).drag_to(self.locator(target), **options)


def _short(name):
    def act(self, selector, *args, **options):
        __tracebackhide__ = True
        return getattr(self.locator(selector), name)(*args, **options)

    act.__doc__ = f"Short for `page.locator(selector).{name}(…)`."
    return act


for _name in (
    "check",
    "click",
    "dblclick",
    "dispatch_event",
    "fill",
    "focus",
    "get_attribute",
    "hover",
    "inner_html",
    "inner_text",
    "input_value",
    "is_checked",
    "is_disabled",
    "is_editable",
    "is_enabled",
    "is_hidden",
    "is_visible",
    "press",
    "select_option",
    "set_checked",
    "set_input_files",
    "tap",
    "text_content",
    "type",
    "uncheck",
):
    setattr(Page, _name, _short(_name))
