"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb."""

import pytest
from pyweb import Page, expect


@pytest.fixture
def notes(page: Page):
    page.goto("/")
    write(page, "Shopping\nmilk and bread")
    write(page, "Ideas\na page of notes")
    return page


def write(page, text):
    page.get_by_role("button", name="New", exact=True).click()
    page.get_by_label("Text").fill(text)
    expect(page.get_by_role("status")).to_have_text("Saved.")


def test_an_empty_page_has_nothing_open(page: Page):
    page.goto("/")
    expect(page.get_by_label("Text")).to_be_disabled()
    expect(page.get_by_role("listitem")).to_have_count(0)


def test_the_newest_is_first_and_open(notes: Page):
    expect(notes.locator("#notes strong")).to_have_text(["Ideas", "Shopping"])
    expect(notes.locator("#notes .rest").first).to_have_text("a page of notes")
    expect(notes.get_by_label("Text")).to_have_value("Ideas\na page of notes")


def test_they_are_opened_and_deleted(notes: Page):
    notes.get_by_role("button", name="Shopping").click()
    expect(notes.get_by_label("Text")).to_have_value("Shopping\nmilk and bread")
    notes.get_by_role("button", name="Delete").click()
    expect(notes.locator("#notes strong")).to_have_text(["Ideas"])
    expect(notes.get_by_label("Text")).to_have_value("Ideas\na page of notes")


def test_search(notes: Page):
    notes.get_by_label("Search").fill("BREAD")
    expect(notes.locator("#notes strong")).to_have_text(["Shopping"])
    notes.get_by_label("Search").fill("")
    expect(notes.locator("#notes strong")).to_have_count(2)


def test_the_browser_keeps_them(notes: Page):
    notes.reload()
    expect(notes.locator("#notes strong")).to_have_text(["Ideas", "Shopping"])
    expect(notes.get_by_label("Text")).to_have_value("Ideas\na page of notes")
