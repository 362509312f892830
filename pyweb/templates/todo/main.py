"""A list of things to do. The browser keeps it: localStorage holds the list as JSON."""

import json

from pyscript import document, when, window

KEY = "tasks"

tasks = json.loads(window.localStorage.getItem(KEY) or "[]")


def element(name, **attributes):
    made = document.createElement(name)
    for attribute, value in attributes.items():
        setattr(made, attribute, value)
    return made


def row(number, task):
    item = element("li", className="done" if task["done"] else "")
    box = element("input", type="checkbox", id=f"task-{number}", checked=task["done"])
    label = element("label", htmlFor=box.id, textContent=task["text"])
    button = element("button", textContent="✕", title=f"Remove {task['text']}")
    button.dataset.number = number
    item.append(box, label, button)
    return item


def show():
    window.localStorage.setItem(KEY, json.dumps(tasks))
    rows = [row(number, task) for number, task in enumerate(tasks)]
    document.querySelector("#tasks").replaceChildren(*rows)
    left = sum(not task["done"] for task in tasks)
    done = len(tasks) - left
    said = "Nothing to do." if not tasks else f"{left} of {len(tasks)} left." if left else "All done!"
    document.querySelector("#left").textContent = said
    document.querySelector("#clear").hidden = not done


@when("submit", "#new")
def add(event):
    event.preventDefault()
    field = document.querySelector("#text")
    text = field.value.strip()
    if text:
        tasks.append({"text": text, "done": False})
        field.value = ""
        show()


@when("change", "#tasks")
def tick(event):
    number = int(event.target.id.split("-")[1])
    tasks[number]["done"] = event.target.checked
    show()
    document.querySelector(f"#task-{number}").focus()


@when("click", "#tasks")
def remove(event):
    if event.target.localName == "button":
        del tasks[int(event.target.dataset.number)]
        show()


@when("click", "#clear")
def clear(event):
    tasks[:] = [task for task in tasks if not task["done"]]
    show()


show()
document.querySelector("#starting").remove()
