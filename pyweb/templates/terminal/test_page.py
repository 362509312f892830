"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb."""

import re

import pytest
from pyweb import Page, expect


@pytest.fixture
def terminal(page: Page):
    page.goto("/")
    expect(page.locator(".xterm-rows")).to_contain_text(">>>", timeout=30_000)
    return page


def enter(page, text):
    page.locator(".xterm-helper-textarea").focus()
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def test_says_which_python_it_is(terminal: Page):
    expect(terminal.locator(".xterm-rows")).to_contain_text(re.compile(r"Python 3\.\d+\.\d+ on emscripten"))


def test_runs_what_is_typed(terminal: Page):
    enter(terminal, "6 * 7")
    expect(terminal.locator(".xterm-rows")).to_contain_text("42")


def test_input_waits(terminal: Page):
    enter(terminal, "ask()")
    expect(terminal.locator(".xterm-rows")).to_contain_text("What is your name?")
    enter(terminal, "Ada")
    expect(terminal.locator(".xterm-rows")).to_contain_text("Hello, Ada!")
