"""A database in the page: SQLite, by way of the ORM peewee. The browser keeps its bytes in IndexedDB."""

from peewee import FloatField, IntegerField, Model, PeeweeException, SqliteDatabase, TextField, fn
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
database = SqliteDatabase(":memory:")
connection = database.connection()


class Planet(Model):
    name = TextField(primary_key=True)
    radius = FloatField()
    moons = IntegerField()

    class Meta:
        database = database
        table_name = "planets"
        strict_tables = True


def begin():
    database.drop_tables([Planet])
    database.create_tables([Planet])
    Planet.insert_many(PLANETS).execute()


async def keep():
    kept["database"] = bytearray(connection.serialize())
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


def sum_up():
    """What the table comes to, if it is still there."""
    text = ""
    if Planet.table_exists():
        many, moons = Planet.select(fn.COUNT(Planet.name), fn.SUM(Planet.moons)).scalar(as_tuple=True)
        text = f"{many} planets with {moons or 0} moons"
    find("#sum").textContent = text


async def attempt(act):
    """Does something with the database: says what is wrong with it, if something is, and keeps what it changed."""
    wrong = find("#wrong")
    wrong.hidden = True
    before = connection.serialize()
    try:
        act()
        sum_up()
    except PeeweeException as error:
        wrong.textContent = f"{type(error).__name__}: {error}"
        wrong.hidden = False
        return False
    if connection.serialize() != before:
        await keep()
    return True


async def ask():
    await attempt(lambda: show(database.execute_sql(find("#sql").value)))


@when("submit", "form")
def submitted(event):
    # At once: what is awaited comes too late to keep the browser from leaving the page.
    event.preventDefault()


@when("submit", "#ask")
async def asked(event):
    await ask()


@when("submit", "#add")
async def add(event):
    fields = {field: find(f"#{field}").value.strip() for field in ("name", "radius", "moons")}
    if await attempt(lambda: Planet.create(**fields)):
        find("#add").reset()
        await ask()


@when("click", "#anew")
async def start_anew(event):
    await attempt(begin)
    find("#sql").value = find("#sql").defaultValue
    await ask()


if "database" in kept:
    connection.deserialize(bytes(kept["database"]))
else:
    begin()
await ask()
for field in document.querySelectorAll("input, textarea, button"):
    field.disabled = False
find("#starting").remove()
