"""Tests of index.html of which some fail."""

from pyscript import document


def test_passes():
    assert document.querySelector("#out").textContent == "ready"


def test_fails():
    assert document.querySelector("#out").textContent == "never", "the text is another"
