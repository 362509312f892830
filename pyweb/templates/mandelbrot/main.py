"""The Mandelbrot set: Python computes every pixel and writes the picture itself, as a BMP file in memory."""

import asyncio
import math
import struct
from binascii import b2a_base64

from pyscript import document, when

WIDTH, HEIGHT, DEPTH = 360, 240, 200
HOME = (-0.65, 0.0, 3.3)

find = document.querySelector
# Where the picture is, and where it was: the middle and the width.
views = [HOME]
drawing = None


def steps(x, y):
    """After how many steps the point leaves for good; `DEPTH` when it seems to stay."""
    # Points of the two largest parts, which would take longest.
    q = (x - 0.25) ** 2 + y * y
    if q * (q + x - 0.25) <= y * y / 4 or (x + 1) ** 2 + y * y <= 1 / 16:
        return DEPTH
    a, b, count = x, y, 0
    while count < DEPTH:
        aa, bb = a * a, b * b
        if aa + bb > 4:
            return count
        a, b = aa - bb + x, 2 * a * b + y
        count += 1
    return count


def palette():
    """A colour for each number of steps, in the order of a BMP file: blue, green, red."""
    colours = []
    for count in range(DEPTH):
        turn = math.sqrt(count / DEPTH) * 9
        waves = (0.5 - 0.5 * math.cos(turn + shift) for shift in (0.6, 0.25, 0))
        colours.append(bytes(int(30 + 225 * wave) for wave in waves))
    return colours + [bytes((24, 12, 10))]


COLOURS = palette()
SIZE = WIDTH * HEIGHT * 3
HEADER = b"BM" + struct.pack("<IHHIIiiHHIIIIII", 54 + SIZE, 0, 0, 54, 40, WIDTH, -HEIGHT, 1, 24, 0, SIZE, 0, 0, 0, 0)


def show(pixels):
    encoded = b2a_base64(HEADER + pixels).decode().strip()
    find("#picture").src = "data:image/bmp;base64," + encoded


async def draw(view):
    """Draws in ever smaller blocks, so that there is something to see at once."""
    middle_x, middle_y, width = view
    size = width / WIDTH
    left, top = middle_x - width / 2, middle_y - size * HEIGHT / 2
    pixels = bytearray(SIZE)
    for block in (8, 2, 1):
        find("#state").textContent = "Drawing …"
        for row in range(0, HEIGHT, block):
            y = top + row * size
            line = bytearray()
            for column in range(0, WIDTH, block):
                line += COLOURS[steps(left + column * size, y)] * block
            for below in range(row, min(row + block, HEIGHT)):
                pixels[below * WIDTH * 3 : (below + 1) * WIDTH * 3] = line
            if row % 16 == 0:
                # The page has its turn.
                await asyncio.sleep(0)
        show(pixels)
    near = round(HOME[2] / width)
    find("#state").textContent = f"{near} times as near" if near > 1 else "The whole set"


def begin():
    global drawing
    if drawing:
        drawing.cancel()
    drawing = asyncio.create_task(draw(views[-1]))
    find("#back").disabled = find("#home").disabled = len(views) == 1


@when("click", "#picture")
def nearer(event):
    middle_x, middle_y, width = views[-1]
    picture = find("#picture")
    # Without a layout, as in tests, the picture has its natural size.
    shown = picture.clientWidth or WIDTH
    size = width / shown
    x = middle_x + (event.offsetX - shown / 2) * size
    y = middle_y + (event.offsetY - shown * HEIGHT / WIDTH / 2) * size
    views.append((x, y, width / 4))
    begin()


@when("click", "#back")
def back(event):
    views.pop()
    begin()


@when("click", "#home")
def home(event):
    views[:] = [HOME]
    begin()


begin()
find("#starting").remove()
