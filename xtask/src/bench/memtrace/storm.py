"""Blocks of 0.6 to 2.6 kB, held ten thousand at a time."""


def make(n):
    return [bytearray(600 + i % 2000) for i in range(n)]


for _ in range(60):
    make(10000)
