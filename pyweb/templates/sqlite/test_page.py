"""Tests of the page, in Playwright's words: `pytest` runs them, with the plugin pytest-pyweb."""

import pytest
from pyweb import Page, expect


@pytest.fixture
def planets(page: Page):
    page.goto("/")
    return page


def ask(page, sql):
    page.get_by_label("Ask in SQL").fill(sql)
    page.get_by_role("button", name="Run").click()


def add(page, name, radius, moons):
    page.get_by_label("Name").fill(name)
    page.get_by_label("Radius in km").fill(radius)
    page.get_by_label("Moons").fill(moons)
    page.get_by_role("button", name="Add").click()


def test_the_table_is_shown(planets: Page):
    expect(planets.locator("th")).to_have_text(["name", "radius", "moons"])
    expect(planets.locator("#rows tr")).to_have_count(8)
    expect(planets.locator("#rows tr").first.locator("td")).to_have_text(["Jupiter", "69911.0", "95"])
    expect(planets.get_by_text("8 planets with 288 moons")).to_be_visible()


def test_the_model_finds_what_sql_does(planets: Page):
    many = "[planet.name for planet in Planet.select().where(Planet.moons > 50).order_by(Planet.name)]"
    assert planets.evaluate_py(many) == ["Jupiter", "Saturn"]
    planets.evaluate_py("Planet.update(moons=Planet.moons + 1).where(Planet.name == 'Earth').execute()")
    ask(planets, "select moons from planets where name = 'Earth'")
    expect(planets.locator("td")).to_have_text(["2"])
    expect(planets.locator("#sum")).to_have_text("8 planets with 289 moons")


def test_any_question_is_answered(planets: Page):
    ask(planets, "select count(*) as many, sum(moons), null from planets where moons > 10")
    expect(planets.locator("th")).to_have_text(["many", "sum(moons)", "null"])
    expect(planets.locator("td")).to_have_text(["4", "285", "NULL"])
    expect(planets.get_by_role("status")).to_have_text("1 row")


def test_what_is_wrong_is_said(planets: Page):
    ask(planets, "select colour from planets")
    expect(planets.get_by_role("alert")).to_have_text("OperationalError: no such column: colour")
    add(planets, "Earth", "1", "1")
    expect(planets.get_by_role("alert")).to_have_text("IntegrityError: UNIQUE constraint failed: planets.name")
    add(planets, "Vulcan", "small", "0")
    expect(planets.get_by_role("alert")).to_contain_text("cannot store TEXT value in REAL column")
    ask(planets, "update planets set moons = 'many'")
    expect(planets.get_by_role("alert")).to_contain_text("cannot store TEXT value in INTEGER column")
    expect(planets.locator("#sum")).to_have_text("8 planets with 288 moons")


def test_the_table_itself_may_go(planets: Page):
    ask(planets, "drop table planets")
    expect(planets.get_by_role("status")).to_have_text("Done.")
    expect(planets.locator("#sum")).to_be_empty()
    planets.get_by_role("button", name="Start anew").click()
    expect(planets.locator("#rows tr")).to_have_count(8)


def test_a_planet_is_added_and_kept(planets: Page):
    add(planets, "Pluto", "1188.3", "5")
    expect(planets.locator("#rows tr").last.locator("td")).to_have_text(["Pluto", "1188.3", "5"])
    expect(planets.get_by_label("Name")).to_have_value("")
    planets.reload()
    expect(planets.locator("#rows tr")).to_have_count(9)
    planets.get_by_role("button", name="Start anew").click()
    expect(planets.locator("#rows tr")).to_have_count(8)
