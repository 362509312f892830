"""More than ten million blocks from a few hundred places, for the reports."""

COUNT = 10_500_000


def fill(depth, count):
    if depth:
        return fill(depth - 1, count)
    held = None
    for i in range(count):
        held = bytearray(600 + i % 3000)
    return held


kept = [fill(n % 40, COUNT // 100) for n in range(100)]
