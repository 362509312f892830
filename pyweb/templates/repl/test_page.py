"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb."""

import re

import pytest
from pyweb import Page, expect


@pytest.fixture
def prompt(page: Page):
    page.goto("/")
    return page


def run(page, *lines):
    for line in lines:
        page.get_by_label("Python", exact=True).fill(line)
        page.get_by_label("Python", exact=True).press("Enter")


def test_values_are_shown(prompt: Page):
    run(prompt, "6 * 7", "print('hi')", "None")
    expect(prompt.locator(".printed")).to_have_text(["42", "hi"])
    expect(prompt.locator(".typed").first).to_have_text(">>> 6 * 7")
    expect(prompt.get_by_label("Python", exact=True)).to_have_value("")


def test_names_stay(prompt: Page):
    run(prompt, "x = 20", "x + 1", "_ * 2")
    expect(prompt.locator(".printed")).to_have_text(["21", "42"])


def test_a_block_ends_with_an_empty_line(prompt: Page):
    run(prompt, "for i in range(2):")
    expect(prompt.locator("#sign")).to_have_text("...")
    run(prompt, "    print(i)", "")
    expect(prompt.locator("#sign")).to_have_text(">>>")
    expect(prompt.locator(".printed")).to_have_text("0\n1")
    run(prompt, "def f():\n    return 'several lines'", "f()")
    expect(prompt.locator(".printed").last).to_have_text("'several lines'")


def test_errors_are_shown(prompt: Page):
    run(prompt, "1 / 0", "1 +")
    expect(prompt.locator(".wrong").first).to_have_text(re.compile("ZeroDivisionError: division by zero$"))
    expect(prompt.locator(".wrong").last).to_have_text(re.compile("SyntaxError"))


def test_arrows_bring_back(prompt: Page):
    run(prompt, "1", "2")
    line = prompt.get_by_label("Python", exact=True)
    for key, value in [("ArrowUp", "2"), ("ArrowUp", "1"), ("ArrowUp", "1"), ("ArrowDown", "2"), ("ArrowDown", "")]:
        line.press(key)
        expect(line).to_have_value(value)


def test_clear(prompt: Page):
    run(prompt, "1")
    prompt.get_by_role("button", name="Clear").click()
    expect(prompt.locator("#session pre")).to_have_count(0)
