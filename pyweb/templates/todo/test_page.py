"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb."""

import pytest
from pyweb import Page, expect


@pytest.fixture
def todo(page: Page):
    page.goto("/")
    for task in ("milk", "bread"):
        page.get_by_label("New task").fill(task)
        page.get_by_role("button", name="Add").click()
    return page


def test_an_empty_list_says_so(page: Page):
    page.goto("/")
    expect(page.locator("#left")).to_have_text("Nothing to do.")
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("listitem")).to_have_count(0)


def test_tasks_are_added(todo: Page):
    expect(todo.locator("#tasks label")).to_have_text(["milk", "bread"])
    expect(todo.locator("#left")).to_have_text("2 of 2 left.")
    expect(todo.get_by_label("New task")).to_have_value("")


def test_what_is_done_is_ticked_off(todo: Page):
    todo.get_by_label("milk").check()
    expect(todo.locator("#left")).to_have_text("1 of 2 left.")
    expect(todo.locator("li.done")).to_have_count(1)
    todo.get_by_role("button", name="Remove what is done").click()
    expect(todo.locator("#tasks label")).to_have_text(["bread"])
    expect(todo.locator("#clear")).to_be_hidden()


def test_tasks_are_removed(todo: Page):
    todo.get_by_title("Remove milk").click()
    expect(todo.locator("#tasks label")).to_have_text(["bread"])


def test_the_browser_keeps_them(todo: Page):
    todo.get_by_label("bread").check()
    todo.reload()
    expect(todo.locator("#tasks label")).to_have_text(["milk", "bread"])
    expect(todo.get_by_label("bread")).to_be_checked()
