"""As stacks.py, within greenlets that switch to each other at random moments, in the middle of recursions, generators
and calls by C code.

    greenlets.py SEED COUNT THREADS TRUTH
"""

import itertools
import random
import sys
import threading

from greenlet import getcurrent, greenlet

SEED, COUNT, THREADS, TRUTH = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

sys.setrecursionlimit(100_000)
threading.stack_size(256 << 20)

sizes = itertools.count(1_000_003)
truth = []


def names(code):
    return getattr(code, "co_qualname", code.co_name), code.co_filename


def block():
    size = next(sizes)
    frame = sys._getframe()
    bytearray(size - 1); line = frame.f_lineno
    stack = [(*names(frame.f_code), line)]
    while frame := frame.f_back:
        stack.append((*names(frame.f_code), frame.f_lineno))
    truth.append((size, stack))


class Walker:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.left = COUNT
        self.greenlets = []

    def switch(self):
        others = [one for one in self.greenlets if not one.dead and one is not getcurrent()]
        if others and self.dice.random() < 0.5:
            self.dice.choice(others).switch()
        if len(self.greenlets) < 12 and self.dice.random() < 0.3:
            born = greenlet(self.live)
            self.greenlets.append(born)
            born.switch()

    def live(self):
        while self.left > 0:
            self.go(self.dice.randint(1, 10))

    def go(self, depth):
        if self.left <= 0:
            return
        if self.dice.random() < 0.3:
            self.left -= 1
            block()
        if self.dice.random() < 0.4:
            self.switch()
        if depth > 0:
            self.dice.choice(self.WAYS)(self, depth - 1)

    def recursion(self, depth):
        self.go(depth)
        self.go(depth)

    def generator(self, depth):
        def produce():
            for _ in range(2):
                self.go(depth)
                yield

        for _ in produce():
            self.go(depth)

    def key_function(self, depth):
        sorted([2, 1], key=lambda _: self.go(depth) or 0)

    def finalizer(self, depth):
        walker = self

        class Dying:
            def __del__(self):
                walker.go(depth)

        Dying()

    def deep(self, depth):
        # Past several chunks of the interpreter's data stack.
        def down(n):
            if n:
                down(n - 1)
            else:
                self.go(depth)

        down(self.dice.randint(50, 400))

    WAYS = [recursion, generator, key_function, finalizer] * 4 + [deep]


def walk(seed):
    walker = Walker(seed)
    walker.greenlets.append(getcurrent())
    walker.live()
    while any(not one.dead for one in walker.greenlets[1:]):
        for one in walker.greenlets[1:]:
            if not one.dead:
                one.switch()


threads = [threading.Thread(target=walk, args=(f"{SEED}.{n}",)) for n in range(THREADS)]
for thread in threads:
    thread.start()
if THREADS == 0:
    walk(SEED)
for thread in threads:
    thread.join()

with open(TRUTH, "w") as out:
    for size, stack in truth:
        frames = ("|".join(map(str, frame)) for frame in stack)
        print(size, *frames, sep="\t", file=out)
