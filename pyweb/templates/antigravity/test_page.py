"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb.

The page's timers are in the test's hands, so that no test waits for the flight.
"""

import re

import pytest
from pyweb import Page, expect


@pytest.fixture
def sky(page: Page):
    page.clock.install()
    page.goto("/")
    return page


def height(page):
    place = page.locator("#figure").get_attribute("transform")
    return 190 - float(re.match(r"translate\(\S+ (\S+)\)", place).group(1))


def test_stands_on_the_ground(sky: Page):
    assert height(sky) == 0
    expect(sky.get_by_role("button", name="import antigravity")).to_be_enabled()
    expect(sky.get_by_role("button", name="Land")).to_be_hidden()


def test_flies_and_lands(sky: Page):
    sky.get_by_role("button", name="import antigravity").click()
    sky.clock.run_for(500)
    soon = height(sky)
    assert soon > 10
    sky.clock.run_for(5000)
    assert height(sky) > soon
    expect(sky.get_by_role("heading")).to_have_text("… and now I am flying!")
    sky.get_by_role("button", name="Land").click()
    sky.clock.run_for(10_000)
    assert height(sky) == 0
    expect(sky.get_by_role("button", name="import antigravity")).to_be_visible()
