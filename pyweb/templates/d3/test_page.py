"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb."""

import re

import pytest
from pyweb import Page, expect


@pytest.fixture
def letters(page: Page):
    page.goto("/")
    return page


def bar(page, letter):
    return page.locator(f'#bars rect[data-letter="{letter}"]')


def test_each_letter_has_a_bar(letters: Page):
    expect(letters.locator("#bars rect")).to_have_count(26)
    expect(letters.locator("#letters text")).to_have_text(list("abcdefghijklmnopqrstuvwxyz"))
    expect(letters.get_by_role("status")).to_have_text(re.compile(r"^\d+ letters; most often "))


def test_bars_are_as_high_as_their_counts(letters: Page):
    letters.get_by_label("Text").fill("aaaa bb")
    expect(letters.get_by_role("status")).to_have_text("6 letters; most often a 4 times, b 2 times.")
    expect(bar(letters, "a")).to_have_attribute("height", "240")
    expect(bar(letters, "b")).to_have_attribute("height", "120")
    expect(bar(letters, "c")).to_have_attribute("height", "0")


def test_no_text_has_no_letters(letters: Page):
    letters.get_by_label("Text").fill("1, 2, 3")
    expect(letters.get_by_role("status")).to_have_text("No letters.")
