"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb."""

import base64

import pytest
from pyweb import Page, expect

WIDTH, HEIGHT = 360, 240
INSIDE = bytes((24, 12, 10))


@pytest.fixture
def mandelbrot(page: Page):
    page.goto("/")
    drawn(page, "The whole set")
    return page


def drawn(page, said):
    expect(page.get_by_role("status")).to_have_text(said, timeout=60_000)


def pixels(page):
    """The picture's rows, each a list of pixels."""
    kind, encoded = page.get_by_role("img").get_attribute("src").split(",")
    assert kind == "data:image/bmp;base64"
    picture = base64.b64decode(encoded)
    assert picture[:2] == b"BM" and len(picture) == 54 + WIDTH * HEIGHT * 3
    body = picture[54:]
    return [[body[at : at + 3] for at in range(row, row + WIDTH * 3, 3)] for row in range(0, len(body), WIDTH * 3)]


def test_the_set_is_where_it_is_known_to_be(mandelbrot: Page):
    rows = pixels(mandelbrot)

    def at(x, y):
        size = 3.3 / WIDTH
        return rows[round(HEIGHT / 2 + y / size)][round(WIDTH / 2 + (x + 0.65) / size)]

    for x, y in [(0, 0), (-1, 0), (-0.2, 0.5)]:
        assert at(x, y) == INSIDE
    for x, y in [(0.6, 0), (-2.2, 0.2), (-1, 0.6)]:
        assert at(x, y) != INSIDE


def test_it_is_the_same_above_and_below(mandelbrot: Page):
    rows = pixels(mandelbrot)
    assert rows[40] == rows[HEIGHT - 40]


def test_nearer_and_back(mandelbrot: Page):
    first = pixels(mandelbrot)
    expect(mandelbrot.get_by_role("button", name="Back")).to_be_disabled()
    mandelbrot.get_by_role("img").click()
    drawn(mandelbrot, "4 times as near")
    assert pixels(mandelbrot) != first
    mandelbrot.get_by_role("button", name="Back").click()
    drawn(mandelbrot, "The whole set")
    assert pixels(mandelbrot) == first
