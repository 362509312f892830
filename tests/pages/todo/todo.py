"""A to-do list: the page of the demo."""

from pyscript import document, when

items = []


def show():
    page_list = document.getElementById("list")
    page_list.replaceChildren()
    for item in items:
        entry = document.createElement("li")
        entry.textContent = item
        page_list.append(entry)
    noun = "thing" if len(items) == 1 else "things"
    document.getElementById("left").textContent = f"{len(items)} {noun} to do"


@when("click", "#add")
def add(event):
    field = document.getElementById("what")
    if field.value.strip():
        items.append(field.value.strip())
        field.value = ""
        show()


show()
