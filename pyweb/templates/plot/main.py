"""Draws a formula as an SVG curve: Python computes the points, the ticks and the scale."""

import math

from pyscript import document, when

WIDTH, HEIGHT, POINTS = 640, 400, 640
SVG = "http://www.w3.org/2000/svg"
NAMES = {name: getattr(math, name) for name in dir(math) if not name.startswith("_")}
NAMES.update(abs=abs, min=min, max=max, round=round, pow=pow)

find = document.querySelector
shown = None


def values(formula, start, end):
    """The points of a formula; `None` where it has no value."""
    code = compile(formula, "formula", "eval")
    points, scope = [], dict(NAMES)
    for index in range(POINTS + 1):
        scope["x"] = x = start + (end - start) * index / POINTS
        try:
            y = float(eval(code, scope))
        except (ArithmeticError, ValueError):
            y = math.nan
        points.append((x, y if abs(y) < 1e12 else None))
    return points


def scale(points):
    """The lowest and the highest y to show: of a pole, only its foot."""
    ys = sorted(y for _, y in points if y is not None)
    if not ys:
        raise ValueError("it has no value here")
    low, high = ys[len(ys) // 50], ys[-1 - len(ys) // 50]
    spread = high - low
    if ys[0] > low - spread * 1.5 and ys[-1] < high + spread * 1.5:
        low, high = ys[0], ys[-1]
    margin = (high - low) * 0.08 or 1
    return low - margin, high + margin


def ticks(low, high):
    """About six round numbers from low to high."""
    rough = (high - low) / 6
    size = 10 ** math.floor(math.log(rough) / math.log(10))
    step = min((size * factor for factor in (1, 2, 5, 10)), key=lambda step: abs(step - rough))
    first = math.ceil(low / step)
    return [number * step for number in range(first, int(high // step) + 1)]


class Plot:
    def __init__(self, formula, start, end):
        self.start, self.end = start, end
        self.points = values(formula, start, end)
        self.low, self.high = scale(self.points)

    def across(self, x):
        return (x - self.start) / (self.end - self.start) * WIDTH

    def down(self, y):
        return HEIGHT - (y - self.low) / (self.high - self.low) * HEIGHT

    def curve(self):
        """The path of the curve. It breaks where there is no value, and where it leaps over the whole picture."""
        path, last = [], None
        for x, y in self.points:
            if y is None:
                last = None
                continue
            place = min(max(self.down(y), -HEIGHT), 2 * HEIGHT)
            leaps = last is None or abs(place - last) > HEIGHT
            path.append(f"{'M' if leaps else 'L'}{self.across(x):.1f} {place:.1f}")
            last = place
        return "".join(path)

    def draw(self):
        find("#curve").setAttribute("d", self.curve())
        lines = []
        for x in ticks(self.start, self.end):
            lines.append(line(x, self.across(x), 0, self.across(x), HEIGHT))
            lines.append(label(x, self.across(x) + 4, HEIGHT - 6))
        for y in ticks(self.low, self.high):
            lines.append(line(y, 0, self.down(y), WIDTH, self.down(y)))
            # The corners belong to the labels of x.
            if 16 < self.down(y) < HEIGHT - 20:
                lines.append(label(y, 4, self.down(y) - 4))
        find("#grid").replaceChildren(*lines)


def picture(name, **attributes):
    made = document.createElementNS(SVG, name)
    for attribute, value in attributes.items():
        made.setAttribute(attribute, str(value))
    return made


def line(value, x1, y1, x2, y2):
    made = picture("line", x1=round(x1, 1), y1=round(y1, 1), x2=round(x2, 1), y2=round(y2, 1))
    made.setAttribute("class", "axis" if abs(value) < 1e-9 else "")
    return made


def label(value, x, y):
    made = picture("text", x=round(x, 1), y=round(y, 1))
    made.textContent = f"{round(value, 6):g}"
    return made


def plot():
    global shown
    formula = find("#formula").value.strip()
    wrong = find("#wrong")
    find("#pointer").setAttribute("visibility", "hidden")
    try:
        start, end = float(find("#from").value), float(find("#to").value)
        if not start < end:
            raise ValueError("the range ends before it begins")
        shown = Plot(formula, start, end)
        shown.draw()
        wrong.hidden = True
        find("#caption").textContent = f"y = {formula}, for x from {start:g} to {end:g}"
    except Exception as error:
        wrong.textContent = f"{type(error).__name__}: {error}"
        wrong.hidden = False


@when("input", "#form")
def typed(event):
    plot()


@when("submit", "#form")
def submitted(event):
    event.preventDefault()


@when("click", "#examples")
def example(event):
    if event.target.localName == "button":
        find("#formula").value = event.target.textContent
        plot()


@when("pointermove", "svg")
def point(event):
    box = find("svg").getBoundingClientRect()
    share = (event.clientX - box.left) / box.width if box.width else 0
    x, y = shown.points[min(max(int(share * POINTS), 0), POINTS)]
    if y is not None:
        find("#pointer").setAttribute("visibility", "visible")
        find("#pointer").setAttribute("transform", f"translate({shown.across(x):.1f} 0)")
        find("#pointer circle").setAttribute("cy", f"{shown.down(y):.1f}")
        find("#caption").textContent = f"x = {x:.3g}, y = {y:.4g}"


for field in ("#formula", "#from", "#to"):
    find(field).disabled = False
plot()
find("#starting").remove()
