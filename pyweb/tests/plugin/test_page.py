"""A suite as users write one, for the pages beside it."""

import re

import pytest
from pyweb import Page, PythonRaised, TimeoutError, expect


@pytest.fixture
def steps(page: Page):
    page.goto("/steps/")
    return page


def test_form(steps):
    steps.get_by_label("Name").fill("Ada")
    steps.get_by_role("checkbox", name="I agree").check()
    assert steps.get_by_label("Colour").select_option("Green") == ["g"]
    steps.get_by_role("button", name="Send").click()
    log = steps.get_by_test_id("log")
    expect(log).to_have_text(re.compile(r"^changed name \| .* \| submitted$"))
    expect(log).not_to_contain_text("Enter")
    expect(steps.get_by_label("Name")).to_have_value("Ada")
    expect(steps.get_by_role("checkbox")).to_be_checked()
    expect(steps.get_by_role("button", name="Never")).to_be_disabled()


def test_locators(steps):
    items = steps.get_by_role("listitem")
    expect(items).to_have_count(2)
    expect(items).to_have_text(["first item", re.compile("^second")])
    assert items.filter(has=steps.get_by_title("remove it")).count() == 1
    assert items.first.text_content() == "first item"
    assert [item.inner_text() for item in items.all()][0] == "first item"
    assert steps.locator("ul >> li").nth(1).get_by_role("button").inner_text() == "x"
    expect(steps.locator("#gone")).to_be_hidden()
    expect(steps.locator("#shown")).to_be_visible()
    expect(steps.get_by_text("There")).to_have_attribute("href", "#there")
    assert steps.get_by_text("There").get_attribute("href") == "#there"


def test_keyboard(steps):
    name = steps.get_by_placeholder("your name")
    name.press_sequentially("hello")
    name.press("Control+A")
    steps.keyboard.type("bye")
    expect(name).to_be_focused()
    assert name.input_value() == "bye"


def test_route(page):
    seen = []

    def answer(route):
        seen.append(route.request.url)
        route.fulfill(json={"answer": 42})

    page.route("**/api/*", answer)
    page.goto("/steps/")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_test_id("log")).to_have_text("answer 42")
    assert seen == ["http://localhost/api/answer?to=everything"]


def test_offline(steps):
    steps.context.set_offline(True)
    steps.get_by_role("button", name="Ask").click()
    expect(steps.get_by_test_id("log")).to_have_text("no answer")


def test_clock(steps):
    steps.clock.install(time="2026-01-02T03:04:05+00:00")
    steps.get_by_role("button", name="Later").click()
    steps.clock.run_for("01:01")
    expect(steps.locator("#later")).to_have_text("a minute later")
    assert steps.evaluate("new Date().toISOString()").startswith("2026-01-02T03:05:0")


def test_code(steps):
    assert steps.evaluate("([a, b]) => a + b", [40, 2]) == 42
    assert steps.locator("h1").evaluate("element => element.localName") == "h1"
    assert steps.evaluate_py("{'log': log, 'sum': sum(range(5))}") == {"log": [], "sum": 10}
    with pytest.raises(PythonRaised, match="no_such_name"):
        steps.evaluate_py("no_such_name")


def test_failures(steps):
    with pytest.raises(TimeoutError, match="finds nothing"):
        steps.locator("#nowhere").click(timeout=30)
    with pytest.raises(AssertionError, match='to have title "Other", got "Steps"'):
        expect(steps).to_have_title("Other", timeout=30)


def test_console_and_errors(page):
    page.goto("/bad/handler-pyodide.html")
    page.evaluate("() => console.warn('mind the gap')")
    page.locator("#sync").click()
    assert page.evaluate("1") == 1
    (error,) = page.python_errors
    assert (error.file, error.line) == ("bad/handler-pyodide.html", 17)
    assert ("warn", "mind the gap") in [(message.type, message.text) for message in page.console]
    # What a test expects does not fail it.
    page.python_errors.clear()


def test_going_about(page):
    page.goto("/history/")
    page.get_by_role("button", name="Push").click()
    expect(page).to_have_url("/history/?page=1")
    page.get_by_role("link", name="Other").click()
    page.wait_for_url("**/other.html")
    page.go_back()
    expect(page).to_have_url("**/history/?page=*")
    page.go_forward()
    expect(page).to_have_title("Second")
    page.reload()
    expect(page.locator("#out")).to_be_empty()


def test_dialogs_files_and_console(page, tmp_path):
    page.goto("/person/")
    said = []
    page.on("dialog", lambda dialog: (said.append((dialog.type, dialog.message)), dialog.accept("Ada")))
    page.get_by_role("button", name="Ask").click()
    page.get_by_role("button", name="Name").click()
    expect(page.get_by_test_id("log")).to_have_text("yes|name Ada")
    assert said == [("confirm", "Sure?"), ("prompt", "Who?")]
    letter = tmp_path / "letter.txt"
    letter.write_text("dear")
    page.get_by_label("Letter").set_input_files(letter)
    page.set_input_files("#many", [{"name": "a", "mimeType": "text/css", "buffer": b"x"}])
    expect(page.locator("#log")).to_have_text(re.compile(r"letter.txt text/plain 4 dear\|a text/css 1 x$"))
    with page.expect_console_message(lambda message: "later" in message.text) as info:
        page.evaluate("void setTimeout(() => console.info('a little later'), 30)")
    assert info.value.type == "info"


def test_words_of_playwright(page):
    page.goto("/person/")
    bread = page.locator("li:has-text('bread')")
    expect(bread).to_be_visible(visible=True)
    expect(page.locator("li", has_text="hidden")).not_to_be_visible()
    bread.click(modifiers=["Shift"])
    page.locator("#from").drag_to(page.locator("#to"))
    expect(page.locator("xpath=//p[@id='log']")).to_contain_text("clicked shiftKey|dropped treasure")
    expect(page.locator("#text")).to_have_accessible_name("Text")
    expect(page.get_by_role("checkbox")).not_to_be_checked()
    page.keyboard.down("Shift")
    page.keyboard.up("Shift")
    assert page.locator("li").evaluate_all("items => items.length") == 3
    assert page.is_visible("id=box") and page.locator("data-testid=log").count() == 1
