"""Greets whoever types a name."""

import sys

from pyscript import document, when


def greeting(name):
    return f"Hello, {name}!" if name else "Hello!"


@when("input", "#name")
def typed(event):
    document.querySelector("#greeting").textContent = greeting(event.target.value.strip())


names = {"cpython": "CPython", "micropython": "MicroPython"}
python = sys.implementation
version = ".".join(str(part) for part in python.version[:3])
document.querySelector("#python").textContent = f"{names[python.name]} {version} is listening."
document.querySelector("#starting").remove()
