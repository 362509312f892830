"""Eight threads that all make and drop blocks."""

import threading


def work(number):
    kept = []
    for i in range(40000):
        kept.append(bytearray(700 + (i * number) % 1500))
        if len(kept) == 200:
            kept.clear()


threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
