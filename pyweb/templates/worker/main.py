"""The page's own thread: it asks the worker to count, and shows that it is awake meanwhile."""

import asyncio

from pyscript import document, when, window, workers

find = document.querySelector
counting = False


@when("submit", "#form")
def submitted(event):
    # At once: what is awaited comes too late to keep the browser from leaving the page.
    event.preventDefault()


@when("submit", "#form")
async def count(event):
    global counting
    digits = find("#limit").value.strip()
    if not digits.isdigit():
        find("#answer").textContent = "Give a whole number."
        return
    if counting:
        return
    counting = True
    find("#count").disabled = True
    find("#answer").textContent = "Counting …"
    began = window.Date.now()
    found = await primes.count(int(digits))
    took = (window.Date.now() - began) / 1000
    find("#answer").textContent = f"{found} primes up to {digits}, in {took:.1f} s."
    find("#count").disabled = False
    counting = False


async def stay_awake():
    began = window.Date.now()
    while True:
        find("#awake").textContent = f"{(window.Date.now() - began) / 1000:.1f} s"
        await asyncio.sleep(0.1)


asyncio.create_task(stay_awake())
primes = await workers["primes"]
find("#count").disabled = False
find("#starting").remove()
