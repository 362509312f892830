"""Arrays that come and go, small ones and some of a few MB."""

import numpy


def step(rows):
    scaled = rows * 1.5 + 2.0
    kept = scaled[scaled[:, 0] > 0.5]
    return numpy.sort(kept, axis=0).sum(axis=0)


rows = numpy.random.default_rng(1).random((2000, 100))
total = sum(step(rows)[0] for _ in range(60))
for size in range(20000):
    total += numpy.ones(100 + size % 900).sum()
