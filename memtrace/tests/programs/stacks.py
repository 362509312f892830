"""Allocates blocks of unique sizes by random ways through the interpreter and notes, for each, the stack
that `sys._getframe` sees: the truth that a capture is held against.

    stacks.py SEED COUNT THREADS TRUTH

Writes one line a block to TRUTH: size, a tab, then `function|file|line` innermost first, tab-separated.
"""

import itertools
import random
import sys
import threading

SEED, COUNT, THREADS, TRUTH = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]

sys.setrecursionlimit(100_000)
threading.stack_size(256 << 20)

# bytearray(n) asks malloc for n + 1 bytes; nothing else in this program asks for as many.
sizes = itertools.count(1_000_003)
truth = []
kept = []


def names(code):
    # Before 3.11 code objects do not know where their functions are.
    return getattr(code, "co_qualname", code.co_name), code.co_filename


def block():
    size = next(sizes)
    frame = sys._getframe()
    kept_block = bytearray(size - 1); line = frame.f_lineno
    stack = [(*names(frame.f_code), line)]
    while frame := frame.f_back:
        stack.append((*names(frame.f_code), frame.f_lineno))
    truth.append((size, stack))
    if size % 7 == 0 and len(kept) < 20:
        kept.append(kept_block)


class Walker:
    """One random way after another, each thread with its own dice."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.left = COUNT
        self.is_deep = False

    def go(self, depth):
        if self.left <= 0:
            return
        if depth <= 0 or self.dice.random() < 0.3:
            self.left -= 1
            block()
            return
        way = self.dice.choice(self.WAYS)
        for _ in range(self.dice.randint(1, 3)):
            way(self, depth - 1)

    def recursion(self, depth):
        if self.dice.random() < 0.5:
            self.recursion(depth - 1) if depth > 0 else self.go(depth)
        else:
            self.go(depth)
            self.go(depth)

    def generator(self, depth):
        def produce():
            for _ in range(2):
                self.go(depth)
                yield depth
                self.go(depth - 1)

        def delegate():
            yield from produce()

        steps = delegate()
        next(steps)
        self.go(depth - 1)
        for _ in steps:
            self.go(depth - 2)

    def comprehension(self, depth):
        return [self.go(depth) for _ in range(2)]

    def executed(self, depth):
        # Code objects made and dropped: their addresses are used again by others.
        blanks = "\n" * self.dice.randint(0, 40)
        name = f"made_{self.dice.randint(0, 9)}"
        source = f"{blanks}def {name}(walker, depth):\n    pass\n    walker.go(depth)\n{name}(walker, depth)\n"
        exec(compile(source, f"<made {self.dice.randint(0, 5)}>", "exec"), {"walker": self, "depth": depth})

    def evaluated(self, depth):
        eval("\n" * self.dice.randint(0, 9) + "walker.go(depth)", {"walker": self, "depth": depth})

    def finalizer(self, depth):
        walker = self

        class Dying:
            def __del__(self):
                walker.go(depth)

        Dying()

    def constructor(self, depth):
        walker = self

        class Born:
            def __init__(self):
                walker.go(depth)

        for _ in range(3):
            Born()

    def key_function(self, depth):
        # C code between Python frames.
        sorted([2, 1], key=lambda _: self.go(depth) or 0)

    def property(self, depth):
        walker = self

        class Holder:
            @property
            def value(self):
                walker.go(depth)

            def __getattr__(self, name):
                walker.go(depth)

        Holder().value
        Holder().other

    def raised(self, depth):
        try:
            self.go(depth)
            raise KeyError
        except KeyError:
            self.go(depth)
        finally:
            self.go(depth)

    def context(self, depth):
        walker = self

        class Context:
            def __enter__(self):
                walker.go(depth)

            def __exit__(self, *error):
                walker.go(depth)

        with Context():
            self.go(depth)

    def twins(self, depth):
        # Functions of one shape, called from one place: their frames differ in nothing but the function.
        self.dice.choice(TWINS)(self, 9)

    def deep(self, depth):
        # Past several chunks of the interpreter's data stack and back.
        if self.is_deep:
            return self.go(depth)
        self.is_deep = True

        def down(n):
            if n:
                down(n - 1)
                if n % 97 == 0:
                    self.go(0)
            else:
                self.go(depth)

        down(self.dice.randint(100, 700))
        self.is_deep = False

    def coroutine(self, depth):
        async def inner():
            self.go(depth)

        async def outer():
            await inner()

        try:
            outer().send(None)
        except StopIteration:
            pass

    WAYS = [
        recursion, generator, comprehension, executed, evaluated, finalizer, constructor, key_function,
        property, raised, context, coroutine, twins,
    ] * 3 + [deep]


TWIN = """
def twin(walker, depth):
    for _ in range(walker.dice.randint(0, 2) if depth else 0):
        walker.dice.choice(TWINS)(walker, depth - 1)
    if walker.left > 0 and walker.dice.random() < 0.3:
        walker.left -= 1
        block()
"""
TWINS = []
for n in range(3):
    exec(TWIN.replace("twin", f"twin_{n}"), globals())
    TWINS.append(globals()[f"twin_{n}"])


def walk(seed):
    walker = Walker(seed)
    while walker.left > 0:
        walker.go(12)


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
