"""`expect`: assertions that wait until they hold. The names are Playwright's."""

import re

from pyweb.locator import Locator
from pyweb.patterns import address, given, patterns

DEFAULT_TIMEOUT_MS = 5000

# The assertions about elements that take nothing.
_STATES = ("disabled", "empty", "focused", "hidden")
# Those that may ask for the opposite, too.
_TRUTHS = ("attached", "editable", "enabled", "visible")
# Those that take one pattern or a list of them.
_TEXTS = ("to_contain_text", "to_have_text")
# Those that take one value.
_VALUES = (
    "to_contain_class",
    "to_have_class",
    "to_have_count",
    "to_have_id",
    "to_have_role",
    "to_have_value",
    "to_have_values",
)
# Those about what is read out.
_NAMES = ("to_have_accessible_description", "to_have_accessible_name")


class _Assertions:
    def __init__(self, page, locator, timeout):
        self._page = page
        self._locator = locator
        self._timeout = timeout

    def _expect(self, matcher, expected, negated, timeout, **options):
        __tracebackhide__ = True
        limit = self._timeout if timeout is None else timeout
        fields = {"matcher": matcher, "negated": negated, "timeout_ms": round(limit), "options": given(**options)}
        if expected is not None:
            fields["expected"] = patterns(expected)
        if self._locator is not None:
            fields["locator"] = self._locator.parts
        self._page._step("expect", **fields)


def _both(cls, name, assertion):
    """Adds an assertion and its opposite."""

    def opposite(self, *args, **options):
        __tracebackhide__ = True
        return assertion(self, *args, _negated=True, **options)

    setattr(cls, name, assertion)
    setattr(cls, f"not_{name}", opposite)


class LocatorAssertions(_Assertions):
    """What is expected of elements."""


class PageAssertions(_Assertions):
    """What is expected of a page."""


def _state(matcher):
    def assertion(self, *, timeout=None, _negated=False):
        __tracebackhide__ = True
        self._expect(matcher, None, _negated, timeout)

    return assertion


def _truth(name):
    def assertion(self, *, timeout=None, _negated=False, **wanted):
        __tracebackhide__ = True
        opposite = not wanted.pop(name, True)
        if wanted:
            raise TypeError(f"to_be_{name} takes no {next(iter(wanted))!r}")
        self._expect(f"to_be_{name}", None, _negated != opposite, timeout)

    return assertion


def _texts(matcher):
    def assertion(self, expected, *, ignore_case=None, use_inner_text=None, timeout=None, _negated=False):
        __tracebackhide__ = True
        options = {"ignore_case": ignore_case, "use_inner_text": use_inner_text}
        self._expect(matcher, expected, _negated, timeout, **options)

    return assertion


def _name(matcher):
    def assertion(self, expected, *, ignore_case=None, timeout=None, _negated=False):
        __tracebackhide__ = True
        self._expect(matcher, expected, _negated, timeout, ignore_case=ignore_case)

    return assertion


def _to_have_url(self, url, *, ignore_case=None, timeout=None, _negated=False):
    __tracebackhide__ = True
    expected = address(url)
    if ignore_case:
        expected = expected if isinstance(expected, dict) else {"regex": f"^{re.escape(expected)}$", "flags": ""}
        expected = {**expected, "flags": expected["flags"].replace("i", "") + "i"}
    self._expect("to_have_url", expected, _negated, timeout)


def _value(matcher):
    def assertion(self, expected, *, timeout=None, _negated=False):
        __tracebackhide__ = True
        self._expect(matcher, expected, _negated, timeout)

    return assertion


def _named(matcher):
    def assertion(self, name, value=None, *, timeout=None, _negated=False):
        __tracebackhide__ = True
        self._expect(matcher, value, _negated, timeout, name=name)

    return assertion


def _to_be_checked(self, *, checked=True, indeterminate=None, timeout=None, _negated=False):
    __tracebackhide__ = True
    self._expect("to_be_checked", None, _negated != (not checked), timeout, indeterminate=indeterminate)


for _word in _STATES:
    _both(LocatorAssertions, f"to_be_{_word}", _state(f"to_be_{_word}"))
for _matcher in _TEXTS:
    _both(LocatorAssertions, _matcher, _texts(_matcher))
for _matcher in _VALUES:
    _both(LocatorAssertions, _matcher, _value(_matcher))
for _matcher in ("to_have_attribute", "to_have_css", "to_have_js_property"):
    _both(LocatorAssertions, _matcher, _named(_matcher))
for _word in _TRUTHS:
    _both(LocatorAssertions, f"to_be_{_word}", _truth(_word))
for _matcher in _NAMES:
    _both(LocatorAssertions, _matcher, _name(_matcher))
_both(LocatorAssertions, "to_be_checked", _to_be_checked)
_both(PageAssertions, "to_have_title", _value("to_have_title"))
_both(PageAssertions, "to_have_url", _to_have_url)


class Expect:
    """`expect(locator)` and `expect(page)`; `expect.set_options(timeout=…)` for all that follow."""

    def __init__(self):
        self._timeout = DEFAULT_TIMEOUT_MS

    def set_options(self, *, timeout=None):
        self._timeout = DEFAULT_TIMEOUT_MS if timeout is None else timeout

    def __call__(self, actual):
        if isinstance(actual, Locator):
            return LocatorAssertions(actual.page, actual, self._timeout)
        if hasattr(actual, "goto"):
            return PageAssertions(actual, None, self._timeout)
        raise ValueError(f"expect takes a locator or a page, not {actual!r}")


expect = Expect()
