"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb."""

import re

import pytest
from pyweb import Page, expect


@pytest.fixture
def primes(page: Page):
    page.goto("/")
    expect(page.get_by_role("button", name="Count")).to_be_enabled(timeout=30_000)
    return page


@pytest.mark.parametrize(("limit", "found"), [("10", 4), ("1000", 168), ("0", 0)])
def test_the_worker_counts(primes: Page, limit, found):
    primes.get_by_label("Count up to").fill(limit)
    primes.get_by_role("button", name="Count").click()
    expect(primes.get_by_role("status")).to_have_text(re.compile(f"^{found} primes up to {limit}, in "), timeout=30_000)
    expect(primes.locator("#at")).to_have_text(limit)
    expect(primes.get_by_role("button", name="Count")).to_be_enabled()


def test_other_words_are_refused(primes: Page):
    primes.get_by_label("Count up to").fill("many")
    primes.get_by_role("button", name="Count").click()
    expect(primes.get_by_role("status")).to_have_text("Give a whole number.")
