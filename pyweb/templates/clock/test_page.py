"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb.

The clock of the page is in the test's hands, so that no test waits.
"""

import pytest
from pyweb import Page, expect


@pytest.fixture
def clock(page: Page):
    page.clock.install(time="2026-02-03T15:00:00")
    page.goto("/")
    page.clock.pause_at("2026-02-03T15:04:05")
    return page


def test_shows_the_time_and_the_day(clock: Page):
    expect(clock.locator("#time")).to_have_text("15:04:05")
    expect(clock.locator("#date")).to_have_text("Tuesday, 3 February 2026")
    expect(clock.locator("#marks line")).to_have_count(60)


def test_goes_on(clock: Page):
    clock.clock.run_for("01:00")
    expect(clock.locator("#time")).to_have_text("15:05:05")


def test_hands_show_the_time_too(clock: Page):
    for hand, degrees in [("#hours", "92.0"), ("#minutes", "24.5"), ("#seconds", "30.0")]:
        expect(clock.locator(hand)).to_have_attribute("transform", f"rotate({degrees})")
