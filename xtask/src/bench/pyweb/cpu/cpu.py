"""Seven kinds of work for a Python interpreter, each with its milliseconds."""

import json
import time


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


def calls():
    fib(24)


def loop():
    total = 0
    for i in range(1_500_000):
        total += i & 7


def floats():
    x, y, vx, vy = 1.0, 0.0, 0.0, 1.0
    for _ in range(150_000):
        d = (x * x + y * y) ** 1.5
        vx, vy = vx - x / d * 0.001, vy - y / d * 0.001
        x, y = x + vx * 0.001, y + vy * 0.001


def strings():
    words = " ".join(f"word{i}" for i in range(60_000)).upper().split()
    sorted({word.replace("WORD", "w") for word in words})


class Point:
    def __init__(self, x, y):
        self.x = x
        self.y = y


def objects():
    points = [Point(i, -i) for i in range(150_000)]
    sum(point.x + point.y for point in points)


def exceptions():
    for i in range(150_000):
        try:
            raise ValueError(i)
        except ValueError:
            pass


def documents():
    data = [{"id": i, "name": f"n{i}", "tags": ["a", "b"]} for i in range(15_000)]
    json.loads(json.dumps(data))


for work in (calls, loop, floats, strings, objects, exceptions, documents):
    began = time.perf_counter()
    for _ in range(5):
        work()
    print(f"{work.__name__:12}{(time.perf_counter() - began) * 200:8.1f} ms")
