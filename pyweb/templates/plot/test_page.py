"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb."""

import re

import pytest
from pyweb import Page, expect


@pytest.fixture
def plot(page: Page):
    page.goto("/")
    return page


def curve(page):
    """The curve as its separate strokes, each a list of points."""
    strokes = page.locator("#curve").get_attribute("d").split("M")[1:]
    return [[tuple(map(float, point.split())) for point in stroke.split("L")] for stroke in strokes]


def test_draws_the_first_formula(plot: Page):
    (stroke,) = curve(plot)
    assert len(stroke) == 641
    assert stroke[0][0] == 0 and stroke[-1][0] == 640
    expect(plot.locator("#caption")).to_have_text("y = sin(x) * x, for x from -10 to 10")


def test_a_straight_line_is_straight(plot: Page):
    plot.get_by_label("y =", exact=True).fill("2 * x + 1")
    (stroke,) = curve(plot)
    slopes = {round(after[1] - before[1], 0) for before, after in zip(stroke[::64], stroke[64::64])}
    assert len(slopes) == 1
    expect(plot.locator("#grid text").first).to_have_text("-10")


def test_a_pole_breaks_the_curve(plot: Page):
    plot.get_by_role("button", name="1 / x").click()
    expect(plot.get_by_label("y =", exact=True)).to_have_value("1 / x")
    assert len(curve(plot)) == 2


def test_the_range_can_be_chosen(plot: Page):
    plot.get_by_label("from x =").fill("0")
    plot.get_by_label("to", exact=True).fill("1")
    expect(plot.locator("#caption")).to_have_text(re.compile("from 0 to 1$"))


def test_what_is_wrong_is_said(plot: Page):
    before = curve(plot)
    for formula, said in [("sin(", "SyntaxError"), ("y + 1", "NameError"), ("sqrt(-1)", "ValueError")]:
        plot.get_by_label("y =", exact=True).fill(formula)
        expect(plot.get_by_role("alert")).to_contain_text(said)
    assert curve(plot) == before
    plot.get_by_label("y =", exact=True).fill("x")
    expect(plot.get_by_role("alert")).to_be_hidden()
