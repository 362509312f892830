"""Counts letters and has D3, a library of JavaScript, draw the bars."""

from pyscript import document, when, window
from pyscript.ffi import create_proxy, to_js

WIDTH, FOOT, TOP, LEFT = 640, 252, 12, 36
LETTERS = "abcdefghijklmnopqrstuvwxyz"

d3 = window.d3
find = document.querySelector


def field(name):
    """What D3 calls for each bar; a proxy, because D3 keeps it for as long as a transition lasts."""
    return create_proxy(lambda bar, *rest: getattr(bar, name))


LETTER, X, Y, HEIGHT = field("letter"), field("x"), field("y"), field("height")


def counted(text):
    text = text.lower()
    return [(letter, text.count(letter)) for letter in LETTERS]


def draw():
    counts = counted(find("#text").value)
    total = sum(count for _, count in counts)
    across = d3.scaleBand().domain(to_js(list(LETTERS))).range(to_js([LEFT, WIDTH])).padding(0.25)
    most = max(count for _, count in counts) or 1
    up = d3.scaleLinear().domain(to_js([0, most])).nice(4).range(to_js([FOOT, TOP]))
    bars = [
        {"letter": letter, "x": across(letter), "y": up(count), "height": FOOT - up(count)} for letter, count in counts
    ]
    join(bars, across.bandwidth())
    d3.select("#letters").call(d3.axisBottom(across).tickSize(0).tickPadding(8))
    ticks = d3.axisLeft(up).ticks(4).tickSize(LEFT - WIDTH).tickFormat(d3.format("d"))
    d3.select("#counts").attr("transform", f"translate({LEFT} 0)").call(ticks)
    often = sorted(counts, key=lambda pair: -pair[1])[:3]
    ranking = ", ".join(f"{letter} {count} times" for letter, count in often if count)
    find("#said").textContent = f"{total} letters; most often {ranking}." if total else "No letters."


def join(bars, width):
    rects = d3.select("#bars").selectAll("rect").data(to_js(bars), LETTER).join("rect")
    rects.attr("data-letter", LETTER).attr("x", X).attr("width", width).attr("rx", 4)
    rects.transition().duration(350).attr("y", Y).attr("height", HEIGHT)


@when("input", "#text")
def typed(event):
    draw()


# The bars grow from the ground.
ground = to_js([{"letter": letter} for letter in LETTERS])
d3.select("#bars").selectAll("rect").data(ground, LETTER).join("rect").attr("y", FOOT).attr("height", 0)
draw()
find("#text").disabled = False
find("#starting").remove()
