"""Lifts whoever imports it, as Python's own module does; this one does it on the page."""

import asyncio
import math

from pyscript import document

GROUND = 190
TOP = 70
STANDING = "M0 8V40M0 40L-10 66M0 40L10 66M0 18L-14 34M0 18L14 34"
FLYING = "M0 8V40M0 40L-16 60M0 40L4 66M0 18L-20 8M0 18L20 8"

height = 0.0
flying = None


def draw(time):
    sway = math.sin(time) * 14 * height
    x, y = 170 + sway, GROUND - (GROUND - TOP) * height + math.cos(time * 1.7) * 4 * height
    figure = document.querySelector("#figure")
    figure.setAttribute("transform", f"translate({x:.1f} {y:.1f}) rotate({sway / 2:.1f})")
    document.querySelector("#body").setAttribute("d", FLYING if height > 0.05 else STANDING)


async def rise_to(goal):
    """A callback of the timer moves the figure, thirty times a second, until something else is to be done."""
    global height
    time = 0.0
    while height != goal or goal > 0:
        step = goal - height
        height = goal if abs(step) < 0.005 else height + step * 0.06
        time += 1 / 30
        draw(time)
        await asyncio.sleep(1 / 30)
    draw(0)


def fly():
    begin(1)


def land():
    begin(0)


def begin(goal):
    global flying
    if flying:
        flying.cancel()
    flying = asyncio.create_task(rise_to(goal))


fly()
