"""A database in the page: Python's own sqlite3. The browser keeps its bytes in IndexedDB."""

import sqlite3

from pyscript import document, storage, when

PLANETS = [
    ("Mercury", 2439.7, 0),
    ("Venus", 6051.8, 0),
    ("Earth", 6371.0, 1),
    ("Mars", 3389.5, 2),
    ("Jupiter", 69911.0, 95),
    ("Saturn", 58232.0, 146),
    ("Uranus", 25362.0, 28),
    ("Neptune", 24622.0, 16),
]

find = document.querySelector
kept = await storage("planets")
database = sqlite3.connect(":memory:", autocommit=True)


def begin():
    database.execute("drop table if exists planets")
    database.execute("create table planets (name text primary key, radius real not null, moons integer not null) strict")
    database.executemany("insert into planets values (?, ?, ?)", PLANETS)


async def keep():
    kept["database"] = bytearray(database.serialize())
    await kept.sync()


def cells(kind, texts, values):
    """A row of the table; what stands for a number stands at the right."""
    row = document.createElement("tr")
    for text, value in zip(texts, values):
        cell = document.createElement(kind)
        cell.textContent = "NULL" if text is None else str(text)
        cell.className = "number" if isinstance(value, (int, float)) else ""
        row.append(cell)
    return row


def show(cursor):
    rows = cursor.fetchall()
    names = [column[0] for column in cursor.description or []]
    head = cells("th", names, rows[0] if rows else names)
    find("#head").replaceChildren(head)
    find("#rows").replaceChildren(*[cells("td", row, row) for row in rows])
    find("#state").textContent = f"{len(rows)} row{'' if len(rows) == 1 else 's'}" if names else "Done."


async def ask(sql, values=()):
    """Runs SQL and says what is wrong with it, if something is; keeps what it changed."""
    wrong = find("#wrong")
    wrong.hidden = True
    before = database.total_changes
    try:
        show(database.execute(sql, values))
    except sqlite3.Error as error:
        wrong.textContent = f"{type(error).__name__}: {error}"
        wrong.hidden = False
        return False
    if database.total_changes != before or not sql.lstrip().lower().startswith("select"):
        await keep()
    return True


@when("submit", "form")
def submitted(event):
    # At once: what is awaited comes too late to keep the browser from leaving the page.
    event.preventDefault()


@when("submit", "#ask")
async def asked(event):
    await ask(find("#sql").value)


@when("submit", "#add")
async def add(event):
    values = [find(field).value.strip() for field in ("#name", "#radius", "#moons")]
    if await ask("insert into planets values (?, ?, ?)", values):
        find("#add").reset()
        await ask(find("#sql").value)


@when("click", "#anew")
async def start_anew(event):
    begin()
    await keep()
    await ask(find("#sql").value)


if "database" in kept:
    database.deserialize(bytes(kept["database"]))
else:
    begin()
await ask(find("#sql").value)
for field in document.querySelectorAll("input, textarea, button"):
    field.disabled = False
find("#starting").remove()
