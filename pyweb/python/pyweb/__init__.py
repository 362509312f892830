"""Tests PyScript pages without a browser, in Playwright's words; `pyweb test --steps` runs the pages.

    from pyweb import Page, expect

    def test_add(page: Page):
        page.goto("/")
        page.get_by_label("New item").fill("milk")
        page.get_by_role("button", name="Add").click()
        expect(page.locator("li")).to_have_text(["milk"])
"""

from pyweb.dialogs import Dialog
from pyweb.errors import Error, PythonRaised, TimeoutError
from pyweb.expectations import expect
from pyweb.locator import Locator
from pyweb.page import Page
from pyweb.routing import Request, Route
from pyweb.wire import PythonError

__all__ = [
    "Dialog",
    "Error",
    "Locator",
    "Page",
    "PythonError",
    "PythonRaised",
    "Request",
    "Route",
    "TimeoutError",
    "expect",
]
