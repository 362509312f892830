"""Notes that stay: the browser keeps them in IndexedDB, through PyScript's `storage`."""

from pyscript import document, storage, when, window

find = document.querySelector
# A dictionary that the browser keeps: the notes' texts by the time they were begun.
notes = await storage("notes")
current = None


def title(text):
    return text.strip().split("\n")[0] or "New note"


def element(name, text, kind):
    made = document.createElement(name)
    made.textContent, made.className = text, kind
    return made


def row(key):
    text = notes[key]
    button = element("button", "", "current" if key == current else "")
    rest = " ".join(text.strip().split("\n")[1:]).strip()
    button.append(element("strong", title(text), ""), element("span", rest or "–", "rest"))
    button.dataset.key = key
    item = document.createElement("li")
    item.append(button)
    return item


def show():
    wanted = find("#search").value.strip().lower()
    keys = [key for key in sorted(notes, reverse=True) if wanted in notes[key].lower()]
    find("#notes").replaceChildren(*[row(key) for key in keys])


def open_note(key):
    global current
    current = key
    text = find("#text")
    text.value = notes[key] if key else ""
    text.disabled = find("#remove").disabled = key is None
    text.placeholder = "Write something …" if key else "No note is open."
    show()
    if key:
        text.focus()


async def kept():
    await notes.sync()
    find("#state").textContent = "Saved."


@when("click", "#new")
async def new(event):
    key = f"{int(window.Date.now()):015}-{len(notes):04}"
    notes[key] = ""
    find("#search").value = ""
    open_note(key)
    await kept()


@when("input", "#text")
async def write(event):
    notes[current] = event.target.value
    find("#state").textContent = "Saving …"
    show()
    await kept()


@when("click", "#notes")
def choose(event):
    button = event.target.closest("button")
    if button:
        open_note(button.dataset.key)


@when("input", "#search")
def search(event):
    show()


@when("click", "#remove")
async def remove(event):
    del notes[current]
    open_note(max(notes) if notes else None)
    await kept()


open_note(max(notes) if notes else None)
find("#new").disabled = False
find("#starting").remove()
