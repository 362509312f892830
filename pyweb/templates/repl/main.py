"""A Python prompt: what is typed runs as at Python's own, in a namespace of its own."""

import code
import io
import sys
from contextlib import redirect_stderr, redirect_stdout

from pyscript import document, when

session = document.querySelector("#session")
line = document.querySelector("#line")
console = code.InteractiveConsole({"__name__": "__console__", "__doc__": None})
history = []
place = 0


def show(text, kind):
    if text:
        entry = document.createElement("pre")
        entry.className = kind
        entry.textContent = text
        session.append(entry)
        entry.scrollIntoView()


def run(source):
    """Runs `source` as if its lines were typed; gives what it printed, and what it said went wrong."""
    printed, wrong = io.StringIO(), io.StringIO()
    with redirect_stdout(printed), redirect_stderr(wrong):
        lines = source.split("\n")
        # An empty line ends a block.
        for text in [*lines, ""] if len(lines) > 1 else lines:
            more = console.push(text)
    return printed.getvalue(), wrong.getvalue(), more


def grow():
    line.rows = min(line.value.count("\n") + 1, 12)


def bring_back(step):
    global place
    place = min(max(place + step, 0), len(history))
    line.value = history[place] if place < len(history) else ""
    grow()


@when("keydown", "#line")
def typed(event):
    if event.key == "Enter" and not event.shiftKey:
        event.preventDefault()
        enter()
    elif event.key in ("ArrowUp", "ArrowDown") and "\n" not in line.value:
        event.preventDefault()
        bring_back(-1 if event.key == "ArrowUp" else 1)


@when("input", "#line")
def changed(event):
    grow()


def enter():
    global place
    source = line.value.rstrip()
    if not source and not console.buffer:
        return
    sign = "... " if console.buffer else ">>> "
    show(sign + source.replace("\n", "\n... "), "typed")
    printed, wrong, more = run(source)
    show(printed.rstrip("\n"), "printed")
    show(wrong.rstrip("\n"), "wrong")
    document.querySelector("#sign").textContent = "..." if more else ">>>"
    if source:
        history.append(source)
    place = len(history)
    line.value = ""
    grow()


@when("click", "#clear")
def clear(event):
    session.replaceChildren()
    line.focus()


@when("submit", "#prompt")
def submitted(event):
    event.preventDefault()


show(f"Python {sys.version.split()[0]} on {sys.platform}", "hint")
line.placeholder = ""
line.disabled = False
line.focus()
document.querySelector("#starting").remove()
