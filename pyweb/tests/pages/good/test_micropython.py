"""Tests that run inside micropython.html, in the page's own interpreter."""

import asyncio

from pyscript import document, web


def test_display():
    assert web.page["#shown"].textContent == "shown by display"


async def test_click():
    before = count
    document.querySelector("#add").click()
    await asyncio.sleep(0)
    assert count == before + 1
    assert document.querySelector("#out").textContent == f"click {count} on add"
