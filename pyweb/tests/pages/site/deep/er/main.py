"""Runs in pyodide.html; `greeting` comes through the configuration's files."""

import sys

from greeting import greet
from pyscript import document

document.title = document.querySelector("#out").textContent = f"{greet(sys.implementation.name)} says {sum(range(10))}"
