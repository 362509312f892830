"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb."""

import re

from pyweb import Page, expect


def test_greets_by_name(page: Page):
    page.goto("/")
    expect(page.get_by_role("heading")).to_have_text("Hello!")
    page.get_by_label("What is your name?").fill(" Ada ")
    expect(page.get_by_role("heading")).to_have_text("Hello, Ada!")


def test_says_which_python_it_is(page: Page):
    page.goto("/")
    expect(page.locator("#python")).to_have_text(re.compile(r"Python \d+\.\d+\.\d+ is listening"))
    expect(page.locator("#starting")).to_have_count(0)
