"""Locators: what a test says it means, found anew for each step. The names are Playwright's."""

import json

from pyweb.files import payloads
from pyweb.patterns import given, pattern


class Finder:
    """What finds locators: a page, or a locator below itself."""

    def _found(self, *parts):
        raise NotImplementedError

    def locator(self, selector, *, has_text=None, has_not_text=None, has=None, has_not=None):
        if isinstance(selector, Locator):
            found = self._found(*selector.parts)
        else:
            found = self._found(*(_selected(part) for part in selector.split(">>")))
        return found.filter(has_text=has_text, has_not_text=has_not_text, has=has, has_not=has_not)

    def get_by_role(self, role, *, name=None, exact=None, include_hidden=None, **states):
        """`states` are `checked`, `disabled`, `expanded`, `level`, `pressed` and `selected`."""
        name = pattern(name)
        return self._found({"role": role, **given(name=name, exact=exact, include_hidden=include_hidden, **states)})

    def get_by_text(self, text, *, exact=False):
        return self._found({"text": pattern(text), "exact": exact})

    def get_by_label(self, text, *, exact=False):
        return self._found({"label": pattern(text), "exact": exact})

    def get_by_placeholder(self, text, *, exact=False):
        return self._found({"placeholder": pattern(text), "exact": exact})

    def get_by_alt_text(self, text, *, exact=False):
        return self._found({"alt_text": pattern(text), "exact": exact})

    def get_by_title(self, text, *, exact=False):
        return self._found({"title": pattern(text), "exact": exact})

    def get_by_test_id(self, test_id):
        return self._found({"test_id": pattern(test_id)})


def _selected(selector):
    selector = selector.strip()
    if selector.startswith("text="):
        text = selector[len("text=") :]
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
        return {"text": text[1:-1] if quoted else text, "exact": quoted}
    if selector.startswith("nth="):
        return {"nth": int(selector[len("nth=") :])}
    if selector.startswith("visible="):
        return {"visible": selector == "visible=true"}
    if selector.startswith(("data-testid=", "data-test-id=", "data-test=", "id=")):
        name, value = selector.split("=", 1)
        return {"css": f"[{name}={json.dumps(value)}]"}
    if selector.startswith(("xpath=", "/", "(/", "..")):
        return {"xpath": selector[len("xpath=") :] if selector.startswith("xpath=") else selector}
    return {"css": selector[len("css=") :] if selector.startswith("css=") else selector}


class Locator(Finder):
    """What a test says it means on a page."""

    def __init__(self, page, parts):
        self.page = page
        self.parts = parts

    def __repr__(self):
        return f"<Locator {self.parts}>"

    def _found(self, *parts):
        return Locator(self.page, [*self.parts, *parts])

    def _step(self, name, timeout=None, /, **fields):
        __tracebackhide__ = True
        limit = self.page._timeout if timeout is None else timeout
        return self.page._step(name, locator=self.parts, timeout_ms=round(limit), **fields)

    # ---- closer ----
    @property
    def first(self):
        return self.nth(0)

    @property
    def last(self):
        return self.nth(-1)

    def nth(self, index):
        return self._found({"nth": index})

    def filter(self, *, has_text=None, has_not_text=None, has=None, has_not=None, visible=None):
        parts = given(
            has_text=pattern(has_text),
            has_not_text=pattern(has_not_text),
            has=has and has.parts,
            has_not=has_not and has_not.parts,
            visible=visible,
        )
        return self._found(*({name: value} for name, value in parts.items()))

    def and_(self, locator):
        return self._found({"and": locator.parts})

    def or_(self, locator):
        return self._found({"or": locator.parts})

    def all(self):
        return [self.nth(index) for index in range(self.count())]

    # ---- what a person does ----
    def click(self, *, button="left", click_count=1, modifiers=None, force=False, trial=False, timeout=None, **_):
        fields = given(modifiers=modifiers)
        self._step("click", timeout, button=button, click_count=click_count, force=force, trial=trial, **fields)

    def dblclick(self, *, modifiers=None, force=False, trial=False, timeout=None, **_):
        self._step("dblclick", timeout, force=force, trial=trial, **given(modifiers=modifiers))

    def tap(self, *, force=False, timeout=None, **_):
        self.click(force=force, timeout=timeout)

    def hover(self, *, force=False, timeout=None, **_):
        self._step("hover", timeout, force=force)

    def drag_to(self, target, *, force=False, timeout=None, **_):
        """Tells both elements of the dragging, as `dragstart`, `dragover`, `drop` and `dragend`."""
        self._step("drag", timeout, to=target.parts, force=force)

    def fill(self, value, *, force=False, timeout=None):
        self._step("fill", timeout, value=value, force=force)

    def clear(self, *, force=False, timeout=None):
        self.fill("", force=force, timeout=timeout)

    def press(self, key, *, timeout=None, **_):
        self._step("press", timeout, key=key)

    def press_sequentially(self, text, *, timeout=None, **_):
        self._step("type", timeout, text=text)

    type = press_sequentially

    def check(self, *, force=False, timeout=None):
        self.set_checked(True, force=force, timeout=timeout)

    def uncheck(self, *, force=False, timeout=None):
        self.set_checked(False, force=force, timeout=timeout)

    def set_checked(self, checked, *, force=False, timeout=None):
        self._step("set_checked", timeout, checked=checked, force=force)

    def select_option(self, value=None, *, index=None, label=None, timeout=None):
        def several(given):
            return [] if given is None else list(given) if isinstance(given, (list, tuple)) else [given]

        values = [{"either": item} for item in several(value)]
        values += [{"label": item} for item in several(label)] + [{"index": item} for item in several(index)]
        return self._step("select_option", timeout, values=values)

    def set_input_files(self, files, *, timeout=None, **_):
        """`files` are paths, or what a file is: `{"name": …, "mimeType": …, "buffer": bytes}`; one or a list."""
        self._step("set_input_files", timeout, files=payloads(files))

    def select_text(self, *, force=False, timeout=None):
        self._step("select_text", timeout, force=force)

    def scroll_into_view_if_needed(self, *, timeout=None):
        self._step("scroll_into_view", timeout)

    def focus(self, *, timeout=None):
        self._step("focus", timeout)

    def blur(self, *, timeout=None):
        self._step("blur", timeout)

    def dispatch_event(self, type, event_init=None, *, timeout=None):
        self._step("dispatch_event", timeout, type=type, init=event_init or {})

    # ---- what can be read ----
    def _read(self, what, timeout=None, /, **fields):
        __tracebackhide__ = True
        return self._step("read", timeout, what=what, **fields)

    def text_content(self, *, timeout=None):
        return self._read("text_content", timeout)

    def inner_text(self, *, timeout=None):
        return self._read("inner_text", timeout)

    def inner_html(self, *, timeout=None):
        return self._read("inner_html", timeout)

    def input_value(self, *, timeout=None):
        return self._read("input_value", timeout)

    def get_attribute(self, name, *, timeout=None):
        return self._read("attribute", timeout, name=name)

    def all_text_contents(self):
        return self._read("all_text_contents")

    def all_inner_texts(self):
        return self._read("all_inner_texts")

    def count(self):
        return self._read("count")

    def is_checked(self, *, timeout=None):
        return self._read("is_checked", timeout)

    def is_disabled(self, *, timeout=None):
        return self._read("is_disabled", timeout)

    def is_editable(self, *, timeout=None):
        return self._read("is_editable", timeout)

    def is_enabled(self, *, timeout=None):
        return self._read("is_enabled", timeout)

    def is_hidden(self, **_):
        return self._read("is_hidden")

    def is_visible(self, **_):
        return self._read("is_visible")

    def evaluate(self, expression, arg=None, *, timeout=None):
        return self._step("evaluate", timeout, expression=expression, argument=arg)

    def evaluate_all(self, expression, arg=None):
        """The value of a function called with the list of elements that there are now."""
        return self._step("evaluate_all", expression=expression, argument=arg)

    def wait_for(self, *, state="visible", timeout=None):
        self._step("wait_for", timeout, state=state)
