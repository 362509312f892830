"""exchange.py THREADS ROUNDS: threads put blocks of 91000 to 91999 bytes into shared places and free what another has
put there, by calls of libc, which need no GIL, while objects come and go. Prints how many blocks were asked for,
and the sizes of those that are left.
"""

import ctypes
import os
import random
import sys
import threading

THREADS, ROUNDS = int(sys.argv[1]), int(sys.argv[2]) // 10

libc = ctypes.CDLL(None)
libc.malloc.restype = libc.realloc.restype = ctypes.c_void_p
libc.malloc.argtypes = [ctypes.c_size_t]
libc.realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.free.argtypes = [ctypes.c_void_p]

places = [[] for _ in range(64)]


def take(place):
    # A list gives each of its items to one thread only.
    try:
        return place.pop()
    except IndexError:
        return None, 0


def work(seed):
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        place = dice.choice(places)
        size = dice.randrange(91_000, 92_000)
        old, _ = take(place)
        if dice.random() < 0.3:
            block = libc.realloc(old, size)
        else:
            block = libc.malloc(size)
            libc.free(old)
        place.append((block, size))
        # Objects that another thread frees.
        place.insert(0, (None, [bytes(dice.randrange(600)) for _ in range(3)]))
        libc.free(take(place)[0])


threads = [threading.Thread(target=work, args=(n,)) for n in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

print(THREADS * ROUNDS)
print(*(size for place in places for block, size in place if block))
sys.stdout.flush()
os._exit(0)
