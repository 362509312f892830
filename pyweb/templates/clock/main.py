"""A clock: Python turns the hands of an SVG picture, once a second."""

import asyncio

from pyscript import document, window

SVG = "http://www.w3.org/2000/svg"
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip


def draw_marks():
    for minute in range(60):
        mark = document.createElementNS(SVG, "line")
        mark.setAttribute("y1", "-92")
        mark.setAttribute("y2", "-82" if minute % 5 == 0 else "-89")
        mark.setAttribute("transform", f"rotate({minute * 6})")
        mark.setAttribute("class", "hour mark" if minute % 5 == 0 else "mark")
        document.querySelector("#marks").append(mark)


def turn(hand, degrees):
    document.querySelector(hand).setAttribute("transform", f"rotate({degrees:.1f})")


def show(now):
    hours, minutes, seconds = now.getHours(), now.getMinutes(), now.getSeconds()
    turn("#hours", (hours % 12 + minutes / 60) * 30)
    turn("#minutes", (minutes + seconds / 60) * 6)
    turn("#seconds", seconds * 6)
    document.querySelector("#time").textContent = f"{hours:02}:{minutes:02}:{seconds:02}"
    day, month = DAYS[now.getDay()], MONTHS[now.getMonth()]
    document.querySelector("#date").textContent = f"{day}, {now.getDate()} {month} {now.getFullYear()}"


async def tick():
    while True:
        now = window.Date.new()
        show(now)
        # Until the next second begins.
        await asyncio.sleep((1000 - now.getMilliseconds()) / 1000)


draw_marks()
asyncio.create_task(tick())
document.querySelector("#starting").remove()
