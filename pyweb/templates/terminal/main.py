"""Python at a terminal. It runs in a worker, so that it may wait for what is typed."""

import code
import sys

from pyscript import document


def ask():
    """Greets by name: `input` waits, as in any terminal."""
    name = input("What is your name? ")
    print(f"Hello, \033[1m{name}\033[0m!")


def rainbow(text="Python in your browser"):
    """Prints in colours: the terminal knows the usual escapes."""
    print("".join(f"\033[38;5;{196 + index % 36}m{letter}" for index, letter in enumerate(text)) + "\033[0m")


print(f"Python {sys.version.split()[0]} on {sys.platform}. Type \033[1mask()\033[0m or \033[1mrainbow()\033[0m.")
document.querySelector("#starting").remove()
code.interact(banner="", exitmsg="", local={"ask": ask, "rainbow": rainbow})
