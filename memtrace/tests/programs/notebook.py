"""Runs cells in a Jupyter kernel, as a notebook would, and prints what each of them showed.

    notebook.py CELLS

CELLS is a JSON file with the code of each cell; the answer is JSON too, a list of outputs for each.
"""

import json
import sys

import nbformat
from nbclient import NotebookClient

with open(sys.argv[1]) as file:
    cells = [nbformat.v4.new_code_cell(code) for code in json.load(file)]
notebook = nbformat.v4.new_notebook(cells=cells)
NotebookClient(notebook, kernel_name="python3", allow_errors=True, timeout=300).execute()
json.dump([cell.outputs for cell in notebook.cells], sys.stdout)
