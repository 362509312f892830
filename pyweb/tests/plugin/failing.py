"""A test that the page fails."""


def test_uncaught(page):
    page.goto("/bad/handler-pyodide.html")
    page.evaluate("() => console.info('about to break')")
    page.locator("#sync").click()


def test_after_it(page):
    page.goto("/bad/handler-pyodide.html")
    assert page.locator("#sync").is_visible()


def test_caught_and_failed(page):
    page.goto("/good/micropython.html")
    page.evaluate("() => console.info('about to fail')")
    assert page.title() == "another"
